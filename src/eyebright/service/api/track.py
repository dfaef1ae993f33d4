"""Videos: what moves in them is followed, counted and measured, as `eyebright track` does, in background jobs."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, UploadFile
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import FileResponse

from eyebright.core.errors import InputError
from eyebright.models import ModelCard, all_cards, status
from eyebright.service import videos
from eyebright.service.api.models import known_card
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.tasks.track import RESULT
from eyebright.tracking import TRACKERS, make_tracker
from eyebright.video.clips import parse_age
from eyebright.video.config import parse_config, settings_from
from eyebright.video.session import CLIPS, FILES

router = APIRouter(tags=["Track"])

SourceId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id of a source.")]
ResultId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="Id of a result, as the job gives it.")]
Shape = Annotated[str, Field(max_length=4000, examples=["gate=0,120,320,120"])]

_KINDS = {
    ".webm": "video/webm", ".txt": "text/plain", ".csv": "text/csv", ".jsonl": "application/jsonl",
    ".png": "image/png",
}  # fmt: skip
_CLIP = {
    "description": "The film, or the part that was asked for.",
    "content": {"video/mp4": {"schema": {"type": "string", "format": "binary"}}},
}
_FILE = {
    "description": "The file, or the part that was asked for.",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _KINDS.values()},
}


class DetectorView(BaseModel):
    """Something that finds what is tracked."""

    name: str = Field(examples=["motion"])
    present: bool = Field(description="Whether it runs on this server now.")
    note: str


class TrackOptions(BaseModel):
    """What there is to choose from."""

    detectors: list[DetectorView]
    trackers: list[str] = Field(examples=[["eyebright", "sort"]])
    files: list[str] = Field(description="Names of the files of a result.", examples=[["video", "mot", "csv"]])


class SourceView(BaseModel):
    """A video, camera or stream that can be tracked."""

    id: str = Field(examples=["9f1c2a7be01d4c55"])
    name: str = Field(examples=["street.mp4"])
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")
    frames: int | None = Field(description="As the file says; null: it does not.")
    fps: float | None = Field(description="Frames a second; null: not known.")
    live: bool = Field(description="A camera or a stream, which needs `seconds`.")
    first_frame: str = Field(description="Where its first picture is.")


class RunRequest(BaseModel):
    """What is done with a source; shapes are written as on the command line, in pixels of its first frame."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(pattern="^[0-9a-f]{16}$", description="Id of a source.", examples=["9f1c2a7be01d4c55"])
    model: str = Field(
        default="motion", max_length=200, description="`motion`, `people`, or a detector of the catalogue."
    )
    tracker: str = Field(default="eyebright", max_length=40)
    classes: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=list, max_length=200, description="Only these, by name or number."
    )
    conf: float = Field(default=0.0, ge=0, le=1, description="Only detections of at least this confidence.")
    roi: Shape | None = Field(default=None, description="Only what is here: `x1,y1,x2,y2,...`.")
    line: list[Shape] = Field(
        default_factory=list, max_length=50, description="`[NAME=]x1,y1,x2,y2`: crossings are counted."
    )
    zone: list[Shape] = Field(
        default_factory=list, max_length=50, description="`[NAME=]x1,y1,x2,y2,x3,y3,...`: stays are measured."
    )
    dwell: float | None = Field(default=None, gt=0, le=1e6, description="Tell stays of this many seconds.")
    homography: list[float] | None = Field(
        default=None, min_length=9, max_length=9, description="From pixels to metres, row by row, for speeds."
    )
    camera: str = Field(default="auto", pattern="^(auto|on|off)$", description="Measure the camera's own motion.")
    refine: bool = Field(
        default=False, description="Link, fill and smooth the tracks; reads the video twice, so no live source."
    )
    embedder: str | None = Field(
        default=None, max_length=200, description="Know objects by their looks as well: an embedder of the catalogue."
    )
    seconds: float | None = Field(default=None, gt=0, le=86_400, description="Only so many; live sources need it.")
    clips: bool = Field(default=False, description="Write a short film around every event.")
    keep: str | None = Field(
        default=None, max_length=20, description="Remove clips older than `30m`, `12h`, `7d` while the run lasts."
    )
    config: str | None = Field(
        default=None, max_length=20_000,
        description="These options as TOML, as `--config` takes them, but no places of files; what is given beside "
        "it counts more.", examples=['line = ["gate=0,120,320,120"]'],
    )  # fmt: skip


