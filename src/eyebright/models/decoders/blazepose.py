"""`blazepose`: 33 points of one body, as MediaPipe's landmark networks give them.

Bazarevsky et al., BlazePose, arXiv:2006.10204. One output has 39 points of five numbers each: x and y in pixels of the
input, depth, and the logits of "not hidden" and of "in the picture"; the last six points only tell where to look in
the next frame. An output of one number is the probability that there is a body at all. The others (a mask, heat maps,
points in metres) are not used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders.head import Shape, sigmoid

POINTS, _ALL, _NUMBERS = 33, 39, 5
EXPECTS = "an output of 39 points of five numbers, and one of a single number"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there is one output of points and one of a single number."""
    counts = [math.prod(shape) for shape in shapes.values()]
    return counts.count(_ALL * _NUMBERS) == 1 and counts.count(1) == 1 and classes in (0, POINTS)


def decode(outputs: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Return points `float32 (33, 2)` in pixels of the input, and how likely each is there to be seen `(33,)`."""
    [rows] = (value for value in outputs.values() if value.size == _ALL * _NUMBERS)
    [body] = (value for value in outputs.values() if value.size == 1)
    rows = rows.reshape(_ALL, _NUMBERS)[:POINTS]
    present = float(np.clip(body.reshape(()), 0, 1))
    return rows[:, :2].astype(np.float32), (sigmoid(rows[:, 3]) * np.float32(present)).astype(np.float32)
