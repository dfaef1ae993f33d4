"""From a described query to a ranked list of ids: search, re-rank, words, feedback, boosts, groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from eyebright.core.protocols import Store
from eyebright.core.types import Embeddings, Floats, Records
from eyebright.imaging import HASH_BITS, Hashes, hamming, hashes_from_text
from eyebright.search import _columns as c
from eyebright.search._boost import Boost
from eyebright.search._encoder import Encoded
from eyebright.search._feedback import Feedback, rank_with_feedback
from eyebright.search._rerank import Query, rerank

SHORTLIST = 100
"""How many of the nearest are compared again by what their payloads keep."""
_FUSION = 60  # the constant of reciprocal rank fusion in its paper


@dataclasses.dataclass(frozen=True, slots=True)
class Ranking:
    """Ids with scores, best first, and what finding them took."""

    ids: list[str]
    scores: list[float]
    exact: bool
    examined: int

    def top(self, count: int) -> Ranking:
        """Return the first `count`."""
        return dataclasses.replace(self, ids=self.ids[:count], scores=self.scores[:count])

    def sorted_by(self, scores: Sequence[float]) -> Ranking:
        """Return the same ids by new scores; equal ones keep their order."""
        order = sorted(range(len(self.ids)), key=lambda row: -scores[row])
        return dataclasses.replace(self, ids=[self.ids[i] for i in order], scores=[scores[i] for i in order])


class Ranker:
    """Ranks the records of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def visual(self, query: Encoded, depth: int, where: str | None) -> Ranking:
        """Rank by looks: the nearest vectors, of which the first are compared again in detail."""
        ids, scores, exact, examined = self._search(query.vector, max(depth, SHORTLIST), where)
        return Ranking(*self.refined(query, ids, scores), exact, examined).top(depth)

    def refined(self, query: Encoded, ids: list[str], scores: Floats) -> tuple[list[str], list[float]]:
        """Re-rank the shortlist of a ranking; those behind it follow in their order."""
        if query.payload is None or not ids:
            return ids, scores.tolist()
        head = ids[:SHORTLIST]
        payloads = [payload or b"" for payload in self._store.payloads(head)]
        better = rerank(Query(query.vector, query.payload, query.parts), payloads, scores[: len(head)])
        order = np.argsort(-better, kind="stable")
        first = better[order]
        rest = scores[len(head) :]
        if len(rest):
            rest = rest - max(0.0, float(rest[0] - first[-1]))
        return [head[i] for i in order] + ids[len(head) :], [*first.tolist(), *rest.tolist()]

    def words(self, text: str, depth: int, where: str | None) -> Ranking:
        """Rank by the words in the metadata (BM25)."""
        found = self._store.search_text(text, depth, where=where)
        pairs = found.row(0)
        return Ranking([i for i, _ in pairs], [s for _, s in pairs], found.exact, found.examined)

    def feedback(
        self, query: Encoded | None, liked: Sequence[str], disliked: Sequence[str], depth: int, where: str | None
    ) -> Ranking:
        """Rank by looks and by what was liked and disliked."""
        exact, examined = True, 0

        def search(vector: Floats, k: int) -> tuple[list[str], Floats]:
            nonlocal exact, examined
            ids, scores, was_exact, looked = self._search(vector, k, where)
            exact, examined = exact and was_exact, examined + looked
            return ids, scores

        def fetch(ids: Sequence[str]) -> Records:
            return self._store.get(list(ids))

        feedback = Feedback(fetch(liked), fetch(disliked))
        asked = None if query is None else Query(query.vector, query.payload or b"")
        ranked = rank_with_feedback(asked, feedback, search, fetch, depth)
        return Ranking([i for i, _ in ranked], [float(s) for _, s in ranked], exact, examined).top(depth)

    def present(self, ids: Sequence[str]) -> list[str]:
        """Return those of `ids` that the store still has."""
        return [i for i, there in zip(ids, self._store.contains(list(ids)), strict=True) if there]

    def boosted(self, ranking: Ranking, boosts: Sequence[Boost]) -> Ranking:
        """Multiply scores where metadata says so."""
        scores = list(ranking.scores)
        for boost in boosts:
            members = set(self._store.ids(where=boost.where))
            scores = [
                boost.apply(score) if i in members else score for i, score in zip(ranking.ids, scores, strict=True)
            ]
        return ranking.sorted_by(scores)

    def grouped(self, ranking: Ranking, column: str) -> Ranking:
        """Keep the best record of each value of a column; records without a value stand alone."""
        seen: set[object] = set()
        keep = []
        for row, metadata in enumerate(self._store.metadata(ranking.ids)):
            value = metadata.get(column)
            if value is not None:
                if value in seen:
                    continue
                seen.add(value)
            keep.append(row)
        ids, scores = [ranking.ids[i] for i in keep], [ranking.scores[i] for i in keep]
        return dataclasses.replace(ranking, ids=ids, scores=scores)

    def hashes(self, code: Hashes, depth: int, where: str | None) -> Ranking:
        """Rank by perceptual hash: the share of equal bits."""
        ids, texts = c.values(self._store, c.HASH)
        admitted = None if where is None else set(self._store.ids(where=where))
        rows = [
            (i, text)
            for i, text in zip(ids, texts, strict=True)
            if isinstance(text, str) and (admitted is None or i in admitted)
        ]
        if not rows:
            return Ranking([], [], True, 0)
        distances = hamming(hashes_from_text([text for _, text in rows]), code)
        order = np.argsort(distances, kind="stable")[:depth]
        scores = (1 - distances[order] / HASH_BITS).tolist()
        return Ranking([rows[i][0] for i in order], scores, True, len(rows))

    def _search(self, vector: Floats, k: int, where: str | None) -> tuple[list[str], Floats, bool, int]:
        found = self._store.search(Embeddings(vector[None], self._store.space), k, where=where)
        count = int(found.counts[0])
        return [str(i) for i in found.ids[0, :count]], found.scores[0, :count], found.exact, found.examined


def fused(first: Ranking, second: Ranking) -> Ranking:
    """Join two rankings by reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): sums of 1 / (60 + rank)."""
    scores: dict[str, float] = {}
    for ranking in (first, second):
        for rank, i in enumerate(ranking.ids, start=1):
            scores[i] = scores.get(i, 0.0) + 1 / (_FUSION + rank)
    joined = Ranking(
        list(scores), list(scores.values()), first.exact and second.exact, first.examined + second.examined
    )
    return joined.sorted_by(joined.scores)
