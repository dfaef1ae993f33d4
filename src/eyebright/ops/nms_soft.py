"""Soft and distance-aware non-maximum suppression."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import as_boxes, iou
from eyebright.ops.nms import checked

Decay = Literal["linear", "gaussian"]


def soft_nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    decay: Decay = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 0.001,
    class_ids: npt.ArrayLike | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Lower the scores of what overlaps a better box, instead of dropping it.

    Bodla et al., Soft-NMS: improving object detection with one line of code, arXiv:1704.04503.

    Args:
        boxes: `(N, 4)` xyxy, finite.
        scores: `(N,)`, 0 or more; among equal scores the earlier row comes first.
        decay: `linear` multiplies by 1 - IoU where the IoU reaches `iou_threshold`, `gaussian` by exp(-IoU² / sigma).
        iou_threshold: 0 to 1, for `linear`.
        sigma: above 0, for `gaussian`.
        min_score: what falls below is dropped.
        class_ids: `(N,)`; boxes of different classes leave each other alone. None: all are of one class.

    Returns:
        Rows of the kept boxes, `int64 (K,)`, best first, and their new scores, `float64 (K,)`.

    Raises:
        InputError: as `nms`; a negative score, an unknown decay, or a sigma that is not positive.
    """
    rows, points, classes = checked("soft_nms", boxes, scores, iou_threshold, class_ids)
    if decay not in ("linear", "gaussian"):
        raise InputError(f"soft_nms: decay: expected linear or gaussian, got {decay!r}")
    if not sigma > 0 or (len(points) and points.min() < 0):
        raise InputError(f"soft_nms: expected scores from 0 and a sigma above 0, got sigma {sigma}")
    left = np.flatnonzero(points >= min_score)
    now = points.copy()
    kept: list[int] = []
    while len(left):
        best = int(left[np.argmax(now[left])])
        kept.append(best)
        left = left[left != best]
        overlap = iou(rows[best : best + 1], rows[left])[0] * (classes[left] == classes[best])
        factor = (
            np.where(overlap >= iou_threshold, 1 - overlap, 1.0) if decay == "linear" else np.exp(-(overlap**2) / sigma)
        )
        now[left] *= factor
        left = left[now[left] >= min_score]
    order = np.array(kept, dtype=np.int64)
    return order, now[order]


def diou_nms(
    boxes: npt.ArrayLike,
    scores: npt.ArrayLike,
    iou_threshold: float,
    class_ids: npt.ArrayLike | None = None,
) -> npt.NDArray[np.int64]:
    """Drop what overlaps a better box too much, but forgive by how far the middles are apart.

    Zheng et al., Distance-IoU loss, arXiv:1911.08287: two people behind each other overlap, yet their middles differ.

    Args:
        boxes: `(N, 4)` xyxy, finite.
        scores: `(N,)`; among equal scores the earlier row wins.
        iou_threshold: 0 to 1; a box is dropped when IoU minus the squared distance of the middles over the squared
            diagonal of the box around both is greater.
        class_ids: `(N,)`; boxes of different classes never drop each other. None: all are of one class.

    Returns:
        `int64 (K,)`, rows of the kept boxes, best first.

    Raises:
        InputError: as `nms`.
    """
    rows, points, classes = checked("diou_nms", boxes, scores, iou_threshold, class_ids)
    left = np.argsort(-points, kind="stable")
    kept = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        value = distance_iou(rows[best : best + 1], rows[left])[0]
        left = left[(value <= iou_threshold) | (classes[left] != classes[best])]
    return np.array(kept, dtype=np.int64)


def distance_iou(boxes: npt.ArrayLike, others: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return IoU minus the squared distance of the middles over the squared diagonal of the box around both.

    Args:
        boxes: `(N, 4)` xyxy.
        others: `(M, 4)` xyxy.

    Returns:
        `float64 (N, M)`, from -1 to 1.
    """
    a = as_boxes(boxes).astype(np.float64)[:, None]
    b = as_boxes(others, "others").astype(np.float64)[None]
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) ** 2).sum(axis=2) / 4
    around = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    diagonal = (around**2).sum(axis=2)
    out: npt.NDArray[Any] = iou(boxes, others) - np.divide(
        apart, diagonal, out=np.zeros_like(apart), where=diagonal > 0
    )
    return out
