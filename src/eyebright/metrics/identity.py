"""IDF1 (Ristani et al., arXiv 1609.01775): how much of the boxes one track a person explains."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[Any]
_LEAST_OVERLAP = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """Counts, which may be added over sequences.

    Attributes:
        true_positives: boxes that agree under the best one-to-one assignment of tracks to people.
        truth: true boxes.
        found: tracks' boxes.
    """

    true_positives: int
    truth: int
    found: int

    def __add__(self, other: Identity) -> Identity:
        return Identity(self.true_positives + other.true_positives, self.truth + other.truth, self.found + other.found)

    @property
    def idf1(self) -> float:
        """Agreeing boxes over the mean number of boxes (equation 8)."""
        return 2 * self.true_positives / max(1, self.truth + self.found)


def identity(frames: Sequence[tuple[Array, Array, Array]]) -> Identity:
    """Count one sequence; `frames` as for `clear`.

    The assignment that leaves the fewest wrong boxes is the one with the most agreeing boxes, for the sum of both is
    given: so it needs no rows for the unassigned.
    """
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    tracks = 1 + max((int(found.max()) for _, found, _ in frames if len(found)), default=-1)
    agree = np.zeros((objects, tracks), np.int64)
    for truth, found, overlap in frames:
        row, col = np.nonzero(overlap >= _LEAST_OVERLAP)
        agree[truth[row], found[col]] += 1
    best = agree[linear_sum_assignment(agree, maximize=True)]
    return Identity(
        true_positives=int(best.sum()),
        truth=sum(len(truth) for truth, _, _ in frames),
        found=sum(len(found) for _, found, _ in frames),
    )
