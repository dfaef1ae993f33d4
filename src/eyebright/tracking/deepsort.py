"""DeepSORT: a gallery of looks for each track, and a cascade by age (Wojke et al., arXiv 1703.07402)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.tracking._online import OnlineTracker, Seen, match, without
from eyebright.tracking.association import Indices, Pairs
from eyebright.tracking.kalman import BoxFilter

_GATE = 9.4877  # 0.95 quantile of chi-square with four degrees of freedom (section 2.2)


class DeepSort(OnlineTracker):
    """Looks first, overlap for the rest (section 2).

    Confirmed tracks are matched by the least cosine distance to their gallery, among pairs that the filter's
    Mahalanobis distance allows, the lately seen tracks first (listing 1). What is left, and unconfirmed tracks,
    are matched by overlap. Without `embeddings` only the overlap is used.

    Args:
        confidence: least confidence of a detection.
        max_age: frames that a confirmed track lives without a detection; unconfirmed ones end when missed.
        min_hits: detections before a track is confirmed.
        min_iou: least overlap.
        max_distance: greatest cosine distance.
        gallery: how many looks a track keeps.
        per_class: a track continues only in detections of its class.
    """

    uses_appearance = True

    def __init__(
        self,
        *,
        confidence: float = 0.3,
        max_age: int = 30,
        min_hits: int = 3,
        min_iou: float = 0.3,
        max_distance: float = 0.2,
        gallery: int = 50,
        per_class: bool = True,
    ) -> None:
        if not (0 <= confidence <= 1 and 0 <= min_iou <= 1 and 0 < max_distance <= 2 and gallery >= 1):
            raise InputError(
                "DeepSort: expected confidence and min_iou from 0 to 1, max_distance to 2, gallery from 1, "
                f"got {confidence}, {min_iou}, {max_distance}, {gallery}"
            )
        self.confidence, self.min_iou = confidence, min_iou
        self.max_distance, self.gallery = max_distance, gallery
        super().__init__(motion=BoxFilter("xyah"), max_age=max_age, min_hits=min_hits, per_class=per_class)

    def _rows(self, seen: Seen) -> dict[str, Any]:
        dimension = 0 if self._space is None else self._space.dimension
        looks = np.zeros((len(seen), self.gallery, dimension), np.float32)
        if seen.vectors is not None:
            looks[:, 0] = seen.vectors
        kept = np.full(len(seen), int(seen.vectors is not None), np.int64)
        return super()._rows(seen) | {"looks": looks, "kept": kept}

    def _widen(self) -> None:
        """Give the tracks from before the first embeddings an empty gallery."""
        looks = self._table["looks"]
        if self._space is not None and looks.shape[2] != self._space.dimension:
            self._table["looks"] = np.zeros((*looks.shape[:2], self._space.dimension), np.float32)

    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        self._widen()
        table = self._table
        sure = np.flatnonzero(seen.confidence >= self.confidence)
        confirmed = np.flatnonzero(table["hits"] >= self.min_hits)
        rows, cols = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if seen.vectors is not None and len(confirmed) and len(sure):
            scores = self._looks_scores(seen)
            for age in np.unique(table["missed"][confirmed]):
                level = confirmed[table["missed"][confirmed] == age]
                more_rows, more_cols = match(scores, level, without(sure, cols))
                rows, cols = np.concatenate([rows, more_rows]), np.concatenate([cols, more_cols])
        recent = without(np.flatnonzero((table["missed"] == 0) | (seen.vectors is None)), rows)
        more_rows, more_cols = match(self._overlap(seen).above(self.min_iou), recent, without(sure, cols))
        rows, cols = np.concatenate([rows, more_rows]), np.concatenate([cols, more_cols])
        return rows, cols, without(sure, cols)

    def _looks_scores(self, seen: Seen) -> Pairs:
        """Return what the pairs within the gates are worth by their looks (equations 2 to 4)."""
        table = self._table
        assert seen.vectors is not None
        likeness = np.einsum("ngd,md->ngm", table["looks"], seen.vectors)
        likeness[np.arange(self.gallery)[None, :] >= table["kept"][:, None]] = -1
        distance = 1 - likeness.max(axis=1).astype(np.float64)
        scores = np.maximum(self.max_distance - distance, 0)
        scores[self.motion.mahalanobis(table["state"], seen.boxes) > _GATE] = 0
        return self._apart(Pairs.of(scores), seen)

    def _continue(self, rows: Indices, seen: Seen) -> None:
        super()._continue(rows, seen)
        if seen.vectors is not None:
            table = self._table
            table["looks"][rows, 1:] = table["looks"][rows, :-1].copy()
            table["looks"][rows, 0] = seen.vectors
            table["kept"][rows] = np.minimum(table["kept"][rows] + 1, self.gallery)

    def _seen(self) -> npt.NDArray[np.bool_]:
        table = self._table
        shown: npt.NDArray[np.bool_] = (table["missed"] == 0) & (
            (table["hits"] >= self.min_hits) | (self._frame <= self.min_hits)
        )
        return shown

    def _alive(self) -> npt.NDArray[np.bool_]:
        table = self._table
        alive: npt.NDArray[np.bool_] = (table["missed"] == 0) | (
            (table["hits"] >= self.min_hits) & (table["missed"] <= self.max_age)
        )
        return alive
