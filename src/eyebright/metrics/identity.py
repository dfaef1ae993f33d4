"""IDF1 (Ristani et al., arXiv 1609.01775): how much of the boxes one track a person explains."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from eyebright.metrics._tracked import TrackedSequence

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


def identity(sequence: TrackedSequence) -> Identity:
    """Count one sequence.

    The assignment that leaves the fewest wrong boxes is the one with the most agreeing boxes, for the sum of both is
    given: so it needs no rows for the unassigned.
    """
    objects, tracks = sequence.objects, sequence.tracks
    pairs = sequence.pairs(sequence.overlap >= _LEAST_OVERLAP)
    agree = np.bincount(pairs.truth * tracks + pairs.found, minlength=objects * tracks).reshape(objects, tracks)
    best = agree[linear_sum_assignment(agree, maximize=True)]
    return Identity(true_positives=int(best.sum()), truth=len(sequence.truth), found=len(sequence.found))
