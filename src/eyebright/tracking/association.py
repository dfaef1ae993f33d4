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
_SMALL = 64  # up to so many rows the solver is quicker than finding the components


def assign(scores: Scores) -> tuple[Indices, Indices]:
    """Return rows and columns of the assignment with the greatest sum of scores, `int64 (K,)` each, rows ascending.

    Args:
        scores: `(N, M)`, at least 0; a pair of score 0 is never made.
    """
    allowed = scores > 0
    row, col = np.nonzero(allowed)
    alone = (allowed.sum(axis=1)[row] == 1) & (allowed.sum(axis=0)[col] == 1)
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
    """Return the intersection over union of `(N, 4)` with `(M, 4)`, `float64 (N, M)`; 0 for boxes without an area."""
    left = np.maximum(boxes[:, None, 0], others[None, :, 0])
    across = np.minimum(boxes[:, None, 2], others[None, :, 2])
    across -= left
    np.maximum(across, 0, out=across)
    top = np.maximum(boxes[:, None, 1], others[None, :, 1], out=left)
    down = np.minimum(boxes[:, None, 3], others[None, :, 3])
    down -= top
    np.maximum(down, 0, out=down)
    across *= down
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    other_areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    union = np.add(areas[:, None], other_areas[None, :], out=down)
    union -= across
    out: Scores = np.divide(across, union, out=np.zeros_like(across), where=across > 0)
    return out


def gain(overlap: Scores, minimum: float) -> Scores:
    """Return the scores of a cost 1 - overlap with the limit 1 - minimum: overlap - minimum, at least 0."""
    out: Scores = np.maximum(overlap - minimum, 0)
    return out
