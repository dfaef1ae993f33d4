"""One run of a pipeline: its threads, its channels, its first error."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from eyebright.core.errors import PipelineError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame
from eyebright.pipeline._channel import Channel, Finished, Stopped
from eyebright.pipeline.stages import Stage, Statistics

_LATENCIES = 10_000  # memory must stay flat in a run that never ends


@dataclasses.dataclass(frozen=True, slots=True)
class _Item:
    frame: Frame
    since: float
    value: Any


class Run:
    """Threads for the source and the stages; the sink runs in the thread that calls `drain`."""

    def __init__(self, source: Source, stages: Sequence[Stage], queue_size: int, drop_oldest: bool) -> None:
        self._source = source
        self._stages = stages
        self._channels = [Channel(queue_size, drop_oldest and place == 0) for place in range(len(stages) + 1)]
        self._quit = threading.Event()
        self._lock = threading.Lock()
        self._error: PipelineError | None = None
        self._working = [stage.workers for stage in stages]
        self._busy = dict.fromkeys(["source", *(stage.name for stage in stages), "sink"], 0.0)
        self._frames_in = 0
        self._frames_out = 0
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._started = time.perf_counter()
        self._threads = [threading.Thread(target=self._read, name="eyebright source", daemon=True)]
        for place, stage in enumerate(stages):
            for _ in range(stage.workers):
                work = threading.Thread(
                    target=self._work, args=(place, stage), name=f"eyebright {stage.name}", daemon=True
                )
                self._threads.append(work)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def quit(self) -> None:
        """Take no more frames; what is on its way is finished."""
        self._quit.set()
        close = getattr(self._source, "close", None)  # sources that may wait long (reconnecting) can be woken
        if close is not None and not isinstance(self._source, Iterator):  # a running generator cannot be closed
            close()

    def stop(self) -> None:
        """Throw away what is on its way and wait until all threads have ended."""
        self.quit()
        for channel in self._channels:
            channel.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def drain(self, write: Callable[[Any], None]) -> None:
        """Hand every result to `write` until the stream ends; raise the first error of any part."""
        last = self._channels[-1]
        try:
            while True:
                _, item = last.get()
                began = time.perf_counter()
                try:
                    write(item.value)
                except Exception as error:
                    raise _failure("the sink", item.frame, error) from error
                now = time.perf_counter()
                self._busy["sink"] += now - began
                self._latencies.append(now - item.since)
                self._frames_out += 1
        except (Finished, Stopped):
            pass
        if self._error is not None:
            raise self._error

    def statistics(self) -> Statistics:
        seconds = time.perf_counter() - self._started
        p50, p95, p99 = np.percentile(self._latencies, [50, 95, 99]) if self._latencies else (0.0, 0.0, 0.0)
        return Statistics(
            frames_in=self._frames_in,
            frames_out=self._frames_out,
            frames_dropped=self._channels[0].dropped,
            seconds=seconds,
            fps=self._frames_out / seconds,
            latency_p50_s=float(p50),
            latency_p95_s=float(p95),
            latency_p99_s=float(p99),
            busy_s=dict(self._busy),
        )

    def _read(self) -> None:
        last: Frame | None = None
        frames: Iterator[Frame] | None = None
        try:
            frames = iter(self._source)
            while not self._quit.is_set():
                began = time.perf_counter()
                last = next(frames)
                now = time.perf_counter()
                self._busy["source"] += now - began
                self._channels[0].put(self._frames_in, _Item(last, now, last))
                self._frames_in += 1
        except (StopIteration, Stopped):
            pass
        except BaseException as error:  # noqa: BLE001  (kept, and raised by `drain`)
            self._fail("the source", last, error)
        finally:
            close = getattr(frames, "close", None)  # a generator releases its file or camera here, not when collected
            if close is not None:
                close()
            self._channels[0].finish()

    def _work(self, place: int, stage: Stage) -> None:
        inputs, outputs = self._channels[place], self._channels[place + 1]
        item: _Item | None = None
        try:
            while True:
                ticket, item = inputs.get()
                began = time.perf_counter()
                value = stage.call(item.value)
                seconds = time.perf_counter() - began
                with self._lock:
                    self._busy[stage.name] += seconds
                outputs.put(ticket, _Item(item.frame, item.since, value))
        except (Finished, Stopped):
            pass
        except BaseException as error:  # noqa: BLE001  (kept, and raised by `drain`)
            self._fail(f"stage {stage.name!r}", item.frame if item else None, error)
        with self._lock:
            self._working[place] -= 1
            last_one = self._working[place] == 0
        if last_one:
            outputs.finish()

    def _fail(self, part: str, frame: Frame | None, error: BaseException) -> None:
        failure = _failure(part, frame, error)
        failure.__cause__ = error
        with self._lock:
            if self._error is None:
                self._error = failure
        for channel in self._channels:
            channel.stop()


def _failure(part: str, frame: Frame | None, error: BaseException) -> PipelineError:
    if part == "the source":
        place = "before its first frame" if frame is None else f"after frame {frame.index}"
    else:
        place = "" if frame is None else f"at frame {frame.index} of {frame.source}"
    return PipelineError(f"{part} failed {place}: {type(error).__name__}: {error}")
