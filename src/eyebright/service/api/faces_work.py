"""Larger work on faces: the gallery as a file, another network, covered faces, watched videos, measuring, presence."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from eyebright.core.errors import InputError
from eyebright.media import display_path, encode_image
from eyebright.models import status
from eyebright.service import videos
from eyebright.service.api.faces import SMALLEST_BLURRED, SMALLEST_WATCHED, Enrolled, NotTaken, Picture
from eyebright.service.api.models import known_card
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed, allowed_folder
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import contents, decoded, shown_name

router = APIRouter(prefix="/faces", tags=["Faces"])
_ZIP = {
    "description": "A zip file.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}
_LISTED = 200  # pictures that an answer tells about one by one
Folder = Annotated[str, Form(min_length=1, max_length=4000, description="Of the server, with a folder a person in it.")]
SourceId = Annotated[
    str,
    Field(pattern="^[0-9a-f]{16}$", description="Id of a source, see `/track/sources`.", examples=["9f1c2a7be01d4c55"]),
]


class BlurRequest(BaseModel):
    """A video whose faces are covered."""

    model_config = ConfigDict(extra="forbid")

    source: SourceId
    unknown_only: bool = Field(default=False, description="Leave people that are enrolled as they are.")


class WatchRequest(BaseModel):
    """A video, camera or stream in which people are followed."""

    model_config = ConfigDict(extra="forbid")

    source: SourceId
    seconds: float | None = Field(default=None, gt=0, le=86_400, description="Only so many; live sources need it.")


class SpanView(BaseModel):
    """Somebody was seen."""

    person: str = Field(description="Name.")
    source: str = Field(description="What was watched.")
    started: str = Field(description="When that began, ISO 8601, UTC.")
    from_s: float = Field(description="Seconds since then.")
    to_s: float = Field(description="Seconds since then.")
    seconds: float = Field(description="For how long.")


class Presence(BaseModel):
    """Who was seen from when to when."""

    items: list[SpanView] = Field(description="By name, then time.")

    @classmethod
    def of(cls, spans: Any) -> Presence:
        """Return what clients see of spans of `eyebright.faces.watch`."""
        return cls(
            items=[
                SpanView(
                    person=display_path(span.person), source=display_path(span.source),
                    started=display_path(span.started), from_s=span.from_s, to_s=span.to_s,
                    seconds=max(0.0, span.to_s - span.from_s),
                )
                for span in spans
            ]
        )  # fmt: skip


@router.post("/enroll/folder", status_code=202, summary="Enrol a folder of people", responses=problems(404))
def enroll_folder(
    services: Shared,
    folder: Folder,
    force: Annotated[bool, Form(description="Take poor pictures, and the largest of several faces.")] = False,
) -> JobAccepted:
    """Enrol everybody of a folder of the server that holds a folder a person, in the background."""
    return _queued(services, "faces.enroll", {"folder": _allowed(services, folder), "force": force}, "Enrol people")


@router.get(
    "/export", summary="The gallery as one file", response_class=StreamingResponse,
    responses={**problems(409), 200: _ZIP},
)  # fmt: skip
def export(services: Shared) -> StreamingResponse:
    """Return everybody's face pictures and vectors in a zip file. It is not encrypted, whatever the gallery is."""
    pieces = services.faces.exported()
    first = next(pieces)  # a wrong key is told before the answer begins
    headers = {"Content-Disposition": 'attachment; filename="faces.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(_chained(first, pieces), media_type="application/zip", headers=headers)


@router.post("/import", summary="Add an exported gallery", responses=problems(409, 413))
def import_gallery(
    services: Shared, file: Annotated[UploadFile, File(description="A zip file as `/faces/export` gives it.")]
) -> Enrolled:
    """Add what was exported; faces that are there already are refused."""
    report = services.faces.import_(file.file)
    refused = [NotTaken(source=display_path(one.source), why=one.why) for one in report.refused[:_LISTED]]
    return Enrolled(added=report.count, refused=refused)


@router.post("/migrate", status_code=202, summary="Change the network of the gallery", responses=problems(404, 409))
def migrate(
    services: Shared,
    embedder: Annotated[str, Form(min_length=1, max_length=200, description="Name of the catalogue.")],
) -> JobAccepted:
    """Make all vectors anew from the kept face pictures, in the background; the calibration goes."""
    card = known_card(embedder)
    if card.task != "face-embedding":
        raise Refusal(422, "model", f"{card.name}: describes no faces; its card says task {card.task!r}")
    if status(card, home=services.home).state == "absent":
        raise Refusal(
            409, "model", f"{card.name}: is not on this machine; fetch it first: POST /models/{card.name}/pull"
        )
    return _queued(services, "faces.migrate", {"embedder": card.name}, f"Describe faces with {card.name}")


@router.post(
    "/blur", summary="Cover the faces of a picture", response_class=Response,
    responses={**problems(409, 413, 415), 200: {"description": "The picture.", "content": {"image/png": {}}}},
)  # fmt: skip
def blur(
    services: Shared,
    image: Picture,
    unknown_only: Annotated[bool, Form(description="Leave people that are enrolled as they are.")] = False,
) -> Response:
    """Return the picture with faces made unrecognisable; small or turned ones may be missed, so look at it."""
    pixels = decoded(image, services.settings)
    covered = services.recogniser(SMALLEST_BLURRED).blur(pixels, unknown_only=unknown_only)
    return Response(encode_image(covered, "png"), media_type="image/png", headers={"Cache-Control": "no-store"})


@router.post("/blur/video", status_code=202, summary="Cover the faces of a video", responses=problems(404, 409))
def blur_video(services: Shared, body: BlurRequest) -> JobAccepted:
    """Cover faces in the background; the video is at `/track/results/{result}/files/video` then."""
    facts = videos.source_facts(services.home, body.source)
    if facts["live"]:
        raise InputError("blur: expected a video that ends, not a camera or a stream")
    options = {"min_face": SMALLEST_BLURRED, "unknown_only": body.unknown_only}
    return _queued_video(services, "faces.blur", facts, options, "Cover faces in")


@router.post("/watch", status_code=202, summary="Recognise people in a video", responses=problems(404, 409))
def watch(services: Shared, body: WatchRequest) -> JobAccepted:
    """Follow and recognise people in the background.

    `/track/results/{result}/files/` has the `video` with names, the events as `jsonl` and who was seen when as `csv`.
    """
    facts = videos.source_facts(services.home, body.source)
    if facts["live"] and body.seconds is None:
        raise InputError("seconds: a camera or a stream does not end by itself; say for how long it is watched")
    options = {"min_face": SMALLEST_WATCHED, "seconds": body.seconds}
    return _queued_video(services, "faces.watch", facts, options, "Recognise people in")


@router.post("/eval", status_code=202, summary="Measure on your own pictures", responses=problems(404))
def evaluate(
    services: Shared,
    folder: Annotated[
        str | None, Form(max_length=4000, description="Of the server, with a folder a person in it.")
    ] = None,
    pairs: Annotated[
        str | None,
        Form(max_length=4000, description="Or a table of the server, with `file_x`, `file_y` and `decision`."),
    ] = None,
    threshold: Annotated[
        float | None, Form(ge=-10, le=1, description="Least score that is accepted; the gallery's by default.")
    ] = None,
) -> JobAccepted:
    """Measure verification, identification and unknown people, in the background; `groups.csv` gives groups."""
    if bool(folder) == bool(pairs):
        raise InputError("eval: expected a folder or a table of pairs, one of the two")
    options = {
        "folder": _allowed(services, folder) if folder else None,
        "pairs": str(allowed(services.settings, pairs)) if pairs else None,
        "threshold": threshold,
    }
    return _queued(services, "faces.eval", options, "Measure recognition")


@router.post("/presence", summary="Who was seen when, from a file of events", responses=problems(413))
def presence_of_events(
    events: Annotated[UploadFile, File(description="As `eyebright faces watch --events` writes it.")],
) -> Presence:
    """Say who was seen from when to when."""
    from eyebright.faces.watch import presence_of_text

    name = shown_name(events)
    try:
        text = contents(events).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: expected JSON lines in UTF-8: {error}") from error
    return Presence.of(presence_of_text(text, name))


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _allowed(services: Services, folder: str) -> str:
    return str(allowed_folder(services.settings, folder))


def _queued_video(
    services: Services, kind: str, facts: dict[str, Any], options: dict[str, Any], title: str
) -> JobAccepted:
    result = videos.results_folder(services.home) / secrets.token_hex(8)
    kept = str(videos.sources_folder(services.home).resolve())
    return _queued(
        services, kind, {"source": facts, "folder": str(result), **options}, f"{title} {facts['name']}", kept
    )


def _queued(services: Services, kind: str, options: dict[str, Any], title: str, *roots: str) -> JobAccepted:
    arguments = {"home": str(services.home), **options}
    if kind != "faces.migrate":
        arguments["roots"] = [*map(str, services.settings.roots), *roots]
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, arguments, title=title)))
