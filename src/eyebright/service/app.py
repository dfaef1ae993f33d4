"""The application: routes, pages, and what they share."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.responses import RedirectResponse

from eyebright import __version__
from eyebright.search import ImageSearch
from eyebright.service import problems
from eyebright.service.api import health
from eyebright.service.settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application for a server, with `settings`, `search` and `jobs` in its `state`.

    Nothing is opened before it is started (ASGI's lifespan) or first asked.
    """
    settings = settings or Settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.search.close()

    app = FastAPI(
        title="Eyebright",
        version=__version__,
        summary="Computer-vision systems that work from a fresh install.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.search = ImageSearch(home=settings.home)
    app.state.jobs = None
    problems.install(app)
    app.include_router(health.router)
    if importlib.util.find_spec("eyebright.service.pages"):
        from eyebright.service import pages

        app.include_router(pages.router)
        pages.mount_static(app)

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/app/search", 307)

    return app
