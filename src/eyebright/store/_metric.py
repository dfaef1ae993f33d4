"""How vectors compare, for FAISS and without it. Cosine is the inner product of vectors at length 1."""

from __future__ import annotations

import math
from typing import Any

import faiss as _faiss
import numpy as np

from eyebright.core.types import Floats, Metric

faiss: Any = _faiss  # its stubs do not know what its Python layer adds
# the squares of shorter vectors leave float32's range
_SHORT = 1e-20


def centroid_scores(queries: Floats, vectors: Floats, metric: Metric) -> Floats:
    """Return inner products, or minus square distances, of prepared vectors, `float32 (Q, N)`; quick, not precise."""
    products = queries @ vectors.T
    if metric == "cosine":
        return np.asarray(products, np.float32)
    squares = np.einsum("nd,nd->n", vectors, vectors)[None, :] + np.einsum("nd,nd->n", queries, queries)[:, None]
    return np.asarray(2 * products - squares, np.float32)


def exact_scores(queries: Floats, vectors: Floats, metric: Metric) -> Floats:
    """Return the score of each query with each vector, `float32 (Q, N)`."""
    left, right = prepared(queries, metric), prepared(vectors, metric)
    if metric == "cosine":
        return np.asarray(left @ right.T, np.float32)
    return np.stack([-np.linalg.norm(right - one, axis=1) for one in left]).astype(np.float32)


def prepared(vectors: Floats, metric: Metric, out: Floats | None = None) -> Floats:
    """Return contiguous vectors, for cosine at length 1; a vector of zeros stays so and scores 0 with all."""
    if metric == "l2":
        return np.ascontiguousarray(vectors, np.float32)
    if len(vectors) == 1 and out is None:  # the one query of an interactive search, for which every step counts
        square = float(vectors[0] @ vectors[0])
        if square >= _SHORT:
            return vectors / np.float32(math.sqrt(square))
    squares = np.einsum("nd,nd->n", vectors, vectors)
    if squares.min(initial=1) < _SHORT:  # the squares of very short vectors leave float32's range
        squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
        squares[squares == 0] = 1
    lengths = np.sqrt(squares)
    out = np.empty(vectors.shape, np.float32) if out is None else out
    np.divide(vectors, lengths[:, None], out=out, casting="same_kind")
    return out


def faiss_metric(metric: Metric) -> Any:
    return faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