class ResultView(BaseModel):
    """What tracking found."""

    report: dict[str, Any] = Field(description="As `eyebright track run --json` prints it.")
    timeline: dict[str, Any] = Field(description="Counts by time, events and stays.")
    clips: list[str] = Field(description="Where the films around events are.")
    files: dict[str, str] = Field(description="Where each file is.", examples=[{"csv": "/track/results/.../files/csv"}])


@router.get("/track/options", summary="Detectors and trackers", responses=problems())
def options(services: Shared) -> TrackOptions:
    """Return what a run can be made of, and what of it is on this server."""
    found = [
        DetectorView(name="motion", present=True, note="what moves before a camera at rest"),
        DetectorView(name="people", present=True, note="people who stand upright and whole; slow"),
    ]
    found += [
        DetectorView(name=card.name, present=status(card, home=services.home).state == "present", note=card.note)
        for card in all_cards()
        if card.task == "detection"
    ]
    return TrackOptions(detectors=found, trackers=list(TRACKERS), files=list(FILES))


@router.post("/track/sources", status_code=201, summary="Bring or name a video", responses=problems(404, 415))
def add_source(
    services: Shared,
    video: Annotated[UploadFile | None, File(description="A video file.")] = None,
    source: Annotated[
        str | None,
        Form(max_length=2000, description="Or `camera:0`, `rtsp://...`, or a file below an allowed folder."),
    ] = None,
) -> SourceView:
    """Keep a video, or open a source of the server, and look at its first frame."""
    return _shown(videos.add_source(services.settings, video, source))


