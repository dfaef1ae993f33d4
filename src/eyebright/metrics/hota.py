"""HOTA (Luiten et al., arXiv 2009.07736): detection and association in one number, over 19 thresholds of overlap."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from eyebright.metrics._tracked import EPS, TrackedSequence

ALPHAS: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Least overlaps of a pair, 0.05 to 0.95 (section 5.4)."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Hota:
    """Counts at each threshold, `(19,)`, which may be added over sequences.

    Attributes:
        true_positives: pairs.
        truth: true boxes.
        found: tracks' boxes.
        association: the sum of the association score over all pairs (the numerator of equation 10).
    """

    true_positives: npt.NDArray[np.float64]
    truth: int
    found: int
    association: npt.NDArray[np.float64]

    def __add__(self, other: Hota) -> Hota:
        return Hota(
            self.true_positives + other.true_positives,
            self.truth + other.truth,
            self.found + other.found,
            self.association + other.association,
        )

    @property
    def deta_by_alpha(self) -> npt.NDArray[np.float64]:
        """Pairs over pairs, misses and false boxes, `(19,)`."""
        return self.true_positives / np.maximum(1, self.truth + self.found - self.true_positives)

    @property
    def assa_by_alpha(self) -> npt.NDArray[np.float64]:
        """Mean association score of the pairs, `(19,)`."""
        return self.association / np.maximum(1, self.true_positives)

    @property
    def deta(self) -> float:
        """Mean detection accuracy, 0 to 1."""
        return float(self.deta_by_alpha.mean())

    @property
    def assa(self) -> float:
        """Mean association accuracy, 0 to 1."""
        return float(self.assa_by_alpha.mean())

    @property
    def hota(self) -> float:
        """Mean over the thresholds of the geometric mean of both, 0 to 1 (equations 7 and 8)."""
        return float(np.sqrt(self.deta_by_alpha * self.assa_by_alpha).mean())


def hota(sequence: TrackedSequence) -> Hota:
    """Count one sequence.

    Boxes are paired in each frame by overlap times how well the two identities agree over the whole sequence, once for
    all thresholds (section 5.3).
    """
    objects, tracks = sequence.objects, max(sequence.tracks, 1)
    of_object = np.bincount(sequence.truth, minlength=objects)
    of_track = np.bincount(sequence.found, minlength=tracks)
    row, col, overlap = sequence.row, sequence.col, sequence.overlap
    pairs = sequence.pairs()
    of_true = np.bincount(row, weights=overlap, minlength=len(sequence.truth))
    of_said = np.bincount(col, weights=overlap, minlength=len(sequence.found))
    union = of_true[row] + of_said[col] - overlap
    part = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > EPS)
    # only identities that meet have anything in common
    code, which = np.unique(pairs.truth * tracks + pairs.found, return_inverse=True)
    a, b = np.divmod(code, tracks)
    together = of_object[a] + of_track[b]
    shared = np.bincount(which, weights=part, minlength=len(code))
    scores = (shared / (together - shared))[which] * overlap
    for frame, span in pairs.contested():
        pairs.solve(frame, span, scores[span])

    level, which = overlap[pairs.made], which[pairs.made]
    positives, association = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    for at, alpha in enumerate(ALPHAS):
        good = level >= alpha - EPS
        count = np.bincount(which[good], minlength=len(code))
        positives[at] = good.sum()
        association[at] = (count * count / np.maximum(1, together - count)).sum()
    return Hota(positives, len(sequence.truth), len(sequence.found), association)
