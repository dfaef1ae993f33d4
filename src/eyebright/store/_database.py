"""The SQLite file that is the truth of an embedded store: how it is laid out, opened, and how its errors read.

Vectors and payloads have tables of their own, so that reading ids and metadata touches few pages. Rows are never
changed in place and rowids are never used again; `log` tells other processes which rows went (`removed`) or got other
metadata (`annotated`), in order.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import SpaceMismatchError, StoreError, StoreFullError, StoreVersionError
from eyebright.core.types import Floats, Ints, Space

APPLICATION_ID = 0x45594253  # "EYBS", so that `file` and we can tell it from other SQLite files
FORMAT = 1
NAME = "store.sqlite3"
REMOVED, ANNOTATED = 0, 1
WAIT_S = 60.0
BATCH = 4096
SCANNED = 2 << 20  # bytes of vectors that a scan holds at once
LOG_KEPT = 200_000

_SCHEMA = """
CREATE TABLE records (rowid INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, metadata TEXT NOT NULL);
CREATE TABLE vectors (rowid INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE payloads (rowid INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE VIRTUAL TABLE texts USING fts5(words, tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE columns (position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL);
CREATE TABLE attributes (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, rowid INTEGER NOT NULL, kind INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_CODES_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC}


def connect(folder: Path, *, create: bool, read_only: bool) -> sqlite3.Connection:
    """Return a connection to the store in `folder`, in WAL mode, made if asked.

    Raises:
        StoreError: there is none, or it cannot be opened.
    """
    path = folder / NAME
    try:
        is_file, is_there = folder.exists() and not folder.is_dir(), path.exists()
    except OSError as error:
        raise StoreError(f"store {folder}: cannot be looked into: {error.strerror}; check its permissions") from error
    if is_file:
        raise StoreError(f"store {folder}: expected a folder, got a file; name the folder that holds {NAME}")
    if not is_there and (read_only or not create):
        raise StoreError(f"store {folder}: there is no store here ({NAME} is missing); check the path, or create one")
    with translated(folder):
        if not read_only:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"store {folder}: the folder cannot be made: {error.strerror}") from error
            db = _open(f"{path.absolute().as_uri()}?mode=rwc")
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                _retry_while_busy(db, "PRAGMA journal_mode = WAL")
            # FULL: what was acknowledged survives even a power cut; it costs one fsync a transaction
            db.execute("PRAGMA synchronous = FULL")
            return db
        try:
            db = _open(f"{path.absolute().as_uri()}?mode=ro")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # a folder that cannot be written cannot hold the files that readers share; without a log, none is needed
            wal = path.with_name(NAME + "-wal")
            if wal.exists() and wal.stat().st_size:
                raise
            db = _open(f"{path.absolute().as_uri()}?mode=ro&immutable=1")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return db


def prepare(db: sqlite3.Connection, folder: Path, space: Space | None, *, create: bool) -> tuple[Space, str]:
    """Check that this is a store of this version and space, or make it one; return its space and unique name.

    Raises:
        StoreError: it is something else, or empty and not to be created.
        StoreVersionError: a newer version wrote it.
        SpaceMismatchError: it holds vectors of another space.
    """
    with translated(folder):
        if _application(db, folder) == 0:
            if not create or space is None:
                raise StoreError(f"store {folder}: there is no store here yet; create it with a space")
            with transaction(db, "IMMEDIATE"):
                if _application(db, folder) == 0:  # another process may have been faster
                    _create(db, space)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise StoreVersionError(
                f"store {folder}: written in format {version}, this Eyebright reads up to {FORMAT}; upgrade eyebright"
            )
        facts = dict(db.execute("SELECT name, value FROM facts").fetchall())
        try:
            metric = facts["metric"]
            found = Space(
                facts["model"], facts["version"], int(facts["dimension"]), "l2" if metric == "l2" else "cosine"
            )
            name = facts["uuid"]
        except (KeyError, ValueError) as error:
            raise StoreError(f"store {folder}: damaged: it does not say what it holds; restore a backup") from error
    if space is not None and space != found:
        raise SpaceMismatchError(
            f"store {folder}: holds vectors of {found}, got {space}; "
            "use the same model, or re-embed into another folder"
        )
    return found, name


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, kind: str = "DEFERRED") -> Iterator[None]:
    """Run the body in one transaction, which ends with it: all or nothing."""
    db.execute(f"BEGIN {kind}")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error, folder) from error