@router.get(
    "/track/sources/{id}/first-frame", summary="The first frame of a source", response_class=FileResponse,
    responses={**problems(404), 200: {"description": "A JPEG.", "content": {"image/jpeg": {}}}},
)  # fmt: skip
def first_frame(services: Shared, id: SourceId) -> FileResponse:  # noqa: A002  (the path's own word)
    """Return the first frame at its full size, for drawing lines and zones."""
    facts = videos.source_facts(services.home, id)
    path = videos.sources_folder(services.home) / facts["id"] / videos.FIRST
    return FileResponse(path, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


@router.delete("/track/sources/{id}", status_code=204, summary="Forget a source", responses=problems(404))
def delete_source(services: Shared, id: SourceId) -> None:  # noqa: A002  (the path's own word)
    """Forget a source; an uploaded video is removed from the disk."""
    videos.remove(videos.sources_folder(services.home) / id, "source")


@router.post("/track/run", status_code=202, summary="Track a source", responses=problems(404, 409))
def run(services: Shared, body: RunRequest) -> JobAccepted:
    """Track a source in the background; the job's `result` is the id of what it made."""
    facts = videos.source_facts(services.home, body.source)
    given = _options(body)
    settings_from(given)  # wrong shapes and numbers are told now
    make_tracker(given["tracker"])
    if given["model"] not in ("motion", "people"):
        given["model"] = _detector(services, given["model"])
    if "embedder" in given:
        _check_embedder(services, given["embedder"])
    if "keep" in given:
        parse_age(given["keep"])
        if not given["clips"]:
            raise InputError("keep: says how long clips are kept; ask for clips too")
    if facts["live"] and given["refine"]:
        raise InputError("refine: needs finished footage; a live source is tracked as it comes")
    if facts["live"] and body.seconds is None:
        raise InputError("seconds: a camera or a stream does not end by itself; say for how long it is watched")
    folder = videos.results_folder(services.home) / secrets.token_hex(8)
    if body.homography is not None:
        folder.mkdir(parents=True, mode=0o700)
        (folder / "homography.txt").write_text(" ".join(map(repr, body.homography)))
        given["homography"] = str(folder / "homography.txt")
    roots = (*services.settings.roots, videos.sources_folder(services.home).resolve())
    arguments = {
        "home": str(services.home), "source": facts, "roots": [str(root) for root in roots], "folder": str(folder),
        "options": given, "seconds": body.seconds,
    }  # fmt: skip
    try:
        return _queued(services, "track.run", arguments, f"Track {facts['name']}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@router.get("/track/results/{id}", summary="What tracking found", responses=problems(404))
def result(services: Shared, id: ResultId) -> ResultView:  # noqa: A002  (the path's own word)
    """Return report, counts over time and where the files are."""
    found = json.loads(videos.result_file(services.home, id, RESULT).read_text())
    return ResultView(
        report=found["report"],
        timeline=found["timeline"],
        clips=[f"/track/results/{id}/clips/{name}" for name in found.get("clips", ())],
        files={name: f"/track/results/{id}/files/{name}" for name in found["files"]},
    )


@router.get(
    "/track/results/{id}/files/{name}", summary="A file that tracking made", response_class=FileResponse,
    responses={**problems(404), 200: _FILE, 206: _FILE},
)  # fmt: skip
def result_file(
    services: Shared,
    id: ResultId,  # noqa: A002  (the path's own word)
    name: Annotated[str, Path(pattern=f"^({'|'.join(FILES)})$", description="One of `files` of the options.")],
) -> FileResponse:
    """Return a file; with a `Range` only that part, so that players can seek."""
    path = videos.result_file(services.home, id, FILES[name])
    disposition = "inline" if name in ("video", "heat") else "attachment"
    return FileResponse(path, media_type=_KINDS[path.suffix], filename=path.name, content_disposition_type=disposition)


@router.get(
    "/track/results/{id}/clips/{name}", summary="A film around an event", response_class=FileResponse,
    responses={**problems(404), 200: _CLIP, 206: _CLIP},
)  # fmt: skip
def result_clip(
    services: Shared,
    id: ResultId,  # noqa: A002  (the path's own word)
    name: Annotated[str, Path(pattern=r"^clip-[\w.~-]{1,200}$", description="As `clips` of the result names it.")],
) -> FileResponse:
    """Return a clip; with a `Range` only that part."""
    path = videos.result_file(services.home, id, f"{CLIPS}/{name}")
    return FileResponse(path, media_type="video/mp4", filename=path.name, content_disposition_type="inline")


@router.delete("/track/results/{id}", status_code=204, summary="Remove a result", responses=problems(404))
def delete_result(services: Shared, id: ResultId) -> None:  # noqa: A002  (the path's own word)
    """Remove everything that tracking made of a source."""
    videos.remove(videos.results_folder(services.home) / id, "result")


def _options(body: RunRequest) -> dict[str, Any]:
    """Return what a run is told: what the request says, then what its configuration says, then the defaults.

    Raises:
        InputError: a configuration that is none, or that names places of files or where events are posted to.
    """
    beside = {"source", "seconds", "homography", "config"}
    found = {} if body.config is None else parse_config(body.config, "config")
    unfit = sorted(set(found) - set(RunRequest.model_fields) | set(found) & {"clips", "homography"})
    if unfit:
        raise InputError(
            f"config: {', '.join(unfit)}: not here; the source, the homography and clips are given beside it, all "
            "files are made, and this server posts events to nobody"
        )
    try:
        said = RunRequest.model_validate({"source": body.source, **found})  # within the same limits
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"config: {where}: {first['msg']}") from error
    given = said.model_dump(exclude=beside, exclude_none=True)
    return given | body.model_dump(exclude=beside, exclude_unset=True, exclude_none=True)


def _shown(facts: dict[str, Any]) -> SourceView:
    return SourceView(
        **{name: facts[name] for name in ("id", "name", "width", "height", "frames", "fps", "live")},
        first_frame=f"/track/sources/{facts['id']}/first-frame",
    )


def _detector(services: Services, name: str) -> str:
    """Return the name of a detector whose weights are here."""
    card = known_card(name)
    if card.task != "detection":
        raise Refusal(422, "model", f"{card.name}: detects nothing; its card says task {card.task!r}")
    return _present(services, card)


def _check_embedder(services: Services, name: str) -> None:
    card = known_card(name)
    if not {"embedding", "reid"} & set(card.abilities):
        raise Refusal(422, "model", f"{card.name}: describes no looks; its card offers {', '.join(card.abilities)}")
    _present(services, card)


def _present(services: Services, card: ModelCard) -> str:
    if status(card, home=services.home).state == "absent":
        raise Refusal(
            409, "model", f"{card.name}: is not on this machine; fetch it first: POST /models/{card.name}/pull"
        )
    return card.name


def _queued(services: Services, kind: str, arguments: dict[str, Any], title: str) -> JobAccepted:
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, arguments, title=title)))
