"""Read, infer, write: every part in its own thread, with bounded queues between them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, Literal

from eyebright.core.errors import InputError, PipelineError
from eyebright.core.protocols import Sink, Source
from eyebright.pipeline._run import Run
from eyebright.pipeline.stages import Stage, Statistics

DropPolicy = Literal["block", "drop_oldest"]


class Pipeline:
    """Takes frames from a source through stages to a sink, in order.

    Args:
        source: gives the frames, in a thread of its own. A method `close`, such as that of `reconnecting`, is called
            to end it, so that it need not be waited for.
        stages: steps between, each in threads of its own; there may be none.
        sink: takes the results of the last stage, in the thread that calls `run`, and is closed at the end, also after
            an error; None throws the results away. It only needs `write` and `close`, and `write` gets whatever the
            last stage returns.
        queue_size: how many items may wait before each part. This bounds memory and, for live streams, delay.
        drop: `block` makes the source wait for slow stages (files); `drop_oldest` throws away the frame that has waited
            longest before the first stage (live streams, whose camera does not wait).

    Raises:
        InputError: two stages of one name, a queue without room, or an unknown policy.
    """

    def __init__(
        self,
        source: Source,
        stages: Sequence[Stage],
        sink: Sink | None = None,
        *,
        queue_size: int = 4,
        drop: DropPolicy = "block",
    ) -> None:
        names = [stage.name for stage in stages]
        if len(set(names)) < len(names) or {"source", "sink"} & set(names):
            raise InputError(f"pipeline: expected different names, none of them 'source' or 'sink', got {names}")
        if queue_size < 1:
            raise InputError(f"pipeline: expected queue_size of at least 1, got {queue_size}")
        if drop not in ("block", "drop_oldest"):
            raise InputError(f"pipeline: expected drop 'block' or 'drop_oldest', got {drop!r}")
        self.source = source
        self.stages = tuple(stages)
        self.sink = sink
        self.queue_size = queue_size
        self.drop = drop
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._closed = False

    def run(self) -> Statistics:
        """Run until the source ends or `close` is called, and return what was done. A pipeline runs once.

        However it ends, also by an error or by KeyboardInterrupt, all its threads have ended and the sink is closed
        when this returns. A part that hangs is waited for: give live sources a time limit.

        Raises:
            PipelineError: a part failed; it names the part and the frame, and its cause is the error itself.
        """
        with self._lock:
            if self._run is not None or self._closed:
                raise PipelineError("this pipeline has run or was closed; build a new one")
            run = self._run = Run(self.source, self.stages, self.queue_size, self.drop == "drop_oldest")
        try:
            run.start()
            run.drain(self.sink.write if self.sink is not None else _ignore)
            run.quit()
            statistics = run.statistics()
        except BaseException:
            run.stop()
            if self.sink is not None:
                _close_quietly(self.sink)  # the error that ended the run is the one to tell
            raise
        run.stop()
        if self.sink is not None:
            try:
                self.sink.close()
            except Exception as error:
                raise PipelineError(f"the sink failed while closing: {type(error).__name__}: {error}") from error
        return statistics

    def close(self) -> None:
        """End a run from another thread or a signal handler: no more frames are taken, those on their way are finished.

        Further calls do nothing. When nothing runs, `run` can no longer be called.
        """
        self._closed = True
        run = self._run
        if run is not None:
            run.quit()


def _ignore(result: Any) -> None:
    """Take a result that nobody wants."""


def _close_quietly(sink: Sink) -> None:
    with contextlib.suppress(Exception):  # an error is already on its way
        sink.close()
