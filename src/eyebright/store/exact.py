"""The readable twin: everything in memory, every search compares everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError, QueryError, StoreError
from eyebright.core.types import Bools, Embeddings, Floats, Matches, Metadata, MetadataValue, Records, Space
from eyebright.store._answers import matches
from eyebright.store._bm25 import bm25
from eyebright.store._checks import check_ids, check_k, check_queries, check_records, merge_columns, unknown_column
from eyebright.store._text import searchable
from eyebright.store._where_rows import admits
from eyebright.store.where import parse

Row = tuple[Floats, Metadata, bytes | None]


class ExactStore:
    """A store in memory, in plain NumPy, to which the others are held.

    It forgets everything when it goes. It is meant for one thread.

    Args:
        space: the space of its vectors.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rows: dict[str, Row] = {}
        self._columns: dict[str, str] = {}
        self._attributes: dict[str, bytes] = {}
        self._closed = False

    @property
    def space(self) -> Space:
        """The one space whose vectors this store takes."""
        return self._space

    def __len__(self) -> int:
        self._check_open()
        return len(self._rows)

    def add(self, records: Records) -> None:
        """Insert records; those of a known id are replaced and become the newest.

        Raises:
            InputError: ids or vectors that cannot be kept.
            MetadataError: metadata that does not fit its columns; nothing is written then.
        """
        self._check_open()
        check_records(records, self._space, "store.add")
        self._columns = merge_columns(self._columns, records.ids, records.metadata, "store.add")
        for one, vector, metadata, payload in zip(
            records.ids, records.vectors, records.metadata, records.payloads, strict=True
        ):
            self._rows.pop(one, None)
            self._rows[one] = (vector.copy(), dict(metadata), payload)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove the records with these ids and return how many there were."""
        self._check_open()
        return sum(self._rows.pop(one, None) is not None for one in check_ids(ids, "store.remove"))

    def annotate(self, ids: Sequence[str], metadata: Sequence[Metadata]) -> int:
        """Replace the metadata of existing records and return how many there were; unknown ids are passed over."""
        self._check_open()
        known = check_ids(ids, "store.annotate")
        if len(known) != len(metadata):
            raise InputError(f"store.annotate: {len(known)} ids, but {len(metadata)} dictionaries of metadata")
        pairs = [(one, row) for one, row in zip(known, metadata, strict=True) if one in self._rows]
        self._columns = merge_columns(
            self._columns, [one for one, _ in pairs], [row for _, row in pairs], "store.annotate"
        )
        for one, row in pairs:
            vector, _, payload = self._rows[one]
            self._rows[one] = (vector, dict(row), payload)
        return len(pairs)

    def get(self, ids: Sequence[str]) -> Records:
        """Return the records of these ids in this order; an unknown id is a `QueryError`."""
        rows = self._known(ids)
        vectors = np.array([vector for vector, _, _ in rows], np.float32).reshape(len(rows), self._space.dimension)
        return Records(
            tuple(ids), vectors, tuple(dict(row) for _, row, _ in rows), tuple(payload for _, _, payload in rows)
        )

    def metadata(self, ids: Sequence[str]) -> tuple[Metadata, ...]:
        """Return the metadata of these ids in this order; an unknown id is a `QueryError`."""
        return tuple(dict(row) for _, row, _ in self._known(ids))

    def payloads(self, ids: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the payloads of these ids in this order; an unknown id is a `QueryError`."""
        return tuple(payload for _, _, payload in self._known(ids))

    def contains(self, ids: Sequence[str]) -> Bools:
        """Return which of these ids the store has, `bool (N,)`."""
        self._check_open()
        return np.array([one in self._rows for one in ids], dtype=np.bool_)

    def values(self, column: str) -> tuple[list[str], list[MetadataValue]]:
        """Return all ids and their values in one column (None: no value), in order of insertion."""
        self._check_open()
        if column not in self._columns:
            raise QueryError(f"store.values: {unknown_column(column, self._columns)}")
        return list(self._rows), [metadata.get(column) for _, metadata, _ in self._rows.values()]

    def search(self, queries: Embeddings, k: int, *, where: str | None = None, exact: bool | None = None) -> Matches:  # noqa: ARG002  (the protocol; always exact)
        """Return the k nearest of each query among the records that `where` admits, ties in order of insertion."""
        self._check_open()
        check_queries(queries, self._space, k, "store.search")
        ids = self.ids(where=where)
        stored = self.get(ids).vectors.astype(np.float64)
        rows = []
        for query in queries.vectors.astype(np.float64):
            if self._space.metric == "cosine":
                scores = _unit(stored) @ _unit(query[None])[0]
            else:
                scores = -np.linalg.norm(stored - query, axis=1)
            best = np.argsort(-scores, kind="stable")[:k]
            rows.append([(ids[at], float(scores[at])) for at in best])
        return matches(rows, exact=True, examined=len(ids) * len(queries))

    def search_text(self, words: str, k: int, *, where: str | None = None) -> Matches:
        """Return the k records whose text values fit the words best (BM25), as one row."""
        check_k(k, "store.search_text")
        admitted = set(self.ids(where=where))
        texts = {one: text for one, (_, metadata, _) in self._rows.items() if (text := searchable(metadata))}
        names = list(texts)
        scores = bm25(list(texts.values()), words)
        best = sorted((row for row in scores if names[row] in admitted), key=lambda row: (-scores[row], row))
        return matches([[(names[row], scores[row]) for row in best[:k]]], exact=True, examined=len(scores))

    def ids(self, *, where: str | None = None) -> list[str]:
        """Return the ids of all records that `where` admits, in order of insertion."""
        self._check_open()
        if where is None:
            return list(self._rows)
        condition = parse(where, self._columns)
        return [one for one, (_, metadata, _) in self._rows.items() if admits(condition, metadata)]

    def columns(self) -> dict[str, str]:
        """Return the metadata columns that ever had a value, and their types."""
        self._check_open()
        return dict(self._columns)

    def get_attribute(self, name: str) -> bytes | None:
        """Return what `set_attribute` kept under this name, or None."""
        self._check_open()
        return self._attributes.get(name)

    def set_attribute(self, name: str, value: bytes | None) -> None:
        """Keep a small value beside the records; None removes it."""
        self._check_open()
        if value is None:
            self._attributes.pop(name, None)
        else:
            self._attributes[name] = bytes(value)

    def close(self) -> None:
        """Forget everything; further calls do nothing."""
        self._closed = True
        self._rows = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _known(self, ids: Sequence[str]) -> list[Row]:
        self._check_open()
        for one in ids:
            if one not in self._rows:
                raise QueryError(f"store: no record has the id {one!r}")
        return [self._rows[one] for one in ids]

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("store: it is closed; open it again")


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the rows at length 1; a row of zeros stays so, and is like nothing (score 0)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=out, where=lengths > 0)
    return out
