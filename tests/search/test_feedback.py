"""Ranking with judgements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.types import Floats, Records
from eyebright.search._feedback import Feedback, rank_with_feedback
from eyebright.search._keypoints import Keypoints
from eyebright.search._projection import Detail, pack
from eyebright.search._rerank import Query

NO_POINTS = Keypoints(np.zeros((0, 4), np.float32), np.zeros((0, 32), np.float32))
NOTHING = Records.of([], np.zeros((0, 8)))


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


class World:
    """Records in clusters of vectors, with payloads that say the same; a store of two functions."""

    def __init__(self, clusters: int, each: int, *, payloads: bool, spread: float = 0.5, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.centres = unit(rng.standard_normal((clusters, 8)))
        self.labels = np.repeat(np.arange(clusters), each)
        self.vectors = unit(self.centres[self.labels] + spread * rng.standard_normal((len(self.labels), 8)) / 8**0.5)
        self.ids = [f"{label}/{row}" for row, label in enumerate(self.labels)]
        self.lift = rng.standard_normal((8, 4912)).astype(np.float32)
        self.payloads = [self.payload(v) if payloads else None for v in self.vectors]

    def payload(self, vector: Floats) -> bytes:
        return pack(Detail(unit(vector @ self.lift), NO_POINTS))

    def search(self, vector: Floats, k: int) -> tuple[list[str], Floats]:
        scores = self.vectors @ unit(vector)
        order = np.argsort(-scores, kind="stable")[:k]
        return [self.ids[i] for i in order], scores[order]

    def fetch(self, ids: Sequence[str]) -> Records:
        rows = [self.ids.index(i) for i in ids]
        return Records.of(list(ids), self.vectors[rows].reshape(-1, 8), None, [self.payloads[r] for r in rows])

    def query(self, vector: Floats) -> Query:
        return Query(vector, self.payload(vector) if self.payloads[0] else b"")

    def rank(self, query: Query | None, like: Sequence[str], dislike: Sequence[str], depth: int = 10) -> list[str]:
        feedback = Feedback(self.fetch(like), self.fetch(dislike))
        ranked = rank_with_feedback(query, feedback, self.search, self.fetch, depth)
        scores = [score for _, score in ranked]
        assert scores == sorted(scores, reverse=True)
        ids = [i for i, _ in ranked]
        assert len(set(ids)) == len(ids)
        return ids


def share(ids: list[str], label: int, count: int = 10) -> float:
    return sum(i.startswith(f"{label}/") for i in ids[:count]) / count


@pytest.mark.parametrize("payloads", [True, False])
def test_a_like_and_a_dislike_settle_a_query_between_two_kinds(payloads: bool) -> None:
    world = World(12, 15, payloads=payloads)
    query = world.query(unit(world.centres[0] + world.centres[1]))
    for wanted, other in ((0, 1), (1, 0)):
        like, dislike = world.ids[wanted * 15], world.ids[other * 15]
        ids = world.rank(query, [like], [dislike])
        assert share(ids, wanted) >= 0.8
        assert share(ids, other) <= 0.1
        assert ids.index(like) < 10
        assert dislike not in ids[:20]


@pytest.mark.parametrize("payloads", [True, False])
def test_likes_alone_find_their_own_kinds(payloads: bool) -> None:
    world = World(12, 15, payloads=payloads, spread=0.3)
    ids = world.rank(None, ["2/30", "9/135"], [])
    assert share(ids, 2, 30) == pytest.approx(0.5, abs=0.1)
    assert share(ids, 9, 30) == pytest.approx(0.5, abs=0.1)


def test_only_dislikes_push_away() -> None:
    world = World(12, 15, payloads=True)
    query = world.query(unit(world.centres[0] + 0.9 * world.centres[1]))
    before, after = world.rank(query, [], []), world.rank(query, [], ["1/15", "1/16"])
    assert share(after, 1) <= share(before, 1)
    assert share(after, 0) >= share(before, 0)


def test_nothing_asked_gives_nothing() -> None:
    world = World(2, 3, payloads=True)
    assert world.rank(None, [], []) == []
    assert world.rank(None, [], ["0/0"]) == []


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 90),
    st.integers(1, 400),
    st.lists(st.integers(0, 3), max_size=12),
    st.lists(st.integers(0, 3), max_size=12),
    st.booleans(),
)
def test_every_ranking_is_whole(
    clusters: int, each: int, depth: int, like: list[int], dislike: list[int], payloads: bool
) -> None:
    world = World(clusters, each, payloads=payloads)
    names = [world.ids[i % len(world.ids)] for i in dict.fromkeys(like)]
    wrong = [world.ids[-1 - i % len(world.ids)] for i in dict.fromkeys(dislike)]
    ids = world.rank(world.query(world.vectors[0]), list(dict.fromkeys(names)), list(dict.fromkeys(wrong)), depth)
    assert len(ids) >= min(depth, len(world.ids))


def test_an_empty_store_gives_nothing() -> None:
    def search(vector: Floats, k: int) -> tuple[list[str], Floats]:
        return [], np.zeros(0, np.float32)

    query = Query(np.ones(8, np.float32), b"")
    assert rank_with_feedback(query, Feedback(NOTHING, NOTHING), search, lambda ids: NOTHING, 10) == []
