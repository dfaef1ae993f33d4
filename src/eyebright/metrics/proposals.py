"""How many objects a number of proposed boxes reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.metrics.anomaly import binomial_interval
from eyebright.ops import as_boxes, iou


def proposal_recall(
    truth: Sequence[npt.ArrayLike],
    proposals: Sequence[npt.ArrayLike],
    *,
    counts: Sequence[int] = (10, 30, 100, 300, 1000, 2000),
    threshold: float = 0.5,
) -> dict[str, Any]:
    """Return which part of all objects has a proposal at or above an overlap, by number of proposals a picture.

    Args:
        truth: one `(M, 4)` xyxy a picture.
        proposals: one `(N, 4)` a picture, best first.
        counts: after how many proposals of each picture to look.
        threshold: the least IoU.

    Returns:
        `objects`, `threshold`, `recall` by count, `best_overlap` by count (the mean over objects of the best IoU: MABO
        of Uijlings et al. with all classes together), `interval`: 95 % of the last recall, exact for a binomial (which
        takes objects of one picture for independent), and `proposals`, their mean number a picture.

    Raises:
        InputError: the sequences differ in length, there is no object at all, or a number is out of range.
    """
    if len(truth) != len(proposals):
        raise InputError(f"proposals: expected one set a picture, got {len(truth)} of truth and {len(proposals)}")
    if not counts or min(counts) < 1 or not 0 < threshold <= 1:
        raise InputError(f"proposals: expected counts from 1 and threshold in (0, 1], got {counts}, {threshold}")
    steps = sorted(set(counts))
    best: list[npt.NDArray[np.float64]] = []
    for objects, given in zip(truth, proposals, strict=True):
        overlap = iou(as_boxes(objects, "truth"), as_boxes(given, "proposals"))
        best.append(np.stack([overlap[:, :step].max(axis=1, initial=0) for step in steps], axis=1))
    table = np.concatenate(best) if best else np.zeros((0, len(steps)))
    if not len(table):
        raise InputError("proposals: expected at least one object in the ground truth, got none")
    hits = (table >= threshold).sum(axis=0)
    low, high = binomial_interval(int(hits[-1]), len(table))
    return {
        "objects": len(table),
        "threshold": threshold,
        "recall": {str(step): round(float(hit) / len(table), 6) for step, hit in zip(steps, hits, strict=True)},
        "best_overlap": {
            str(step): round(float(value), 6) for step, value in zip(steps, table.mean(axis=0), strict=True)
        },
        "interval": [round(float(low), 6), round(float(high), 6)],
        "proposals": round(sum(len(as_boxes(each)) for each in proposals) / len(proposals), 1),
    }
