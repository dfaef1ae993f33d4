"""What a job's function is given: a way to tell how far it is, and to hear that it should end."""

from __future__ import annotations

import threading
import time

from eyebright.jobs._database import Database

_PAUSE_S = 0.25  # between two looks into the database, and between two writes


class JobCancelledError(Exception):
    """Raised inside a job that should end; let it pass."""


class JobContext:
    """The link of a running job to its queue. One thread uses it.

    Args:
        database: of the queue.
        job_id: the job.
        attempt: which attempt at it this is.
        stopping: set when the server ends; the job will be started again later.
    """

    def __init__(self, database: Database, job_id: str, attempt: int, stopping: threading.Event) -> None:
        self._database = database
        self._id = job_id
        self._attempt = attempt
        self._stopping = stopping
        self._told: tuple[int, int | None, str, float | None] | None = None
        self._written_at = self._looked_at = float("-inf")
        self._cancelled = False

    def progress(self, done: int, total: int | None = None, *, stage: str = "", rate: float | None = None) -> None:
        """Say how far the job is, as often as one likes; it is kept at most four times a second.

        Args:
            done: steps finished.
            total: steps there are, when that is known.
            stage: what it is busy with.
            rate: steps a second.

        Raises:
            JobCancelledError: the job should end.
        """
        stage_changed = self._told is not None and self._told[2] != stage
        self._told = (done, total, stage, rate)
        if stage_changed or time.monotonic() - self._written_at >= _PAUSE_S:
            self.flush()
        self.check()

    def cancelled(self) -> bool:
        """Whether the job should end."""
        if self._stopping.is_set():
            return True
        now = time.monotonic()
        if not self._cancelled and now - self._looked_at >= _PAUSE_S:
            self._looked_at = now
            self._cancelled = self._database.cancelling(self._id, self._attempt)
        return self._cancelled

    @property
    def interrupted(self) -> bool:
        """Whether the server ends, so that the job will be started again later."""
        return self._stopping.is_set()

    def check(self) -> None:
        """Raise `JobCancelledError` when the job should end."""
        if self.cancelled():
            raise JobCancelledError(self._id)

    def flush(self) -> None:
        """Write what `progress` was told last."""
        if self._told is not None:
            self._written_at = time.monotonic()
            self._database.progress(self._id, self._attempt, *self._told)
