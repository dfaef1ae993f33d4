"""The file that systems with tables of their own stand on."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from eyebright.core.errors import StoreError, StoreVersionError
from eyebright.store.sqlite_file import SqliteFile

TABLES = "CREATE TABLE words (word TEXT PRIMARY KEY) STRICT;\nCREATE TABLE facts (name TEXT) STRICT;\n"


class Words(SqliteFile):
    def __init__(self, path: Path, version: int = 1, **options: bool) -> None:
        super().__init__(path, TABLES, version, "a file of words", **options)

    def fill(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO facts VALUES ('made')")

    def add(self, word: str) -> None:
        with self.writing() as db:
            db.execute("INSERT INTO words VALUES (?)", (word,))

    def all(self, table: str = "words") -> list[str]:
        with self.reading() as db:
            return [row[0] for row in db.execute(f"SELECT * FROM {table} ORDER BY 1")]


def test_a_write_is_whole_or_not_there(tmp_path: Path) -> None:
    words = Words(tmp_path / "deep" / "words.sqlite")
    assert not words.exists
    words.add("one")
    assert words.exists
    with pytest.raises(StoreError, match="UNIQUE"), words.writing() as db:
        db.executemany("INSERT INTO words VALUES (?)", [("two",), ("one",)])
    assert Words(words.path).all() == ["one"]


def test_many_may_make_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "words.sqlite"
    threads = [threading.Thread(target=Words(path).add, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Words(path).all()) == 8
    assert Words(path).all("facts") == ["made"]  # filled once


def test_private_files_are_for_their_user_alone(tmp_path: Path) -> None:
    words = Words(tmp_path / "own" / "words.sqlite", private=True)
    words.add("one")
    assert words.path.stat().st_mode & 0o077 == 0
    assert words.path.parent.stat().st_mode & 0o077 == 0


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    Words(tmp_path / "new.sqlite", 2).add("one")
    with pytest.raises(StoreVersionError, match="written by a newer version"):
        Words(tmp_path / "new.sqlite").all()
    (tmp_path / "text.sqlite").write_text("no database at all, but long enough to look like a file of some kind")
    with pytest.raises(StoreError, match="is it a file of words"):
        Words(tmp_path / "text.sqlite").all()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Words(tmp_path / "file" / "words.sqlite").add("one")
