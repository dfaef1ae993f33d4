"""Reading and writing rows of the records tables; every function runs inside the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from eyebright.core.errors import QueryError
from eyebright.core.types import Metadata, Records
from eyebright.store._checks import merge_columns
from eyebright.store._database import ANNOTATED, BATCH, REMOVED, last_row, trim_log, write_log
from eyebright.store._text import searchable


def insert(db: sqlite3.Connection, records: Records) -> None:
    """Insert records, in place of those of the same id."""
    _grow_columns(db, records.ids, records.metadata, "store.add")
    delete(db, list(rowids(db, records.ids).values()))
    first = last_row(db) + 1
    db.executemany(
        "INSERT INTO records (rowid, id, metadata) VALUES (?, ?, ?)",
        ((at, one, _json(row)) for at, (one, row) in enumerate(zip(records.ids, records.metadata, strict=True), first)),
    )
    vectors = np.ascontiguousarray(records.vectors, "<f4")
    db.executemany(
        "INSERT INTO vectors VALUES (?, ?)", ((at, vector.tobytes()) for at, vector in enumerate(vectors, first))
    )
    payloads = ((at, data) for at, data in enumerate(records.payloads, first) if data is not None)
    db.executemany("INSERT INTO payloads VALUES (?, ?)", payloads)
    _index_texts(db, enumerate(records.metadata, first))


def delete(db: sqlite3.Connection, gone: Sequence[int]) -> None:
    """Delete rows, and say so in the log."""
    for table in ("records", "vectors", "payloads", "texts"):
        db.executemany(f"DELETE FROM {table} WHERE rowid = ?", ((rowid,) for rowid in gone))
    write_log(db, gone, REMOVED)
    trim_log(db)


def annotate(db: sqlite3.Connection, metadata: Mapping[str, Metadata]) -> int:
    """Replace the metadata of those ids that are known; return how many."""
    known = rowids(db, list(metadata))
    pairs = [(known[one], row) for one, row in metadata.items() if one in known]
    _grow_columns(db, list(known), [metadata[one] for one in known], "store.annotate")
    db.executemany("UPDATE records SET metadata = ? WHERE rowid = ?", ((_json(row), rowid) for rowid, row in pairs))
    db.executemany("DELETE FROM texts WHERE rowid = ?", ((rowid,) for rowid, _ in pairs))
    _index_texts(db, pairs)
    write_log(db, [rowid for rowid, _ in pairs], ANNOTATED)
    trim_log(db)
    return len(pairs)


def rowids(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return the rowids of those ids that are known."""
    return dict(_where_in(db, "SELECT id, rowid FROM records WHERE id", list(ids)))


def known(db: sqlite3.Connection, ids: Sequence[str]) -> list[int]:
    """Return the rowids of these ids; an unknown one is a `QueryError`."""
    found = rowids(db, ids)
    for one in ids:
        if one not in found:
            raise QueryError(f"store: no record has the id {one!r}")
    return [found[one] for one in ids]


def names(db: sqlite3.Connection, rows: Sequence[int]) -> dict[int, str]:
    """Return the ids of these rowids."""
    return dict(_where_in(db, "SELECT rowid, id FROM records WHERE rowid", rows))


def metadata(db: sqlite3.Connection, rows: Sequence[int]) -> tuple[Metadata, ...]:
    """Return the metadata of these rowids, in their order."""
    found = dict(_where_in(db, "SELECT rowid, metadata FROM records WHERE rowid", rows))
    # one call for all is several times faster than one call each, but equal rows must not share a dictionary
    return tuple(json.loads(f"[{','.join(found[rowid] for rowid in rows)}]"))


def payloads(db: sqlite3.Connection, rows: Sequence[int]) -> tuple[bytes | None, ...]:
    """Return the payloads of these rowids, in their order."""
    found = dict(_where_in(db, "SELECT rowid, data FROM payloads WHERE rowid", rows))
    return tuple(found.get(rowid) for rowid in rows)


def columns(db: sqlite3.Connection) -> dict[str, str]:
    """Return the metadata columns and their types, the oldest first."""
    return dict(db.execute("SELECT name, type FROM columns ORDER BY position").fetchall())


def count(db: sqlite3.Connection) -> int:
    """Return the number of records."""
    return int(db.execute("SELECT count(*) FROM records").fetchone()[0])


def _grow_columns(db: sqlite3.Connection, ids: Sequence[str], rows: Sequence[Metadata], where: str) -> None:
    before = columns(db)
    after = merge_columns(before, ids, rows, where)
    if after != before:
        db.executemany(
            "INSERT INTO columns (name, type) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET type = excluded.type",
            after.items(),
        )


def _index_texts(db: sqlite3.Connection, rows: Iterable[tuple[int, Metadata]]) -> None:
    texts = ((rowid, searchable(row)) for rowid, row in rows)
    db.executemany("INSERT INTO texts (rowid, words) VALUES (?, ?)", ((rowid, text) for rowid, text in texts if text))


def _where_in(db: sqlite3.Connection, select: str, wanted: Sequence[str] | Sequence[int]) -> list[tuple[Any, Any]]:
    out: list[tuple[Any, Any]] = []
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        out += db.execute(f"{select} IN ({','.join('?' * len(part))})", part).fetchall()
    return out


def _json(row: Metadata) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
