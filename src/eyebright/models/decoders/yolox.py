"""`yolox`: the raw grid of YOLOX.

Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430. At strides 8, 16 and 32 (larger variants have 64 or 4
besides) each cell gives the shift of the middle and the logarithms of the sides in strides, the probability of an
object, and that of each class.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, corners, grid, in_pixels, levels

EXPECTS = "one output (cells of strides 8, 16, 32 (or 8 to 64, or 4 to 32), 5 + classes)"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there is one output with a row a cell."""
    if len(shapes) != 1:
        return False
    [shape] = shapes.values()
    width_fits = len(shape) == 2 and (shape[1] == 5 + classes if classes else shape[1] > 5)
    return width_fits and bool(levels(size, shape[0]))


def looks(outputs: Mapping[str, Floats]) -> bool:
    """Say whether the middles are told from the cell, and not decoded already."""
    [rows] = outputs.values()
    return not in_pixels(rows)


def decode(given: HeadInput) -> Decoded:
    """Return the boxes of all cells whose score reaches the confidence."""
    [rows] = given.outputs.values()
    strides = levels(given.size, len(rows))
    # a class is at most 1 likely, so the object alone rules most cells out before anything is copied
    sure = np.flatnonzero(rows[:, 4] >= given.confidence)
    rows = rows[sure]
    class_ids = rows[:, 5:].argmax(axis=1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + class_ids]
    kept = np.flatnonzero(scores >= given.confidence)
    place, stride = grid(given.size, strides)
    place, stride, rows = place[sure[kept]], stride[sure[kept]], rows[kept]
    centred = np.concatenate([(rows[:, :2] + place) * stride, np.exp(rows[:, 2:4]) * stride], axis=1)
    return Decoded(corners(centred), scores[kept], class_ids[kept].astype(np.int64))
