"""The nearest people to a face, exactly, without comparing all numbers of all vectors.

The leading principal components of face vectors hold most of every distance. With the length of the rest as one more
coordinate they give a lower bound of the whole distance (the triangle inequality in the remaining dimensions), so the
few vectors whose bound is small are compared whole and the others cannot be nearer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Ints

_MANY = 4000  # fewer vectors are compared whole
_LEAD = 31
_FIRST = 256
_FEW = 2000
_ROUNDING = 1e-4  # squared distances in float32 may be so wrong; a bound must not be too large


class NearestPeople:
    """Compares faces with a fixed set of vectors.

    Args:
        vectors: `float32 (N, D)`; of length 1 for a cosine space, as they are for `l2`.
        owners: `int64 (N,)`, number of the person of each.
    """

    def __init__(self, vectors: Floats, owners: Ints) -> None:
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        self.owners = owners
        self._lead: Floats | None = None
        self._axes: Floats | None = None
        if len(vectors) >= _MANY and vectors.shape[1] > 2 * _LEAD:
            sample = self.vectors[:: max(1, len(vectors) // 20_000)].astype(np.float64)
            centre = sample.mean(axis=0)
            values, axes = np.linalg.eigh((sample - centre).T @ (sample - centre))
            self._centre = centre.astype(np.float32)
            self._axes = np.ascontiguousarray(axes[:, np.argsort(-values)[:_LEAD]], np.float32)
            self._lead = self._short(self.vectors)
            self._lead_squares = np.einsum("nd,nd->n", self._lead, self._lead)

    def distances(self, query: Floats) -> Floats:
        """Return the distance to every vector, `float32 (N,)`: the plain way."""
        return np.asarray(np.linalg.norm(self.vectors - query, axis=1), np.float32)

    def people(self, query: Floats, interest: float) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return rows of the nearest vector of each of some people, nearest first, and their distances.

        The first two people are certain when the second is within `interest`, and so is the first when it is; beyond
        that distance others may be nearer.

        Args:
            query: `float32 (D,)`.
            interest: distance beyond which nobody is of interest.
        """
        if self._lead is None:
            return self._best(np.arange(len(self.vectors)), self.distances(query))
        short = self._short(query[None])[0]
        bounds = self._lead @ short
        bounds *= -2
        bounds += self._lead_squares
        bounds += float(short @ short) - _ROUNDING
        rows = np.flatnonzero(bounds <= interest * interest)
        if len(rows) > _FEW:  # someone near makes the circle smaller
            near = rows[np.argpartition(bounds[rows], _FIRST)[:_FIRST]]
            _, distances = self._best(near, np.linalg.norm(self.vectors[near] - query, axis=1))
            if len(distances) > 1 and distances[1] < interest:
                rows = rows[bounds[rows] <= distances[1] ** 2]
        if len(np.unique(self.owners[rows])) < 2:  # a stranger: nobody is certain, the likely nearest are told
            rows = np.union1d(rows, np.argpartition(bounds, _FIRST)[:_FIRST])
        return self._best(rows, np.linalg.norm(self.vectors[rows] - query, axis=1))

    def _best(self, rows: npt.NDArray[np.int64], distances: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
        if len(rows) > _FIRST:
            # two people are wanted; only if one has hundreds of pictures are more rows needed
            near = np.argpartition(distances, _FIRST)[:_FIRST]
            if len(np.unique(self.owners[rows[near]])) > 1:
                rows, distances = rows[near], distances[near]
        order = np.argsort(distances, kind="stable")
        _, first = np.unique(self.owners[rows[order]], return_index=True)
        order = order[np.sort(first)]
        return rows[order], distances[order]

    def _short(self, vectors: Floats) -> Floats:
        assert self._axes is not None
        moved = vectors - self._centre
        lead = moved @ self._axes
        rest = np.einsum("nd,nd->n", moved, moved) - np.einsum("nd,nd->n", lead, lead)
        return np.ascontiguousarray(np.column_stack([lead, np.sqrt(np.maximum(rest, 0))]), np.float32)
