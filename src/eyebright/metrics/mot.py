"""Scores of tracking: HOTA, CLEAR and identity together, as MOTChallenge counts them.

The numbers equal those of TrackEval, the official judge (tests hold them to figures that its own code produced).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.metrics._tracked import EPS, TrackedSequence, touching
from eyebright.metrics.clear import Clear, clear
from eyebright.metrics.hota import Hota, hota
from eyebright.metrics.identity import Identity, identity

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_DISTRACTORS = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection (MOT16, arXiv 1603.00831)
_PEDESTRIAN = 1


@dataclasses.dataclass(frozen=True, slots=True)
class MotScores:
    """Counts of one sequence, or of several added up.

    Attributes:
        hota: the counts of HOTA.
        clear: the counts of CLEAR.
        identity: the counts of IDF1.
    """

    hota: Hota
    clear: Clear
    identity: Identity

    def __add__(self, other: MotScores) -> MotScores:
        return MotScores(self.hota + other.hota, self.clear + other.clear, self.identity + other.identity)

    def figures(self) -> dict[str, float]:
        """Return `hota, deta, assa, mota, motp, idf1` in 0-100 and the counts `idsw, fp, fn, mt, ml, frag`."""
        return {
            "hota": 100 * self.hota.hota,
            "deta": 100 * self.hota.deta,
            "assa": 100 * self.hota.assa,
            "mota": 100 * self.clear.mota,
            "motp": 100 * self.clear.motp,
            "idf1": 100 * self.identity.idf1,
            "idsw": self.clear.switches,
            "fp": self.clear.false_positives,
            "fn": self.clear.false_negatives,
            "mt": self.clear.mostly_tracked,
            "ml": self.clear.mostly_lost,
            "frag": self.clear.fragments,
        }


def mot_sequence(
    truth: tuple[Ints, Ints, Floats],
    found: tuple[Ints, Ints, Floats],
    frames: int,
    *,
    flag: Floats | None = None,
    class_id: Ints | None = None,
) -> TrackedSequence:
    """Prepare a sequence as MOTChallenge does.

    Ground truth of flag 0 is not counted. With `class_id` (MOT16 and later) only pedestrians count, and a track whose
    box belongs to a distractor (assigned at an overlap of at least 0.5) is neither right nor wrong.

    Args:
        truth: frame numbers from 1 `(N,)`, ids `(N,)` and boxes xyxy `(N, 4)` of the ground truth.
        found: the same of the tracks.
        frames: how many frames the sequence has.
        flag: `(N,)` of the ground truth; None counts all.
        class_id: `(N,)` of the ground truth; None means that all are of the one class.

    Raises:
        InputError: an id occurs twice in a frame, a frame is out of range, or a box is not finite.
    """
    for where, (at, ids, boxes) in (("ground truth", truth), ("tracks", found)):
        if not (len(at) == len(ids) == len(boxes)):
            raise InputError(f"{where}: frames, ids and boxes differ in length: {len(at)}, {len(ids)}, {len(boxes)}")
        if len(at) and (at.min() < 1 or at.max() > frames):
            raise InputError(f"{where}: expected frames 1 to {frames}, got {at.min()} to {at.max()}")
        if not np.isfinite(boxes).all():
            raise InputError(f"{where}: a box is not finite")
        pairs, counts = np.unique(np.stack([at, ids], axis=1), axis=0, return_counts=True)
        if len(pairs) and counts.max() > 1:
            frame, twice = pairs[int(np.argmax(counts))]
            raise InputError(f"{where}: id {twice} occurs twice in frame {frame}")
    order, found_order = np.argsort(truth[0], kind="stable"), np.argsort(found[0], kind="stable")
    at, found_at = truth[0][order] - 1, found[0][found_order] - 1
    row, col, overlap = touching(frames, at, truth[2][order], found_at, found[2][found_order])
    keep = np.ones(len(order), np.bool_) if flag is None else flag[order] != 0
    keep_found = np.ones(len(found_order), np.bool_)
    if class_id is not None:
        keep &= class_id[order] == _PEDESTRIAN
        everything = TrackedSequence(frames, at, order, found_at, found_order, row, col, overlap)
        keep_found[_claimed(everything, np.isin(class_id[order], _DISTRACTORS))] = False
    left = keep[row] & keep_found[col]
    return TrackedSequence(
        frames,
        at[keep],
        _compact(truth[1][order[keep]]),
        found_at[keep_found],
        _compact(found[1][found_order[keep_found]]),
        (np.cumsum(keep) - 1)[row[left]],
        (np.cumsum(keep_found) - 1)[col[left]],
        overlap[left],
    )


def mot_scores(sequence: TrackedSequence) -> MotScores:
    """Return the counts of one sequence."""
    return MotScores(hota(sequence), clear(sequence), identity(sequence))


def combined(scores: Mapping[str, MotScores]) -> MotScores:
    """Return the counts of all sequences added up.

    Raises:
        InputError: there is none.
    """
    if not scores:
        raise InputError("combined: expected the scores of at least one sequence, got none")
    first, *rest = scores.values()
    for one in rest:
        first = first + one
    return first


def _compact(ids: Ints) -> Ints:
    """Return ids counted from 0 without gaps."""
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)


def _claimed(sequence: TrackedSequence, distracting: Bools) -> Ints:
    """Return the tracks' boxes that are assigned to a distractor; `distracting (G,)`."""
    near = sequence.overlap >= 0.5 - EPS
    row, col, overlap = sequence.row[near], sequence.col[near], sequence.overlap[near]
    pairs = sequence.pairs(near)
    for frame, span in pairs.contested():
        pairs.solve(frame, span, overlap[span])
    return col[pairs.made & distracting[row]]
