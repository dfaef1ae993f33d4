"""Background jobs: list, follow, cancel, forget."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from eyebright.core.errors import JobError
from eyebright.jobs import Job, JobQueue
from eyebright.service.api.schemas import JobView, Limit, Offset, next_offset
from eyebright.service.job_files import file_of, forget_files
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared

router = APIRouter(tags=["Jobs"])
_POLL_S, _BEAT_S = 0.3, 10.0
JobId = Annotated[str, Path(max_length=100, description="Id of a job.")]


class JobPage(BaseModel):
    """Some jobs, the newest first."""

    items: list[JobView]
    total: int
    next_offset: int | None


@router.get("/jobs", summary="List background jobs", responses=problems())
def list_jobs(services: Shared, limit: Limit = 50, offset: Offset = 0) -> JobPage:
    """Return the background jobs, the newest first."""
    found, total = services.jobs.page(limit, offset)
    items = [JobView.of(job) for job in found]
    return JobPage(items=items, total=total, next_offset=next_offset(offset, len(items), total))


_STREAM = {
    "description": "Events `job` with a job as their data, and `heartbeat`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get(
    "/jobs/events", summary="Follow background jobs", responses={**problems(), 200: _STREAM},
    response_class=StreamingResponse,
)  # fmt: skip
async def job_events(
    services: Shared, last_event_id: Annotated[str | None, Header(max_length=40, include_in_schema=False)] = None
) -> StreamingResponse:
    """Send the jobs that have not ended, then every change, as server-sent events; a heartbeat every ten seconds."""
    if not services.streams.acquire(blocking=False):
        raise Refusal(429, "streams", "as many event streams as may be are open; close one first")
    after = int(last_event_id) if last_event_id is not None and last_event_id.isdecimal() else None
    return _Stream(services, after)


class _Stream(StreamingResponse):
    """Gives its place among the open streams back, also when the client went before the first event."""

    def __init__(self, services: Services, after: int | None) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_events(services, after), media_type="text/event-stream", headers=headers)
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._services.streams.release()


async def _events(services: Services, after: int | None) -> AsyncIterator[str]:
    jobs = services.jobs
    version, changed = await asyncio.to_thread(jobs.changes, after or 0)
    if after is None:
        changed = [job for job in changed if not job.ended]
    quiet_s = _BEAT_S
    while True:
        for job in changed:
            yield _event(job, version)
        quiet_s = 0.0 if changed else quiet_s + _POLL_S
        if quiet_s >= _BEAT_S:
            quiet_s = 0.0
            yield "event: heartbeat\ndata: {}\n\n"
        await asyncio.sleep(_POLL_S)
        if services.stopping.is_set():
            return
        version, changed = await asyncio.to_thread(jobs.changes, version)


def _event(job: Job, version: int) -> str:
    return f"id: {version}\nevent: job\ndata: {json.dumps(JobView.of(job).model_dump())}\n\n"


@router.get("/jobs/{id}", summary="Show a job", responses=problems(404))
def show_job(services: Shared, id: JobId) -> JobView:  # noqa: A002  (the path's own word)
    """Return one job."""
    return JobView.of(known_job(services.jobs, id))


@router.post("/jobs/{id}/cancel", summary="Cancel a job", responses=problems(404, 409))
def cancel_job(services: Shared, id: JobId) -> JobView:  # noqa: A002  (the path's own word)
    """End a waiting job at once, or ask a running one to end; it is killed if it does not within some seconds."""
    known_job(services.jobs, id)
    return JobView.of(services.jobs.cancel(id))


@router.delete("/jobs/{id}", status_code=204, summary="Forget a job", responses=problems(404, 409))
def delete_job(services: Shared, id: JobId) -> None:  # noqa: A002  (the path's own word)
    """Forget a job that has ended, and remove the files that it made."""
    job = known_job(services.jobs, id)
    services.jobs.delete(id)
    forget_files(job)


@router.get(
    "/jobs/{id}/files/{name}", summary="A file that a job made", response_class=FileResponse,
    responses={**problems(404), 200: {"description": "The file.", "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in ("application/json", "application/zip", "image/jpeg", "image/png", "video/webm")}}},
)  # fmt: skip
def job_file(
    services: Shared,
    id: JobId,  # noqa: A002  (the path's own word)
    name: Annotated[str, Path(max_length=300, description="One of `files` of the job's result.")],
) -> FileResponse:
    """Return a file that a job made, such as the worst pictures of a measurement."""
    path = file_of(known_job(services.jobs, id), name)
    shown = "inline" if path.suffix in (".jpg", ".png", ".webm") else "attachment"
    return FileResponse(path, filename=path.name, content_disposition_type=shown)


def known_job(jobs: JobQueue, job_id: str) -> Job:
    """Return a job.

    Raises:
        Refusal: there is none with this id.
    """
    try:
        return jobs.get(job_id)
    except JobError as error:
        raise Refusal(404, "job", str(error)) from error
