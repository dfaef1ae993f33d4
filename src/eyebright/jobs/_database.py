"""The table of jobs: the only truth, shared by servers and worker processes.

A worker and whoever started it name the attempt with everything that they write, so that a process that was given up
cannot change a job that another one has taken over.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eyebright.core.errors import JobError, StoreError, StoreFullError, TooManyJobsError
from eyebright.jobs.job import STATES, Job

MAX_ATTEMPTS = 3
"""A job whose worker process died so often has failed."""
_LARGEST = 16_000_000  # characters of a result

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0, total INTEGER, stage TEXT NOT NULL DEFAULT '', rate REAL,
    created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, result TEXT, problem TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, cancelling INTEGER NOT NULL DEFAULT 0, arguments TEXT NOT NULL,
    version INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state);
CREATE INDEX IF NOT EXISTS jobs_by_version ON jobs (version);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
"""
_FIELDS = (
    "id, kind, title, state, done, total, stage, rate, created_at, started_at, finished_at, result, problem, "
    "attempts, cancelling, arguments"
)


class Database:
    """The jobs in `folder/jobs.sqlite`. Every call is one transaction; threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jobs.sqlite"

    def create(self) -> None:
        """Make folder and tables when they are not there."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: cannot keep jobs there: {error.strerror or error}") from error
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_TABLES)

    def insert(self, kind: str, title: str, arguments: dict[str, Any], max_queued: int) -> Job:
        """Queue a job.

        Raises:
            TooManyJobsError: so many are waiting already.
        """
        job_id = secrets.token_hex(8)
        with self._writing() as db:
            waiting = db.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()[0]
            if waiting >= max_queued:
                raise TooManyJobsError(
                    f"jobs: {waiting} are waiting already, the limit; try again when some have ended"
                )
            db.execute(
                "INSERT INTO jobs (id, kind, title, state, created_at, arguments, version) "
                "VALUES (?, ?, ?, 'queued', ?, ?, ?)",
                (job_id, kind, title, _now(), json.dumps(arguments), _tick(db)),
            )
            return _get(db, job_id)

    def get(self, job_id: str) -> Job:
        """Return a job; an unknown id is a `JobError`."""
        with self._open() as db:
            return _get(db, job_id)

    def page(self, limit: int, offset: int) -> tuple[list[Job], int]:
        """Return jobs, the newest first, and how many there are."""
        with self._open() as db, db:
            db.execute("BEGIN")
            rows = db.execute(f"SELECT {_FIELDS} FROM jobs ORDER BY number DESC LIMIT ? OFFSET ?", (limit, offset))
            return [_job(row) for row in rows.fetchall()], db.execute("SELECT count(*) FROM jobs").fetchone()[0]

    def changes(self, after: int) -> tuple[int, list[Job]]:
        """Return the present version, and the jobs that changed after another one, in order of their change."""
        with self._open() as db, db:
            db.execute("BEGIN")
            version = db.execute("SELECT version FROM clock").fetchone()[0]
            rows = db.execute(f"SELECT {_FIELDS} FROM jobs WHERE version > ? ORDER BY version", (after,))
            return version, [_job(row) for row in rows.fetchall()]

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in every state."""
        with self._open() as db:
            found = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return {state: found.get(state, 0) for state in STATES}

    def running(self) -> list[Job]:
        """Return the jobs that somebody works on, or worked on when it died."""
        with self._open() as db:
            rows = db.execute(f"SELECT {_FIELDS} FROM jobs WHERE state = 'running' ORDER BY number").fetchall()
        return [_job(row) for row in rows]

    def take(self) -> Job | None:
        """Start the next attempt at the job that waits longest; None when none waits."""
        with self._writing() as db:
            row = db.execute("SELECT id FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 1").fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = ?, done = 0, total = NULL, "
                "stage = '', rate = NULL, version = ? WHERE id = ?",
                (_now(), _tick(db), row[0]),
            )
            return _get(db, row[0])

    def progress(self, job_id: str, attempt: int, done: int, total: int | None, stage: str, rate: float | None) -> None:
        """Note how far an attempt is."""
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET done = ?, total = ?, stage = ?, rate = ?, version = ? "
                "WHERE id = ? AND attempts = ? AND state = 'running'",
                (done, total, stage, rate, _tick(db), job_id, attempt),
            )

    def cancelling(self, job_id: str, attempt: int) -> bool:
        """Whether this attempt should end: somebody wants it to, or it is not its turn any more."""
        with self._open() as db:
            row = db.execute(
                "SELECT cancelling FROM jobs WHERE id = ? AND attempts = ? AND state = 'running'", (job_id, attempt)
            ).fetchone()
        return row is None or bool(row[0])

    def finish(self, job_id: str, attempt: int, state: str, *, result: Any = None, problem: str | None = None) -> None:
        """End an attempt and with it the job.

        Raises:
            JobError: the result is no plain value, or too large.
        """
        try:
            text = None if result is None else json.dumps(result, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise JobError(f"job {job_id}: its result cannot be kept as JSON: {error}") from error
        if text is not None and len(text) > _LARGEST:
            raise JobError(f"job {job_id}: its result has {len(text)} characters, more than {_LARGEST}")
        with self._writing() as db:
            db.execute(
                "UPDATE jobs SET state = ?, result = ?, problem = ?, finished_at = ?, rate = NULL, cancelling = 0, "
                "version = ? WHERE id = ? AND attempts = ? AND state = 'running'",
                (state, text, problem, _now(), _tick(db), job_id, attempt),
            )

    def put_back(self, job_id: str, attempt: int, *, counts: bool, reason: str = "") -> None:
        """Let a job wait again whose attempt came to no end.

        Args:
            job_id: the job.
            attempt: the one that ended; nothing happens when it ended in another way meanwhile.
            counts: whether it was the job's doing; after `MAX_ATTEMPTS` of those it has failed.
            reason: what became of the attempt.
        """
        with self._writing() as db:
            row = db.execute(
                "SELECT cancelling FROM jobs WHERE id = ? AND attempts = ? AND state = 'running'", (job_id, attempt)
            ).fetchone()
            if row is None:
                return
            if row[0]:
                state, problem = "cancelled", None
            elif counts and attempt >= MAX_ATTEMPTS:
                state, problem = "failed", f"its worker process died {attempt} times; the last time: {reason}"
            else:
                state, problem = "queued", None
            db.execute(
                "UPDATE jobs SET state = ?, problem = ?, finished_at = ?, rate = NULL, cancelling = 0, attempts = ?, "
                "version = ? WHERE id = ?",
                (state, problem, None if state == "queued" else _now(), attempt - (not counts), _tick(db), job_id),
            )

    def cancel(self, job_id: str) -> Job:
        """End a waiting job, or ask a running one to end.

        Raises:
            JobError: unknown, or ended already.
        """
        with self._writing() as db:
            job = _get(db, job_id)
            if job.ended:
                raise JobError(f"job {job_id}: cannot be cancelled, it is {job.state} already")
            if job.state == "queued":
                db.execute("UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE id = ?", (_now(), job_id))
            else:
                db.execute("UPDATE jobs SET cancelling = 1 WHERE id = ?", (job_id,))
            db.execute("UPDATE jobs SET version = ? WHERE id = ?", (_tick(db), job_id))
            return _get(db, job_id)

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            JobError: unknown, or not ended yet.
        """
        with self._writing() as db:
            job = _get(db, job_id)
            if not job.ended:
                raise JobError(f"job {job_id}: is {job.state}; cancel it first")
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def prune(self, keep: int) -> None:
        """Forget the oldest of the jobs that have ended, so that so many are left."""
        with self._writing() as db:
            db.execute(
                "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE state IN ('done', 'failed', "
                "'cancelled') ORDER BY number DESC LIMIT -1 OFFSET ?)",
                (keep,),
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as db:
                yield db
        except sqlite3.Error as error:
            if "full" in str(error):
                raise StoreFullError(f"{self.path}: the disk is full; free some room") from error
            raise StoreError(f"{self.path}: cannot keep the jobs: {error}") from error

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            yield db


def _get(db: sqlite3.Connection, job_id: str) -> Job:
    row = db.execute(f"SELECT {_FIELDS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobError(f"jobs: there is no job {job_id!r}")
    return _job(row)


def _job(row: tuple[Any, ...]) -> Job:
    fields = dict(zip(_FIELDS.split(", "), row, strict=True))
    fields["result"] = None if fields["result"] is None else json.loads(fields["result"])
    fields["arguments"] = json.loads(fields["arguments"])
    fields["cancelling"] = bool(fields["cancelling"])
    return Job(**fields)


def _tick(db: sqlite3.Connection) -> int:
    version: int = db.execute("UPDATE clock SET version = version + 1 RETURNING version").fetchone()[0]
    return version


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
