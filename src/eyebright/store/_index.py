"""The FAISS index over the vectors of a store. Its rows are numbered 0, 1, 2, … in the order they are added.

It knows nothing of SQLite, ids or deletions; the caller passes which rows a search may return. Cosine is the inner
product of vectors at length 1, and the score of `l2` is minus the distance. Not safe for threads by itself.

Sources: Jégou, Douze, Schmid, "Product quantization for nearest neighbor search" (2011) for inverted files;
Douze et al., "The Faiss library" (2024).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from eyebright.core.types import Bools, Floats, Ints, Metric
from eyebright.store._metric import centroid_scores, faiss, faiss_metric, prepared
from eyebright.store._plan import IndexPlan, Kind

# FAISS's batched l2 distances subtract large squares and lose digits; below 20 queries it computes them plainly
_BLOCK = 16
# for each query a few numbers a list are held at once
_QUERIES_AT_ONCE = 512
_statistics: Any = faiss.cvar.indexIVF_stats
# training on more vectors a list than this changes little and costs much
_SAMPLE_PER_LIST = 40
# how much more room a list gets than it needs when it grows
_SPARE = 1.05


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """Rows that a search may return, prepared once for many searches.

    Attributes:
        mask: `bool (rows,)`.
        count: how many are True.
        bits: the mask, a bit a row.
        selector: FAISS's view of the bits.
        per_list: how many admitted rows each list holds, `int64 (lists,)`; empty for a flat index.
    """

    mask: Bools
    count: int
    bits: np.ndarray[Any, np.dtype[np.uint8]]
    selector: Any
    per_list: Ints


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Answers: `rows int64 (Q, k)` with -1 where there is none, `scores float32 (Q, k)`, and what they cost.

    `short` says whether a query got fewer than k.
    """

    rows: Ints
    scores: Floats
    exact: bool
    examined: int
    short: bool = False


