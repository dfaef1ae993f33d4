"""OC-SORT: the filter trusts observations more than its own guesses (Cao et al., arXiv 2203.14360)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.tracking._online import OnlineTracker, Seen, match, without
from eyebright.tracking.association import Indices, Pairs, touching
from eyebright.tracking.kalman import BoxFilter


class OcSort(OnlineTracker):
    """SORT with three additions (section 4).

    Re-update (ORU): when a lost track is found, its filter is run again from its last detection along a straight line
    to the new one. Momentum (OCM): a pair is worth more when it goes on in the direction that the track had. Recovery
    (OCR): tracks that are left over try once more from their last detection instead of the prediction.

    Args:
        confidence: least confidence of a detection.
        max_age: frames that a track lives without a detection.
        min_hits: detections in a row before a track is shown.
        min_iou: least overlap.
        span: frames between the detections that give the direction.
        inertia: weight of the direction.
        per_class: a track continues only in detections of its class.
    """

    def __init__(
        self,
        *,
        confidence: float = 0.5,
        max_age: float = 30,
        min_hits: int = 3,
        min_iou: float = 0.3,
        span: int = 3,
        inertia: float = 0.2,
        per_class: bool = True,
    ) -> None:
        if not (0 <= confidence <= 1 and 0 <= min_iou <= 1 and span >= 1 and inertia >= 0):
            raise InputError(
                "OcSort: expected confidence and min_iou from 0 to 1, span from 1 and inertia from 0, "
                f"got {confidence}, {min_iou}, {span}, {inertia}"
            )
        self.confidence, self.min_iou, self.span, self.inertia = confidence, min_iou, span, inertia
        super().__init__(motion=BoxFilter("xysr"), max_age=max_age, min_hits=min_hits, per_class=per_class)

    def _rows(self, seen: Seen) -> dict[str, Any]:
        return super()._rows(seen) | {
            # the last detection, the filter after it, and the boxes of the last frames (the newest first)
            "observed": seen.boxes,
            "frozen": self.motion.start(seen.boxes),
            "past": np.repeat(seen.boxes[:, None], self.span, axis=1),
        }

    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        table = self._table
        overlap = self._overlap(seen)
        everyone = np.arange(len(table["id"]))
        sure = np.flatnonzero(seen.confidence >= self.confidence)
        rows, cols = match(self._worth(overlap, seen), everyone, sure)
        left, free = without(everyone, rows), without(sure, cols)
        more_rows, more_cols = left[:0], free[:0]
        if len(left) and len(free):
            again = self._apart(touching(table["observed"], seen.boxes), seen)
            more_rows, more_cols = match(again.above(self.min_iou), left, free)
        rows, cols = np.concatenate([rows, more_rows]), np.concatenate([cols, more_cols])
        return rows, cols, without(sure, cols)

    def _worth(self, overlap: Pairs, seen: Seen) -> Pairs:
        """Return the overlaps with how well each pair keeps the track's direction (equation 4)."""
        table = self._table
        near = overlap.take(overlap.score >= self.min_iou)
        row, col = near.row, near.col
        before, last = _centres(table["past"][row, -1]), _centres(table["observed"][row])
        was, would = _unit(last - before), _unit(_centres(seen.boxes[col]) - before)
        cosine = np.clip((was * would).sum(axis=1), -1, 1)
        kept = np.where((was != 0).any(axis=1), 0.5 - np.arccos(cosine) / np.pi, 0)
        return near.worth(near.score + self.inertia * kept * seen.confidence[col])

    def _continue(self, rows: Indices, seen: Seen) -> None:
        table = self._table
        gap = table["missed"][rows]  # frames since the last detection, this one included
        lost = gap > 1
        if lost.any():
            table["state"][rows[lost]] = self._again(rows[lost], seen.take(np.flatnonzero(lost)).boxes, gap[lost])
        super()._continue(rows, seen)
        table["frozen"][rows] = table["state"][rows]
        table["past"] = np.concatenate([table["observed"][:, None], table["past"][:, :-1]], axis=1)
        table["observed"][rows] = seen.boxes

    def _again(self, rows: Indices, boxes: npt.NDArray[np.float64], gap: npt.NDArray[np.float64]) -> Any:
        """Return the states before the new detection, had the objects gone there in a straight line (section 4.2)."""
        states = self._table["frozen"][rows]
        first = self._table["observed"][rows]
        steps = np.maximum(np.rint(gap), 1)
        for step in range(1, int(steps.max()) + 1):
            going = step < steps
            moved = self.motion.predict(states)
            share = (step / steps)[:, None]
            states = np.where((step <= steps)[:, None, None], moved, states)
            states[going] = self.motion.update(states[going], (first + share * (boxes - first))[going])
        return states


def _centres(boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    out: npt.NDArray[np.float64] = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return out
