"""Scores of tracking: HOTA, CLEAR and identity together, as MOTChallenge counts them.

The numbers equal those of TrackEval, the official judge (tests hold them to figures that its own code produced).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from eyebright.core.errors import InputError
from eyebright.metrics.clear import Clear, clear
from eyebright.metrics.hota import Hota, hota
from eyebright.metrics.identity import Identity, identity

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_DISTRACTORS = (2, 7, 8, 12)  # person on vehicle, static person, distractor, reflection (MOT16, arXiv 1603.00831)
_PEDESTRIAN = 1
_EPS = float(np.finfo(np.float64).eps)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TrackedFrame:
    """One frame: what was there, what was said, and how much they overlap.

    Attributes:
        truth: `int64 (G,)`, identities counted from 0 without gaps over the sequence.
        found: `int64 (T,)`, likewise.
        overlap: `float64 (G, T)`, intersection over union.
    """

    truth: Ints
    found: Ints
    overlap: Floats


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


def mot_frames(
    truth: tuple[Ints, Ints, Floats],
    found: tuple[Ints, Ints, Floats],
    frames: int,
    *,
    flag: Floats | None = None,
    class_id: Ints | None = None,
) -> list[TrackedFrame]:
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
    counted = np.ones(len(truth[0]), np.bool_) if flag is None else flag != 0
    if class_id is not None:
        counted &= class_id == _PEDESTRIAN
    distracting = np.zeros(len(counted), np.bool_) if class_id is None else np.isin(class_id, _DISTRACTORS)

    out, kept_truth, kept_found = [], [], []
    true_rows, found_rows = _by_frame(truth[0], frames), _by_frame(found[0], frames)
    for of_truth, of_found in zip(true_rows, found_rows, strict=True):
        overlap = _overlap(truth[2][of_truth], found[2][of_found])
        if class_id is not None and distracting[of_truth].any():
            keep = ~_claimed(overlap, distracting[of_truth])
            of_found, overlap = of_found[keep], overlap[:, keep]
        inside = counted[of_truth]
        kept_truth.append(of_truth[inside])
        kept_found.append(of_found)
        out.append(overlap[inside])
    truth_ids = _compact(truth[1], kept_truth)
    found_ids = _compact(found[1], kept_found)
    return [TrackedFrame(*parts) for parts in zip(truth_ids, found_ids, out, strict=True)]


def mot_scores(frames: Sequence[TrackedFrame]) -> MotScores:
    """Return the counts of one sequence."""
    parts = [(frame.truth, frame.found, frame.overlap) for frame in frames]
    return MotScores(hota(parts), clear(parts), identity(parts))


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


def _by_frame(at: Ints, frames: int) -> list[Ints]:
    order = np.argsort(at, kind="stable")
    return np.split(order, np.searchsorted(at[order], np.arange(2, frames + 1)))


def _compact(ids: Ints, rows: list[Ints]) -> list[Ints]:
    """Return the ids of each frame counted from 0 without gaps."""
    flat = np.concatenate([np.zeros(0, np.int64), *rows])
    compact = np.unique(ids[flat], return_inverse=True)[1].astype(np.int64)
    return np.split(compact, np.cumsum([len(part) for part in rows])[:-1])


def _overlap(boxes: Floats, others: Floats) -> Floats:
    """Return the intersection over union, 0 where a box has no area."""
    corner = np.maximum(boxes[:, None, :2], others[None, :, :2])
    sides = np.maximum(np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - corner, 0)
    shared = sides[..., 0] * sides[..., 1]
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    other_area = np.prod(others[:, 2:] - others[:, :2], axis=1)
    shared[area <= _EPS] = 0
    shared[:, other_area <= _EPS] = 0
    union = area[:, None] + other_area[None, :] - shared
    out: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > _EPS)
    return out


def _claimed(overlap: Floats, distracting: Bools) -> Bools:
    """Return which tracks `(T,)` are assigned to a distractor."""
    scores = np.where(overlap < 0.5 - _EPS, 0, overlap)
    row, col = linear_sum_assignment(scores, maximize=True)
    out = np.zeros(overlap.shape[1], np.bool_)
    out[col[(scores[row, col] > _EPS) & distracting[row]]] = True
    return out
