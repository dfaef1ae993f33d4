"""Rank with what a person liked and disliked; nothing is trained, every judgement counts at once.

A record is as good as it is like the query and the liked records, less its likeness to the nearest disliked one. Unlike
Rocchio's (1971) single moved query, that keeps every example whole: a liked carton and a liked bottle do not average to
something between, and a dislike pushes away only what is nearer to it than to the likes. The nearest are compared in
detail, with the payloads, and searching around every liked record brings in what the query alone would not find.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Records
from eyebright.search._projection import Detail, unpack
from eyebright.search._rerank import Query, echo, likeness

_AROUND = 200  # records looked at around the query and around each liked one
_DETAILED = 100  # of these, how many are compared in detail
_LIKES, _DISLIKES = 1.0, 0.6  # weights beside the query's 1
_ECHO, _ECHO_WEIGHT = 5, 1.0  # how many of the best count as examples, and all together how much
_LATEST = 8  # of each kind: more would cost time and add little

Search = Callable[[Floats, int], tuple[list[str], Floats]]
Fetch = Callable[[Sequence[str]], Records]


@dataclasses.dataclass(frozen=True, slots=True)
class Feedback:
    """Records that a person judged, in the order in which they were judged."""

    liked: Records
    disliked: Records


def rank_with_feedback(
    query: Query | None, feedback: Feedback, search: Search, fetch: Fetch, depth: int
) -> list[tuple[str, float]]:
    """Rank the records of a store with feedback.

    Args:
        query: the described query; None: the liked records alone say what is wanted.
        feedback: what was judged; the last eight likes and dislikes count.
        search: takes a vector `float32 (D,)` and k, returns the ids of the k nearest and their scores.
        fetch: returns the records of ids, in their order.
        depth: how many ids are wanted.

    Returns:
        At least `depth` pairs of id and score (all records, when there are fewer), best first. Liked records take
        part; so do disliked ones, at their low rank. Nothing without a query and likes.
    """
    liked, disliked = feedback.liked[-_LATEST:], feedback.disliked[-_LATEST:]
    asked = [] if query is None else [query.vector]
    found: dict[str, None] = {}
    for vector in [*asked, *liked.vectors]:
        found.update(dict.fromkeys(search(vector, max(depth, _AROUND))[0]))
    if not found:
        return []
    records = fetch(list(found))
    scores = _judged(
        [_cosines(vector, records.vectors) for vector in asked],
        [_cosines(vector, records.vectors) for vector in liked.vectors],
        [_cosines(vector, records.vectors) for vector in disliked.vectors],
    )
    order = np.argsort(-scores, kind="stable")
    head, scores = order[:_DETAILED], scores[order]
    judges = [_details(part) for part in ([query.payload] if query else [], liked.payloads, disliked.payloads)]
    candidates = _details([records.payloads[row] for row in head])
    if candidates is not None and None not in judges:
        free = np.array([records.ids[row] not in {*liked.ids, *disliked.ids} for row in head])
        better = _in_detail(candidates, free, *(part or [] for part in judges))
        again = np.argsort(-better, kind="stable")
        # those behind keep their order, and stay behind
        gap = max(0.0, float(scores[len(head)] - better.min())) if len(order) > len(head) else 0.0
        order = np.concatenate([head[again], order[len(head) :]])
        scores = np.concatenate([better[again], scores[len(head) :] - gap])
    return [(records.ids[row], float(score)) for row, score in zip(order, scores, strict=True)]


def _in_detail(
    candidates: list[Detail],
    free: npt.NDArray[np.bool_],
    query: list[Detail],
    liked: list[Detail],
    disliked: list[Detail],
) -> Floats:
    """Return one score a candidate; `free` are those that nobody judged."""
    asked, likes, dislikes = ([likeness(one, candidates) for one in part] for part in (query, liked, disliked))
    scores = _judged(asked, likes, dislikes)
    # what fits best is probably right and speaks for its own kind; every like has its say, lest the largest kind win
    voices = [_judged(asked, [one], dislikes) for one in likes] or [scores]
    each = min(-(-_ECHO // len(voices)), len(candidates) // 4)
    rows = np.flatnonzero(free)
    examples = [rows[np.argsort(-voice[rows], kind="stable")[:each]] for voice in voices]
    joined = scores + _ECHO_WEIGHT * echo(candidates, np.concatenate(examples))
    return np.asarray(joined / (1 + _ECHO_WEIGHT), np.float32)


def _details(payloads: Sequence[bytes | None]) -> list[Detail] | None:
    """Return what payloads keep; None when one keeps nothing, as with models that give one vector a picture."""
    details = [unpack(payload or b"") for payload in payloads]
    return None if None in details else [detail for detail in details if detail is not None]


def _judged(asked: list[Floats], liked: list[Floats], disliked: list[Floats]) -> Floats:
    """Join likenesses, one array `(N,)` an example, to one score a record."""
    total = np.zeros_like((asked + liked)[0])
    for scores in asked:
        total += scores
    if liked:
        # the mean asks for what they share, the maximum forgives that they are several products
        total += _LIKES * (np.mean(liked, axis=0) + np.max(liked, axis=0)) / 2
    if disliked:
        total -= _DISLIKES * np.max(disliked, axis=0)
    return np.asarray(total / (bool(asked) + _LIKES * bool(liked)), np.float32)


def _cosines(vector: Floats, vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1) * float(np.linalg.norm(vector))
    return np.asarray(vectors @ vector / np.maximum(lengths, 1e-12), np.float32)
