"""Choosing how deep an approximate index is searched, by what it misses."""

from __future__ import annotations

import math

import numpy as np

from eyebright.core.types import Floats, Metric
from eyebright.store._index import VectorIndex
from eyebright.store._metric import faiss, faiss_metric, prepared

# new pictures lie a little farther from the centroids than the records that these were learned from
_CAUTION = 1.5
# so many vectors are at most the margin nearer to a query than their list's centroid is
_MARGIN_QUANTILE = 0.999


class Tuning:
    """Finds out, while an inverted file is filled, how many lists a search must visit.

    A few stored vectors are compared with every batch that is added, so that their nearest are known exactly in the
    end; the lists that hold those tell how deep a search must go.

    Args:
        queries: `float32 (Q, D)`, a sample of the vectors being added.
        metric: how vectors compare.
    """

    NEAREST = 10

    def __init__(self, queries: Floats, metric: Metric) -> None:
        self._queries = prepared(queries, metric)
        self._metric = metric
        self._scores = np.zeros((len(queries), 0), np.float32)
        self._rows = np.zeros((len(queries), 0), np.int64)

    def see(self, first: int, vectors: Floats) -> None:
        """Take the batch of vectors that became the rows from `first` on."""
        # one more than wanted, since each query meets itself
        k = min(self.NEAREST + 1, len(vectors))
        scores, rows = faiss.knn(self._queries, prepared(vectors, self._metric), k, metric=faiss_metric(self._metric))
        scores = np.concatenate([self._scores, -scores if self._metric == "l2" else scores], axis=1)
        rows = np.concatenate([self._rows, rows + first], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.NEAREST + 1]
        self._scores, self._rows = np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)

    def apply(self, index: VectorIndex, recall: float, others: Floats) -> None:
        """Set the fewest probes that reach this share of the nearest (without the queries themselves), and the margin.

        The margin is what one in 1000 of `others` (N, D), vectors that are no queries, is nearer than its centroid.
        """
        index.margin = float(np.quantile(index.excess(self._queries, others), _MARGIN_QUANTILE))
        ranks = np.sort(index.list_ranks(self._queries, self._rows[:, 1:]).ravel())
        if len(ranks):
            enough = int(ranks[math.ceil(recall * len(ranks)) - 1]) + 1
            index.probes = min(math.ceil(_CAUTION * enough), index.index.nlist)
