"""Objects in a picture, and what looks for them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from eyebright.core.errors import ModelError
from eyebright.core.types import Detections, Frame
from eyebright.models import ModelCard, all_cards, get_card, status
from eyebright.pipeline.finders import (
    DEFAULT_CONFIDENCE,
    PEOPLE_CONFIDENCE,
    Box,
    Finder,
    box_of,
    choose_detector,
    class_ids,
    find,
    open_finder,
    plain_detections,
)
from eyebright.service.api.answers import FILES, data_set, drawing
from eyebright.service.api.models import known_card
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import contents, decoded_bytes, sha256, shown_name
from eyebright.viz import draw_detections

router = APIRouter(prefix="/detect", tags=["Detect"])
FLOOR = 0.05
"""Objects are looked for down to this score and remembered, so that another threshold needs no second look."""
_TASKS = ("detection", "segmentation", "pose", "depth")

Picture = Annotated[UploadFile, File(description="A picture.")]
ModelName = Annotated[str, Form(max_length=200, description="A model with this task, by name.")]
Least = Annotated[float | None, Form(gt=0, le=1, description="Least score; by default the model's own.")]
Classes = Annotated[str | None, Form(max_length=2000, description="Only these, as names with commas.")]
TileSide = Annotated[
    int | None, Form(ge=64, le=4096, description="Look at tiles of so many pixels too, for small objects.")
]
Overlap = Annotated[float, Form(ge=0, le=0.5, description="Part of a tile that neighbours share.")]
Roi = Annotated[str | None, Form(max_length=100, description="Only in the part `x1,y1,x2,y2`, in pixels.")]


class FinderView(BaseModel):
    """What looks at pictures."""

    name: str = Field(description="Own models in the home's `models/own` are `own/NAME`.", examples=["people"])
    task: str = Field(description="`detection`, `segmentation`, `pose` or `depth`.")
    licence: str
    present: bool = Field(description="Whether it can be used now; a model that is absent must be fetched first.")
    note: str = Field(description="Why it cannot be used, else empty.")
    confidence: float = Field(description="Least score where nobody asks for another.")


class FinderPage(BaseModel):
    """Everything that looks at pictures."""

    items: list[FinderView]
    chosen: str = Field(description="What `auto` means here.")
    reason: str = Field(description="Why it is that one.")


class FoundObject(BaseModel):
    """One object of a picture."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(alias="class", examples=["person"])
    class_id: int
    confidence: float = Field(description="Above 0, at most 1.")
    box: list[float] = Field(description="x1, y1, x2, y2 in pixels of the upright picture.")
    keypoints: list[list[float]] | None = Field(default=None, description="x and y of each.")
    mask_area: int | None = Field(default=None, description="Pixels of its mask.")


class Found(BaseModel):
    """The objects of a picture, best first."""

    name: str = Field(description="As the client calls the file.")
    width: int
    height: int
    model: str
    confidence: float = Field(description="The least score of this answer.")
    seconds: float = Field(description="From the arrived request to the answer.")
    detections: list[FoundObject]


@router.get("/models", summary="What looks at pictures", responses=problems())
def finders(services: Shared) -> FinderPage:
    """Return the detectors, segmenters, pose and depth models, and which one `auto` means on this machine."""
    items = [FinderView(name="people", task="detection", licence="BSD-3-Clause (OpenCV)", present=True, note="",
                        confidence=PEOPLE_CONFIDENCE)]  # fmt: skip
    for card in all_cards():
        here = status(card, home=services.home).state == "present"
        items += _shown(card, card.name, "" if here else "must be fetched first")
    for path in _own_files(services):
        try:
            items += _shown(get_card(path), f"own/{path.stem}", "")
        except ModelError as error:
            items.append(FinderView(name=f"own/{path.stem}", task="detection", licence="", present=False,
                                    note=_told(error, path), confidence=DEFAULT_CONFIDENCE))  # fmt: skip
    choice = choose_detector(moving=False, home=services.home)
    return FinderPage(items=items, chosen=choice.name, reason=choice.reason)


