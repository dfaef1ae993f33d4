"""The nearest people to a face, exactly, without comparing all numbers of all vectors.

Vectors rounded to one byte a number are a quarter of what memory must deliver. How far rounding has moved a vector is
known, so a distance between rounded vectors bounds the true one from below (the triangle inequality). The few with the
smallest bounds are compared whole; when the bounds of the others do not rule them out, more are, and at last all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Ints

_MANY = 4000  # fewer vectors are compared whole
_FEW = (64, 1024)  # so many are compared whole first, then so many
_STEPS = 127
_BLOCK = 4096  # rows that fit the cache
_ROUNDING = 1e-4  # share of a distance that float32 may lose


class NearestPeople:
    """Compares faces with a fixed set of vectors.

    Args:
        vectors: `float32 (N, D)`; of length 1 for a cosine space, as they are for `l2`.
        owners: `int64 (N,)`, number of the person of each.
    """

    def __init__(self, vectors: Floats, owners: Ints) -> None:
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        self.owners = owners
        self._rounded: Any = None
        if len(vectors) >= _MANY:
            import faiss  # here because loading it takes longer than reading a small gallery

            low, high = self.vectors.min(axis=0), self.vectors.max(axis=0)
            self._centre = (low + high) / 2
            self._scale = _STEPS / max(float((high - low).max()) / 2, 1e-12)
            kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
            rounded = faiss.IndexScalarQuantizer(self.vectors.shape[1], kind, faiss.METRIC_L2)
            furthest = 0.0
            for first in range(0, len(vectors), _BLOCK):
                moved = (self.vectors[first : first + _BLOCK] - self._centre) * self._scale
                codes = np.rint(moved)
                moved -= codes
                furthest = max(furthest, float(np.einsum("nd,nd->n", moved, moved).max()))
                rounded.add(codes)
            self._moved = furthest**0.5  # in steps
            self._rounded = rounded

    def distances(self, query: Floats) -> Floats:
        """Return the distance to every vector, `float32 (N,)`: the plain way."""
        return np.asarray(np.linalg.norm(self.vectors - query, axis=1), np.float32)

    def people(self, query: Floats, interest: float, count: int = 2) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return rows of the nearest vector of each of some people, nearest first, and their distances.

        The first `count` people are certain as far as they are within `interest`; beyond that distance others may be
        nearer.

        Args:
            query: `float32 (D,)`.
            interest: distance beyond which nobody is of interest.
            count: how many people are wanted; fewer when the gallery has fewer.
        """
        if self._rounded is not None:
            exact = (query - self._centre) * self._scale
            asked = np.clip(np.rint(exact), -_STEPS, _STEPS)  # FAISS makes bytes of it too
            moved = self._moved + float(np.linalg.norm(exact - asked))
            for few in _FEW:
                squares, found = _search(self._rounded, asked[None], few)
                rows, distances = self._best(found[0], np.linalg.norm(self.vectors[found[0]] - query, axis=1), count)
                others = float(np.sqrt(max(squares[0, -1], 0))) * (1 - _ROUNDING) - moved
                limit = min(interest, float(distances[count - 1])) if len(rows) >= count else interest
                if others / self._scale > limit * (1 + _ROUNDING):
                    return rows, distances
        return self._best(np.arange(len(self.vectors)), self.distances(query), count)

    def _best(self, rows: npt.NDArray[np.int64], distances: Floats, count: int) -> tuple[npt.NDArray[np.int64], Floats]:
        few = _FEW[-1]
        if len(rows) > few:
            # some people are wanted; only if a few have hundreds of pictures each are more rows needed
            near = np.argpartition(distances, few)[:few]
            if len(np.unique(self.owners[rows[near]])) >= count:
                rows, distances = rows[near], distances[near]
        order = np.argsort(distances, kind="stable")
        _, first = np.unique(self.owners[rows[order]], return_index=True)
        order = order[np.sort(first)]
        return rows[order], distances[order]


def _search(index: Any, query: Floats, count: int) -> tuple[Floats, Ints]:
    """Search in this thread alone: for one query FAISS would wake the others, which then wait at full speed."""
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread, as OpenMP keeps it
    try:
        squares, found = index.search(query, count)
    finally:
        faiss.omp_set_num_threads(threads)
    return squares, found
