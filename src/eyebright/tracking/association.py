"""Association: which track continues in which detection.

A score is what a pair is worth, and 0 means that the pair is not allowed. Of thousands of boxes on each side few pairs
touch: only these are listed and worked on. `assign` finds the pairs of the greatest sum: pairs that compete with no
other are taken at once, SciPy's solvers take the rest. A cost c with a limit L, as the papers write it, is the score
max(0, L - c).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

Scores = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_SMALL = 64  # up to so many contested rows the solver of whole matrices is quicker than that of lists
_FEW = 4096  # up to so many pairs of boxes all are compared; beyond, boxes are sorted first
_CHUNK = 1 << 20  # pairs that are looked at at once
_PARTNERS = 32  # of boxes that overlap more others than this, only the pairs with the best overlap are kept
_MATRIX, _DENSE = 1 << 22, 0.02  # up to such a size, and from such a share of pairs on, a whole matrix is quicker


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The allowed pairs of N rows with M columns.

    Attributes:
        row: `int64 (P,)`.
        col: `int64 (P,)`.
        score: `float64 (P,)`, above 0.
        shape: (N, M).
    """

    row: Indices
    col: Indices
    score: Scores
    shape: tuple[int, int]

    @classmethod
    def of(cls, scores: Scores) -> Pairs:
        """Return the pairs of a matrix `(N, M)` whose score is above 0."""
        row, col = np.nonzero(scores > 0)
        return cls(row, col, scores[row, col], (scores.shape[0], scores.shape[1]))

    def take(self, keep: npt.NDArray[Any]) -> Pairs:
        """Return these pairs."""
        return Pairs(self.row[keep], self.col[keep], self.score[keep], self.shape)

    def above(self, minimum: float) -> Pairs:
        """Return what a cost of 1 - score with the limit 1 - minimum is worth: score - minimum, where above 0."""
        return self.worth(self.score - minimum)

    def worth(self, score: Scores) -> Pairs:
        """Return the pairs with other scores; those of no score above 0 go."""
        keep = score > 0
        if keep.all():
            return Pairs(self.row, self.col, score, self.shape)
        return Pairs(self.row[keep], self.col[keep], score[keep], self.shape)

    def among(self, rows: npt.NDArray[Any], cols: npt.NDArray[Any]) -> Pairs:
        """Return the pairs of some rows with some columns."""
        mine, theirs = np.zeros(self.shape[0], np.bool_), np.zeros(self.shape[1], np.bool_)
        mine[rows], theirs[cols] = True, True
        return self.take(mine[self.row] & theirs[self.col])


def assign(scores: Scores | Pairs) -> tuple[Indices, Indices]:
    """Return rows and columns of the assignment with the greatest sum of scores, `int64 (K,)` each, rows ascending.

    Args:
        scores: `(N, M)`, at least 0; a pair of score 0 is never made.
    """
    pairs = scores if isinstance(scores, Pairs) else Pairs.of(scores)
    row, col = pairs.row, pairs.col
    if not len(row):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    contested = (np.bincount(row)[row] > 1) | (np.bincount(col)[col] > 1)
    if not contested.any():
        order = np.argsort(row)
        return row[order], col[order]
    alone = ~contested
    more_row, more_col = _solved(row[contested], col[contested], pairs.score[contested])
    rows, cols = np.concatenate([row[alone], more_row]), np.concatenate([col[alone], more_col])
    order = np.argsort(rows)
    return rows[order], cols[order]


