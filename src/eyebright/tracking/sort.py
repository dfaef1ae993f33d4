"""SORT: a Kalman filter and the overlap of boxes (Bewley et al., arXiv 1602.00763)."""

from __future__ import annotations

import numpy as np

from eyebright.core.errors import InputError
from eyebright.tracking._online import OnlineTracker, Seen, without
from eyebright.tracking.association import Indices, assign
from eyebright.tracking.kalman import BoxFilter


class Sort(OnlineTracker):
    """Simple online and realtime tracking, with the settings of the paper.

    The assignment maximises the sum of all overlaps, and pairs below `min_iou` are undone after it (section 3.3). A
    track ends when it was missed more than `max_age` frames in a row; it is shown after `min_hits` detections in a row
    that followed its first (section 3.4).

    Args:
        max_age: frames that a track lives without a detection.
        min_hits: detections in a row before a track is shown.
        min_iou: least overlap of a prediction and a detection.
        per_class: a track continues only in detections of its class.
    """

    def __init__(self, *, max_age: float = 1, min_hits: int = 3, min_iou: float = 0.3, per_class: bool = True) -> None:
        if not 0 <= min_iou <= 1:
            raise InputError(f"Sort: expected min_iou from 0 to 1, got {min_iou}")
        self.min_iou = min_iou
        super().__init__(motion=BoxFilter("xysr"), max_age=max_age, min_hits=min_hits, per_class=per_class)

    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        overlap = self._overlap(seen)
        rows, cols = assign(overlap)
        near = overlap.take(overlap.score >= self.min_iou)
        # what stays of the assignment are its pairs that are near
        partner = np.full(overlap.shape[0], -1)
        partner[rows] = cols
        made = near.take(partner[near.row] == near.col)
        return made.row, made.col, without(np.arange(len(seen)), made.col)
