"""Live views of cameras, streams and videos."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from eyebright.core.errors import InputError
from eyebright.core.protocols import Source
from eyebright.media import CameraSource, RtspSource, VideoSource
from eyebright.pipeline import reconnecting
from eyebright.service.folders import allowed
from eyebright.service.live import LiveView
from eyebright.service.problems import problems
from eyebright.service.settings import Settings
from eyebright.service.state import Services, Shared

router = APIRouter(tags=["Live"])
_BOUNDARY = "frame"
_WAIT_S = 0.5
_ATTEMPTS = 5
ViewId = Annotated[str, Path(max_length=100, description="Id of a live view.")]


class LiveRequest(BaseModel):
    """What to watch."""

    source: str = Field(
        min_length=1,
        max_length=2000,
        description="`camera:0`, `rtsp://...`, or a video below an allowed folder.",
        examples=["camera:0"],
    )


class LiveOpened(BaseModel):
    """A live view was opened."""

    id: str


class LiveStatus(BaseModel):
    """How a live view does."""

    id: str
    name: str
    state: str = Field(description="`opening`, `live`, `ended`, `failed` or `closed`.")
    fps: float = Field(description="Frames a second that arrived lately.")
    latency_ms: float = Field(description="From a frame's arrival until it was ready to be sent.")
    dropped: int = Field(description="Frames that nobody looked at, or that came too fast.")
    problem: str | None


_MJPEG = {
    "description": "One JPEG after another.",
    "content": {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}},
}


@router.post("/live", status_code=201, summary="Open a live view", responses=problems(404))
def open_live(services: Shared, body: LiveRequest) -> LiveOpened:
    """Begin to watch a camera, a network camera or a video; it is closed when nobody looks for some time."""
    source, name = opened(services.settings, body.source)
    return LiveOpened(id=services.live.open(source, name).id)


@router.get("/live/{id}", summary="How a live view does", responses=problems(404))
def live_status(services: Shared, id: ViewId) -> LiveStatus:  # noqa: A002  (the path's own word)
    """Return rate, latency and state; asking does not count as looking."""
    view = services.live.get(id)
    return LiveStatus(
        id=view.id, name=view.name, state=view.state, fps=round(view.fps, 1), latency_ms=round(view.latency_ms, 1),
        dropped=view.dropped, problem=view.problem,
    )  # fmt: skip


@router.get(
    "/live/{id}/stream", summary="The pictures of a live view", responses={**problems(404), 200: _MJPEG},
    response_class=StreamingResponse,
)  # fmt: skip
async def live_stream(services: Shared, id: ViewId) -> StreamingResponse:  # noqa: A002  (the path's own word)
    """Send the newest frame again and again, as fast as the client takes them, until the source ends."""
    view = services.live.get(id)
    kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
    return StreamingResponse(_frames(services, view), media_type=kind, headers={"Cache-Control": "no-store"})


@router.delete("/live/{id}", status_code=204, summary="Close a live view", responses=problems(404))
def close_live(services: Shared, id: ViewId) -> None:  # noqa: A002  (the path's own word)
    """Let go of the source."""
    services.live.remove(id)


def opened(settings: Settings, text: str) -> tuple[Source, str]:
    """Return the source that a client means, not yet opened, and what to call it.

    Raises:
        InputError: no such kind of source.
        Refusal: a file that clients may not use.
    """
    if text.startswith("camera:"):
        number = text.removeprefix("camera:")
        if not (number.isascii() and number.isdecimal() and len(number) <= 3):
            raise InputError(f"live: expected camera:0, camera:1, ..., got {text!r:.80}")
        return CameraSource(int(number)), text
    try:
        parts = urlsplit(text)
        scheme, host = parts.scheme.lower(), parts.hostname
    except ValueError as error:
        raise InputError(f"live: expected an address rtsp://HOST/..., got {text!r:.80}") from error
    if scheme in ("rtsp", "rtsps"):
        if not host:
            raise InputError(f"live: expected an address rtsp://HOST/..., got {text!r:.80}")
        return reconnecting(lambda: RtspSource(text), max_attempts=_ATTEMPTS), f"{scheme}://{host}"
    path = allowed(settings, text)
    if not path.is_file():
        raise InputError(f"live: {path.name}: expected a video, got a folder")
    return VideoSource(path), path.name


async def _frames(services: Services, view: LiveView) -> AsyncIterator[bytes]:
    after = -1
    while not services.stopping.is_set():
        # a thread of its own: many viewers must not take the threads that answer requests
        found = await asyncio.to_thread(view.next_jpeg, after, _WAIT_S)
        if found is not None:
            after, data = found
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            yield head.encode() + data + b"\r\n"
        elif not view.running:
            return
