"""Exact scores from the vectors that SQLite holds: for indexes that keep them in 8 bits only."""

from __future__ import annotations

import sqlite3

import numpy as np

from eyebright.core.types import Floats, Ints, Metric
from eyebright.store._database import BATCH, fetch_vectors
from eyebright.store._index import Found
from eyebright.store._metric import exact_scores


def rescored(db: sqlite3.Connection, queries: Floats, found: Found, rowids: Ints, k: int, metric: Metric) -> Found:
    """Return the k best of the candidates `found`, by their true scores; `rowids` are those of the index's rows."""
    rows = np.full((len(queries), k), -1, np.int64)
    scores = np.full((len(queries), k), -np.inf, np.float32)
    for at, query in enumerate(queries):
        candidates = np.sort(found.rows[at][found.rows[at] >= 0])
        true = exact_scores(query[None], fetch_vectors(db, rowids[candidates], len(query)), metric)[0]
        best = np.argsort(-true, kind="stable")[:k]
        rows[at, : len(best)], scores[at, : len(best)] = candidates[best], true[best]
    return Found(rows, scores, exact=False, examined=found.examined, short=bool((rows < 0).any()))


def exhaustive(db: sqlite3.Connection, queries: Floats, admitted: Ints, rowids: Ints, k: int, metric: Metric) -> Found:
    """Return the k nearest of each query among the rows `admitted`, reading all their vectors."""
    rows = np.zeros((len(queries), 0), np.int64)
    scores = np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(admitted), BATCH):
        part = admitted[start : start + BATCH]
        new = exact_scores(queries, fetch_vectors(db, rowids[part], queries.shape[1]), metric)
        scores = np.concatenate([scores, new], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(part, new.shape)], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, best, axis=1), np.take_along_axis(scores, best, axis=1)
    return Found(rows, scores, exact=True, examined=len(admitted) * len(queries))
