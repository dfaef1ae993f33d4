"""The embedded store: SQLite holds the truth, a FAISS index beside it makes search fast."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from eyebright.core.errors import InputError, QueryError, StoreError
from eyebright.core.types import Bools, Embeddings, Floats, Ints, Matches, Metadata, MetadataValue, Records, Space
from eyebright.store import _database as database
from eyebright.store import _records as sql
from eyebright.store._answers import matches
from eyebright.store._checks import check_ids, check_k, check_queries, check_records, unknown_column
from eyebright.store._index import Admitted, Found
from eyebright.store._memory import Memory
from eyebright.store._plan import IndexPlan
from eyebright.store._text import words as split
from eyebright.store._truth import exhaustive, rescored

# 8-bit values order the very best only roughly, so more are fetched and compared again
_CANDIDATES_PER_MATCH = 4


class EmbeddedStore:
    """A store in a folder, for one machine.

    Several processes may have it open, and several threads may use one object: calls on one object take turns, and
    each answers from one committed state. What `add`, `remove`, `annotate` or `set_attribute` wrote when they return
    survives the end of the process and of the machine's power.

    Small stores, and filters that admit little, are searched exactly; larger ones through an inverted file whose depth
    is chosen when it is made, so that it finds 99.5 % of the ten nearest of sampled records. When a store has outgrown
    its index, the next search (or `close`) makes a new one, which takes some seconds at 100 000 vectors.
    """

    def __init__(
        self, path: Path, db: sqlite3.Connection, space: Space, memory: Memory, plan: IndexPlan, *, read_only: bool
    ) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = db
        self._space = space
        self._memory = memory
        self._plan = plan
        self._read_only = read_only
        self._lock = threading.RLock()

    @classmethod
    def open(
        cls,
        path: str | Path,
        space: Space | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
        plan: IndexPlan | None = None,
    ) -> EmbeddedStore:
        """Open the store in a folder, or make one.

        Args:
            path: the folder; it and its parents are made if need be.
            space: the space of its vectors; None takes what the store says.
            create: make a store when there is none.
            read_only: never write, not even the index; works in folders that cannot be written.
            plan: sizes at which the index changes.

        Raises:
            StoreError: there is no store, or what is there is no store or damaged.
            StoreVersionError: a newer version wrote it.
            SpaceMismatchError: it holds vectors of another space.
        """
        folder = Path(path)
        db = database.connect(folder, create=create and space is not None, read_only=read_only)
        try:
            found, name = database.prepare(db, folder, space, create=create and not read_only)
        except BaseException:
            db.close()
            raise
        sizes = plan or IndexPlan()
        memory = Memory(folder, name, found, sizes, keep=not read_only)
        return cls(folder, db, found, memory, sizes, read_only=read_only)

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path

    @property
    def space(self) -> Space:
        """The one space whose vectors this store takes."""
        return self._space

    def __len__(self) -> int:
        with self._reading() as db:
            return sql.count(db)

    def add(self, records: Records) -> None:
        """Insert records; those of a known id are replaced and become the newest.

        When it returns they are safe on disk, all of them; when it raises, none was written.

        Raises:
            InputError: ids or vectors that cannot be kept.
            MetadataError: metadata that does not fit its columns.
            StoreFullError: there is no room.
            StoreError: another process kept the store locked, or it is read-only.
        """
        check_records(records, self._space, "store.add")
        with self._writing() as db:
            sql.insert(db, records)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove the records with these ids and return how many there were."""
        names = check_ids(ids, "store.remove")
        with self._writing() as db:
            rowids = list(sql.rowids(db, names).values())
            sql.delete(db, rowids)
        return len(rowids)

    def annotate(self, ids: Sequence[str], metadata: Sequence[Metadata]) -> int:
        """Replace the metadata of existing records and return how many there were; unknown ids are passed over.

        Raises:
            MetadataError: metadata that does not fit its columns; nothing is written then.
        """
        names = check_ids(ids, "store.annotate")
        if len(names) != len(metadata):
            raise InputError(f"store.annotate: {len(names)} ids, but {len(metadata)} dictionaries of metadata")
        with self._writing() as db:
            return sql.annotate(db, dict(zip(names, metadata, strict=True)))

    def get(self, ids: Sequence[str]) -> Records:
        """Return the records of these ids in this order; an unknown id is a `QueryError`."""
        with self._reading() as db:
            rowids = sql.known(db, ids)
            vectors = database.fetch_vectors(db, np.array(rowids, np.int64), self._space.dimension)
            return Records(tuple(ids), vectors, sql.metadata(db, rowids), sql.payloads(db, rowids))

    def metadata(self, ids: Sequence[str]) -> tuple[Metadata, ...]:
        """Return the metadata of these ids in this order; an unknown id is a `QueryError`."""
        with self._reading() as db:
            return sql.metadata(db, sql.known(db, ids))

    def payloads(self, ids: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the payloads of these ids in this order; an unknown id is a `QueryError`."""
        with self._reading() as db:
            return sql.payloads(db, sql.known(db, ids))

    def contains(self, ids: Sequence[str]) -> Bools:
        """Return which of these ids the store has, `bool (N,)`."""
        with self._reading() as db:
            known = sql.rowids(db, ids)
            return np.array([one in known for one in ids], dtype=np.bool_)

    def values(self, column: str) -> tuple[list[str], list[MetadataValue]]:
        """Return all ids and their values in one column (None: no value), in order of insertion."""
        with self._reading() as db:
            columns = sql.columns(db)
            if column not in columns:
                raise QueryError(f"store.values: {unknown_column(column, columns)}")
            rows = db.execute("SELECT id, metadata FROM records ORDER BY rowid").fetchall()
            return [one for one, _ in rows], [json.loads(text).get(column) for _, text in rows]

    def search(self, queries: Embeddings, k: int, *, where: str | None = None, exact: bool | None = None) -> Matches:
        """Return the k nearest of each query among the records that `where` admits, ties in order of insertion.

        Args:
            queries: vectors of the store's space.
            k: at least 1; the answer is as wide as the longest row of matches, at most k.
            where: see `eyebright.store.where`.
            exact: True compares every admissible vector; None lets the store choose.

        Raises:
            SpaceMismatchError: the queries are of another space.
            QueryError: k or `where` is wrong.
            InputError: a query is not finite.
        """
        check_queries(queries, self._space, k, "store.search")
        with self._lock, database.translated(self._path):
            db = self._opened()
            if self._memory.ready(db, where):
                return self._search(db, queries.vectors, k, where, exact=exact is True)
            with database.transaction(db):
                self._memory.sync(db)
                return self._search(db, queries.vectors, k, where, exact=exact is True)

    def search_text(self, words: str, k: int, *, where: str | None = None) -> Matches:
        """Return the k records whose text values fit the words best (BM25), as one row.

        Any of the words may occur; case and diacritics do not matter. Columns that begin with `_` are not searched.
        """
        check_k(k, "store.search_text")
        # quoted, the user's words cannot be read as FTS5's own syntax
        query = " OR ".join(f'"{word}"' for word in split(words))
        with self._reading() as db:
            admitted = None
            if where is not None:
                rows = self._rows_where(db, where)
                admitted = set(self._memory.rowids[rows].tolist())
            best: list[tuple[int, float]] = []
            examined = 0
            if query:
                ranked = db.execute("SELECT rowid, rank FROM texts WHERE texts MATCH ? ORDER BY rank, rowid", (query,))
                for rowid, rank in ranked:
                    examined += 1
                    if admitted is None or rowid in admitted:
                        best.append((rowid, -rank))
                    if len(best) == k:
                        break
                ranked.close()
            names = sql.names(db, [rowid for rowid, _ in best])
            return matches([[(names[rowid], score) for rowid, score in best]], exact=True, examined=examined)

    def ids(self, *, where: str | None = None) -> list[str]:
        """Return the ids of all records that `where` admits, in order of insertion."""
        with self._reading() as db:
            if where is None:
                return [row[0] for row in db.execute("SELECT id FROM records ORDER BY rowid")]
            rows = self._rows_where(db, where)
            return self._memory.names(db, rows)

    def columns(self) -> dict[str, str]:
        """Return the metadata columns that ever had a value, and their types."""
        with self._reading() as db:
            return sql.columns(db)

    def get_attribute(self, name: str) -> bytes | None:
        """Return what `set_attribute` kept under this name, or None."""
        with self._reading() as db:
            row = db.execute("SELECT data FROM attributes WHERE name = ?", (name,)).fetchone()
            return None if row is None else bytes(row[0])

    def set_attribute(self, name: str, value: bytes | None) -> None:
        """Keep a value of up to some megabytes beside the records, as safely as they are; None removes it."""
        with self._writing() as db:
            if value is None:
                db.execute("DELETE FROM attributes WHERE name = ?", (name,))
            else:
                db.execute("INSERT OR REPLACE INTO attributes VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Save the index if much changed, and let go of everything; further calls do nothing."""
        with self._lock:
            if self._db is None:
                return
            db, self._db = self._db, None
            try:
                if not self._read_only:
                    with database.translated(self._path), database.transaction(db):
                        self._memory.save_if_stale(db)
            finally:
                db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _search(self, db: sqlite3.Connection, queries: Floats, k: int, where: str | None, *, exact: bool) -> Matches:
        admitted = self._memory.admitted(db, where)
        wanted = min(k, self._memory.count if admitted is None else admitted.count)
        if not wanted or not len(queries):
            return matches([[] for _ in range(len(queries))], exact=True, examined=0)
        if exact or self._is_small(admitted, filtered=where is not None):
            found = self._exhaustively(db, queries, wanted, admitted)
        else:
            found = self._approximately(db, queries, wanted, admitted, filtered=where is not None)
            if found.short:  # too few in the lists that were visited
                found = self._exhaustively(db, queries, wanted, admitted)
        # every query has as many answers as the others
        ids = np.array(self._memory.names(db, found.rows.ravel()), np.object_).reshape(found.rows.shape)
        return Matches(ids, found.scores, np.full(len(ids), wanted, np.int64), found.exact, found.examined)

    def _is_small(self, admitted: Admitted | None, *, filtered: bool) -> bool:
        if self._memory.index.kind == "flat":
            return True
        return filtered and admitted is not None and self._plan.few(admitted.count, self._space.dimension)

    def _exhaustively(self, db: sqlite3.Connection, queries: Floats, k: int, admitted: Admitted | None) -> Found:
        memory = self._memory
        if memory.index.kind != "ivf-sq8":
            return memory.index.search(queries, k, admitted, exhaustive=True)
        rows = np.arange(len(memory.rowids)) if admitted is None else np.flatnonzero(admitted.mask)
        return exhaustive(db, queries, rows, memory.rowids, k, self._space.metric)

    def _approximately(
        self, db: sqlite3.Connection, queries: Floats, k: int, admitted: Admitted | None, *, filtered: bool
    ) -> Found:
        memory = self._memory
        if memory.index.kind != "ivf-sq8":
            return memory.index.search(queries, k, admitted, widen=filtered)
        found = memory.index.search(queries, _CANDIDATES_PER_MATCH * k, admitted, widen=filtered)
        return rescored(db, queries, found, memory.rowids, k, self._space.metric)

    def _rows_where(self, db: sqlite3.Connection, where: str) -> Ints:
        """Return the rows of the index that `where` admits, in order of insertion."""
        self._memory.sync(db)
        admitted = self._memory.admitted(db, where)
        return np.arange(len(self._memory.rowids)) if admitted is None else np.flatnonzero(admitted.mask)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Hold this object and one committed state."""
        with self._lock, database.translated(self._path):
            db = self._opened()
            with database.transaction(db):
                yield db

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold this object and the right to write; all is written at the end, or nothing."""
        with self._lock, database.translated(self._path):
            db = self._opened()
            if self._read_only:
                raise StoreError(f"store {self._path}: it is open for reading only; open it without read_only to write")
            with database.transaction(db, "IMMEDIATE"):
                yield db
            self._memory.outdated()

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"store {self._path}: it is closed; open it again")
        return self._db
