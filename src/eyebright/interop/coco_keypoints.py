"""COCO's `keypoints`: x, y and a flag a point, 0 where nobody said where it is.

The format is described at https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Floats


def read_points(item: dict[str, Any], where: str) -> Floats:
    """Return the points of an annotation or a result, `float32 (K, 2)`.

    Args:
        item: with `keypoints`. What has a `score` is a prediction, all points of which are meant; elsewhere points
            whose flag is 0 are NaN.
        where: for errors.

    Raises:
        InputError: no list of three finite numbers a point.
    """
    given = item.get("keypoints")
    sound = isinstance(given, list) and given and len(given) % 3 == 0
    if not sound or not all(isinstance(v, int | float) and math.isfinite(v) for v in given or ()):
        raise InputError(f"{where}: expected keypoints [x, y, flag, ...], all finite, got {given!r:.80}")
    table = np.array(given, dtype=np.float64).reshape(-1, 3)
    points = table[:, :2].astype(np.float32)
    if "score" not in item:
        points[table[:, 2] <= 0] = np.nan
    return points


def extent(points: Floats) -> list[float]:
    """Return x, y, width and height around the points that are there; nothing but zeros when none is."""
    seen = points[np.isfinite(points).all(axis=1)]
    if not len(seen):
        return [0.0, 0.0, 0.0, 0.0]
    low, high = seen.min(axis=0), seen.max(axis=0)
    return [float(v) for v in (*low, *(high - low))]


def plain_points(points: Floats) -> list[float]:
    """Return `(K, 2)` as COCO has it; a point that is NaN has the flag 0."""
    out: list[float] = []
    for x, y in points.tolist():
        out += [round(x, 3), round(y, 3), 2] if math.isfinite(x) and math.isfinite(y) else [0, 0, 0]
    return out