def _solved(row: Indices, col: Indices, score: Scores) -> tuple[Indices, Indices]:
    rows, row_at = np.unique(row, return_inverse=True)
    cols, col_at = np.unique(col, return_inverse=True)
    cells = len(rows) * len(cols)
    if len(rows) <= _SMALL or (cells <= _MATRIX and len(row) > _DENSE * cells):
        matrix = np.zeros((len(rows), len(cols)))
        matrix[row_at, col_at] = score
        found_row, found_col = linear_sum_assignment(matrix, maximize=True)
        made = matrix[found_row, found_col] > 0
        return rows[found_row[made]], cols[found_col[made]]
    # the solver of lists wants a partner for every row: each has one of its own that is worth nothing. Its weights may
    # not be 0, so all are one more, which changes every full assignment by the same
    own = np.arange(len(rows))
    weights = csr_array(
        (
            np.concatenate([score + 1, np.ones(len(rows))]),
            (np.concatenate([row_at, own]), np.concatenate([col_at, len(cols) + own])),
        ),
        shape=(len(rows), len(cols) + len(rows)),
    )
    found_row, found_col = min_weight_full_bipartite_matching(weights, maximize=True)
    made = found_col < len(cols)
    return rows[found_row[made]], cols[found_col[made]]


def touching(boxes: Scores, others: Scores) -> Pairs:
    """Return the pairs of boxes `(N, 4)` with `(M, 4)` that overlap, with their intersection over union.

    Boxes without an area overlap nothing. Ten thousand boxes on each side stay cheap, for only boxes whose left sides
    are near each other are compared. A box that overlaps more than 32 others is paired with the 32 that it overlaps
    most, so that a heap of thousands stays within memory.
    """
    shape = len(boxes), len(others)
    if shape[0] * shape[1] <= _FEW:
        touch = boxes[:, None, :2] < others[None, :, 2:]
        touch &= boxes[:, None, 2:] > others[None, :, :2]
        row, col = np.nonzero(touch[..., 0] & touch[..., 1])
        return _measured(boxes, others, row, col, shape)
    # a box touches only those that begin before it ends, and not further left than the widest of them is wide
    order = np.argsort(others[:, 0])
    left, high, low = others[order, 0], others[order, 1], others[order, 3]
    widest = float((others[:, 2] - others[:, 0]).max())
    first = np.searchsorted(left, boxes[:, 0] - widest, side="right")
    many = np.maximum(np.searchsorted(left, boxes[:, 2], side="left") - first, 0)
    ends, parts, start = np.cumsum(many), list[Pairs](), 0
    while start < len(boxes):
        base = int(ends[start] - many[start])
        stop = max(start + 1, int(np.searchsorted(ends, base + _CHUNK, side="right")))
        row = np.repeat(np.arange(start, stop), many[start:stop])
        place = np.arange(len(row)) + (first - (ends - many) + base)[row]
        # most of them are above or below each other
        level = (boxes[row, 1] < low[place]) & (boxes[row, 3] > high[place])
        parts.append(_best(_measured(boxes, others, row[level], order[place[level]], shape)))
        start = stop
    if len(parts) == 1:
        return parts[0]
    row, col, score = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "col", "score"))
    return Pairs(row, col, score, shape)


def _measured(boxes: Scores, others: Scores, row: Indices, col: Indices, shape: tuple[int, int]) -> Pairs:
    """Return those of the pairs that overlap."""
    a, b = boxes[row], others[col]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    across, down = sides[:, 0], sides[:, 1]
    shared = across * down
    good = (across > 0) & (down > 0) & (shared > 0)
    if not good.all():
        row, col, a, b, shared = row[good], col[good], a[good], b[good], shared[good]
    size, other = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    return Pairs(row, col, shared / (size[:, 0] * size[:, 1] + other[:, 0] * other[:, 1] - shared), shape)


def _best(pairs: Pairs) -> Pairs:
    """Return the pairs without those of a row beyond its `_PARTNERS` best ones."""
    counts = np.bincount(pairs.row)
    if counts.max(initial=0) <= _PARTNERS:
        return pairs
    keep = np.ones(len(pairs.row), np.bool_)
    ends = np.cumsum(counts)  # a chunk's rows ascend
    for row in np.flatnonzero(counts > _PARTNERS).tolist():
        own = slice(int(ends[row] - counts[row]), int(ends[row]))
        keep[own] = False
        keep[own.start + np.argpartition(-pairs.score[own], _PARTNERS)[:_PARTNERS]] = True
    return pairs.take(keep)
