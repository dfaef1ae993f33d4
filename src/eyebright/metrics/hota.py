"""HOTA (Luiten et al., arXiv 2009.07736): detection and association in one number, over 19 thresholds of overlap."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[Any]
ALPHAS: tuple[float, ...] = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Least overlaps of a pair, 0.05 to 0.95 (section 5.4)."""
_EPS = float(np.finfo(np.float64).eps)


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


def hota(frames: Sequence[tuple[Array, Array, Array]]) -> Hota:
    """Count one sequence; `frames` as for `clear`.

    Boxes are paired in each frame by overlap times how well the two identities agree over the whole sequence, once for
    all thresholds (section 5.3).
    """
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    tracks = 1 + max((int(found.max()) for _, found, _ in frames if len(found)), default=-1)
    of_object, of_track = np.zeros(objects), np.zeros(tracks)
    shared = np.zeros((objects, tracks))
    for truth, found, overlap in frames:
        of_object[truth] += 1
        of_track[found] += 1
        union = overlap.sum(axis=0)[None, :] + overlap.sum(axis=1)[:, None] - overlap
        part = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > _EPS)
        shared[np.ix_(truth, found)] += part
    both = of_object[:, None] + of_track[None, :]
    agreement = np.divide(shared, both - shared, out=np.zeros_like(shared), where=shared > 0)

    rows, cols, levels = [], [], []
    for truth, found, overlap in frames:
        if len(truth) and len(found):
            row, col = linear_sum_assignment(agreement[np.ix_(truth, found)] * overlap, maximize=True)
            rows.append(truth[row])
            cols.append(found[col])
            levels.append(overlap[row, col])
    row, col = (np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (rows, cols))
    level = np.concatenate([np.zeros(0), *levels])

    positives, association = np.zeros(len(ALPHAS)), np.zeros(len(ALPHAS))
    for at, alpha in enumerate(ALPHAS):
        good = level >= alpha - _EPS
        pair, count = np.unique(row[good] * max(tracks, 1) + col[good], return_counts=True)
        a, b = np.divmod(pair, max(tracks, 1))
        positives[at] = good.sum()
        association[at] = (count * count / np.maximum(1, of_object[a] + of_track[b] - count)).sum()
    return Hota(positives, int(of_object.sum()), int(of_track.sum()), association)