class VectorIndex:
    """A flat index, an inverted file, or an inverted file of 8-bit values.

    Args:
        index: a FAISS index of this kind.
        kind: see `IndexPlan`.
        metric: how vectors compare.
        probes: how many lists an unfiltered search visits.
        margin: how much nearer than a list's centroid one of its vectors may well be.
        trained_for: how many vectors the lists were made for.
    """

    def __init__(
        self, index: Any, kind: Kind, metric: Metric, probes: int = 1, margin: float = 0.0, trained_for: int = 0
    ) -> None:
        self.index = index
        self.kind = kind
        self.metric = metric
        self.probes = probes
        self.margin = margin
        self.trained_for = trained_for
        self._sizes: Ints | None = None
        if kind != "flat":
            self._quantizer = faiss.downcast_index(index.quantizer)
            self._centroids: Floats = self._quantizer.reconstruct_n(0, index.nlist)
            self._room = self._list_sizes().copy()

    @classmethod
    def flat(cls, dimension: int, metric: Metric) -> VectorIndex:
        """Return an empty index that compares everything."""
        return cls(faiss.IndexFlat(dimension, faiss_metric(metric)), "flat", metric)

    @classmethod
    def trained(cls, kind: Kind, count: int, sample: Floats, metric: Metric) -> VectorIndex:
        """Return an empty inverted file for about `count` vectors; learning from `sample` changes it."""
        dimension, lists = sample.shape[1], min(IndexPlan.lists(count), len(sample))
        quantizer = faiss.IndexFlat(dimension, faiss_metric(metric))
        if kind == "ivf":
            index = faiss.IndexIVFFlat(quantizer, dimension, lists, faiss_metric(metric))
        else:
            index = faiss.IndexIVFScalarQuantizer(
                quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit, faiss_metric(metric), False
            )
        index.cp.niter = 10
        index.cp.seed = 1
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = _SAMPLE_PER_LIST
        index.train(prepared(sample, metric, out=sample))
        index.set_direct_map_type(faiss.DirectMap.Array)  # tells which list a row is in
        return cls(index, kind, metric, trained_for=count)

    @staticmethod
    def sample_size(count: int) -> int:
        """Return how many vectors training wants of `count`."""
        return min(count, _SAMPLE_PER_LIST * IndexPlan.lists(count))

    def __len__(self) -> int:
        return int(self.index.ntotal)

    def assign(self, vectors: Floats) -> Ints:
        """Return the list into which each vector falls, `int64 (N,)`; all zeros for a flat index."""
        if self.kind == "flat" or not len(vectors):
            return np.zeros(len(vectors), np.int64)
        return np.asarray(self._quantizer.search(prepared(vectors, self.metric), 1)[1].ravel(), np.int64)

    def reserve(self, lists: Ints) -> None:
        """Make room to add one vector to each of `lists` (N,)."""
        if self.kind != "flat":
            # after many at once few are likely to come soon; after few, others like them
            spare = 1.0 if len(lists) >= len(self) // 4 else _SPARE
            self._make_room(np.bincount(lists, minlength=self.index.nlist), spare)

    def add(self, vectors: Floats, lists: Ints) -> None:
        """Append `float32 (N, D)` to the lists that `assign` said (ignored by a flat index)."""
        vectors = prepared(vectors, self.metric)
        if self.kind == "flat":
            self.index.add(vectors)
        elif len(vectors):
            self.index.add_core(len(vectors), faiss.swig_ptr(vectors), None, faiss.swig_ptr(lists))
            self._sizes = None

    def admit(self, mask: Bools) -> Admitted:
        """Prepare a filter; it is good until rows are added."""
        bits = np.packbits(mask, bitorder="little")
        per_list = np.zeros(0, np.int64)
        if self.kind != "flat":
            per_list = np.bincount(self._list_of()[mask], minlength=self.index.nlist).astype(np.int64)
        selector = faiss.IDSelectorBitmap(bits)
        return Admitted(mask, int(np.count_nonzero(mask)), bits, selector, per_list)

    def search(
        self, queries: Floats, k: int, admitted: Admitted | None, *, exhaustive: bool = False, widen: bool = False
    ) -> Found:
        """Return the k nearest admitted rows of each query, best first.

        Args:
            queries: `float32 (Q, D)`.
            k: at most the number of admitted rows.
            admitted: which rows count; None for all.
            exhaustive: compare every admitted row; else only those that are likely near.
            widen: the admitted rows are a choice, not nearly all, so search as deep as it takes.
        """
        if len(queries) > _QUERIES_AT_ONCE:
            parts = np.array_split(queries, math.ceil(len(queries) / _QUERIES_AT_ONCE))
            found = [self.search(part, k, admitted, exhaustive=exhaustive, widen=widen) for part in parts]
            rows, scores = (np.concatenate([getattr(one, name) for one in found]) for name in ("rows", "scores"))
            examined, short = sum(one.examined for one in found), any(one.short for one in found)
            return Found(rows, scores, found[0].exact, examined, short)
        queries = prepared(queries, self.metric)
        if self.kind == "flat":
            count = len(self) if admitted is None else admitted.count
            return self._ordered(*self._flat(queries, k, admitted), exact=True, examined=count * len(queries))
        if exhaustive:
            sizes = self._list_sizes() if admitted is None else admitted.per_list
            lists = np.tile(np.flatnonzero(sizes), (len(queries), 1))
            answers = self._visit(queries, k, admitted, lists)
            return self._ordered(*answers, exact=self.kind == "ivf", examined=int(sizes.sum()) * len(queries))
        if widen and admitted is not None:
            return self._filtered(queries, k, admitted)
        if self.index.nprobe != self.probes:
            self.index.nprobe = self.probes
        params = None if admitted is None else self._params(self.probes, admitted)
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        # FAISS counts for the whole process; with searches on other threads the figure may come out too large
        before = _statistics.ndis
        self.index.search_c(
            len(queries), faiss.swig_ptr(queries), k, faiss.swig_ptr(scores), faiss.swig_ptr(rows), params
        )
        return self._ordered(scores, rows, exact=False, examined=_statistics.ndis - before)

    def list_ranks(self, queries: Floats, rows: Ints) -> Ints:
        """Return how many lists are visited before the one of each row, `int64 (Q, R)` for prepared `queries`."""
        order, _ = self._nearest(queries, np.ones(self.index.nlist, np.int64))
        ranks = np.argsort(order, axis=1, kind="stable")
        return np.take_along_axis(ranks, self._list_of()[rows], axis=1)

    def excess(self, queries: Floats, vectors: Floats) -> Floats:
        """Return how much nearer each of `vectors` is to each query than its list's centroid, `float32 (Q, N)`."""
        near = centroid_scores(queries, prepared(vectors, self.metric), self.metric)
        return near - centroid_scores(queries, self._centroids, self.metric)[:, self.assign(vectors)]

    def _filtered(self, queries: Floats, k: int, admitted: Admitted) -> Found:
        """Search the lists that may hold one of the k nearest admitted rows.

        A filter may keep only far clusters, among which the nearest are spread over many lists; how many lists find
        the nearest of all says little then. So the first round looks at as many admitted vectors as an unfiltered
        search looks at vectors; the second at all lists whose centroid is at most `margin` worse than the k-th answer.
        """
        order, near = self._nearest(queries, admitted.per_list)
        reached = np.cumsum(admitted.per_list[order], axis=1)
        budget = max(4 * k, math.ceil(self.probes * len(self) / self.index.nlist))
        ranks = np.arange(order.shape[1])[None, :]
        first = np.minimum((reached < budget).sum(axis=1) + 1, order.shape[1])[:, None]
        scores, rows = self._visit(queries, k, admitted, np.where(ranks < first, order, -1)[:, : first.max()])
        last = np.maximum((near >= self._growing(scores)[:, -1:] - self.margin).sum(axis=1)[:, None], first)
        deeper = np.flatnonzero(last > first)
        if len(deeper):
            lists = np.where((ranks >= first) & (ranks < last), order, -1)[deeper, : last.max()]
            more_scores, more_rows = self._visit(queries[deeper], k, admitted, lists)
            both_scores = np.concatenate([scores[deeper], more_scores], axis=1)
            both_rows = np.concatenate([rows[deeper], more_rows], axis=1)
            best = np.lexsort((both_rows, -self._growing(both_scores)), axis=1)[:, :k]
            scores[deeper] = np.take_along_axis(both_scores, best, axis=1)
            rows[deeper] = np.take_along_axis(both_rows, best, axis=1)
        examined = int(np.take_along_axis(reached, last - 1, axis=1).sum())
        return self._ordered(scores, rows, exact=False, examined=examined)

    def _flat(self, queries: Floats, k: int, admitted: Admitted | None) -> tuple[Floats, Ints]:
        params = None if admitted is None else faiss.SearchParameters(sel=admitted.selector)
        step = _BLOCK if self.metric == "l2" else max(1, len(queries))
        parts = [self.index.search(queries[at : at + step], k, params=params) for at in range(0, len(queries), step)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _nearest(self, queries: Floats, sizes: Ints) -> tuple[Ints, Floats]:
        """Return the lists with any `sizes`, the nearest first, and how near: inner product, or minus square distance.

        Both have the shape (Q, lists).
        """
        lists = np.flatnonzero(sizes)
        near = centroid_scores(queries, self._centroids[lists], self.metric)
        best = np.argsort(-near, axis=1, kind="stable")
        return lists[best], np.take_along_axis(near, best, axis=1)

    def _growing(self, scores: Floats) -> Floats:
        """Return FAISS's scores so that they grow with likeness; where there was no answer, minus infinity."""
        return -scores if self.metric == "l2" else scores

    def _visit(self, queries: Floats, k: int, admitted: Admitted | None, lists: Ints) -> tuple[Floats, Ints]:
        lists = np.ascontiguousarray(lists)
        # neither kind of list codes residuals, so the distances to the centroids do not matter
        given = np.zeros(lists.shape, np.float32)
        scores = np.empty((len(queries), k), np.float32)
        rows = np.empty((len(queries), k), np.int64)
        self.index.nprobe = lists.shape[1]
        params = None if admitted is None else self._params(lists.shape[1], admitted)
        # FAISS's own Python method of this name takes no params, so this is the C++ one below it
        pointers = [faiss.swig_ptr(array) for array in (lists, given, scores, rows)]
        self.index.search_preassigned_c(len(queries), faiss.swig_ptr(queries), k, *pointers, False, params)
        return scores, rows

    @staticmethod
    def _params(probes: int, admitted: Admitted) -> Any:
        return faiss.SearchParametersIVF(nprobe=probes, sel=admitted.selector)

    def _list_of(self) -> Ints:
        """Return the list of each row; FAISS keeps list and offset in the two halves of one number."""
        return np.asarray(faiss.vector_to_array(self.index.direct_map.array) >> 32, np.int64)

    def _list_sizes(self) -> Ints:
        if self._sizes is None:
            lists = self.index.invlists
            self._sizes = np.array([lists.list_size(at) for at in range(self.index.nlist)], np.int64)
        return self._sizes

    def _make_room(self, more: Ints, spare: float) -> None:
        """See to it that each list can take so many `more`; one that cannot gets `spare` times what it needs.

        FAISS doubles a list that runs out of room, and over many lists that holds half as much again as the vectors.
        A list that is emptied first is given exactly what it asks for.
        """
        lists = self.index.invlists
        wanted = self._list_sizes() + more
        for at in np.flatnonzero(wanted > self._room).tolist():
            size, room = lists.list_size(at), math.ceil(spare * wanted[at])
            rows = faiss.rev_swig_ptr(lists.get_ids(at), size).copy()
            codes = faiss.rev_swig_ptr(lists.get_codes(at), size * lists.code_size).copy()
            lists.resize(at, 0)
            lists.resize(at, room)
            if size:
                lists.update_entries(at, 0, size, faiss.swig_ptr(rows), faiss.swig_ptr(codes))
            lists.resize(at, size)
            self._room[at] = room

    def _ordered(self, scores: Floats, rows: Ints, *, exact: bool, examined: int) -> Found:
        """Put equal scores in order of insertion, and turn squared distances into scores."""
        if self.metric == "l2":
            scores = -np.sqrt(np.maximum(scores, 0))
        short = bool(rows[:, -1].min() < 0)
        if short:
            scores[rows < 0] = -np.inf
        if (scores[:, 1:] >= scores[:, :-1]).any():  # FAISS sorts, but not what is equal
            order = np.lexsort((rows, -scores), axis=1)
            rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
        return Found(rows, scores, exact, examined, short)
