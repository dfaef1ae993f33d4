"""Which keypoints of two pictures are the same: nearest descriptors that pass a ratio and a mutual test."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Ints

_CHUNK = 1024  # rows of the distance table in memory at once


def match_descriptors(
    first: npt.NDArray[Any], second: npt.NDArray[Any], *, ratio: float = 0.8, mutual: bool = True
) -> Ints:
    """Return pairs of rows that are each other's nearest, and much nearer than the second best.

    Args:
        first: `float32 (N, D)`, compared by Euclidean distance, or packed bits `uint8 (N, B)`, by Hamming distance.
        second: `(M, D)` or `(M, B)` of the same kind.
        ratio: largest allowed quotient of the distances to the best and to the second best (Lowe 2004, section 7.1),
            above 0; 1 or more switches the test off. With M = 1 there is no second best and the test passes.
        mutual: whether the row of `first` must also be the nearest to the row of `second`.

    Returns:
        `int64 (K, 2)`: rows in `first` and in `second`, ordered by the first. Without `mutual` a row of `second` may
        stand in several pairs. Ties go to the lower row.

    Raises:
        InputError: descriptors of two kinds, or a ratio that is not positive.
    """
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or first.dtype != second.dtype:
        raise InputError(
            f"match: expected descriptors of one kind, got {first.dtype} {first.shape} and "
            f"{second.dtype} {second.shape}; find both with the same method"
        )
    if not ratio > 0:
        raise InputError(f"match: expected a ratio above 0, got {ratio}")
    if len(first) == 0 or len(second) == 0:
        return np.zeros((0, 2), np.int64)
    nearest = np.zeros(len(first), np.int64)
    best, next_best = np.zeros(len(first), np.float32), np.full(len(first), np.inf, np.float32)
    back, back_distance = np.zeros(len(second), np.int64), np.full(len(second), np.inf, np.float32)
    for start in range(0, len(first), _CHUNK):
        table = _distances(first[start : start + _CHUNK], second)
        rows = np.arange(len(table))
        if mutual:
            winner = table.argmin(axis=0)
            distance = table[winner, np.arange(len(second))]
            closer = distance < back_distance
            back[closer], back_distance[closer] = winner[closer] + start, distance[closer]
        chosen = table.argmin(axis=1)
        part = slice(start, start + len(table))
        nearest[part], best[part] = chosen, table[rows, chosen]
        if len(second) > 1:
            table[rows, chosen] = np.inf
            next_best[part] = table.min(axis=1)
    keep = (best < ratio * next_best) | (ratio >= 1)
    if mutual:
        keep &= back[nearest] == np.arange(len(first))
    kept = np.flatnonzero(keep)
    return np.stack([kept, nearest[kept]], axis=1)


def _distances(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Floats:
    """Return all distances, `float32 (n, M)`."""
    if first.dtype == np.uint8:
        return _differing_bits(first, second)
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * (first @ second.T)
    return np.asarray(np.sqrt(np.maximum(squares, 0, out=squares), out=squares), np.float32)


def _differing_bits(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Floats:
    # with bits as -1 and 1, the product of two rows counts equal bits less differing ones; exact in 32-bit floats
    one, two = (np.unpackbits(bits, axis=1).astype(np.float32) * 2 - 1 for bits in (first, second))
    return np.asarray((one.shape[1] - one @ two.T) / 2, np.float32)
