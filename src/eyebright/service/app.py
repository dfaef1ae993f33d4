"""The application: routes, pages, what they share, and the layers around them."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import AsyncIterator
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.responses import RedirectResponse

from eyebright import __version__
from eyebright.service import problems, state
from eyebright.service.api import (
    authenticity,
    authenticity_cases,
    batches,
    classify,
    detect,
    faces,
    faces_groups,
    faces_live,
    faces_people,
    faces_work,
    health,
    image,
    indexing,
    jobs,
    live,
    looking,
    measures,
    models,
    records,
    regions,
    search,
    track,
    track_eval,
)
from eyebright.service.limits import Limits
from eyebright.service.metrics import Measured
from eyebright.service.security import Guard
from eyebright.service.settings import INDEXED_FILES, Settings
from eyebright.service.state import Services

_TAGS = [
    {"name": "Search", "description": "A catalogue of pictures, searched by pictures, words and filters."},
    {"name": "Classify", "description": "What pictures show."},
    {"name": "Image tools", "description": "The classic toolbox: light, edges, keypoints, filters, motion, depth."},
    {"name": "Detect", "description": "Objects in a picture; segments, poses and depth where a model is there."},
    {"name": "Track", "description": "Objects in video, followed, counted and measured."},
    {"name": "Authenticity", "description": "Whether products are genuine: checks, cases, the serial ledger."},
    {"name": "Faces", "description": "Who is in pictures: the people of a gallery, and who is unknown."},
    {"name": "Models", "description": "The catalogue of models."},
    {"name": "Jobs", "description": "Work in the background, which outlives pages and servers."},
    {"name": "Live", "description": "Cameras, streams and videos as they run."},
    {"name": "Health", "description": "Whether the server lives, and its metrics."},
]


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application for a server, with `settings`, `search` and `jobs` in its `state`.

    The home is made when the application is started (ASGI's lifespan) or first asked; nothing else is read or written
    before.
    """
    settings = settings or Settings()
    services = Services(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.worker_threads
        app.state.jobs = services.jobs
        await anyio.to_thread.run_sync(services.start)
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(services.stop)

    app = FastAPI(
        title="Eyebright",
        version=__version__,
        summary="Computer-vision systems that work from a fresh install.",
        description="Errors are problem details (RFC 9457). A token, where the server wants one, travels as "
        "`Authorization: Bearer TOKEN`.",
        openapi_tags=_TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        form_limits={"max_files": INDEXED_FILES * settings.max_files},
    )
    state.install(app, services)
    problems.install(app)
    parts = (
        classify, search, records, indexing, image, detect, looking, batches, regions, measures, track, track_eval,
        authenticity, authenticity_cases, faces, faces_people, faces_groups, faces_work, faces_live, models, jobs, live,
        health,
    )  # fmt: skip
    for part in parts:  # the first is found fastest
        app.include_router(part.router)
    if importlib.util.find_spec("eyebright.service.pages"):
        from eyebright.service import pages

        app.include_router(pages.router)
        pages.mount_static(app)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/app/search", 307)

    # the last is the outermost
    app.add_middleware(Limits, settings=settings)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Measured, metrics=services.metrics)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Complete the OpenAPI document with what the layers around the routes do."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            parts = document.setdefault("components", {})
            schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {})["Problem"] = schema
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            document["security"] = [{"token": []}, {}]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document
