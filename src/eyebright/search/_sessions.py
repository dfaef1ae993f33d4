"""Feedback that lasts: which answers a person liked or disliked, by session."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from eyebright.core.errors import QueryError, StoreError, StoreFullError


class Judged(NamedTuple):
    """What a session has said, in the order in which it was said."""

    liked: list[str]
    disliked: list[str]


class Sessions:
    """Sessions in one SQLite file; every call is one committed transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def judge(self, session: str, like: Sequence[str], dislike: Sequence[str]) -> Judged:
        """Add judgements, the later of two on one id counting, and return all of the session.

        Raises:
            QueryError: no name, or an id both liked and disliked.
        """
        if not session.strip():
            raise QueryError("feedback: expected the name of a session, got an empty one")
        both = sorted(set(like) & set(dislike))
        if both:
            raise QueryError(f"feedback: {both[0]!r} is both liked and disliked; choose one")
        with self._open() as db:
            rows = [(session, i, 1, time.time()) for i in like] + [(session, i, 0, time.time()) for i in dislike]
            db.executemany("INSERT OR REPLACE INTO judgements (session, id, liked, at_s) VALUES (?, ?, ?, ?)", rows)
        return self.judged(session)

    def judged(self, session: str) -> Judged:
        """Return what a session has said; nothing for an unknown one."""
        with self._open() as db:
            rows = db.execute(
                "SELECT id, liked FROM judgements WHERE session = ? ORDER BY rowid", (session,)
            ).fetchall()
        return Judged([i for i, liked in rows if liked], [i for i, liked in rows if not liked])

    def clear(self, session: str) -> int:
        """Forget a session and return how many judgements it had."""
        with self._open() as db:
            return db.execute("DELETE FROM judgements WHERE session = ?", (session,)).rowcount

    def names(self) -> list[str]:
        """Return all sessions, the latest first."""
        with self._open() as db:
            rows = db.execute("SELECT session FROM judgements GROUP BY session ORDER BY max(at_s) DESC").fetchall()
        return [name for (name,) in rows]

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as db, db:
                db.execute(
                    "CREATE TABLE IF NOT EXISTS judgements (rowid INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT, "
                    "id TEXT, liked INTEGER, at_s REAL, UNIQUE (session, id))"
                )
                yield db
        except sqlite3.Error as error:
            if "full" in str(error):
                raise StoreFullError(f"{self._path}: the disk is full; the feedback was not kept") from error
            raise StoreError(f"{self._path}: cannot keep the feedback: {error}") from error
