"""What is found in pictures against ground truth in folders of the server, as background jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from eyebright.core.errors import InputError
from eyebright.service.api.detect import usable, usable_finder
from eyebright.service.api.regions import Count, Method, Mode, Seed
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed, allowed_folder
from eyebright.service.job_files import ARGUMENT, new_files
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared

router = APIRouter(prefix="/detect", tags=["Detect"])

Place = Annotated[str, Field(min_length=1, max_length=4000)]
Least = Annotated[float, Field(gt=0, le=1)]


class Truth(BaseModel):
    """Where the ground truth is, in folders of the server."""

    model_config = ConfigDict(extra="forbid")

    gt: Place = Field(description="A file of COCO, or a folder of Pascal VOC.", examples=["shots/truth.json"])
    images: Place | None = Field(default=None, description="Where its pictures are; null: beside it.")


class Measured(Truth):
    """Predictions, or a model that looks at the pictures."""

    pred: Place | None = Field(default=None, description="Predictions as COCO has them; or")
    model: str | None = Field(default=None, max_length=200, description="the name of a model, which looks now.")
    resamples: int = Field(default=200, ge=0, le=10_000, description="Draws for the intervals; 0: none.")
    worst: bool = Field(default=False, description="Draw the worst pictures; `files` of the result names them.")


class DetectionMeasure(Measured):
    """How detections are measured."""

    subset: str | None = Field(default=None, pattern=r"^[\w-]{1,100}$", description="A list of VOC's ImageSets/Main.")
    rename: list[Annotated[str, Field(max_length=400)]] = Field(
        default_factory=list, max_length=1000, description="`MODEL'S=TRUTH'S`: classes that the model calls otherwise."
    )
    conf: Least | None = Field(default=None, description="Least score of what the model finds; null: 0.01.")
    tiles: int | None = Field(default=None, ge=64, le=4096, description="Look at tiles of so many pixels too.")
    overlap: float = Field(default=0.2, ge=0, le=0.5, description="Part of a tile that neighbours share.")


class SegmentMeasure(Measured):
    """How segments are measured; `gt` and `pred` are COCO files of objects with masks, or folders of class maps."""

    labels: str | None = Field(default=None, max_length=4000, description="`A,B`: classes of maps, from 0.")
    ignore: int = Field(default=255, ge=-1, le=65_535, description="Pixels of this class in the truth do not count.")
    conf: Least = Field(default=0.5, description="Least score of an object for PQ and mIoU.")


class PoseMeasure(Measured):
    """How keypoints are measured; `gt` is a COCO file of bodies with keypoints."""

    sigmas: list[Annotated[float, Field(gt=0, le=10)]] | None = Field(
        default=None, min_length=1, max_length=1000,
        description="How far labels stray, one number or one a point; null: COCO's 17.",
    )  # fmt: skip
    conf: Least = Field(default=0.25, description="Least score of a body for `worst` and `per_point`.")


class ProposalMeasure(Truth):
    """How proposed boxes are measured."""

    subset: str | None = Field(default=None, pattern=r"^[\w-]{1,100}$", description="A list of VOC's ImageSets/Main.")
    method: Method = "selective"
    mode: Mode = "fast"
    count: Count = 2000
    seed: Seed = 0


@router.post("/eval", status_code=202, summary="Measure detections", responses=problems(404, 409))
def evaluate(services: Shared, body: DetectionMeasure) -> JobAccepted:
    """Measure detections in the background, as `eyebright detect eval` does: AP, AR, kinds of error, intervals."""
    options = {**_paths(services, body), "subset": body.subset, "rename": body.rename, "resamples": body.resamples}
    model, title = None, "Measure detections"
    if body.model is not None:
        name, where = usable_finder(services, body.model)
        title = f"Measure {name}"
        model = {"model": where, "confidence": body.conf, "tiles": body.tiles, "overlap": body.overlap}
    return _queued(services, "detect.eval", body, title, {"options": options, "model": model}, home=True)


@router.post("/segment/eval", status_code=202, summary="Measure segments", responses=problems(404, 409))
def evaluate_segments(services: Shared, body: SegmentMeasure) -> JobAccepted:
    """Measure segments in the background, as `eyebright segment eval` does: mask AP and PQ, or mIoU of class maps."""
    options = _looking(services, body, "segmentation")
    options |= {"labels": body.labels, "ignore": body.ignore, "confidence": body.conf}
    return _queued(services, "detect.segment.eval", body, "Measure segments", {"options": options}, home=True)


@router.post("/pose/eval", status_code=202, summary="Measure keypoints", responses=problems(404, 409))
def evaluate_poses(services: Shared, body: PoseMeasure) -> JobAccepted:
    """Measure keypoints in the background, as `eyebright pose eval` does: AP by OKS, by point, intervals."""
    sigmas = body.sigmas[0] if body.sigmas and len(body.sigmas) == 1 else body.sigmas
    options = {**_looking(services, body, "pose"), "sigmas": sigmas, "confidence": body.conf}
    return _queued(services, "detect.pose.eval", body, "Measure keypoints", {"options": options}, home=True)


@router.post("/propose/eval", status_code=202, summary="Measure proposed boxes", responses=problems(404))
def evaluate_proposals(services: Shared, body: ProposalMeasure) -> JobAccepted:
    """Measure in the background how many objects of a ground truth have a proposed box."""
    options = {**_paths(services, body), "subset": body.subset}
    proposing = {"method": body.method, "mode": body.mode, "count": body.count, "seed": body.seed}
    return _queued(services, "detect.propose.eval", body, "Measure proposed boxes",
                   {"options": options, "proposing": proposing})  # fmt: skip


def _looking(services: Services, body: Measured, task: str) -> dict[str, Any]:
    paths = _paths(services, body)
    model = None if body.model is None else str(usable(services, body.model, task))
    return {**paths, "model": model, "resamples": body.resamples}


def _paths(services: Services, body: Truth) -> dict[str, Any]:
    """Return where predictions and pictures are.

    Raises:
        InputError: both predictions and a model, or neither.
        Refusal: no such place, or one that clients may not use.
    """
    if isinstance(body, Measured) and (body.pred is None) == (body.model is None):
        raise InputError("eval: expected either pred or model")
    out: dict[str, Any] = {}
    if body.images is not None:
        out["images"] = str(allowed_folder(services.settings, body.images))
    if isinstance(body, Measured) and body.pred is not None:
        out["pred"] = str(allowed(services.settings, body.pred))
    return out


def _queued(
    services: Services, kind: str, body: Truth, title: str, arguments: dict[str, Any], *, home: bool = False
) -> JobAccepted:
    given = {"gt": str(allowed(services.settings, body.gt)), "roots": [str(one) for one in services.settings.roots]}
    if home:
        given["home"] = str(services.home)
    if isinstance(body, Measured) and body.worst:
        given[ARGUMENT] = new_files(services)
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, {**given, **arguments}, title=title)))
