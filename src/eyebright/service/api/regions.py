"""Parts of a picture without a model: boxes that may hold an object, objects cut out, regions of like colour."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Form
from pydantic import BaseModel, Field

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.media import encode_image
from eyebright.pipeline.batches import Answer
from eyebright.pipeline.cutting import cut_picture
from eyebright.pipeline.finders import box_of
from eyebright.pipeline.proposing import draw_proposals, propose_boxes
from eyebright.service.api.answers import FILES
from eyebright.service.api.detect import Picture
from eyebright.service.api.looking import Looked, SegmentAnswer, answered
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Shared
from eyebright.service.uploads import decoded, shown_name

router = APIRouter(prefix="/detect", tags=["Detect"])

MAX_PIXELS = 8_000_000
"""Of a picture that is cut without a model, which takes seconds for each million."""
MAX_BOXES = 50

Method = Annotated[Literal["selective", "windows"], Field(description="Selective search, or a grid whatever is there.")]
Mode = Annotated[
    Literal["single", "fast", "quality"], Field(description="How many segmentations selective search joins.")
]
Count = Annotated[int, Field(ge=1, le=10_000, description="At most so many boxes a picture.")]
Seed = Annotated[int, Field(ge=0, le=2**31, description="Of the random part of the ranking.")]


class Proposed(BaseModel):
    """Boxes that may hold an object."""

    name: str = Field(description="As the client calls the file.")
    width: int
    height: int
    method: str
    seconds: float = Field(description="From the arrived request to the answer.")
    proposals: list[tuple[float, float, float, float]] = Field(description="x1, y1, x2, y2 in pixels, best first.")
    picture: str | None = Field(description="The picture with the best drawn, JPEG in base64, where it was asked for.")


@router.post("/propose", summary="Propose boxes for objects", responses=problems(415))
def propose(
    services: Shared,
    image: Picture,
    method: Annotated[
        Literal["selective", "windows"], Form(description="Selective search, or a grid whatever is there.")
    ] = "selective",
    mode: Annotated[
        Literal["single", "fast", "quality"], Form(description="How many segmentations selective search joins.")
    ] = "fast",
    count: Annotated[int, Form(ge=1, le=10_000, description="At most so many boxes.")] = 2000,
    seed: Annotated[int, Form(ge=0, le=2**31, description="Of the random part of the ranking.")] = 0,
    draw: Annotated[bool, Form(description="Give the picture with the best fifty too.")] = False,
) -> Proposed:
    """Propose boxes for whatever may be an object, best first."""
    began = time.perf_counter()
    picture = decoded(image, services.settings)
    with services.looking:  # as heavy as a network
        found = propose_boxes(picture, method, mode=mode, count=count, seed=seed)
    services.metrics.pictures.labels("propose").inc()
    height, width = picture.shape[:2]
    shown = base64.b64encode(encode_image(draw_proposals(picture, found), "jpeg", 90)).decode() if draw else None
    return Proposed(
        name=shown_name(image), width=width, height=height, method=method, picture=shown,
        proposals=[(x1, y1, x2, y2) for x1, y1, x2, y2 in np.round(found.astype(float), 2).tolist()],
        seconds=time.perf_counter() - began,
    )  # fmt: skip


@router.post("/cut", summary="Segment without a model", response_model=Looked, responses={**problems(415), **FILES})
def cut(
    services: Shared,
    image: Picture,
    method: Annotated[
        Literal["grabcut", "watershed", "slic"],
        Form(description="Cut objects out of boxes, or the whole picture into regions."),
    ],
    box: Annotated[
        list[str] | None, Form(max_length=MAX_BOXES, description="`x1,y1,x2,y2` in pixels, for grabcut.")
    ] = None,
    count: Annotated[int, Form(ge=1, le=10_000, description="About how many regions.")] = 200,
    answer: SegmentAnswer = "json",
) -> Any:
    """Cut objects out of boxes (GrabCut), or the picture into regions of like colour (watershed, SLIC)."""
    began = time.perf_counter()
    given = [box_of(text) for text in box or [] if text]
    if bool(given) != (method == "grabcut"):
        raise InputError("cut: grabcut needs boxes (box=x1,y1,x2,y2), watershed and slic take none")
    picture = decoded(image, services.settings)
    height, width = picture.shape[:2]
    if height * width > MAX_PIXELS:
        smaller = int((MAX_PIXELS * width / height) ** 0.5)
        raise Refusal(
            413, "picture-too-large",
            f"{shown_name(image)}: expected at most {MAX_PIXELS} pixels to cut, got {width} x {height}; "
            f"resize it first (POST /image/resize, width {smaller})",
        )  # fmt: skip
    boxes = None
    if given:
        rows = np.array(given, dtype=np.float32)
        boxes = Detections(rows, np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64))
    labels = ("object",) if given else ()
    with services.looking:
        cut = cut_picture(picture, method, boxes=boxes, labels=labels, count=count)
    services.metrics.pictures.labels("segmentation").inc()
    got = Answer(cut.facts, cut.drawn, cut.labels, cut.found)
    return answered(shown_name(image), picture, method, labels, got, answer, began)