@router.post(
    "/run", summary="Find objects", response_model=Found,
    responses={**problems(404, 409, 415), **FILES},
)  # fmt: skip
def run(
    services: Shared,
    image: Picture,
    model: Annotated[str, Form(max_length=200, description="`people`, a detector by name, or `auto`.")] = "auto",
    conf: Least = None,
    classes: Classes = None,
    roi: Roi = None,
    tiles: TileSide = None,
    overlap: Overlap = 0.2,
    answer: Annotated[
        Literal["json", "coco", "yolo", "voc", "picture"],
        Form(description="A JSON answer, a data set of one picture, or the picture with boxes."),
    ] = "json",
) -> Any:
    """Find objects in a picture.

    The same picture asked about again with another least score, other classes or for another answer is not looked at
    again while the server remembers it.
    """
    began = time.perf_counter()
    data, name = contents(image), shown_name(image)
    picture = decoded_bytes(data, name, services.settings)
    finder = _finder(services, model, tiles, overlap)
    least = conf if conf is not None else (PEOPLE_CONFIDENCE if finder.name == "people" else DEFAULT_CONFIDENCE)
    part, wanted = part_asked(roi), class_ids(classes or None, finder.labels)
    floor = min(least, FLOOR)

    def look() -> Detections:
        usable = _finder(services, model, tiles, overlap, floor)
        with services.looking:  # a network takes all cores
            return find(usable, Frame(picture, 0, 0.0, ""), part)

    key = ("found", sha256(data), finder.name, tiles, overlap, part, floor)
    found = services.found.get(key, look)
    found = found[found.confidence >= np.float32(least)]
    if wanted is not None:
        found = found[np.isin(found.class_id, sorted(wanted))]
    services.metrics.pictures.labels("detect").inc()
    if answer == "picture":
        return drawing(draw_detections(picture, found, finder.labels))
    height, width = picture.shape[:2]
    if answer != "json":
        return data_set(answer, name, (height, width), found, finder.labels)
    return Found(
        name=name, width=width, height=height, model=finder.name, confidence=least,
        seconds=time.perf_counter() - began,
        detections=[FoundObject.model_validate(one) for one in plain_detections(found, finder.labels)],
    )  # fmt: skip


def part_asked(text: str | None) -> Box | None:
    """Return the part of a picture that was asked about; None: the whole."""
    return box_of(text) if text else None


def _finder(services: Services, model: str, tiles: int | None, overlap: float, floor: float = FLOOR) -> Finder:
    where = usable_finder(services, model)[1]

    def opened() -> Finder:
        return open_finder(where, home=services.home, confidence=floor, tiles=tiles, overlap=overlap)

    finder: Finder = services.finders.get(("finder", where, tiles, overlap, floor), opened)
    return finder


def usable_finder(services: Services, model: str) -> tuple[str, str]:
    """Return the name of the finder that a client may use, and what `open_finder` takes for it.

    Raises:
        Refusal: no such model, one that finds no objects in single pictures, or one that must be fetched first.
    """
    name = choose_detector(moving=False, home=services.home).name if model == "auto" else model
    if name == "motion":
        raise Refusal(422, "model", "motion needs frames of a camera at rest; track a video, or open a live view")
    return name, name if name == "people" else str(usable(services, name, "detection"))


def usable(services: Services, name: str, *tasks: str) -> str | Path:
    """Return what `load_model` takes for the model that a client names, which is for one of these tasks.

    Raises:
        Refusal: no such model, one for other tasks, one whose card is wrong, or one that must be fetched first.
    """
    own = next((path for path in _own_files(services) if name == f"own/{path.stem}"), None)
    try:
        card = known_card(name) if own is None else get_card(own)
    except ModelError as error:
        assert own is not None
        raise Refusal(409, "model", _told(error, own)) from error
    if not set(tasks) & set(card.abilities):
        raise Refusal(422, "model", f"{name}: expected a model for {' or '.join(tasks)}, its card says {card.task}")
    if own is not None:
        return own
    if status(card, home=services.home).state == "absent":
        raise Refusal(
            409, "model", f"{card.name}: is not on this machine; fetch it first: POST /models/{card.name}/pull"
        )
    return card.name


def _own_files(services: Services) -> list[Path]:
    """Return the ONNX files that whoever runs the server has put into its home."""
    return sorted((services.home / "models" / "own").glob("*.onnx"))


def _told(error: ModelError, path: Path) -> str:
    """Return one line that names no folder of the server."""
    return " ".join(str(error).replace(str(path.parent), "own").split())


def _shown(card: ModelCard, name: str, note: str) -> list[FinderView]:
    if card.task not in _TASKS:
        return []
    return [FinderView(name=name, task=card.task, licence=card.licence, present=not note, note=note,
                       confidence=DEFAULT_CONFIDENCE)]  # fmt: skip
