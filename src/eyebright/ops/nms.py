"""Greedy non-maximum suppression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import Boxes, area, as_boxes

_BLOCK = 256
"""Boxes whose pairs are all looked at together."""
_PAIRS = 1_000_000


def nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    iou_threshold: float,
    class_ids: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Keep the best box of every heap: take the highest score, drop what overlaps it too much, go on.

    Memory grows with N, not with its square. The work grows with the boxes that are kept and their neighbours, not with
    all pairs.

    Args:
        boxes: `(N, 4)` xyxy, finite.
        scores: `(N,)`; among equal scores the earlier row wins.
        iou_threshold: 0 to 1; a box is dropped when its intersection over union with a kept one is greater.
        class_ids: `(N,)` integers; boxes of different classes never drop each other. None: all are of one class.

    Returns:
        `int64 (K,)`, rows of the kept boxes, best first.

    Raises:
        InputError: columns of different length, a value that is not finite, or a threshold out of range.
    """
    rows, points, classes = checked("nms", boxes, scores, iou_threshold, class_ids)
    order = np.argsort(-points, kind="stable")
    if class_ids is None:
        return _greedy(rows, order, iou_threshold)
    classes = classes[order]
    if len(order) <= _BLOCK:  # all pairs at once cost less than one call a class
        over = _all_pairs(rows[order], iou_threshold) & (classes[:, None] == classes[None])
        return order[_settled(over)]
    kept = [_greedy(rows, order[classes == each], iou_threshold) for each in np.unique(classes)]
    together = np.concatenate(kept) if kept else order
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return together[np.argsort(rank[together])]


def _greedy(rows: npt.NDArray[Any], order: npt.NDArray[np.int64], threshold: float) -> npt.NDArray[np.int64]:
    """Take the best that are left, settle them by all their pairs, drop their neighbours, and go on."""
    boxes = rows[order].astype(np.float64)
    sizes = area(boxes)
    left = np.ones(len(boxes), dtype=bool)
    near = _Neighbours(boxes, threshold) if len(boxes) > _BLOCK else None
    kept: list[npt.NDArray[np.int64]] = []
    while True:
        block = np.flatnonzero(left)[:_BLOCK]
        if len(block) == 0:
            break
        left[block] = False
        block = block[_settled(_overlaps(boxes, sizes, block[:, None], block[None]) > threshold)]
        kept.append(block)
        for some, others in near.of(block) if near else ():
            left[others[_overlaps(boxes, sizes, some, others) > threshold]] = False
    return order[np.concatenate(kept)] if kept else order


