"""Association: which track continues in which detection.

A score is what a pair is worth, and 0 means that the pair is not allowed. `assign` finds the pairs of the greatest
sum: pairs that compete with no other are taken at once, the rest falls into connected components, each solved by SciPy.
A cost c with a limit L, as the papers write it, is the score max(0, L - c).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Scores = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_ROWS = 1000  # rows of the matrix of overlaps that are looked at at once
_SMALL = 64  # up to so many rows the solver is quicker than finding the components


def assign(scores: Scores) -> tuple[Indices, Indices]:
    """Return rows and columns of the assignment with the greatest sum of scores, `int64 (K,)` each, rows ascending.

    Args:
        scores: `(N, M)`, at least 0; a pair of score 0 is never made.
    """
    row, col = np.nonzero(scores)
    return assign_pairs(row, col, scores)


def assign_pairs(row: Indices, col: Indices, scores: Scores) -> tuple[Indices, Indices]:
    """As `assign`, among these pairs only: `row` and `col` `(P,)` name the entries of `scores` that count."""
    rivals = np.bincount(row, minlength=scores.shape[0])[row] + np.bincount(col, minlength=scores.shape[1])[col]
    alone = rivals == 2
    rows, cols = [row[alone]], [col[alone]]
    row, col = row[~alone], col[~alone]
    if len(row):
        for part_row, part_col in _components(row, col):
            part = scores[np.ix_(part_row, part_col)]
            found_row, found_col = linear_sum_assignment(part, maximize=True)
            made = part[found_row, found_col] > 0
            rows.append(part_row[found_row[made]])
            cols.append(part_col[found_col[made]])
    all_rows, all_cols = np.concatenate(rows), np.concatenate(cols)
    order = np.argsort(all_rows)
    return all_rows[order].astype(np.int64), all_cols[order].astype(np.int64)


def _components(row: Indices, col: Indices) -> list[tuple[Indices, Indices]]:
    rows, row_at = np.unique(row, return_inverse=True)
    cols, col_at = np.unique(col, return_inverse=True)
    if len(rows) <= _SMALL:
        return [(rows, cols)]
    size = len(rows) + len(cols)
    edges = coo_array((np.ones(len(row), np.int8), (row_at, col_at + len(rows))), shape=(size, size))
    count, label = connected_components(edges, directed=False)
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(label, minlength=count))[:-1])
    return [(rows[part[part < len(rows)]], cols[part[part >= len(rows)] - len(rows)]) for part in parts]


def overlaps(boxes: Scores, others: Scores) -> Scores:
    """Return the intersection over union of `(N, 4)` with `(M, 4)`, `float64 (N, M)`; 0 for boxes without an area.

    Only pairs that touch are worked out, and only they are written: ten thousand boxes on each side stay cheap.
    """
    out = np.zeros((len(boxes), len(others)))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    other_areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    for start in range(0, len(boxes), _ROWS):
        part = boxes[start : start + _ROWS]
        touch = part[:, None, 0] < others[None, :, 2]
        touch &= part[:, None, 2] > others[None, :, 0]
        touch &= part[:, None, 1] < others[None, :, 3]
        touch &= part[:, None, 3] > others[None, :, 1]
        row, col = np.nonzero(touch)
        a, b = part[row], others[col]
        across = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        shared = across * (np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1]))
        good = (across > 0) & (shared > 0)
        row, col, shared = row[good] + start, col[good], shared[good]
        out[row, col] = shared / (areas[row] + other_areas[col] - shared)
    return out


def gain(overlap: Scores, minimum: float) -> Scores:
    """Return the scores of a cost 1 - overlap with the limit 1 - minimum: overlap - minimum, at least 0."""
    out = np.zeros_like(overlap)
    row, col = np.nonzero(overlap > minimum)
    out[row, col] = overlap[row, col] - minimum
    return out
