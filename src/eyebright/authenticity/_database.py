"""One SQLite file a checker: products, their pictures, the serial ledger and every case, the only truth.

A write is acknowledged when its transaction is on the disk (WAL, `synchronous = FULL`), so `kill -9` loses nothing that
was acknowledged and leaves nothing half done.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from eyebright.core.errors import StoreBusyError, StoreError, StoreFullError, StoreVersionError

VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS products (
    name TEXT PRIMARY KEY, gtin TEXT NOT NULL, brand TEXT NOT NULL, words TEXT NOT NULL, regions TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS pictures (
    number INTEGER PRIMARY KEY AUTOINCREMENT, product TEXT NOT NULL REFERENCES products ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('reference', 'genuine', 'counterfeit')), name TEXT NOT NULL, kind TEXT NOT NULL,
    picture BLOB NOT NULL, vector BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS pictures_by_product ON pictures (product, role);
CREATE TABLE IF NOT EXISTS serials (
    serial TEXT PRIMARY KEY, product TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('valid', 'revoked')),
    reason TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sightings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL, place TEXT NOT NULL, seen_at TEXT NOT NULL,
    case_id TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sightings_by_serial ON sightings (serial);
CREATE TABLE IF NOT EXISTS cases (
    id TEXT PRIMARY KEY, checked_at TEXT NOT NULL, product TEXT NOT NULL, verdict TEXT NOT NULL, facts TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
_BUSY, _FULL = {5, 6}, {13}  # SQLite's BUSY and LOCKED, and FULL


class Database:
    """The file `authenticity.sqlite` of one folder. Each use is one transaction; threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "authenticity.sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open for reading one consistent state.

        Raises:
            StoreError: the file cannot be read, or is none of ours.
        """
        with self._open() as db:
            db.execute("BEGIN")
            yield db
            db.execute("COMMIT")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the only right to write for one transaction; an error inside undoes all of it.

        Raises:
            StoreError: the file cannot be written; `StoreBusyError` when another writer held it for a minute.
        """
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: cannot keep products there: {error.strerror or error}") from error
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as db:
                db.row_factory = sqlite3.Row
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA synchronous = FULL")
                self._prepare(db)
                yield db
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                raise StoreBusyError(f"{self.path}: another process is writing to it; try again") from error
            if code in _FULL:
                raise StoreFullError(f"{self.path}: the disk is full; free some room and run it again") from error
            raise StoreError(
                f"{self.path}: cannot be used: {error}; is it a store of `eyebright authenticate`?"
            ) from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StoreVersionError(
                f"{self.path}: written by a newer version ({version}, here {VERSION}); update eyebright"
            )
        if version == VERSION:
            return
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
