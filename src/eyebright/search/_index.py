"""Indexing: from files to records, in parallel, resumable, and safe to kill at any moment.

Worker threads read, hash, decode and describe pictures, each with a single-threaded model run, so decoding and
inference overlap and every core is busy; the calling thread alone writes, in batches that are whole or not there.
"""

from __future__ import annotations

import collections
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from eyebright.core.errors import EyebrightError
from eyebright.core.protocols import Store
from eyebright.core.types import Floats, Metadata, Records
from eyebright.media import Problem, display_path
from eyebright.search import _columns as c
from eyebright.search._encoder import Encoder
from eyebright.search._reading import Finished, Progress, finish, read_and_describe, relative_name
from eyebright.search._results import IndexReport

_BATCH, _BATCH_SECONDS = 64, 1.0
_AHEAD = 24  # files for each worker to go on with while a batch is written; what waits is small


class _Job(NamedTuple):
    path: Path
    name: str
    stat: os.stat_result


class _Outcome(NamedTuple):
    job: _Job
    sha256: str
    finished: Finished | None
    problem: str | None


class _Known(NamedTuple):
    """What is remembered of a record, kept small: there may be 100 000."""

    id: str
    size: int
    mtime_ns: int
    sha256: bytes


class _Row(NamedTuple):
    """A record on its way into the store; `new` ones may still get another id."""

    id: str
    vector: Floats
    metadata: Metadata
    payload: bytes | None
    new: bool


