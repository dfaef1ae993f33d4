"""Making `Matches`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eyebright.core.types import Matches


def matches(rows: Sequence[Sequence[tuple[str, float]]], *, exact: bool, examined: int) -> Matches:
    """Return rows of `(id, score)`, best first, as padded arrays as wide as the longest row."""
    width = max((len(row) for row in rows), default=0)
    ids = np.full((len(rows), width), "", dtype=np.object_)
    scores = np.full((len(rows), width), -np.inf, dtype=np.float32)
    for at, row in enumerate(rows):
        for rank, (one, score) in enumerate(row):
            ids[at, rank] = one
            scores[at, rank] = score
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    return Matches(ids, scores, counts, exact, examined)
