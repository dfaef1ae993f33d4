"""One SQLite file that is the only truth of a system, safe to kill at any moment.

A write is acknowledged when its transaction is on the disk (WAL, `synchronous = FULL`), so `kill -9` loses nothing that
was acknowledged and leaves nothing half done.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from eyebright.core.errors import StoreBusyError, StoreError, StoreFullError, StoreVersionError

_BUSY, _FULL = {5, 6}, {13}  # SQLite's BUSY and LOCKED, and FULL


class SqliteFile:
    """A file with tables of one version. Each use is one transaction; threads and processes may share it.

    Args:
        path: the file; its folder is made by the first use.
        tables: SQL that makes the tables, split at `;` and a line break; `IF NOT EXISTS` lets a new version add some.
        version: of these tables, from 1; an older file gets the tables that it does not have.
        kind: what such a file is, for errors: "a gallery of `eyebright faces`".
        pragmas: further settings of every connection.
        private: whether folder and file are for this user alone.
    """

    def __init__(
        self, path: Path, tables: str, version: int, kind: str, *, pragmas: Sequence[str] = (), private: bool = False
    ) -> None:
        self.path = path
        self._tables = tables
        self._version = version
        self._kind = kind
        self._pragmas = ("foreign_keys = ON", "synchronous = FULL", *pragmas)
        self._private = private

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.is_file()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open one consistent state for reading.

        Raises:
            StoreError: the file cannot be read, or is none of ours; `StoreVersionError` when it is newer.
        """
        with self.connection() as db:
            db.execute("BEGIN")
            yield db
            db.execute("COMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the only right to write for one transaction; an error inside undoes all of it.

        Raises:
            StoreError: as `reading`; `StoreBusyError` when another writer held it for a minute; `StoreFullError` when
                the disk is full.
        """
        with self.connection() as db, _transaction(db):
            yield db

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open without a transaction. Raises as `writing`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if self._private else 0o777)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: cannot be made: {error.strerror or error}") from error
        try:
            # whoever keeps a connection (and a lock) may use it in any thread
            opened = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
            with contextlib.closing(opened) as db:
                db.row_factory = sqlite3.Row
                for pragma in self._pragmas:
                    db.execute(f"PRAGMA {pragma}")
                self._prepare(db)
                yield db
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                raise StoreBusyError(f"{self.path}: another process is writing to it; try again") from error
            if code in _FULL:
                raise StoreFullError(f"{self.path}: the disk is full; free some room and run it again") from error
            raise StoreError(f"{self.path}: cannot be used: {error}; is it {self._kind}?") from error

    def fill(self, db: sqlite3.Connection) -> None:
        """Write what a new file begins with, in the transaction that makes its tables."""

    def _prepare(self, db: sqlite3.Connection) -> None:
        found = _version(db)
        if found > self._version:
            raise StoreVersionError(
                f"{self.path}: written by a newer version ({found}, here {self._version}); update eyebright"
            )
        if found == self._version:
            return
        db.execute("PRAGMA journal_mode = WAL")
        with _transaction(db):
            found = _version(db)
            if found < self._version:  # no other process was faster
                for statement in self._tables.split(";\n"):
                    db.execute(statement)
                if found == 0:
                    self.fill(db)
                db.execute(f"PRAGMA user_version = {self._version}")
        if self._private:
            self.path.chmod(0o600)


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
