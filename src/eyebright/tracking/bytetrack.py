"""ByteTrack: detections of low confidence continue tracks too (Zhang et al., arXiv 2110.06864)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.tracking._online import OnlineTracker, Seen, match, without
from eyebright.tracking.association import Indices, Pairs
from eyebright.tracking.kalman import BoxFilter


class ByteTrack(OnlineTracker):
    """Two associations: sure detections with all tracks, then unsure ones with the tracks that are left (algorithm 1).

    A track is confirmed by its `min_hits`-th detection, or at once in the first frame; before, it ends when missed.

    Args:
        high: confidence of sure detections.
        low: below it a detection is passed over.
        new: least confidence of a detection that begins a track.
        min_iou: least overlap with sure detections.
        min_iou_low: least overlap with unsure detections.
        min_iou_unconfirmed: least overlap of a track that is not confirmed.
        max_age: frames that a confirmed track lives without a detection.
        min_hits: detections before a track is confirmed.
        per_class: a track continues only in detections of its class.
        motion: the motion model.
    """

    def __init__(
        self,
        *,
        high: float = 0.5,
        low: float = 0.1,
        new: float = 0.6,
        min_iou: float = 0.2,
        min_iou_low: float = 0.5,
        min_iou_unconfirmed: float = 0.3,
        max_age: float = 30,
        min_hits: int = 2,
        per_class: bool = True,
        motion: BoxFilter | None = None,
    ) -> None:
        limits = (high, low, new, min_iou, min_iou_low, min_iou_unconfirmed)
        if not all(0 <= limit <= 1 for limit in limits) or low > high:
            where = type(self).__name__
            raise InputError(f"{where}: expected thresholds from 0 to 1 and low not above high, got {limits}")
        self.high, self.low, self.new = high, low, new
        self.min_iou, self.min_iou_low, self.min_iou_unconfirmed = min_iou, min_iou_low, min_iou_unconfirmed
        super().__init__(motion=motion or BoxFilter("xyah"), max_age=max_age, min_hits=min_hits, per_class=per_class)

    def _rows(self, seen: Seen) -> dict[str, Any]:
        return super()._rows(seen) | {"confirmed": np.full(len(seen), self._frame <= 1 or self.min_hits <= 1)}

    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        table, overlap = self._table, self._overlap(seen)
        sure = np.flatnonzero(seen.confidence >= self.high)
        unsure = np.flatnonzero((seen.confidence < self.high) & (seen.confidence >= self.low))
        known = np.flatnonzero(table["confirmed"])
        rows, cols = match(self._first_scores(overlap, seen), known, sure)
        # only tracks that were seen in the frame before continue in unsure detections
        left = without(known, rows)
        left = left[table["missed"][left] == 0]
        low_rows, low_cols = match(overlap.above(self.min_iou_low), left, unsure)
        free = without(sure, cols)
        fresh = np.flatnonzero(~table["confirmed"])
        new_rows, new_cols = match(self._fresh_scores(overlap, seen), fresh, free)
        rows = np.concatenate([rows, low_rows, new_rows])
        cols = np.concatenate([cols, low_cols, new_cols])
        born = without(free, cols)
        return rows, cols, born[seen.confidence[born] >= self.new]

    def _first_scores(self, overlap: Pairs, seen: Seen) -> Pairs:
        """Return what each pair of a track and a sure detection is worth."""
        del seen
        return overlap.above(self.min_iou)

    def _fresh_scores(self, overlap: Pairs, seen: Seen) -> Pairs:
        """Return the same for the tracks that are not confirmed."""
        del seen
        return overlap.above(self.min_iou_unconfirmed)

    def _continue(self, rows: Indices, seen: Seen) -> None:
        super()._continue(rows, seen)
        self._table["confirmed"] |= self._table["hits"] >= self.min_hits

    def _seen(self) -> npt.NDArray[np.bool_]:
        shown: npt.NDArray[np.bool_] = (self._table["missed"] == 0) & self._table["confirmed"]
        return shown

    def _alive(self) -> npt.NDArray[np.bool_]:
        missed = self._table["missed"]
        alive: npt.NDArray[np.bool_] = (missed == 0) | (self._table["confirmed"] & (missed <= self.max_age))
        return alive
