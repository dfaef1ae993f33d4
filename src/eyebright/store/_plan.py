"""Which index a store builds, by the size of its vectors."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

Kind = Literal["flat", "ivf", "ivf-sq8"]


@dataclasses.dataclass(frozen=True, slots=True)
class IndexPlan:
    """Sizes at which the index changes, in bytes of `float32` vectors, and what it must reach.

    Attributes:
        flat_max: up to here every vector is compared (one query over 8 MB takes about 2 ms on one core).
        full_max: up to here vectors are kept whole in memory; beyond, in 8 bits a value, and the best are compared
            again with what SQLite holds.
        filtered_max: a filter that admits at most this much is searched exactly.
        recall: the share of the ten nearest that the approximate index must find when it is built.
        growth: the index is trained anew when the store has grown by this factor.
        least: fewer vectors than this are compared one by one, however large they are.
    """

    flat_max: int = 8 << 20
    full_max: int = 2 << 30
    filtered_max: int = 4 << 20
    recall: float = 0.995
    growth: float = 4.0
    least: int = 1000

    def kind(self, count: int, dimension: int) -> Kind:
        """Return the index for `count` vectors."""
        size = 4 * count * dimension
        if size <= self.flat_max or count < self.least:
            return "flat"
        return "ivf" if size <= self.full_max else "ivf-sq8"

    def few(self, count: int, dimension: int) -> bool:
        """Return whether `count` admitted vectors are so few that all are compared."""
        return 4 * count * dimension <= self.filtered_max

    @staticmethod
    def lists(count: int) -> int:
        """Return how many lists an inverted file over `count` vectors has.

        Twice the square root: finding the lists then costs about as much as scanning a few of them.
        """
        return max(4, round(2 * math.sqrt(count)))
