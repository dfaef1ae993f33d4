"""Trackers measured and tuned on labelled sequences, as `eyebright track eval`, `score` and `tune` do."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from eyebright.core.errors import InputError
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed_folder, new_upload_folder
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import contents
from eyebright.tracking import make_tracker

router = APIRouter(tags=["Track"])

_ONE_SEQUENCE = "of one sequence, instead of a folder."
MAX_TRIALS = 2000


class TuneRequest(BaseModel):
    """How the settings of a tracker are searched."""

    model_config = ConfigDict(extra="forbid")

    folder: str = Field(min_length=1, max_length=4000, description="Of the server, with sequences in it.")
    tracker: str = Field(default="eyebright", max_length=40, description="Which tracker.")
    trials: int = Field(default=100, ge=1, le=MAX_TRIALS, description="How many settings are tried.")
    metric: str = Field(default="hota", pattern="^(hota|idf1|mota|assa|deta)$", description="The greatest wins.")
    refine: bool = Field(default=False, description="Refine the finished tracks.")
    only: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=1000, description="Names of sequences; none: all."
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="Of the search; the same gives the same settings.")


@router.post("/track/eval", status_code=202, summary="Measure a tracker", responses=problems(404))
def evaluate(
    services: Shared,
    folder: Annotated[str | None, Form(max_length=4000, description="Of the server, with sequences in it.")] = None,
    det: Annotated[UploadFile | None, File(description=f"`det.txt` {_ONE_SEQUENCE}")] = None,
    gt: Annotated[UploadFile | None, File(description=f"`gt.txt` {_ONE_SEQUENCE}")] = None,
    seqinfo: Annotated[UploadFile | None, File(description=f"`seqinfo.ini` {_ONE_SEQUENCE}")] = None,
    tracker: Annotated[str, Form(max_length=40)] = "eyebright",
    refine: Annotated[bool, Form(description="Link, fill and smooth the finished tracks.")] = False,
    settings: Annotated[str | None, Form(max_length=4000, description="Of the tracker, as a JSON object.")] = None,
) -> JobAccepted:
    """Track ready detections and score the tracks, as `eyebright track eval` does."""
    chosen = _object(settings)
    make_tracker(tracker, **chosen)
    uploads = {"sequence/det/det.txt": det, "sequence/gt/gt.txt": gt, "sequence/seqinfo.ini": seqinfo}
    _one_kind(folder, list(uploads.values()), "det, gt and seqinfo")
    root = str(allowed_folder(services.settings, folder)) if folder else _written(services, uploads)
    arguments = {
        "root": root, "tracker": tracker, "settings": chosen, "refine": refine, "upload": not folder,
    }  # fmt: skip
    return _queued(services, "track.eval", arguments, f"Measure the tracker {tracker}")


@router.post("/track/score", status_code=202, summary="Score ready tracks", responses=problems(404))
def score(
    services: Shared,
    folder: Annotated[str | None, Form(max_length=4000, description="Of the server, with the ground truth.")] = None,
    predicted: Annotated[str | None, Form(max_length=4000, description="Of the server, a NAME.txt each.")] = None,
    gt: Annotated[UploadFile | None, File(description=f"`gt.txt` {_ONE_SEQUENCE}")] = None,
    pred: Annotated[UploadFile | None, File(description=f"The tracks {_ONE_SEQUENCE}")] = None,
    seqinfo: Annotated[UploadFile | None, File(description=f"`seqinfo.ini` {_ONE_SEQUENCE}")] = None,
) -> JobAccepted:
    """Score ready files of tracks, as `eyebright track score` does."""
    uploads = {"sequence/gt/gt.txt": gt, "sequence.txt": pred, "sequence/seqinfo.ini": seqinfo}
    _one_kind(folder and predicted, list(uploads.values()), "gt, pred and seqinfo")
    if folder and predicted:
        truth, found = (str(allowed_folder(services.settings, one)) for one in (folder, predicted))
        upload = None
    else:
        truth = found = upload = _written(services, uploads)
    arguments = {"truth": truth, "predicted": found, "upload": upload}
    return _queued(services, "track.score", arguments, "Score tracks")


@router.post("/track/tune", status_code=202, summary="Tune a tracker", responses=problems(404))
def tune(services: Shared, body: TuneRequest) -> JobAccepted:
    """Search the settings of a tracker that score best, in the background (extra `tune`); judge them on others."""
    make_tracker(body.tracker)  # tells near names
    arguments = {**body.model_dump(exclude={"folder"}), "root": str(allowed_folder(services.settings, body.folder))}
    return _queued(services, "track.tune", arguments, f"Tune the tracker {body.tracker}")


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"settings: expected a JSON object of the tracker's settings, got {text!r:.100}")
    return found


def _one_kind(folder: str | None, uploads: list[UploadFile | None], names: str) -> None:
    given = [file is not None for file in uploads]
    if bool(folder) == any(given) or (any(given) and not all(given)):
        raise InputError(f"track: expected folders of the server, or the uploads {names}, one of the two")


def _written(services: Services, uploads: dict[str, UploadFile | None]) -> str:
    """Write uploads as the folder of one sequence, and return the folder around it."""
    root = new_upload_folder(services.settings)
    for name, file in uploads.items():
        if file is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents(file))
    return str(root)


def _queued(services: Services, kind: str, arguments: dict[str, Any], title: str) -> JobAccepted:
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, arguments, title=title)))
