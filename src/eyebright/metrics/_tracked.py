"""A tracked sequence as flat columns: what all scores of tracking start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
EPS = float(np.finfo(np.float64).eps)
_CHUNK = 1 << 20  # candidate pairs that are looked at at once


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TrackedSequence:
    """A sequence: what was there, what was said, and which boxes of a frame overlap.

    Attributes:
        frames: how many there are.
        truth_at: `int64 (G,)`, the frame of each true box, counted from 0, rising.
        truth: `int64 (G,)`, identities counted from 0 without gaps.
        found_at: `int64 (T,)`, the same of the tracks' boxes.
        found: `int64 (T,)`, likewise.
        row: `int64 (P,)`, the true box of each pair that overlaps; pairs rise by row, then by column.
        col: `int64 (P,)`, its box of a track.
        overlap: `float64 (P,)`, intersection over union, above 0.
    """

    frames: int
    truth_at: Ints
    truth: Ints
    found_at: Ints
    found: Ints
    row: Ints
    col: Ints
    overlap: Floats

    @property
    def objects(self) -> int:
        """How many identities the truth has."""
        return int(self.truth.max(initial=-1)) + 1

    @property
    def tracks(self) -> int:
        """How many identities the tracks have."""
        return int(self.found.max(initial=-1)) + 1

    def pairs(self, kept: Bools | None = None) -> FramePairs:
        """Return the pairs (those of `kept`, `bool (P,)`) by frame."""
        rows = slice(None) if kept is None else kept
        return FramePairs(self, self.row[rows], self.col[rows])


class FramePairs:
    """Pairs of a sequence grouped by frame, to be assigned frame by frame.

    Most frames need no solver: where no pair of a frame shares a box with another, all of them are made.

    Args:
        sequence: the sequence.
        row: true boxes of the pairs, `int64 (P,)`, as in the sequence.
        col: their boxes of tracks.

    Attributes:
        at: the frame of each pair, `int64 (P,)`.
        truth: identity of each pair's true box.
        found: identity of its track.
        made: which pairs are made, `bool (P,)`: all of the frames without rivals, and what `solve` chose.
    """

    def __init__(self, sequence: TrackedSequence, row: Ints, col: Ints) -> None:
        self.at = sequence.truth_at[row]
        self.truth, self.found = sequence.truth[row], sequence.found[col]
        frames = sequence.frames
        self._true = np.bincount(sequence.truth_at, minlength=frames)
        self._said = np.bincount(sequence.found_at, minlength=frames)
        first_true, first_said = np.cumsum(self._true) - self._true, np.cumsum(self._said) - self._said
        # the place of each pair in the matrix of its frame
        self._cell = (row - first_true[self.at]) * self._said[self.at] + col - first_said[self.at]
        self._edges = np.searchsorted(self.at, np.arange(frames + 1))
        rival = (np.bincount(row, minlength=1)[row] > 1) | (np.bincount(col, minlength=1)[col] > 1)
        self.made = np.ones(len(row), np.bool_)
        self._contested = np.unique(self.at[rival])

    @property
    def both(self) -> Bools:
        """Return which frames have true boxes and tracks' boxes, `bool (frames,)`."""
        out: Bools = (self._true > 0) & (self._said > 0)
        return out

    def span(self, frame: int) -> slice:
        """Return the pairs of a frame."""
        return slice(self._edges[frame], self._edges[frame + 1])

    def contested(self) -> Iterator[tuple[int, slice]]:
        """Yield the frames that need a solver, in order, with their pairs."""
        for frame in self._contested.tolist():
            yield frame, self.span(frame)

    def solve(self, frame: int, span: slice, scores: Floats) -> None:
        """Make the pairs of a frame that give the greatest sum of `scores` (those of `span`, above 0)."""
        width = int(self._said[frame])
        # the whole matrix of the frame, as the official judge hands it to the same solver: ties fall the same way
        matrix = np.zeros((int(self._true[frame]), width))
        cell = self._cell[span]
        matrix.reshape(-1)[cell] = scores
        row, col = linear_sum_assignment(matrix, maximize=True)
        chosen = np.zeros(matrix.size, np.bool_)
        chosen[row * width + col] = True
        self.made[span] = chosen[cell]


def touching(
    frames: int, truth_at: Ints, truth_boxes: Floats, found_at: Ints, found_boxes: Floats
) -> tuple[Ints, Ints, Floats]:
    """Return rows, columns and overlaps of all pairs of one frame that overlap, `(P,)` each.

    Args:
        frames: how many there are.
        truth_at: frames of the true boxes `(G,)`, from 0, rising.
        truth_boxes: xyxy `(G, 4)`.
        found_at: frames of the tracks' boxes `(T,)`, from 0, rising.
        found_boxes: xyxy `(T, 4)`.
    """
    first = np.searchsorted(found_at, np.arange(frames + 1))
    many = (first[1:] - first[:-1])[truth_at]
    ends = np.cumsum(many)
    areas, found_areas = _areas(truth_boxes), _areas(found_boxes)
    parts: list[tuple[Any, Any, Any]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    start = 0
    while start < len(truth_at):
        base = int(ends[start] - many[start])
        stop = max(start + 1, int(np.searchsorted(ends, base + _CHUNK, side="right")))
        row = np.repeat(np.arange(start, stop), many[start:stop])
        col = np.arange(len(row)) - np.repeat(ends[start:stop] - many[start:stop] - base, many[start:stop])
        col += first[truth_at[row]]
        a, b = truth_boxes[row].T, found_boxes[col].T
        across, down = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0]), np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
        good = np.flatnonzero((across > 0) & (down > 0) & (areas[row] > EPS) & (found_areas[col] > EPS))
        row, col, shared = row[good], col[good], across[good] * down[good]
        union = areas[row] + found_areas[col] - shared
        overlap = np.divide(shared, union, out=np.zeros_like(shared), where=union > EPS)
        real = overlap > 0
        parts.append((row[real], col[real], overlap[real]))
        start = stop
    rows, cols, overlaps = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, cols, overlaps


def _areas(boxes: Floats) -> Floats:
    out: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return out
