"""BM25 as SQLite's FTS5 computes it, in plain Python: the twin of the full-text index.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with k1 = 1.2, b = 0.75
and, as https://sqlite.org/fts5.html#the_bm25_function documents, an inverse document frequency of at least 1e-6.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from eyebright.store._text import tokens

K1 = 1.2
B = 0.75
LEAST_IDF = 1e-6


def bm25(documents: Sequence[str], words: str) -> dict[int, float]:
    """Return the score of each document that holds any of the words, by its row; larger is better.

    Args:
        documents: texts; all of them, since the weight of a word depends on how many hold it.
        words: what is looked for.
    """
    counted = [Counter(tokens(document)) for document in documents]
    lengths = [sum(counts.values()) for counts in counted]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    scores: dict[int, float] = {}
    for word in tokens(words):
        holding = [row for row, counts in enumerate(counted) if word in counts]
        idf = math.log((len(counted) - len(holding) + 0.5) / (len(holding) + 0.5))
        for row in holding:
            frequency = counted[row][word]
            share = frequency * (K1 + 1) / (frequency + K1 * (1 - B + B * lengths[row] / mean))
            scores[row] = scores.get(row, 0.0) + max(idf, LEAST_IDF) * share
    return scores
