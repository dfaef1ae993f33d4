"""Segments, poses and depth of a picture, with a model."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, Field

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Image
from eyebright.media import encode_image
from eyebright.models import ObjectDetector, load_model
from eyebright.pipeline.batches import Answer, numbers_of
from eyebright.pipeline.finders import class_ids
from eyebright.pipeline.looking import depth_picture, find_poses, segment_picture
from eyebright.service.api.answers import FILES, data_set, drawing, grey_map
from eyebright.service.api.detect import (
    Classes,
    Least,
    ModelName,
    Overlap,
    Picture,
    Roi,
    TileSide,
    part_asked,
    usable,
)
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import contents, decoded_bytes, shown_name
from eyebright.viz import draw_detections

router = APIRouter(prefix="/detect", tags=["Detect"])

SegmentAnswer = Annotated[
    Literal["json", "picture", "mask", "coco", "yolo", "voc"],
    Form(description="A JSON answer, the drawn picture, a number a pixel (PNG), or a data set of the objects."),
]


class Looked(BaseModel):
    """What is said about a whole picture."""

    name: str = Field(description="As the client calls the file.")
    width: int
    height: int
    model: str
    seconds: float = Field(description="From the arrived request to the answer.")
    facts: dict[str, Any] = Field(description="Parts of the picture, objects, poses, or least, median and most depth.")
    picture: str = Field(description="The picture with them drawn, JPEG in base64.")


@router.post(
    "/segment", summary="Segment a picture", response_model=Looked, responses={**problems(404, 409, 415), **FILES}
)
def segment(
    services: Shared,
    image: Picture,
    model: ModelName,
    classes: Classes = None,
    roi: Roi = None,
    conf: Least = None,
    tiles: TileSide = None,
    overlap: Overlap = 0.2,
    answer: SegmentAnswer = "json",
) -> Any:
    """Say what each pixel shows, or cut objects out; a map is of the part `roi` alone."""

    def work(one: Any, picture: Image) -> Answer:
        if conf is not None and not isinstance(one, ObjectDetector):
            raise InputError(f"conf: {model} names each pixel and has no scores; leave it out")
        wanted = class_ids(classes or None, one.labels)
        facts, drawn, got = segment_picture(
            one, picture, roi=part_asked(roi), wanted=wanted, tiles=tiles, overlap=overlap
        )
        if isinstance(got, Detections):
            return Answer(facts, drawn, None, got)
        return Answer(facts, drawn, got.class_ids)

    return _looked(services, image, model, "segmentation", work, conf, answer)


@router.post(
    "/pose", summary="Find the joints of bodies", response_model=Looked, responses={**problems(404, 409, 415), **FILES}
)
def pose(
    services: Shared,
    image: Picture,
    model: ModelName,
    classes: Classes = None,
    roi: Roi = None,
    conf: Least = None,
    answer: Annotated[
        Literal["json", "picture", "coco"], Form(description="A JSON answer, the drawn picture, or COCO's JSON.")
    ] = "json",
) -> Any:
    """Find the keypoints of bodies."""

    def work(one: Any, picture: Image) -> Answer:
        bodies = isinstance(one, ObjectDetector)
        if conf is not None and not bodies:
            raise InputError(f"conf: {model} answers with one body whatever is in the picture; leave it out")
        wanted = class_ids(classes or None, _bodies(one))
        found, poses = find_poses(one, picture, roi=part_asked(roi), wanted=wanted)
        return Answer({"poses": poses}, draw_detections(picture, found, names=False), None, found)

    return _looked(services, image, model, "pose", work, conf, answer)


@router.post(
    "/depth", summary="Say how far things are", response_model=Looked, responses={**problems(404, 409, 415), **FILES}
)
def depth(
    services: Shared,
    image: Picture,
    model: ModelName,
    roi: Roi = None,
    answer: Annotated[Literal["json", "picture"], Form(description="A JSON answer, or the drawn depth.")] = "json",
) -> Any:
    """Estimate the depth of every pixel; the picture of it is of the part that was asked about."""

    def work(one: Any, picture: Image) -> Answer:
        return Answer(*depth_picture(one, picture, roi=part_asked(roi)))

    return _looked(services, image, model, "depth", work, None, answer)


def answered(
    name: str, picture: Image, model: str, labels: tuple[str, ...], got: Answer, kind: str, began: float
) -> Any:
    """Return an answer in the way that was asked for.

    Args:
        name: what the client calls the picture.
        picture: what was looked at.
        model: what looked.
        labels: names of its classes.
        got: what it said.
        kind: `json`, `picture`, `mask`, `coco`, `yolo` or `voc`.
        began: when the request came, by `time.perf_counter`.

    Raises:
        InputError: there is no such answer.
    """
    height, width = picture.shape[:2]
    if kind == "picture":
        return drawing(got.drawn)
    if kind == "mask":
        return grey_map(numbers_of(got, (height, width)))
    if kind != "json":
        return data_set(kind, name, (height, width), got.found, labels)
    return Looked(
        name=name, width=width, height=height, model=model, facts=got.facts,
        picture=base64.b64encode(encode_image(got.drawn, "jpeg", 90)).decode(), seconds=time.perf_counter() - began,
    )  # fmt: skip


def _looked(
    services: Services,
    image: UploadFile,
    model: str,
    task: str,
    work: Callable[[Any, Image], Answer],
    conf: float | None,
    kind: str,
) -> Any:
    began = time.perf_counter()
    where = usable(services, model, task)
    picture = decoded_bytes(contents(image), shown_name(image), services.settings)

    def opened() -> Any:
        one = load_model(where, task=task, home=services.home)
        if conf is not None and isinstance(one, ObjectDetector):
            return ObjectDetector(one.card, home=services.home, confidence=conf)
        return one

    loaded = services.finders.get(("model", where, conf), opened)
    with services.looking:
        got = work(loaded, picture)
    services.metrics.pictures.labels(task).inc()
    labels = _bodies(loaded) if task == "pose" else getattr(loaded, "labels", ())
    return answered(shown_name(image), picture, model, labels, got, kind, began)


def _bodies(model: Any) -> tuple[str, ...]:
    """Return the names of the classes of bodies that a pose model finds."""
    return (model.labels if isinstance(model, ObjectDetector) else ()) or ("person",)
