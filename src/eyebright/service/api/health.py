"""Whether the server lives and is ready, and its metrics."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from eyebright.core.errors import EyebrightError
from eyebright.service.problems import problems
from eyebright.service.state import Shared

router = APIRouter(tags=["Health"])


class Health(BaseModel):
    """The server answers."""

    status: str = Field(examples=["ok"])


class Readiness(BaseModel):
    """Whether everything that the server needs is there."""

    status: str = Field(description="`ready` or `not ready`.", examples=["ready"])
    checks: dict[str, str] = Field(description="`ok` or what is wrong.", examples=[{"home": "ok", "jobs": "ok"}])


@router.get("/health", summary="Whether the server lives", responses=problems())
async def health() -> Health:
    """Answer at once, whatever the server is busy with. Needs no token."""
    return Health(status="ok")


_NOT_READY = {"model": Readiness, "description": "Something is missing; `checks` says what."}


@router.get("/ready", summary="Whether the server can work", responses={**problems(), 503: _NOT_READY})
def ready(services: Shared) -> Response:
    """Check the home, the queue of jobs and the search index."""
    checks = {
        "home": _check(lambda: services.home.mkdir(parents=True, exist_ok=True)),
        "jobs": _check(lambda: services.jobs.counts()),
        "search": _check(lambda: services.search.count()),
        "server": "stopping" if services.stopping.is_set() else "ok",
    }
    fine = all(value == "ok" for value in checks.values())
    body = Readiness(status="ready" if fine else "not ready", checks=checks)
    return JSONResponse(body.model_dump(), 200 if fine else 503)


_TEXT = {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}


@router.get("/metrics", summary="Metrics", responses={**problems(), 200: _TEXT}, response_class=Response)
def metrics(services: Shared) -> Response:
    """Return rates, latencies, sizes of stores and queue depths in Prometheus' text format."""
    return Response(services.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _check(look: Callable[[], object]) -> str:
    try:
        look()
    except (EyebrightError, OSError) as error:
        return " ".join(str(error).split())
    return "ok"
