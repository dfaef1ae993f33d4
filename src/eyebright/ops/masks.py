"""How much masks overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Masks


def mask_iou(masks: Masks, others: Masks) -> npt.NDArray[np.float64]:
    """Return the intersection over union of every mask with every other.

    Only the boxes that overlap are looked at, and only where they do.

    Args:
        masks: N masks.
        others: M masks of pictures of the same size.

    Returns:
        `float64 (N, M)`; 0 where a mask is empty.

    Raises:
        InputError: the pictures differ in size.
    """
    if masks.size != others.size:
        raise InputError(f"mask_iou: expected masks of one picture's size, got {masks.size} and {others.size}")
    out = np.zeros((len(masks), len(others)))
    if not out.size:
        return out
    (low, high), (other_low, other_high) = _corners(masks), _corners(others)
    start = np.maximum(low[:, None], other_low[None])
    stop = np.minimum(high[:, None], other_high[None])
    for row, column in np.argwhere((stop > start).all(axis=2)).tolist():
        (x1, y1), (x2, y2) = start[row, column], stop[row, column]
        (x, y), (u, v) = low[row], other_low[column]
        one = masks.crops[row][y1 - y : y2 - y, x1 - x : x2 - x]
        two = others.crops[column][y1 - v : y2 - v, x1 - u : x2 - u]
        out[row, column] = np.count_nonzero(one & two)
    either = masks.areas()[:, None] + others.areas()[None] - out
    return np.divide(out, either, out=np.zeros_like(out), where=either > 0)


def _corners(masks: Masks) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return left and top, and right and bottom, of each crop, `(N, 2)`."""
    low = masks.origins.astype(np.int64)
    return low, low + np.array([crop.shape[::-1] for crop in masks.crops], dtype=np.int64).reshape(-1, 2)
