"""What an embedded store keeps in memory: the index, which of its rows are alive, and the columns filters asked for.

All of it is derived. `sync` brings it to the state of the transaction it runs in: rows that came, entries of the log
that came, or, when too much changed, everything anew.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eyebright.core.types import Bools, Floats, Ints, Metadata, Space
from eyebright.store import _index_file
from eyebright.store._columns import Column, Growing, Names, evaluate, needed, picked
from eyebright.store._database import (
    ANNOTATED,
    BATCH,
    REMOVED,
    fetch_vectors,
    last_change,
    last_row,
    log_floor,
    scan_vectors,
)  # fmt: skip
from eyebright.store._index import Admitted, VectorIndex
from eyebright.store._index_file import Saved, Stamp
from eyebright.store._plan import IndexPlan
from eyebright.store._tuning import Tuning
from eyebright.store.where import parse

# of so many records, every tenth asks for its nearest and the rest show how vectors lie around their centroids
_TUNING_SAMPLE, _TUNING_STEP = 2000, 10
_FILTERS_KEPT = 64
_logger = logging.getLogger(__name__)


class Memory:
    """The derived state of one store object. The caller serialises all calls, each within one transaction.

    Args:
        folder: the store's folder.
        store: its unique name.
        space: its space.
        plan: sizes at which the index changes.
        keep: whether the index may be written to the folder.
    """

    def __init__(self, folder: Path, store: str, space: Space, plan: IndexPlan, *, keep: bool) -> None:
        self._folder, self._store, self._space, self._plan, self._keep = folder, store, space, plan, keep
        self._version: int | None = None
        self._file: tuple[int, ...] | None = None
        self._index: VectorIndex | None = None
        self._saved = Stamp(0, 0)
        self._types: dict[str, str] = {}
        self._columns: dict[str, Column] = {}
        self._filters: dict[str | None, Admitted] = {}
        self._names: Names | None = None
        self._forget()

    @property
    def index(self) -> VectorIndex:
        """The index, after `sync`."""
        if self._index is None:
            raise RuntimeError("the index is read before sync")
        return self._index

    @property
    def rowids(self) -> Ints:
        """The rowid of each row of the index, growing."""
        return self._rowids.array

    @property
    def count(self) -> int:
        """How many rows are alive."""
        return len(self._rowids) - self._dead

    def outdated(self) -> None:
        """Say that this connection wrote something; SQLite reports only what others wrote."""
        self._version = None

    def ready(self, db: sqlite3.Connection, where: str | None) -> bool:
        """Return whether a search with this filter needs nothing from SQLite, because nobody wrote since the last."""
        if self._index is None or self._index.kind == "ivf-sq8" or self._names is None:
            return False
        if where not in self._filters and (where is not None or self._dead):
            return False
        return self._version is not None and self._version == db.execute("PRAGMA data_version").fetchone()[0]

    def sync(self, db: sqlite3.Connection) -> None:
        """Bring everything to the state of the current transaction."""
        try:
            self._sync(db)
        except BaseException:
            self._forget()  # half a change must not be built upon
            self._version = None
            raise

    def _sync(self, db: sqlite3.Connection) -> None:
        version = int(db.execute("PRAGMA data_version").fetchone()[0])
        if version == self._version:
            return
        newest = Stamp(last_row(db), last_change(db))
        if self._index is None:
            self._load(newest)
        if self._stamp.change < log_floor(db) or self._needs_rebuild(db, newest):
            self._rebuild(db, newest)
        elif newest != self._stamp:
            self._catch_up(db, newest)
            if self._outgrown(self.count):  # so many rows went
                self._rebuild(db, newest)
            elif newest.row - self._saved.row > max(BATCH, self._saved.row):
                self.save()
        types = dict(db.execute("SELECT name, type FROM columns ORDER BY position").fetchall())
        self._columns = {name: column for name, column in self._columns.items() if types[name] == column.kind}
        self._types = types
        self._version = version

    def admitted(self, db: sqlite3.Connection, where: str | None) -> Admitted | None:
        """Return which rows are alive and fulfil `where`; None when that is all of them."""
        if where is None and self._dead == 0:
            return None
        if where not in self._filters:
            mask = self._alive.array
            if where is not None:
                condition = parse(where, self._types)
                self._read_columns(db, needed(condition))
                mask = mask & evaluate(condition, self._columns, len(mask))[0]
            if len(self._filters) >= _FILTERS_KEPT:
                self._filters.clear()
            self._filters[where] = self.index.admit(mask)
        return self._filters[where]

    def names(self, db: sqlite3.Connection, rows: Ints) -> list[str]:
        """Return the ids of these rows, which must be alive.

        They are kept in memory, since looking ten of them up in SQLite takes longer than finding them.
        """
        if self._names is None:
            self._names = Names()
            cursor = db.execute("SELECT id FROM records ORDER BY rowid")
            for start in range(0, len(self._rowids), BATCH):
                alive = self._alive.array[start : start + BATCH].tolist()
                self._names.extend([next(cursor)[0] if one else "" for one in alive])
        return self._names.pick(rows)

    def rows_of(self, rowids: Ints) -> tuple[Ints, Bools]:
        """Return the row of each rowid, and whether it is one of the index's."""
        at = np.searchsorted(self.rowids, rowids)
        inside = at < len(self._rowids)
        inside[inside] = self.rowids[at[inside]] == rowids[inside]
        return at, inside

    def save_if_stale(self, db: sqlite3.Connection) -> None:
        """Write the index when much changed since it was written; at the end of a process's work."""
        newest = Stamp(last_row(db), last_change(db))
        behind = (newest.row - self._saved.row) + (newest.change - self._saved.change)
        if not self._keep or behind <= newest.row // 50:
            return
        total = int(db.execute("SELECT count(*) FROM records").fetchone()[0])
        if self._plan.kind(total, self._space.dimension) != "flat":
            self.sync(db)
            self.save()

    def save(self) -> None:
        """Write the index to the folder, unless it is quicker to make than to read."""
        if not self._keep or self._index is None or self._index.kind == "flat" or self._saved == self._stamp:
            return
        try:
            _index_file.write(
                self._folder, self._store, Saved(self._index, self.rowids, self._alive.array, self._stamp)
            )
        except OSError as error:
            _logger.warning("store %s: the index could not be saved (%s); it will be made again", self._folder, error)
            return
        self._saved = self._stamp
        self._file = self._file_identity()

    def _forget(self) -> None:
        self._index = None
        self._rowids, self._alive = Growing(np.int64), Growing(np.bool_)
        self._dead = 0
        self._stamp = Stamp(0, 0)
        self._names = None
        self._types, self._columns, self._filters = {}, {}, {}

    def _load(self, newest: Stamp) -> None:
        """Take the index from its file when there is one that can be used, else start with an empty one."""
        self._forget()
        self._file = self._file_identity()
        saved = _index_file.read(self._folder, self._store, self._space, newest)
        if saved is None:
            self._index = VectorIndex.flat(self._space.dimension, self._space.metric)
            # nothing in the log concerns rows that are yet to be read
            self._stamp = Stamp(0, newest.change)
            return
        self._index, self._stamp, self._saved = saved.index, saved.stamp, saved.stamp
        self._rowids.extend(saved.rowids)
        self._alive.extend(saved.alive)
        self._dead = int(len(saved.alive) - np.count_nonzero(saved.alive))

    def _needs_rebuild(self, db: sqlite3.Connection, newest: Stamp) -> bool:
        # rows that came are at most as many as rowids that came; only when that could matter they are counted
        if not self._outgrown(self.count + newest.row - self._stamp.row):
            return False
        total = int(db.execute("SELECT count(*) FROM records").fetchone()[0])
        if not self._outgrown(total):
            return False
        if self._file != self._file_identity():
            self._load(newest)  # another process may have done the work
            return self._outgrown(total)
        return True

    def _outgrown(self, total: int) -> bool:
        index = self.index
        if self._dead > max(1000, self.count):
            return True
        if index.kind != "flat" and total > self._plan.growth * index.trained_for:
            return True
        order = ("flat", "ivf", "ivf-sq8")
        return order.index(self._plan.kind(total, self._space.dimension)) > order.index(index.kind)

    def _rebuild(self, db: sqlite3.Connection, newest: Stamp) -> None:
        """Make everything anew from the records, in batches; the old index is let go first, to hold only one."""
        self._forget()
        rowids = np.fromiter((row[0] for row in db.execute("SELECT rowid FROM vectors ORDER BY rowid")), np.int64)
        total, dimension, metric = len(rowids), self._space.dimension, self._space.metric
        kind = self._plan.kind(total, dimension)
        tuning, others = None, None
        if kind == "flat":
            index = VectorIndex.flat(dimension, metric)
        else:
            rng = np.random.default_rng(0)
            sample = self._sample(db, rowids, VectorIndex.sample_size(total), rng)
            index = VectorIndex.trained(kind, total, sample, metric)
            del sample
            sample = self._sample(db, rowids, _TUNING_SAMPLE, rng)
            tuning = Tuning(sample[::_TUNING_STEP], metric)
            others = np.delete(sample, slice(None, None, _TUNING_STEP), axis=0)
        self._index = index
        self._append(db, 0, tuning)
        if tuning is not None and others is not None:
            tuning.apply(index, self._plan.recall, others)
        self._stamp = newest
        _logger.info("store %s: made a %s index of %d vectors, %d probes", self._folder, kind, total, index.probes)
        self.save()

    def _append(self, db: sqlite3.Connection, after: int, tuning: Tuning | None) -> None:
        """Add the rows beyond `after`. They are read twice, to make room for all of them at once, and no more."""
        lists = [np.zeros(0, np.int64)]
        if self.index.kind != "flat":
            at = 0
            for part, vectors in scan_vectors(db, after, self._space.dimension):
                if tuning is not None:
                    tuning.see(at, vectors)
                lists.append(self.index.assign(vectors))
                at += len(part)
        known = np.concatenate(lists)
        self.index.reserve(known)
        at = 0
        for part, vectors in scan_vectors(db, after, self._space.dimension):
            self.index.add(vectors, known[at : at + len(part)])
            self._rowids.extend(part)
            self._alive.extend(np.ones(len(part), np.bool_))
            at += len(part)

    def _sample(self, db: sqlite3.Connection, rowids: Ints, size: int, rng: np.random.Generator) -> Floats:
        chosen = rng.choice(rowids, min(size, len(rowids)), replace=False)
        return fetch_vectors(db, np.sort(chosen), self._space.dimension)

    def _catch_up(self, db: sqlite3.Connection, newest: Stamp) -> None:
        self._filters.clear()
        entries = db.execute("SELECT rowid, kind FROM log WHERE seq > ?", (self._stamp.change,)).fetchall()
        for kind in (REMOVED, ANNOTATED):
            touched = np.unique(np.array([rowid for rowid, one in entries if one == kind], np.int64))
            rows, inside = self.rows_of(touched)
            rows = rows[inside]
            if kind == REMOVED:
                self._dead += int(np.count_nonzero(self._alive.array[rows]))
                self._alive.array[rows] = False
            elif self._columns:
                self._assign_columns(db, self._columns, rows[self._alive.array[rows]])
        first = len(self._rowids)
        self._append(db, self._stamp.row, None)
        if self._names is not None:
            new = db.execute("SELECT id FROM records WHERE rowid > ? ORDER BY rowid", (self._stamp.row,))
            while part := new.fetchmany(BATCH):
                self._names.extend([row[0] for row in part])
        added = np.arange(first, len(self._rowids))
        for column in self._columns.values():
            column.extend([None] * len(added))
        if self._columns:
            self._assign_columns(db, self._columns, added)
        self._stamp = newest

    def _read_columns(self, db: sqlite3.Connection, names: set[str]) -> None:
        missing = {name: Column(self._types[name]) for name in names if name not in self._columns}
        if missing:
            for column in missing.values():
                column.extend([None] * len(self._rowids))
            self._assign_columns(db, missing, np.flatnonzero(self._alive.array))
            self._columns |= missing

    def _assign_columns(self, db: sqlite3.Connection, columns: dict[str, Column], rows: Ints) -> None:
        types = dict(db.execute("SELECT name, type FROM columns").fetchall())
        for part, metadata in self._metadata(db, rows):
            for name, column in columns.items():
                if types[name] == column.kind:  # a column that became real is read anew when it is asked for
                    column.assign(part, picked(metadata, name))

    def _metadata(self, db: sqlite3.Connection, rows: Ints) -> Iterator[tuple[Ints, list[Metadata]]]:
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            slots = ",".join("?" * len(part))
            found = dict(
                db.execute(f"SELECT rowid, metadata FROM records WHERE rowid IN ({slots})", self.rowids[part].tolist())
            )
            texts = [found[rowid] for rowid in self.rowids[part].tolist()]
            # one call for all is several times faster than one call each
            yield part, json.loads(f"[{','.join(texts)}]")

    def _file_identity(self) -> tuple[int, ...] | None:
        try:
            status = (self._folder / _index_file.NAME).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