class _Neighbours:
    """Finds the boxes that can overlap a given one by more than a threshold.

    Two boxes of widths v and w can only reach an overlap t when the shared width is at least t times the larger one, so
    their left edges are at most (1 - t) max(v, w) apart, and neither is wider than the other over t; likewise down. The
    boxes are sorted by strips of top edges, and by left edges within a strip.
    """

    def __init__(self, boxes: npt.NDArray[np.float64], threshold: float) -> None:
        reach = (1 - threshold) * np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
        low = boxes[:, :2].min(axis=0)
        self._left, self._wide = boxes[:, 0] - low[0], reach[:, 0]
        self._widest, tallest = reach.max(axis=0)
        self._threshold = threshold
        span = float(np.ptp(boxes[:, 1]))
        # a thousandth more than needed, so that no rounding loses a neighbour; at most a thousand strips
        self._strip = np.floor((boxes[:, 1] - low[1]) / max(tallest * 1.001, span / 1000, 1e-9))
        self._apart = 4 * (float(self._left.max()) + self._widest + 1)  # strips lie this far from each other
        keys = self._strip * self._apart + self._left
        self._order = np.argsort(keys)
        self._keys = keys[self._order]

    def of(self, rows: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Yield pairs (one of `rows`, a possible neighbour), about a million at once."""
        left, wide = self._left[rows], self._wide[rows]
        widest = np.minimum(wide / self._threshold, self._widest) if self._threshold else self._widest
        slack = 1e-6 * self._apart
        first, count = [], []
        for step in (-1, 0, 1):
            base = (self._strip[rows] + step) * self._apart
            start = np.searchsorted(self._keys, base + left - widest - slack)
            first.append(start)
            count.append(np.searchsorted(self._keys, base + left + wide + slack, side="right") - start)
        starts, counts, owners = np.concatenate(first), np.concatenate(count), np.tile(rows, 3)
        groups = np.cumsum(counts) // _PAIRS
        for group in np.unique(groups):
            here = groups == group
            each = counts[here]
            before = np.repeat(np.cumsum(each) - each, each)
            places = np.arange(int(each.sum())) - before + np.repeat(starts[here], each)
            yield np.repeat(owners[here], each), self._order[places]


def _overlaps(boxes: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], some: Any, others: Any) -> Any:
    """Return the intersection over union of rows `some` with rows `others`, which broadcast; 0 for empty boxes."""
    left, top, right, bottom = boxes.T
    across = np.minimum(right[some], right[others]) - np.maximum(left[some], left[others])
    down = np.minimum(bottom[some], bottom[others]) - np.maximum(top[some], top[others])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    return np.divide(shared, sizes[some] + sizes[others] - shared, out=np.zeros_like(shared), where=shared > 0)


def _all_pairs(boxes: npt.NDArray[Any], threshold: float) -> npt.NDArray[np.bool_]:
    """Return which pairs of boxes overlap too much, `(N, N)`: `_overlaps` of all with all, without picking rows."""
    left, top, right, bottom = np.ascontiguousarray(boxes.T, dtype=np.float64)
    shared = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    down = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    np.maximum(shared, 0, out=shared)
    shared *= np.maximum(down, 0, out=down)
    sizes = area(boxes.astype(np.float64))
    union = np.add.outer(sizes, sizes)
    union -= shared
    union[shared <= 0] = 1
    shared /= union
    over: npt.NDArray[np.bool_] = shared > threshold
    return over


def _settled(over: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which boxes of a block stay, given which pairs overlap too much; the better of a pair comes first."""
    stays = np.ones(len(over), dtype=bool)
    width = (len(over) + 7) // 8
    rows = np.packbits(over, axis=1, bitorder="little").tobytes()
    dropped = 0  # a bit a box, since whole numbers are quicker here than short arrays
    for row in range(len(over)):
        if dropped >> row & 1:
            stays[row] = False
        else:
            dropped |= int.from_bytes(rows[row * width : (row + 1) * width], "little")
    return stays


def checked(
    where: str, boxes: npt.ArrayLike, scores: npt.ArrayLike, iou_threshold: float, class_ids: npt.ArrayLike | None
) -> tuple[Boxes, npt.NDArray[np.float64], npt.NDArray[Any]]:
    """Return boxes `(N, 4)`, scores and classes `(N,)`; without classes all are of class 0.

    Raises:
        InputError: columns of different length, a value that is not finite, or a threshold out of range.
    """
    rows = as_boxes(boxes)
    points = _column(where, "scores", scores, len(rows)).astype(np.float64)
    if not (np.isfinite(rows).all() and np.isfinite(points).all()):
        raise InputError(f"{where}: expected finite boxes and scores, got NaN or infinity")
    if not 0 <= iou_threshold <= 1:
        raise InputError(f"{where}: expected iou_threshold from 0 to 1, got {iou_threshold}")
    if class_ids is None:
        return rows, points, np.zeros(len(rows), dtype=np.int64)
    return rows, points, _column(where, "class_ids", class_ids, len(rows))


def _column(where: str, name: str, values: npt.ArrayLike, length: int) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (length,) or array.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected {length} numbers as {name}, got {array.dtype} of shape {array.shape}")
    return array
