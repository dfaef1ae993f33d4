"""How one query is answered: which rankings are made, joined, boosted, grouped and cut to a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from eyebright.core.errors import QueryError
from eyebright.core.protocols import Store
from eyebright.search import _columns as c
from eyebright.search._boost import Boost
from eyebright.search._encoder import Encoded
from eyebright.search._rank import Ranker, Ranking, fused
from eyebright.search._results import Hit
from eyebright.search._sessions import Judged
from eyebright.search._threads import one_blas_thread


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """Everything of a query but the picture."""

    k: int
    offset: int
    where: str | None
    group_by: str | None
    by: str
    text: str | None
    judged: Judged
    boosts: Sequence[Boost]

    def rank(self, store: Store, query: Encoded | None, code: Any, exclude: str | None) -> Ranking:
        """Return the page of answers that was asked for."""
        with one_blas_thread():
            return self._page(store, query, code, exclude)

    def _page(self, store: Store, query: Encoded | None, code: Any, exclude: str | None) -> Ranking:
        ranker, wanted, total = Ranker(store), self.offset + self.k, len(store)
        depth = wanted + (exclude is not None)
        if self.text:
            depth = max(depth, 200)
        if self.boosts:
            depth = max(4 * depth, 200)
        if self.group_by is not None:
            depth = max(4 * depth, 100)
        while True:
            ranking = self._ranking(ranker, query, code, min(depth, max(total, 1)), self.where)
            for boost in self.boosts:
                # what a boost lifts may lie behind the first answers
                within = boost.where if self.where is None else f"({self.where}) AND ({boost.where})"
                ranking = _joined(ranking, self._ranking(ranker, query, code, depth, within))
            if self.boosts:
                ranking = ranker.boosted(ranking, self.boosts)
            found = len(ranking.ids)
            if exclude is not None:
                keep = [i for i, name in enumerate(ranking.ids) if name != exclude]
                ids, scores = [ranking.ids[i] for i in keep], [ranking.scores[i] for i in keep]
                ranking = dataclasses.replace(ranking, ids=ids, scores=scores)
            if self.group_by is None:
                break
            ranking = ranker.grouped(ranking, self.group_by)
            if len(ranking.ids) >= wanted or found < depth or depth >= total:
                break
            depth *= 4
        ids, scores = ranking.ids[self.offset : wanted], ranking.scores[self.offset : wanted]
        return dataclasses.replace(ranking, ids=ids, scores=scores)

    def _ranking(self, ranker: Ranker, query: Encoded | None, code: Any, depth: int, where: str | None) -> Ranking:
        if self.by == "hash":
            ranking = ranker.hashes(code, depth, where)
            return fused(ranking, ranker.words(self.text, depth, where)) if self.text else ranking
        parts = []
        if self.judged.liked or self.judged.disliked:
            known, wrong = ranker.present(self.judged.liked), ranker.present(self.judged.disliked)
            if query is not None or known:
                parts.append(ranker.feedback(query, known, wrong, depth, where))
        elif query is not None:
            parts.append(ranker.visual(query, depth, where))
        if self.text:
            parts.append(ranker.words(self.text, depth, where))
        if not parts:
            raise QueryError("query: this session has liked nothing yet; give a picture, an id or words too")
        return parts[0] if len(parts) == 1 else fused(*parts)


def _joined(first: Ranking, second: Ranking) -> Ranking:
    """Both rankings' records by their own scores."""
    scores = dict(zip(second.ids, second.scores, strict=True)) | dict(zip(first.ids, first.scores, strict=True))
    joined = Ranking(
        list(scores), list(scores.values()), first.exact and second.exact, first.examined + second.examined
    )
    return joined.sorted_by(joined.scores)


def hits(store: Store, ranking: Ranking) -> list[Hit]:
    rows = store.metadata(ranking.ids)
    return [
        Hit(i, score, c.text_to_path(row.get(c.PATH)), c.own(row))
        for i, score, row in zip(ranking.ids, ranking.scores, rows, strict=True)
    ]