class Indexer:
    """One run over one folder.

    Args:
        store: to write to.
        turn: held while ids are given out and written, against other writers.
        encoder: fitted; its space is the store's.
        threads: workers.
        ready: pictures finished before (the sample that the encoder was fitted on), by path.
    """

    def __init__(
        self,
        store: Store,
        turn: Callable[[], AbstractContextManager[None]],
        encoder: Encoder,
        threads: int,
        ready: dict[Path, tuple[str, Finished]],
    ) -> None:
        self._store = store
        self._turn = turn
        self._encoder = encoder
        self._threads = threads
        self._ready = ready
        self._by_path: dict[str, _Known] = {}
        self._by_hash: dict[bytes, list[str]] = {}
        self._ids: set[str] = set()
        self._batch: list[_Row] = []
        self._notes: dict[str, Metadata] = {}
        self._flushed_at = 0.0

    def run(
        self,
        root: Path,
        paths: Sequence[Path],
        metadata: dict[str, Metadata] | None,
        report: IndexReport,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        """Index `paths`, all below `root`; fills `report`. What was acknowledged stays, however the run ends."""
        began = self._flushed_at = time.perf_counter()
        self._remember()
        listed = {c.path_to_text(path) for path in paths}
        report.total = len(paths)
        try:
            for done, outcome in enumerate(self._outcomes(root, paths, report, metadata), start=1):
                if outcome is not None:
                    self._take(root, outcome, listed, metadata, report)
                if progress:
                    progress(Progress(done, len(paths), time.perf_counter() - began))
        finally:
            self._flush()
        report.gone = self._gone(root, listed)

    def _remember(self) -> None:
        store = self._store
        self._ids = set(store.ids())
        for i, size, time_ns, sha, path in c.rows(store, c.SIZE, c.MTIME_NS, c.SHA256, c.PATH):
            if isinstance(path, str) and isinstance(sha, str):
                digest = bytes.fromhex(sha)
                self._by_path[path] = _Known(i, _whole(size), _whole(time_ns), digest)
                self._by_hash.setdefault(digest, []).append(path)

    def _outcomes(
        self, root: Path, paths: Sequence[Path], report: IndexReport, metadata: dict[str, Metadata] | None
    ) -> Iterator[_Outcome | None]:
        """Yield one outcome a file, in order; None for a file that needed no work. Few files are in flight at once."""
        waiting: collections.deque[Future[_Outcome] | None] = collections.deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="describe") as pool:
            try:
                for path in paths:
                    waiting.append(self._start(pool, root, path, report, metadata))
                    while len(waiting) > _AHEAD * self._threads:
                        yield _result(waiting.popleft())
                while waiting:
                    yield _result(waiting.popleft())
            finally:
                for future in waiting:
                    if future:
                        future.cancel()

    def _start(
        self,
        pool: ThreadPoolExecutor,
        root: Path,
        path: Path,
        report: IndexReport,
        metadata: dict[str, Metadata] | None,
    ) -> Future[_Outcome] | None:
        name = relative_name(root, path)
        try:
            stat = path.stat()
        except OSError as error:
            report.problems.append(Problem(path, error.strerror or str(error)))
            return None
        known = self._by_path.get(c.path_to_text(path))
        if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            report.unchanged += 1
            self._annotate(known.id, metadata, name, {}, report)
            return None
        return pool.submit(self._work, _Job(path, name, stat))

    def _work(self, job: _Job) -> _Outcome:
        """Runs in a worker thread: reads shared state, writes none."""
        if job.path in self._ready:
            return _Outcome(job, *self._ready[job.path], None)
        return self._finished(job, unless_known=True)

    def _finished(self, job: _Job, *, unless_known: bool = False) -> _Outcome:
        """Read a file and describe its picture; not when its content is known already and `unless_known`."""
        sha, where = "", display_path(job.path)
        try:
            data = job.path.read_bytes()
            sha = hashlib.sha256(data).hexdigest()
            if unless_known and bytes.fromhex(sha) in self._by_hash:
                return _Outcome(job, sha, None, None)
            return _Outcome(job, sha, finish(self._encoder, read_and_describe(self._encoder, data, where)), None)
        except EyebrightError as error:
            return _Outcome(job, sha, None, str(error).removeprefix(f"{where}: "))
        except OSError as error:
            return _Outcome(job, sha, None, error.strerror or str(error))

    def _take(
        self,
        root: Path,
        outcome: _Outcome,
        listed: set[str],
        metadata: dict[str, Metadata] | None,
        report: IndexReport,
    ) -> None:
        job = outcome.job
        if outcome.problem is not None:
            report.problems.append(Problem(job.path, outcome.problem))
            return
        place, digest = c.path_to_text(job.path), bytes.fromhex(outcome.sha256)
        facts: Metadata = {
            c.PATH: place,
            c.ROOT: c.path_to_text(root),
            c.SHA256: outcome.sha256,
            c.SIZE: job.stat.st_size,
            c.MTIME_NS: job.stat.st_mtime_ns,
        }
        known = self._by_path.get(place)
        if known and known.sha256 == digest:
            report.unchanged += 1
            self._annotate(known.id, metadata, job.name, facts, report)
            return
        twins = [] if outcome.finished else self._twins(digest)
        moved = next((twin for twin in twins if twin not in listed and not _is_there(twin)), None)
        if moved is not None and known is None:
            old = self._by_path.pop(moved)
            report.moved += 1
            self._annotate(old.id, metadata, job.name, facts, report, moved=True)
            self._learn(place, old.id, job.stat, digest)
            return
        finished = outcome.finished
        if finished is None and not twins:
            # the record that had this content got other content during this run
            again = self._finished(job)
            if again.finished is None:
                report.problems.append(Problem(job.path, again.problem or "it changed while it was read"))
                return
            finished = again.finished
        record_id = known.id if known else self._free_id(job.name)
        mine = (metadata or {}).get(job.name) if metadata is not None else None
        if mine is None:
            mine = c.own(self._store.metadata([known.id])[0]) if known else {}
        if finished:
            vector, payload, _ = finished.encoded
            facts.update(finished.facts)
            report.described += 1
        else:
            self._flush()  # the twin may still be in the batch
            twin = self._store.get([self._by_path[twins[0]].id])
            vector, payload = twin.vectors[0], twin.payloads[0]
            facts = {**c.system(twin.metadata[0]), **facts}
        if known:
            report.updated += 1
        else:
            report.added += 1
        self._batch.append(_Row(record_id, vector, {**mine, **facts}, payload, new=known is None))
        self._learn(place, record_id, job.stat, digest)
        if len(self._batch) >= _BATCH or time.perf_counter() - self._flushed_at > _BATCH_SECONDS:
            self._flush()

    def _learn(self, place: str, record_id: str, stat: os.stat_result, digest: bytes) -> None:
        self._ids.add(record_id)
        self._by_path[place] = _Known(record_id, stat.st_size, stat.st_mtime_ns, digest)
        self._by_hash.setdefault(digest, []).append(place)

    def _twins(self, digest: bytes) -> list[str]:
        """Places whose record has this content now; one that changed or moved during this run has another."""
        places = self._by_hash.get(digest, [])
        return [place for place in places if place in self._by_path and self._by_path[place].sha256 == digest]

    def _free_id(self, name: str) -> str:
        """The path within the folder; numbered when a record of another file has that id already."""
        record_id, number = name, 2
        while record_id in self._ids:
            record_id, number = f"{name}~{number}", number + 1
        return record_id

    def _annotate(
        self,
        record_id: str,
        metadata: dict[str, Metadata] | None,
        name: str,
        facts: Metadata,
        report: IndexReport,
        *,
        moved: bool = False,
    ) -> None:
        """Bring the metadata of a known record up to date, when there is anything new to say."""
        row = metadata.get(name) if metadata is not None else None
        if row is None and not facts:
            return
        if record_id in {row.id for row in self._batch}:
            self._flush()
        old = self._store.metadata([record_id])[0]
        new = {**(c.own(old) if row is None else row), **c.system(old), **facts}
        if new == old:
            return
        if row is not None and row != c.own(old) and not moved:
            report.annotated += 1
        self._notes[record_id] = new
        if len(self._notes) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            batch, self._batch = self._batch, []
            with self._turn():
                batch = self._with_free_ids(batch)
                ids, vectors, rows, payloads, _ = zip(*batch, strict=True)
                self._store.add(Records(ids, np.stack(vectors), rows, payloads))
        if self._notes:
            notes, self._notes = self._notes, {}
            self._store.annotate(list(notes), list(notes.values()))
        self._flushed_at = time.perf_counter()

    def _with_free_ids(self, batch: list[_Row]) -> list[_Row]:
        """Give another id to a new record whose id another writer has taken for another file meanwhile."""
        fresh = [row.id for row in batch if row.new]
        taken = [i for i, there in zip(fresh, self._store.contains(fresh), strict=True) if there]
        theirs = {i: metadata.get(c.PATH) for i, metadata in zip(taken, self._store.metadata(taken), strict=True)}
        given = []
        for row in batch:
            place = row.metadata[c.PATH]
            if row.new and row.id in theirs and theirs[row.id] != place:
                name, self._ids = row.id, self._ids | set(self._store.ids())
                row = row._replace(id=self._free_id(name))
                self._ids.add(row.id)
                self._by_path[str(place)] = self._by_path[str(place)]._replace(id=row.id)
            given.append(row)
        return given

    def _gone(self, root: Path, listed: set[str]) -> list[str]:
        """Ids of this folder's records whose file is not there any more."""
        inside = c.path_to_text(root)
        known = c.rows(self._store, c.ROOT, c.PATH)
        return [i for i, root, path in known if root == inside and path not in listed and not _is_there(path)]


def _is_there(place: object) -> bool:
    path = c.text_to_path(place) if isinstance(place, str) else None
    return path is not None and path.exists()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else -1


def _result(future: Future[_Outcome] | None) -> _Outcome | None:
    return None if future is None else future.result()
