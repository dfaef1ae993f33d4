"""The gallery on the disk: one SQLite file, the only truth. With a key, names, vectors and chips in it are sealed.

A write is acknowledged when its transaction is on the disk. What is removed is overwritten (`secure_delete`), and
`scrub` leaves no old page behind, neither in the file nor in its write-ahead log.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from eyebright.core.errors import StoreBusyError, StoreError, StoreFullError, StoreVersionError
from eyebright.faces._cipher import KEY_VARIABLE, Cipher, Plain, cipher_for

VERSION = 1
_TABLES = """
CREATE TABLE people (id TEXT PRIMARY KEY, token BLOB NOT NULL UNIQUE, name BLOB NOT NULL, since TEXT NOT NULL) STRICT;
CREATE TABLE faces (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    person TEXT REFERENCES people ON DELETE CASCADE, vector BLOB NOT NULL, chip BLOB NOT NULL, source BLOB NOT NULL,
    seen_at TEXT NOT NULL
) STRICT;
CREATE INDEX faces_by_person ON faces (person);
CREATE TABLE denials (
    id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, vector BLOB NOT NULL
) STRICT;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, action TEXT NOT NULL, person TEXT,
    count INTEGER NOT NULL
) STRICT;
CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE clock (generation INTEGER NOT NULL) STRICT;
INSERT INTO clock VALUES (0);
"""
_CHECK = b"eyebright faces"
_BUSY, _FULL = {5, 6}, {13}  # SQLite's BUSY and LOCKED, and FULL


class Database:
    """The file `faces.sqlite` of one folder. Each use is one transaction; threads and processes may share it.

    Args:
        folder: made by the first write.
        key: see `cipher_for`; None: nothing is sealed.
    """

    def __init__(self, folder: Path, key: str | None) -> None:
        self.path = folder / "faces.sqlite"
        self._key = key
        self._cipher: Cipher | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.is_file()

    @property
    def cipher(self) -> Cipher:
        """What seals; known once the file was opened."""
        return self._cipher or Plain()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open one consistent state for reading. Raises `StoreError` as `writing`."""
        with self._open() as db:
            db.execute("BEGIN")
            yield db
            db.execute("COMMIT")

    @contextlib.contextmanager
    def writing(self, *, changes: bool = True) -> Iterator[sqlite3.Connection]:
        """Hold the only right to write for one transaction; an error inside undoes all of it.

        Args:
            changes: whether readers must read the gallery again; not for a line of the audit log.

        Raises:
            StoreError: the file cannot be used, is none of ours, or has another key; `StoreBusyError` when another
                writer held it for a minute; `StoreFullError` when the disk is full.
        """
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                if changes:
                    db.execute("UPDATE clock SET generation = generation + 1")
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def scrub(self) -> None:
        """Leave no bytes of what was removed, in the file or in its write-ahead log.

        Raises:
            StoreBusyError: another process reads; what was removed is gone for all readers, but not yet its bytes.
        """
        with self._open() as db:
            db.execute("VACUUM")
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StoreBusyError(
                f"{self.path}: removed, but another process keeps old pages open; close it and run: "
                "eyebright faces purge"
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: cannot keep faces there: {error.strerror or error}") from error
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=60, isolation_level=None)) as db:
                db.row_factory = sqlite3.Row
                for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
                    db.execute(f"PRAGMA {pragma}")
                self._prepare(db)
                if self._cipher is None:
                    self._cipher = self._unlocked(db)
                yield db
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _BUSY:
                raise StoreBusyError(f"{self.path}: another process is writing to it; try again") from error
            if code in _FULL:
                raise StoreFullError(f"{self.path}: the disk is full; free some room and run it again") from error
            raise StoreError(f"{self.path}: cannot be used: {error}; is it a gallery of `eyebright faces`?") from error

    def _prepare(self, db: sqlite3.Connection) -> None:
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StoreVersionError(
                f"{self.path}: written by a newer version ({version}, here {VERSION}); update eyebright"
            )
        if version == VERSION:
            return
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("BEGIN IMMEDIATE")
        try:
            if int(db.execute("PRAGMA user_version").fetchone()[0]) == 0:  # no other process was faster
                for statement in _TABLES.split(";\n"):
                    db.execute(statement)
                salt = os.urandom(16)
                cipher = cipher_for(self._key, salt)
                db.execute("INSERT INTO settings VALUES ('salt', ?)", (salt,))
                db.execute("INSERT INTO settings VALUES ('check', ?)", (cipher.seal(_CHECK, "check"),))
                db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        self.path.chmod(0o600)

    def _unlocked(self, db: sqlite3.Connection) -> Cipher:
        kept = {
            row["name"]: row["value"] for row in db.execute("SELECT * FROM settings WHERE name IN ('salt', 'check')")
        }
        if kept["check"] == _CHECK:
            if self._key is not None:
                raise StoreError(
                    f"{self.path}: this gallery is not encrypted, but {KEY_VARIABLE} is set; unset it, or encrypt: "
                    "eyebright faces export FILE without the key, then import FILE with it into another --store"
                )
            return Plain()
        if self._key is None:
            raise StoreError(f"{self.path}: this gallery is encrypted; set {KEY_VARIABLE} to its key")
        cipher = cipher_for(self._key, kept["salt"])
        try:
            cipher.open(kept["check"], "check")
        except StoreError as error:
            raise StoreError(f"{self.path}: the key in {KEY_VARIABLE} is not the key of this gallery") from error
        return cipher


def generation(db: sqlite3.Connection) -> int:
    """Return a number that grows with every write."""
    return int(db.execute("SELECT generation FROM clock").fetchone()[0])
