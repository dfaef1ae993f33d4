"""Segments of a picture without a model: cut out of boxes, or regions of like colour; facts, and the picture drawn."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Image
from eyebright.imaging import cut_out, slic, watershed_regions
from eyebright.pipeline.finders import plain_detections
from eyebright.viz import class_colour, draw_detections, draw_regions

Method = Literal["grabcut", "watershed", "slic"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """What `cut_picture` says of one picture.

    Attributes:
        facts: `kind` is `instance` with `detections`, or `regions` with `regions` (their number) and `median_size`
            (pixels).
        drawn: the picture with a tint an object, or with borders.
        labels: `int64 (H, W)`; regions from 0, or objects from 1 by row, later rows on top, and 0 where none is.
        found: the objects with masks; None for regions.
    """

    facts: dict[str, Any]
    drawn: Image
    labels: npt.NDArray[np.int64]
    found: Detections | None


def cut_picture(
    image: Image, method: Method, *, boxes: Detections | None = None, labels: tuple[str, ...] = (), count: int = 200
) -> Cut:
    """Segment a picture without a model.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        method: `grabcut` cuts objects out of `boxes`; `watershed` and `slic` cut the whole picture into regions.
        boxes: for `grabcut`.
        labels: names of their classes.
        count: about how many regions.

    Raises:
        InputError: not a picture, no such method, `grabcut` without boxes, or a number out of range.
    """
    if method == "grabcut":
        if boxes is None:
            raise InputError("grabcut: expected boxes to cut objects out of")
        found = cut_out(image, boxes)
        assert found.masks is not None
        numbers = np.zeros(image.shape[:2], dtype=np.int64)
        for row, (crop, (x, y)) in enumerate(zip(found.masks.crops, found.masks.origins, strict=True), start=1):
            numbers[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = row
        drawn = draw_detections(image, found, labels, colours=[class_colour(row) for row in range(len(found))])
        return Cut({"kind": "instance", "detections": plain_detections(found, labels)}, drawn, numbers, found)
    if method not in ("watershed", "slic"):
        raise InputError(f"expected method grabcut, watershed or slic, got {method!r:.80}")
    numbers = slic(image, count=count) if method == "slic" else watershed_regions(image, count=count)
    sizes = np.bincount(numbers.reshape(-1))
    facts = {"kind": "regions", "regions": len(sizes), "median_size": int(np.median(sizes))}
    return Cut(facts, draw_regions(image, numbers), numbers, None)
