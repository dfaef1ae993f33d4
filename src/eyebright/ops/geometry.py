"""Affine transforms and homographies on points and boxes.

Matrices act on column vectors `(x, y, 1)`: `(2, 3)` is affine, `(3, 3)` a homography.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import as_boxes


def transform_points(matrix: npt.ArrayLike, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Move points by an affine transform or a homography.

    Args:
        matrix: `(2, 3)` or `(3, 3)`.
        points: `(..., 2)` x and y.

    Returns:
        `float64`, of the shape of `points`. A point that a homography sends to infinity is not finite.

    Raises:
        InputError: a wrong shape.
    """
    full = _square(matrix)
    array = np.asarray(points, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 2:
        raise InputError(f"points: expected shape (..., 2), got {array.shape}")
    moved: npt.NDArray[np.float64] = array @ full[:2, :2].T + full[:2, 2]
    if np.array_equal(full[2], [0, 0, 1]):
        return moved
    with np.errstate(divide="ignore", invalid="ignore"):
        divided: npt.NDArray[np.float64] = moved / (array @ full[2, :2] + full[2, 2])[..., None]
    return divided


def transform_boxes(matrix: npt.ArrayLike, boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Move boxes: the result is the upright box around the four moved corners.

    Args:
        matrix: `(2, 3)` or `(3, 3)`.
        boxes: `(N, 4)` xyxy.

    Returns:
        `float64 (N, 4)`. Boxes that a homography tears across its horizon come out meaningless.

    Raises:
        InputError: a wrong shape.
    """
    array = as_boxes(boxes)
    corners = transform_points(matrix, array[:, [[0, 1], [2, 1], [2, 3], [0, 3]]])  # (N, 4 corners, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def invert(matrix: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the transform that undoes `matrix`, in the same shape.

    Raises:
        InputError: a wrong shape, or there is none (the matrix squeezes the plane to a line).
    """
    full = _square(matrix)
    try:
        inverse = np.linalg.inv(full)
    except np.linalg.LinAlgError as error:
        raise InputError(f"matrix: cannot be inverted: {full.tolist()}") from error
    return np.asarray(inverse[: np.shape(matrix)[0]], np.float64)


def _square(matrix: Any) -> npt.NDArray[np.float64]:
    array = np.asarray(matrix, dtype=np.float64)
    if array.shape == (2, 3):
        return np.vstack([array, [0, 0, 1]])
    if array.shape != (3, 3):
        raise InputError(f"matrix: expected shape (2, 3) or (3, 3), got {array.shape}")
    return array
