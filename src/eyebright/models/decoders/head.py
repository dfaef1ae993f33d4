"""What all heads share."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Ints

Shape = tuple[int, ...]
_FAR = 32
LEVELS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""Strides of a YOLO's grids: the usual three, with a sixth pyramid level for large objects, or a second for small."""


@dataclasses.dataclass(frozen=True, slots=True)
class HeadInput:
    """The raw outputs of one picture.

    Attributes:
        outputs: by name, in the order of the file, without the axis of the batch.
        size: height and width of the network's input.
        classes: how many labels the card has; 0: not known.
        labels: the label map, or empty.
        confidence: rows with less score may be left out.
        pose: whether the card's task is `pose`.
    """

    outputs: Mapping[str, Floats]
    size: tuple[int, int]
    classes: int
    labels: tuple[str, ...]
    confidence: float
    pose: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Decoded:
    """What a head says, in pixels of the network's input.

    Attributes:
        boxes: `float32 (M, 4)` xyxy.
        scores: `float32 (M,)`, 0 to 1.
        class_ids: `int64 (M,)`.
        keypoints: `float32 (M, K, 2)`, or None.
        coefficients: `float32 (M, P)` of the mask prototypes, or None.
        prototypes: `float32 (P, h, w)`, shared by all rows; they cover the whole input.
        box_masks: `float32 (M, h, w)`, probabilities that fill each row's box, or None.
    """

    boxes: Floats
    scores: Floats
    class_ids: Ints
    keypoints: Floats | None = None
    coefficients: Floats | None = None
    prototypes: Floats | None = None
    box_masks: Floats | None = None

    def rows(self, index: npt.NDArray[Any]) -> Decoded:
        """Return these rows; the prototypes stay."""
        changes = {
            name: value[index]
            for name in ("boxes", "scores", "class_ids", "keypoints", "coefficients", "box_masks")
            if (value := getattr(self, name)) is not None
        }
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """One kind of output.

    Attributes:
        fits: says by shapes, input size and number of classes whether outputs can be of this kind.
        decode: turns the outputs of one picture into boxes.
        expects: what the outputs must be, for messages.
        batched: whether the first axis of every output is that of the pictures.
        suppress: whether overlapping boxes are still to be dropped.
        looks: says by the numbers, where shapes leave it open, whether outputs are of this kind.
    """

    fits: Callable[[Mapping[str, Shape], tuple[int, int], int], bool]
    decode: Callable[[HeadInput], Decoded]
    expects: str
    batched: bool = True
    suppress: bool = True
    looks: Callable[[Mapping[str, Floats]], bool] = lambda outputs: True  # noqa: ARG005  (one signature for all heads)


def in_pixels(rows: Floats) -> bool:
    """Say whether the first two columns of a row a cell are places in the input, and not in the cell.

    A cell tells of objects a few strides away at most, while middles in pixels reach over the whole input.
    """
    places = np.ascontiguousarray(rows[:, :2])
    farthest = np.abs(places).max(initial=0)
    if not np.isfinite(farthest):  # rarely, and slower
        farthest = np.max(np.abs(places), initial=0, where=np.isfinite(places))
    return bool(farthest > _FAR)


def sigmoid(values: npt.ArrayLike) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow, `float32`."""
    array = np.asarray(values, dtype=np.float32)
    out: Floats = (0.5 * (1 + np.tanh(0.5 * array))).astype(np.float32)
    return out


def as_probabilities(values: Floats) -> Floats:
    """Return values that lie in 0 to 1 as they are, and others through the sigmoid that the export left out."""
    sound = np.isfinite(values)
    if np.min(values, initial=0, where=sound) < 0 or np.max(values, initial=0, where=sound) > 1:
        return sigmoid(values)
    return values


def class_numbers(values: Floats) -> Ints:
    """Return class ids that came as floats, `int64`; -1, which is no class, for what is no such number."""
    sound = np.isfinite(values) & (np.abs(values) < 2**31)
    return np.where(sound, np.rint(np.where(sound, values, 0)), -1).astype(np.int64)


def corners(centred: Floats) -> Floats:
    """Turn `(M, 4)` centre x, centre y, width, height into xyxy."""
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


@functools.lru_cache(maxsize=8)
def grid(size: tuple[int, int], strides: tuple[int, ...], *, whole: bool = False) -> tuple[Floats, Floats]:
    """Return column and row of every cell, `(A, 2)`, and its stride, `(A, 1)`, stride by stride and row by row.

    Both are kept for the next picture, and read-only.

    Args:
        size: height and width of the input.
        strides: finest first.
        whole: leave out cells that the input cuts, where a stride does not divide it.
    """
    cells, steps = [], []
    for stride in strides:
        height, width = _sides(size, stride, whole=whole)
        row, column = np.divmod(np.arange(height * width), width)
        cells.append(np.stack([column, row], axis=1))
        steps.append(np.full((height * width, 1), stride))
    place, step = np.concatenate(cells).astype(np.float32), np.concatenate(steps).astype(np.float32)
    place.flags.writeable = step.flags.writeable = False
    return place, step


def levels(size: tuple[int, int], rows: int) -> tuple[int, ...]:
    """Return the strides whose cells number `rows`, none if there are no such."""
    return next((strides for strides in LEVELS if cells(size, strides) == rows), ())


def cells(size: tuple[int, int], strides: tuple[int, ...], *, whole: bool = False) -> int:
    """Return how many cells the strides have together; see `grid`."""
    return sum(math.prod(_sides(size, stride, whole=whole)) for stride in strides)


def _sides(size: tuple[int, int], stride: int, *, whole: bool) -> tuple[int, int]:
    """Return how many rows and columns of cells there are."""
    height, width = size
    return (height // stride, width // stride) if whole else (-(-height // stride), -(-width // stride))
