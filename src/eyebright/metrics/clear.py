"""CLEAR MOT (Bernardin and Stiefelhagen 2008): MOTA, MOTP, switches, fragments, mostly tracked and mostly lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[Any]
_LEAST_OVERLAP = 0.5
_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True, slots=True)
class Clear:
    """Counts, which may be added over sequences.

    Attributes:
        true_positives: pairs of overlap at least 0.5.
        false_positives: tracks' boxes without a pair.
        false_negatives: true boxes without a pair.
        switches: how often a true object was continued by another track than the last that it had.
        overlap: the sum over all pairs.
        mostly_tracked: true objects that are tracked in more than 0.8 of their frames.
        mostly_lost: true objects that are tracked in less than 0.2 of them.
        fragments: how often a true object is tracked again after a pause.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    switches: int
    overlap: float
    mostly_tracked: int
    mostly_lost: int
    fragments: int

    def __add__(self, other: Clear) -> Clear:
        names = [field.name for field in dataclasses.fields(self)]
        return Clear(**{name: getattr(self, name) + getattr(other, name) for name in names})

    @property
    def mota(self) -> float:
        """One minus errors over true boxes; below 0 when there are more errors than boxes."""
        errors = self.true_positives - self.false_positives - self.switches
        return errors / max(1, self.true_positives + self.false_negatives)

    @property
    def motp(self) -> float:
        """Mean overlap of the pairs."""
        return self.overlap / max(1, self.true_positives)


def clear(frames: Sequence[tuple[Array, Array, Array]]) -> Clear:
    """Count one sequence.

    A pair of the frame before is kept while it overlaps enough; the rest is assigned by the greatest sum of overlaps.
    As the official judge does, a frame without any track or without any true box leaves the memory of pairs as it is.

    Args:
        frames: for each the ids of the truth `(G,)`, those of the tracks `(T,)`, both from 0, and the overlap `(G, T)`.
    """
    objects = 1 + max((int(truth.max()) for truth, _, _ in frames if len(truth)), default=-1)
    last = np.full(objects, -1)  # the last track that each object had
    before = np.full(objects, -1)  # the one in the frame before
    present, tracked, begun = (np.zeros(objects, np.int64) for _ in range(3))
    positives = wrong = missed = switches = 0
    total = 0.0
    for truth, found, overlap in frames:
        present[truth] += 1
        if not len(truth) or not len(found):
            wrong += len(found)
            missed += len(truth)
            continue
        allowed = overlap >= _LEAST_OVERLAP - _EPS
        scores = np.where(allowed, overlap + 1000.0 * (before[truth][:, None] == found[None, :]), 0)
        row, col = linear_sum_assignment(scores, maximize=True)
        made = scores[row, col] > _EPS
        row, col = row[made], col[made]
        objects_now, tracks_now = truth[row], found[col]
        switches += int(((last[objects_now] >= 0) & (last[objects_now] != tracks_now)).sum())
        tracked[objects_now] += 1
        begun[objects_now[before[objects_now] < 0]] += 1
        last[objects_now] = tracks_now
        before[:] = -1
        before[objects_now] = tracks_now
        positives += len(row)
        wrong += len(found) - len(row)
        missed += len(truth) - len(row)
        total += float(overlap[row, col].sum())
    there = present > 0
    share = tracked[there] / present[there]
    return Clear(
        true_positives=positives,
        false_positives=wrong,
        false_negatives=missed,
        switches=switches,
        overlap=total,
        mostly_tracked=int((share > 0.8).sum()),
        mostly_lost=int((share < 0.2).sum()),
        fragments=int((begun[begun > 0] - 1).sum()),
    )
