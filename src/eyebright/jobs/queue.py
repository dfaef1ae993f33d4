"""`JobQueue`: what a server, or a script, sees of the background work."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eyebright.core.errors import InputError, JobError
from eyebright.jobs._database import Database
from eyebright.jobs._leader import Leader
from eyebright.jobs.job import Job


class JobQueue:
    """Background jobs in a folder.

    Several queues, also of several processes, may share a folder: all of them may add, list and cancel; one of those
    that were started, and after its end the next, runs the jobs. A job whose process or server died is started again,
    three times at most, so what it does should be able to go on where it was.

    Args:
        folder: kept there: `jobs.sqlite` and two lock files.
        kinds: what jobs there are, `"module:function"` by name. The function is called in a fresh process as
            `function(context, **arguments)` with a `JobContext`; what it returns, plain values, is the result.
        workers: processes at once.
        max_queued: jobs that may wait.
        keep: ended jobs that are remembered.
        grace_s: seconds that a job has to end when it is cancelled or the queue is stopped, before it is killed.

    Raises:
        InputError: a number out of its range, or a target that is no `module:function`.
        StoreError: the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path | str,
        kinds: Mapping[str, str],
        *,
        workers: int = 1,
        max_queued: int = 100,
        keep: int = 200,
        grace_s: float = 5.0,
    ) -> None:
        for name, value in (("workers", workers), ("max_queued", max_queued), ("keep", keep)):
            if value < 1:
                raise InputError(f"jobs: {name}: expected 1 or more, got {value}")
        for kind, target in kinds.items():
            module, _, function = target.partition(":")
            if not (module and function):
                raise InputError(f"jobs: kind {kind!r}: expected 'module:function', got {target!r}")
        self._folder = Path(folder).absolute()
        self._kinds = dict(kinds)
        self._max_queued = max_queued
        self._options = (workers, grace_s, keep)
        self._leader: Leader | None = None
        self._database = Database(self._folder)
        self._database.create()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to run jobs, as soon as no other queue of this folder does."""
        if self._leader is None:
            self._leader = Leader(self._folder, self._database, self._kinds, *self._options)
            self._leader.start()

    def stop(self) -> None:
        """Stop running jobs: those at work are put back and go on later; no process is left when it returns."""
        leader, self._leader = self._leader, None
        if leader is not None:
            leader.stop()

    def enqueue(self, kind: str, arguments: Mapping[str, Any] | None = None, *, title: str = "") -> Job:
        """Add a job, safe on disk when this returns.

        Args:
            kind: one of the queue's kinds.
            arguments: keywords for its function, plain values.
            title: what it does, for people.

        Raises:
            InputError: an unknown kind, or arguments that are no plain values.
            TooManyJobsError: too many are waiting.
        """
        if kind not in self._kinds:
            raise InputError(f"jobs: no kind {kind!r}; there are {', '.join(sorted(self._kinds))}")
        try:
            plain = json.loads(json.dumps(dict(arguments or {}), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(f"jobs: {kind}: expected arguments of plain values: {error}") from error
        job = self._database.insert(kind, title or kind, plain, self._max_queued)
        self._wake()
        return job

    def get(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            JobError: there is none with this id.
        """
        return self._database.get(job_id)

    def page(self, limit: int = 50, offset: int = 0) -> tuple[list[Job], int]:
        """Return some jobs, the newest first, and how many there are."""
        return self._database.page(limit, offset)

    def changes(self, after: int = 0) -> tuple[int, list[Job]]:
        """Return the present version, and the jobs that changed after the one given, in the order of their change."""
        return self._database.changes(after)

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in every state."""
        return self._database.counts()

    def cancel(self, job_id: str) -> Job:
        """End a waiting job at once, or ask a running one to end; it is killed if it does not.

        Raises:
            JobError: there is none with this id, or it has ended.
        """
        job = self._database.cancel(job_id)
        self._wake()
        return job

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            JobError: there is none with this id, or it has not ended.
        """
        self._database.delete(job_id)

    def wait(self, job_id: str, timeout_s: float = 60.0) -> Job:
        """Return a job when it has ended.

        Raises:
            JobError: there is none with this id, or it has not ended in time.
        """
        until = time.monotonic() + timeout_s
        while not (job := self.get(job_id)).ended:
            if time.monotonic() > until:
                raise JobError(f"job {job_id}: is still {job.state} after {timeout_s:g} s")
            time.sleep(0.05)
        return job

    def _wake(self) -> None:
        if self._leader is not None:
            self._leader.wake()
