"""Eyebright's tracker: the parts of the papers that helped most, put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.tracking._online import Seen, without
from eyebright.tracking.association import Indices, Pairs, assign
from eyebright.tracking.botsort import BotSort, widen_looks
from eyebright.tracking.kalman import BoxFilter


class Eyebright(BotSort):
    """The default tracker.

    From ByteTrack (arXiv 2110.06864) the two associations and the weight of confidence; from SORT (arXiv 1602.00763)
    the filter of area and ratio; from Hybrid-SORT (arXiv 2308.00783) the overlap of heights, because heights change
    least when people hide each other; from BoT-SORT (arXiv 2206.14651) camera motion and looks. With `embeddings`,
    tracks that were lost long ago are remembered, and a detection that would begin a track is first compared with them.

    Args:
        height_power: the overlap of boxes is multiplied by that of their heights to this power.
        memory: frames that the looks of a lost track are remembered.
        min_likeness: least cosine of looks that give a lost track back.
        settings: those of `BotSort` and `ByteTrack`.
    """

    def __init__(
        self, *, height_power: float = 1.0, memory: float = 3000, min_likeness: float = 0.7, **settings: Any
    ) -> None:
        if not (height_power >= 0 and memory >= 0 and -1 <= min_likeness <= 1):
            raise InputError(
                "Eyebright: expected height_power and memory of at least 0 and min_likeness from -1 to 1, "
                f"got {height_power}, {memory}, {min_likeness}"
            )
        self.height_power, self.memory, self.min_likeness = height_power, memory, min_likeness
        defaults = {
            "motion": BoxFilter("xysr"), "high": 0.6, "new": 0.8, "min_iou": 0.15, "min_iou_low": 0.2,
            "min_iou_unconfirmed": 0.15, "min_hits": 3,
        }  # fmt: skip
        super().__init__(**{**defaults, **settings})

    def _overlap(self, seen: Seen) -> Pairs:
        pairs = super()._overlap(seen)
        if self.height_power:
            a, b = self._table["box"][pairs.row], seen.boxes[pairs.col]
            shared = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
            whole = np.maximum(a[:, 3], b[:, 3]) - np.minimum(a[:, 1], b[:, 1])
            part = shared / whole
            # a power of 1 costs nothing
            pairs = pairs.worth(pairs.score * (part if self.height_power == 1 else part**self.height_power))
        # what is lost for long is found by its looks alone
        long = self._table["missed"] > self.max_age
        return pairs.take(~long[pairs.row]) if long.any() else pairs

    def _weighed(self, overlap: Pairs, seen: Seen) -> npt.NDArray[np.float64]:
        return overlap.score * seen.confidence[overlap.col]

    def _fresh_scores(self, overlap: Pairs, seen: Seen) -> Pairs:
        return overlap.worth(self._weighed(overlap, seen) - self.min_iou_unconfirmed)

    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        rows, cols, born = super()._associate(seen)
        table = self._table
        if seen.vectors is None or not len(born):
            return rows, cols, born
        widen_looks(table, self._space)
        lost = without(np.flatnonzero(table["confirmed"] & (table["missed"] > 0)), rows)
        alike = np.asarray(table["looks"][lost] @ seen.vectors[born].T, np.float64) - self.min_likeness
        row, col = np.nonzero(alike > 0)
        pairs = Pairs(lost[row], born[col], alike[row, col], (len(table["id"]), len(seen)))
        more_rows, more_cols = assign(self._apart(pairs, seen))
        # the filter knows nothing of where it went: it starts again there
        table["state"][more_rows] = self.motion.start(seen.boxes[more_cols])
        rows, cols = np.concatenate([rows, more_rows]), np.concatenate([cols, more_cols])
        return rows, cols, without(born, more_cols)

    def _alive(self) -> npt.NDArray[np.bool_]:
        remembered = (self._table["looks"] != 0).any(axis=1) & (self._table["missed"] <= self.memory)
        alive: npt.NDArray[np.bool_] = super()._alive() | (remembered & self._table["confirmed"])
        return alive
