"""Greedy non-maximum suppression."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import area, as_boxes


def nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    iou_threshold: float,
    class_ids: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Keep the best box of every heap: take the highest score, drop what overlaps it too much, go on.

    Memory grows with N, not with its square. 10 000 boxes take about a second when few overlap, else less.

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
    rows = as_boxes(boxes)
    points = _column("scores", scores, len(rows))
    if not (np.isfinite(rows).all() and np.isfinite(points).all()):
        raise InputError("nms: expected finite boxes and scores, got NaN or infinity")
    if not 0 <= iou_threshold <= 1:
        raise InputError(f"nms: expected iou_threshold from 0 to 1, got {iou_threshold}")
    order = np.argsort(-points, kind="stable")
    if class_ids is None:
        return _greedy(rows, order, iou_threshold)
    classes = _column("class_ids", class_ids, len(rows))[order]
    kept = [_greedy(rows, order[classes == each], iou_threshold) for each in np.unique(classes)]
    together = np.concatenate(kept) if kept else order
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return together[np.argsort(rank[together])]


def _greedy(rows: npt.NDArray[Any], order: npt.NDArray[np.int64], threshold: float) -> npt.NDArray[np.int64]:
    ordered = rows[order].astype(np.float64)
    columns = np.vstack([ordered.T, area(ordered), order])  # left, top, right, bottom, area, row
    kept = []
    while columns.shape[1]:
        (left, top, right, bottom, size, row), columns = columns[:, 0], columns[:, 1:]
        kept.append(row)
        across = np.minimum(columns[2], right) - np.maximum(columns[0], left)
        near = np.flatnonzero(across > 0)
        down = np.minimum(columns[3, near], bottom) - np.maximum(columns[1, near], top)
        shared = across[near] * np.maximum(down, 0)
        overlap = np.divide(shared, columns[4, near] + size - shared, out=np.zeros_like(shared), where=shared > 0)
        dropped = near[overlap > threshold]
        if len(dropped):
            columns = np.delete(columns, dropped, axis=1)
    return np.array(kept, dtype=np.int64)


def _column(name: str, values: npt.ArrayLike, length: int) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.shape != (length,) or array.dtype.kind not in "biuf":
        raise InputError(f"nms: expected {length} numbers as {name}, got {array.dtype} of shape {array.shape}")
    return array.astype(np.float64) if name == "scores" else array
