"""The parts of a pipeline that a caller names, and what a run tells about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from eyebright.core.errors import InputError


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """One step between source and sink.

    Attributes:
        name: for statistics and errors; unique in its pipeline.
        call: takes what the stage before returned (the first takes a `Frame`) and returns what the next one takes.
        workers: threads that run `call` side by side; more than one only if `call` keeps no state. Order is kept.
    """

    name: str
    call: Callable[[Any], Any]
    workers: int = 1

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"stage {self.name!r}: expected at least one worker, got {self.workers}")


@dataclasses.dataclass(frozen=True, slots=True)
class Statistics:
    """What a run of a pipeline did.

    Attributes:
        frames_in: frames that the source gave.
        frames_out: results that the sink took.
        frames_dropped: frames thrown away because the stages were too slow (live streams only).
        seconds: from start to end.
        fps: results a second.
        latency_p50_s: median time from the source's giving a frame to the sink's having taken the result.
        latency_p95_s: 95th percentile of it. Latencies are those of the last 10 000 frames.
        latency_p99_s: 99th percentile of it.
        busy_s: seconds of work by name of stage, with `source` and `sink`; workers of one stage add up.
    """

    frames_in: int
    frames_out: int
    frames_dropped: int
    seconds: float
    fps: float
    latency_p50_s: float
    latency_p95_s: float
    latency_p99_s: float
    busy_s: Mapping[str, float]
