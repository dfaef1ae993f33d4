"""The one server of a folder that runs its jobs.

Whoever holds the lock `leader.lock` is it; the lock goes with the process, however that ends. Every worker process
inherits a share of `workers.lock`, so a new leader can tell when the last worker of a dead one has gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from eyebright.core.errors import EyebrightError
from eyebright.jobs._database import Database
from eyebright.jobs.job import Job

_LOG = logging.getLogger(__name__)
_POLL_S, _TROUBLED_S = 0.25, 5.0


class _Child:
    """A running worker process."""

    def __init__(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        self.job = job
        self.process = process
        self.asked_at: float | None = None

    def send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def how_it_ended(self) -> str:
        code = self.process.returncode
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class Leader(threading.Thread):
    """Starts waiting jobs, watches their processes, and ends them.

    Args:
        folder: of the queue.
        database: of the queue.
        kinds: `module:function` by kind.
        workers: processes at once.
        grace_s: seconds that a job has to end when it is asked to.
        keep: ended jobs that are remembered.
    """

    def __init__(
        self, folder: Path, database: Database, kinds: Mapping[str, str], workers: int, grace_s: float, keep: int
    ) -> None:
        super().__init__(name="jobs", daemon=True)
        self._folder = folder
        self._database = database
        self._kinds = kinds
        self._workers = workers
        self._grace_s = grace_s
        self._keep = keep
        self._children: list[_Child] = []
        self._lock: int | None = None
        self._clean = False
        self._stopping = threading.Event()
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look at once whether there is something to do."""
        self._wake.set()

    def stop(self) -> None:
        """End all worker processes, their jobs put back, and the thread; returns when they are gone."""
        self._stopping.set()
        self._wake.set()
        self.join()

    def run(self) -> None:
        """Do the leader's work, or wait to become it."""
        try:
            while not self._stopping.is_set():
                pause_s = _POLL_S
                try:
                    if self._leads():
                        self._reap()
                        self._enforce()
                        self._start()
                except (EyebrightError, OSError):
                    # a full disk or a locked database passes; the jobs wait meanwhile
                    _LOG.exception("jobs in %s", self._folder)
                    pause_s = _TROUBLED_S
                self._wake.wait(pause_s)
                self._wake.clear()
        finally:
            self._end_all()
            if self._lock is not None:
                os.close(self._lock)

    def _leads(self) -> bool:
        if self._lock is None:
            self._lock = _locked(self._folder / "leader.lock", fcntl.LOCK_EX)
        if self._lock is not None and not self._clean:
            orphans = _locked(self._folder / "workers.lock", fcntl.LOCK_EX)
            if orphans is None:
                return False  # workers of a dead leader are still ending
            os.close(orphans)
            for job in self._database.running():
                self._database.put_back(job.id, job.attempts, counts=True, reason="the server ended meanwhile")
            self._clean = True
        return self._clean

    def _start(self) -> None:
        while len(self._children) < self._workers:
            job = self._database.take()
            if job is None:
                return
            target = self._kinds.get(job.kind)
            if target is None:
                self._database.finish(
                    job.id, job.attempts, "failed", problem=f"this version has no jobs of the kind {job.kind!r}"
                )
                continue
            try:
                process = self._spawned(job, target)
            except OSError as error:  # no memory or no process left for it
                self._database.put_back(job.id, job.attempts, counts=True, reason=f"it could not be started: {error}")
                raise
            self._children.append(_Child(job, process))

    def _spawned(self, job: Job, target: str) -> subprocess.Popen[bytes]:
        # -P: the working directory is not searched for modules
        command = [sys.executable, "-P", "-m", "eyebright.jobs._worker", str(self._folder), job.id, str(job.attempts)]
        share = _locked(self._folder / "workers.lock", fcntl.LOCK_SH)
        try:
            return subprocess.Popen(
                [*command, target],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=() if share is None else (share,),
            )
        finally:
            if share is not None:
                os.close(share)

    def _reap(self) -> None:
        for child in list(self._children):
            if child.process.poll() is None:
                continue
            self._children.remove(child)
            self._ended(child, counts=True)
            self._database.prune(self._keep)

    def _ended(self, child: _Child, *, counts: bool) -> None:
        """Note the end of a process; a job that it brought to an end itself stays as it is."""
        if child.process.stdin:
            child.process.stdin.close()
        self._database.put_back(child.job.id, child.job.attempts, counts=counts, reason=child.how_it_ended())

    def _enforce(self) -> None:
        """Kill what was asked to end and did not."""
        for child in self._children:
            if child.asked_at is None:
                if self._database.cancelling(child.job.id, child.job.attempts):
                    child.asked_at = time.monotonic()
            elif time.monotonic() - child.asked_at > self._grace_s:
                child.send(signal.SIGKILL)

    def _end_all(self) -> None:
        for child in self._children:
            child.send(signal.SIGTERM)
        until = time.monotonic() + self._grace_s
        for child in self._children:
            try:
                child.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.send(signal.SIGKILL)
                child.process.wait()
            try:
                self._ended(child, counts=False)
            except EyebrightError:
                _LOG.exception("job %s", child.job.id)  # the next leader puts it back
        self._children = []


def _locked(path: Path, kind: int) -> int | None:
    """Return a descriptor that holds the lock, None when somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
