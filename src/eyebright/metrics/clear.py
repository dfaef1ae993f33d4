"""CLEAR MOT (Bernardin and Stiefelhagen 2008): MOTA, MOTP, switches, fragments, mostly tracked and mostly lost."""

from __future__ import annotations

import dataclasses

import numpy as np

from eyebright.metrics._tracked import EPS, TrackedSequence

_LEAST_OVERLAP = 0.5


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


def clear(sequence: TrackedSequence) -> Clear:
    """Count one sequence.

    A pair of the frame before is kept while it overlaps enough; the rest is assigned by the greatest sum of overlaps.
    As the official judge does, a frame without any track or without any true box leaves the memory of pairs as it is.
    """
    allowed = sequence.overlap >= _LEAST_OVERLAP - EPS
    overlap, pairs = sequence.overlap[allowed], sequence.pairs(allowed)
    both = pairs.both
    turn = np.cumsum(both) - 1  # counts the frames in which pairs can be made
    before_of = np.flatnonzero(both)
    last = np.full(sequence.objects, -1)
    for frame, span in pairs.contested():
        earlier = pairs.span(before_of[turn[frame] - 1]) if turn[frame] else slice(0, 0)
        kept = pairs.made[earlier]
        continued = pairs.truth[earlier][kept]
        last[continued] = pairs.found[earlier][kept]
        goes_on = last[pairs.truth[span]] == pairs.found[span]
        last[continued] = -1
        pairs.solve(frame, span, overlap[span] + 1000.0 * goes_on)

    made = np.flatnonzero(pairs.made)
    made = made[np.argsort(pairs.truth[made], kind="stable")]  # the life of each object, one after the other
    objects, tracks, turns = pairs.truth[made], pairs.found[made], turn[pairs.at[made]]
    same = objects[1:] == objects[:-1]
    resumed = same & (turns[1:] != turns[:-1] + 1)
    present, tracked = (np.bincount(ids, minlength=sequence.objects) for ids in (sequence.truth, objects))
    share = tracked / np.maximum(present, 1)
    return Clear(
        true_positives=len(made),
        false_positives=len(sequence.found) - len(made),
        false_negatives=len(sequence.truth) - len(made),
        switches=int((same & (tracks[1:] != tracks[:-1])).sum()),
        overlap=float(overlap[made].sum()),
        mostly_tracked=int((share > 0.8).sum()),
        mostly_lost=int((share < 0.2).sum()),
        fragments=int(resumed.sum()),
    )
