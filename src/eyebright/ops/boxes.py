"""Boxes: conversions, area, clipping, overlap.

A box is four numbers in pixels, `xyxy` unless a name says otherwise: left, top, right, bottom, with right and bottom
exclusive, so width is right minus left. Arrays are `(N, 4)`. float32 and float64 stay what they are, all else becomes
float64. A box whose right is not beyond its left, or bottom beyond its top, is empty: its area is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

Boxes = npt.NDArray[np.floating[Any]]


def as_boxes(boxes: npt.ArrayLike, where: str = "boxes") -> Boxes:
    """Return `boxes` as a floating `(N, 4)` array, not copied when it is one already.

    Raises:
        InputError: the shape is not (N, 4), or the values are not numbers.
    """
    try:
        array = np.asarray(boxes)
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected numbers of shape (N, 4): {error}") from error
    if array.size == 0 and array.ndim < 2:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise InputError(f"{where}: expected shape (N, 4), got {array.shape}")
    return array


def xyxy_to_xywh(boxes: npt.ArrayLike) -> Boxes:
    """Convert left, top, right, bottom to left, top, width, height; `(N, 4)`."""
    out = as_boxes(boxes).copy()
    out[:, 2:] -= out[:, :2]
    return out


def xywh_to_xyxy(boxes: npt.ArrayLike) -> Boxes:
    """Convert left, top, width, height to left, top, right, bottom; `(N, 4)`."""
    out = as_boxes(boxes).copy()
    out[:, 2:] += out[:, :2]
    return out


def xyxy_to_cxcywh(boxes: npt.ArrayLike) -> Boxes:
    """Convert left, top, right, bottom to centre x, centre y, width, height; `(N, 4)`."""
    out = xyxy_to_xywh(boxes)
    out[:, :2] += out[:, 2:] / 2
    return out


def cxcywh_to_xyxy(boxes: npt.ArrayLike) -> Boxes:
    """Convert centre x, centre y, width, height to left, top, right, bottom; `(N, 4)`."""
    out = as_boxes(boxes).copy()
    out[:, :2] -= out[:, 2:] / 2
    out[:, 2:] += out[:, :2]
    return out


def area(boxes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the areas in square pixels, `float64 (N,)`; 0 for empty boxes."""
    wide = as_boxes(boxes).astype(np.float64)
    sides = np.maximum(wide[:, 2:] - wide[:, :2], 0)
    out: npt.NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return out


def clip(boxes: npt.ArrayLike, size: tuple[int, int]) -> Boxes:
    """Cut boxes to a picture of `size` (height, width); a box outside it becomes empty on its edge."""
    height, width = size
    array = as_boxes(boxes)
    return np.clip(array, 0, np.array([width, height, width, height], array.dtype))


def scale(boxes: npt.ArrayLike, x: float, y: float | None = None) -> Boxes:
    """Multiply boxes in either form by `x` across and `y` down (`y` as `x` when not given); `(N, 4)`."""
    array = as_boxes(boxes)
    down = x if y is None else y
    out: Boxes = array * np.array([x, down, x, down], dtype=array.dtype)
    return out


def iou(boxes: npt.ArrayLike, others: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the intersection over union of every box with every other, computed in float64.

    Args:
        boxes: `(N, 4)`.
        others: `(M, 4)`.

    Returns:
        `float64 (N, M)` from 0 to 1. An empty box has 0 with everything, itself included. Needs about 40 bytes a pair
        while it works.
    """
    a = as_boxes(boxes).astype(np.float64)[:, None, :]
    b = as_boxes(others, "others").astype(np.float64)[None, :, :]
    across = np.maximum(np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]), 0)
    down = np.maximum(np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]), 0)
    shared = across * down
    union = area(boxes)[:, None] + area(others)[None, :] - shared
    out: npt.NDArray[np.float64] = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return out
