"""One SQLite file a checker: products, their pictures, the serial ledger and every case, the only truth."""

from __future__ import annotations

from pathlib import Path

from eyebright.store.sqlite_file import SqliteFile

VERSION = 3  # 2 keeps the pictures of cases, and what people decided; 3 keeps patch banks
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
CREATE TABLE IF NOT EXISTS case_photos (
    case_id TEXT NOT NULL, position INTEGER NOT NULL, scale REAL NOT NULL, photo BLOB NOT NULL, reference BLOB NOT NULL,
    laid BLOB, heat BLOB, vector BLOB NOT NULL, PRIMARY KEY (case_id, position)
) STRICT;
CREATE TABLE IF NOT EXISTS decisions (
    case_id TEXT PRIMARY KEY, label TEXT NOT NULL CHECK (label IN ('genuine', 'counterfeit')), decided_by TEXT NOT NULL,
    decided_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS samples (
    case_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (case_id, number)
) STRICT;
CREATE TABLE IF NOT EXISTS banks (
    product TEXT NOT NULL REFERENCES products ON DELETE CASCADE, view INTEGER NOT NULL, stamp TEXT NOT NULL,
    bank BLOB NOT NULL, PRIMARY KEY (product, view)
) STRICT;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""


class Database(SqliteFile):
    """The file `authenticity.sqlite` of one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "authenticity.sqlite", _TABLES, VERSION, "a store of `eyebright authenticate`")
