"""The gallery on the disk: one SQLite file, the only truth. With a key, names, vectors and chips in it are sealed.

A write is acknowledged when its transaction is on the disk. What is removed is overwritten (`secure_delete`), and
`scrub` leaves no old page behind, neither in the file nor in its write-ahead log.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from eyebright.core.errors import StoreBusyError, StoreError
from eyebright.faces._cipher import KEY_VARIABLE, Cipher, Plain, cipher_for
from eyebright.store.sqlite_file import SqliteFile

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
_UNSETTLED_NS = 2_000_000_000  # file systems with the coarsest clocks count in two seconds


class Database(SqliteFile):
    """The file `faces.sqlite` of one folder.

    Args:
        folder: made by the first write.
        key: see `cipher_for`; None: nothing is sealed.
    """

    def __init__(self, folder: Path, key: str | None) -> None:
        super().__init__(
            folder / "faces.sqlite", _TABLES, VERSION, "a gallery of `eyebright faces`",
            pragmas=("secure_delete = ON", "temp_store = MEMORY"), private=True,
        )  # fmt: skip
        self._key = key
        self._cipher: Cipher | None = None
        self._salt = b""
        self._noting = threading.Lock()
        self._kept: tuple[tuple[int, int, int], sqlite3.Connection, contextlib.ExitStack] | None = None

    @property
    def cipher(self) -> Cipher:
        """What seals; known once the file was opened."""
        return self._cipher or Plain()

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """See `SqliteFile.connection`; raises `StoreError` as well when the gallery has another key."""
        with super().connection() as db:
            salt, _ = generation(db)
            if self._cipher is None or salt != self._salt:  # the first time, or the gallery was begun anew
                self._cipher, self._salt = self._unlocked(db), salt
            yield db

    @contextlib.contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """As `writing`, after which everybody reads the gallery again: not for a line of the audit log alone."""
        with self.writing() as db:
            yield db
            db.execute("UPDATE clock SET generation = generation + 1")

    @contextlib.contextmanager
    def noting(self) -> Iterator[sqlite3.Connection]:
        """As `writing`, for lines of the audit log, which need not wait for the disk: a kill loses none of them.

        A loss of power may lose the last ones. The connection for this is kept, since to close the last one of a file
        waits for the disk as well.
        """
        with self._noting:
            facts = self.path.stat()
            mine = (os.getpid(), facts.st_dev, facts.st_ino)
            if self._kept is None or self._kept[0] != mine:  # the first time, or the gallery was begun anew
                if self._kept is not None:
                    self._kept[2].close()
                stack = contextlib.ExitStack()
                self._kept = mine, stack.enter_context(self.connection()), stack
                self._kept[1].execute("PRAGMA synchronous = NORMAL")
            _, db, stack = self._kept
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                self._kept = None
                if not stack.__exit__(*sys.exc_info()):  # undoes it, and tells errors of SQLite in our words
                    raise

    def stamp(self) -> tuple[object, ...] | None:
        """Return what changes whenever anybody writes; None: that cannot be told, read the generation.

        Every write goes to the file or to its log, whose times and lengths this looks at: a hundredth of the time that
        opening takes. The clock of a file moves in steps of milliseconds, so a file that was written to just now may be
        written to again without a trace.
        """
        seen: list[object] = []
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                facts = path.stat()
            except OSError:
                seen.append(None)
                continue
            if abs(time.time_ns() - facts.st_mtime_ns) < _UNSETTLED_NS:
                return None
            seen.append((facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size))
        return tuple(seen)

    def scrub(self) -> None:
        """Leave no bytes of what was removed, in the file or in its write-ahead log.

        Raises:
            StoreBusyError: another process reads; what was removed is gone for all readers, but not yet its bytes.
        """
        with self.connection() as db:
            db.execute("VACUUM")
            busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise StoreBusyError(
                f"{self.path}: removed, but another process keeps old pages open; close it and run: "
                "eyebright faces purge"
            )

    def fill(self, db: sqlite3.Connection) -> None:
        """Keep what tells the right key from a wrong one."""
        salt = os.urandom(16)
        db.execute("INSERT INTO settings VALUES ('salt', ?)", (salt,))
        db.execute("INSERT INTO settings VALUES ('check', ?)", (cipher_for(self._key, salt).seal(_CHECK, "check"),))

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


def generation(db: sqlite3.Connection) -> tuple[bytes, int]:
    """Return what changes with every write: random bytes of this file, and a number that grows.

    The bytes tell a gallery that was deleted and begun anew from the one that was there before.
    """
    row = db.execute("SELECT (SELECT value FROM settings WHERE name = 'salt'), generation FROM clock").fetchone()
    return bytes(row[0]), int(row[1])
