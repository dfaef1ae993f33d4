"""`paddle`: boxes after suppression, as PaddleDetection's exports give them.

Rows `(M, 6)` of all pictures one after the other: class from 0, score, left, top, right, bottom; and how many rows each
picture has (https://github.com/PaddlePaddle/PaddleDetection, `deploy/EXPORT_MODEL_en.md`). One picture a run. Boxes are
in pixels of the input, since `scale_factor` is given as 1 (see `eyebright.models._side_inputs`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.models.decoders.head import Decoded, HeadInput, Shape, class_numbers

EXPECTS = "two outputs: rows (boxes, 6) of class, score, x1, y1, x2, y2, and their number (1,)"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there are rows of six numbers, and the number of rows of one picture."""
    few, many = ([shape for shape in shapes.values() if len(shape) == k] for k in (1, 2))
    return len(shapes) == 2 and few == [(1,)] and len(many) == 1 and many[0][1] == 6


def decode(given: HeadInput) -> Decoded:
    """Return the rows whose score reaches the confidence."""
    [rows] = (value for value in given.outputs.values() if value.ndim == 2)
    [count] = (value for value in given.outputs.values() if value.ndim == 1)
    # a graph that lost its numbers in half precision counts NaN
    rows = rows[: int(np.nan_to_num(count[0], nan=len(rows)).clip(0, len(rows)))]
    # where nothing is found some exports have a row of -1
    rows = rows[(rows[:, 1] >= given.confidence) & (rows[:, 0] >= 0)]
    return Decoded(rows[:, 2:], rows[:, 1], class_numbers(rows[:, 0]))
