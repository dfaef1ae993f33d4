"""BoT-SORT: ByteTrack with camera motion, widths and heights in the filter, and appearance (arXiv 2206.14651)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.tracking._online import Seen
from eyebright.tracking.association import Indices, Pairs
from eyebright.tracking.bytetrack import ByteTrack
from eyebright.tracking.kalman import BoxFilter


class BotSort(ByteTrack):
    """ByteTrack with a better filter, the camera's motion (`update(camera=...)`) and appearance (section 3).

    With `embeddings` the cost of a pair is the lesser of the overlap's and half the cosine distance's, where the latter
    counts only for boxes that touch and look alike (equations 12 and 13). Each track keeps a running mean of its looks.

    Args:
        proximity: least overlap of a pair whose looks count.
        appearance: greatest cosine distance, halved, of a pair whose looks count.
        momentum: share of the old in the running mean of looks (equation 11).
        settings: those of `ByteTrack`.
    """

    uses_appearance = True

    def __init__(
        self, *, proximity: float = 0.5, appearance: float = 0.25, momentum: float = 0.9, **settings: Any
    ) -> None:
        if not (0 <= proximity <= 1 and 0 <= appearance <= 1 and 0 <= momentum <= 1):
            raise InputError(
                f"BotSort: expected proximity, appearance and momentum from 0 to 1, "
                f"got {proximity}, {appearance}, {momentum}"
            )
        self.proximity, self.appearance, self.momentum = proximity, appearance, momentum
        super().__init__(**{"motion": BoxFilter("xywh"), **settings})

    def _rows(self, seen: Seen) -> dict[str, Any]:
        return super()._rows(seen) | {"looks": looks_of(seen, self._space)}

    def _begin(self, seen: Seen) -> None:
        widen_looks(self._table, self._space)
        super()._begin(seen)

    def _first_scores(self, overlap: Pairs, seen: Seen) -> Pairs:
        worth = self._weighed(overlap, seen) - self.min_iou
        if seen.vectors is None:
            return overlap.worth(worth)
        widen_looks(self._table, self._space)
        halved = (1 - (self._table["looks"][overlap.row] * seen.vectors[overlap.col]).sum(axis=1)) / 2
        close = (overlap.score >= 1 - self.proximity) & (halved <= self.appearance)
        by_looks = np.where(close, (1 - self.min_iou) - halved, 0)
        return overlap.worth(np.maximum(worth, by_looks))

    def _weighed(self, overlap: Pairs, seen: Seen) -> npt.NDArray[np.float64]:
        """Return the overlaps as they count, `(P,)`."""
        del seen
        return overlap.score

    def _continue(self, rows: Indices, seen: Seen) -> None:
        super()._continue(rows, seen)
        blend_looks(self._table, rows, seen, self.momentum)


def looks_of(seen: Seen, space: Any) -> npt.NDArray[np.float32]:
    """Return the looks of new tracks, `(N, D)`; zeros where nothing is known of them."""
    dimension = 0 if space is None else space.dimension
    return np.zeros((len(seen), dimension), np.float32) if seen.vectors is None else seen.vectors


def widen_looks(table: dict[str, Any], space: Any) -> None:
    """Give the tracks from before the first embeddings looks of zeros."""
    if space is not None and table["looks"].shape[1] != space.dimension:
        table["looks"] = np.zeros((len(table["id"]), space.dimension), np.float32)


def blend_looks(table: dict[str, Any], rows: Indices, seen: Seen, momentum: float) -> None:
    """Move the looks of tracks towards those of their detections; unit length is kept."""
    if seen.vectors is None:
        return
    old = table["looks"][rows]
    known = (old != 0).any(axis=1)[:, None]
    new = np.where(known, momentum * old + (1 - momentum) * seen.vectors, seen.vectors)
    length = np.linalg.norm(new, axis=1, keepdims=True)
    table["looks"][rows] = new / np.maximum(length, np.float32(1e-12))