def _translate(error: sqlite3.Error, folder: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _CODES_FULL:
        return StoreFullError(
            f"store {folder}: the disk is full or takes no more ({error}); nothing of this call was written, "
            "all before it is safe; make room and repeat"
        )
    match code & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return StoreError(f"store {folder}: {NAME} is not a store; name another folder, or move the file away")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_IOERR:
            return StoreError(
                f"store {folder}: {NAME} is damaged or unreadable ({error}); "
                "restore a backup, or delete it and index again"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(
                f"store {folder}: another process kept it locked for {WAIT_S:.0f} s; repeat when it is done"
            )
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"store {folder}: it is open for reading only; open it without read_only to write")
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f"store {folder}: {NAME} cannot be opened ({error}); check the folder and its permissions"
            )
    return StoreError(f"store {folder}: {error}")


def fetch_vectors(db: sqlite3.Connection, rowids: Ints, dimension: int) -> Floats:
    """Return the vectors of these rows, `float32 (N, D)`, in the order of `rowids`; every row must be there."""
    out = np.empty((len(rowids), dimension), np.float32)
    for start in range(0, len(rowids), BATCH):
        part = rowids[start : start + BATCH]
        slots = ",".join("?" * len(part))
        order = np.argsort(part, kind="stable")
        found = dict(db.execute(f"SELECT rowid, data FROM vectors WHERE rowid IN ({slots})", part[order].tolist()))
        for at, rowid in enumerate(part.tolist(), start):
            out[at] = np.frombuffer(found[rowid], np.float32)
    return out


def scan_vectors(db: sqlite3.Connection, after: int, dimension: int) -> Iterator[tuple[Ints, Floats]]:
    """Yield rowids and vectors beyond the row `after`, in order, in batches of bounded size."""
    cursor = db.execute("SELECT rowid, data FROM vectors WHERE rowid > ? ORDER BY rowid", (after,))
    while rows := cursor.fetchmany(max(64, SCANNED // (4 * dimension))):
        rowids = np.array([rowid for rowid, _ in rows], np.int64)
        yield rowids, np.frombuffer(b"".join(data for _, data in rows), np.float32).reshape(len(rows), dimension)


def last_row(db: sqlite3.Connection) -> int:
    """Return the largest rowid that was ever given."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    return 0 if row is None else int(row[0])


def last_change(db: sqlite3.Connection) -> int:
    """Return the number of the newest entry that the log ever had."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'log'").fetchone()
    return 0 if row is None else int(row[0])


def log_floor(db: sqlite3.Connection) -> int:
    """Return the number of the newest entry that was dropped from the log."""
    row = db.execute("SELECT value FROM facts WHERE name = 'log_floor'").fetchone()
    return 0 if row is None else int(row[0])


def trim_log(db: sqlite3.Connection) -> None:
    """Drop old entries, now and then; whoever has not seen them by then reads everything anew."""
    floor = last_change(db) - LOG_KEPT
    if floor - log_floor(db) > LOG_KEPT:
        db.execute("DELETE FROM log WHERE seq <= ?", (floor,))
        db.execute("INSERT OR REPLACE INTO facts VALUES ('log_floor', ?)", (str(floor),))


def write_log(db: sqlite3.Connection, rowids: Sequence[int], kind: int) -> None:
    """Append one entry a row."""
    db.executemany("INSERT INTO log (rowid, kind) VALUES (?, ?)", ((rowid, kind) for rowid in rowids))


def _application(db: sqlite3.Connection, folder: Path) -> int:
    """Return our number, or 0 when the file is still empty; anything else is refused."""
    number = int(db.execute("PRAGMA application_id").fetchone()[0])
    empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if number != APPLICATION_ID and not (number == 0 and empty):
        raise StoreError(f"store {folder}: {NAME} is another program's database; name another folder")
    return number


def _create(db: sqlite3.Connection, space: Space) -> None:
    for statement in _SCHEMA.split(";\n"):
        if statement.strip():
            db.execute(statement)
    facts = {
        "uuid": uuid.uuid4().hex, "model": space.model, "version": space.version,
        "dimension": str(space.dimension), "metric": space.metric,
    }  # fmt: skip
    db.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {FORMAT}")


def _open(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False)


def _retry_while_busy(db: sqlite3.Connection, statement: str) -> None:
    """Run a statement for which SQLite itself does not wait for other processes."""
    end = time.monotonic() + WAIT_S
    while True:
        try:
            db.execute(statement)
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
