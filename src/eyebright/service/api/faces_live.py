"""People in live views: names on the picture, and who was seen from when to when."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from eyebright.service.api.faces import SMALLEST_WATCHED
from eyebright.service.api.faces_work import Presence
from eyebright.service.api.live import LiveOpened, LiveRequest, opened
from eyebright.service.problems import problems
from eyebright.service.state import Shared

router = APIRouter(prefix="/faces", tags=["Faces"])


@router.post("/live", status_code=201, summary="Open a live view with names", responses=problems(404, 409))
def open_live(services: Shared, body: LiveRequest) -> LiveOpened:
    """Begin to recognise people in a camera, a network camera or a video; `/live/{id}` has the pictures and the state.

    A file is watched as fast as it was filmed. The view is closed when nobody looks for some time.
    """
    from eyebright.service.watching import WatchedSource

    recogniser = services.recogniser(SMALLEST_WATCHED, threads=1)
    recogniser.people()  # a wrong key is told now
    source, name = opened(services.settings, body.source)
    watched = WatchedSource(recogniser, source, name, services.sightings.of(recogniser))
    return LiveOpened(id=services.live.open(watched, name).id)


@router.get("/presence", summary="Who was seen when, in live views", responses=problems())
def presence(services: Shared) -> Presence:
    """Return whom live views have recognised since the server was started; it is kept in memory alone."""
    return Presence.of(services.sightings.spans())


@router.get(
    "/presence/table", summary="Who was seen when, as a table", response_class=Response,
    responses={**problems(), 200: {"description": "CSV.", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def presence_csv(services: Shared) -> Response:
    """Return the same with the columns person, source, started, from_s, to_s and seconds."""
    from eyebright.faces.watch import presence_table

    headers = {"Content-Disposition": 'attachment; filename="presence.csv"', "Cache-Control": "no-store"}
    return Response(presence_table(services.sightings.spans()), media_type="text/csv", headers=headers)


@router.delete("/presence", status_code=204, summary="Forget who was seen", responses=problems())
def clear_presence(services: Shared) -> None:
    """Forget what live views have seen."""
    services.sightings.clear()
