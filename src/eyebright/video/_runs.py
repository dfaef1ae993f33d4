"""One source on its way through the pipeline, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from eyebright.core.errors import EyebrightError, PipelineError
from eyebright.core.protocols import Source
from eyebright.media import CameraSource, RtspSource, display_path, open_source
from eyebright.pipeline import Pipeline, ReconnectingSource, Stage, Statistics, reconnecting
from eyebright.video._tracking import Tracking
from eyebright.video.results import FrameResult, SourceReport


class SourceRun:
    """The pipeline of one source, in a thread.

    Args:
        source: as it was opened.
        name: as a person names it.
        frames: what the pipeline reads.
        stages: what it does.
        tracking: the stage that counts.
        write: takes every result.
        before: the first pass, whose time counts too.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        frames: Source,
        stages: Sequence[Stage],
        tracking: Tracking,
        write: Callable[[FrameResult], None],
        before: SourceRun | None = None,
    ) -> None:
        self.live = is_live(source)
        self.name = name
        self.tracking = tracking
        self.error: EyebrightError | None = None
        self.done = threading.Event()
        self.statistics: Statistics | None = None
        self._before = before
        self.pipeline = Pipeline(frames, stages, _Sink(write), drop="drop_oldest" if self.live else "block")
        self.thread = threading.Thread(target=self._work, name=f"eyebright {name}", daemon=True)

    def _work(self) -> None:
        try:
            self.statistics = self.pipeline.run()
        except PipelineError as error:
            cause = error.__cause__
            self.error = cause if isinstance(cause, EyebrightError) else error
        finally:
            self.done.set()

    def complete(self, *, ended: bool) -> bool:
        return self.error is None and self.statistics is not None and (self.live or not ended)

    def report(self, *, ended: bool) -> SourceReport:
        tracking, statistics = self.tracking, self.statistics
        before = self._before.statistics if self._before else None
        seconds = sum(one.seconds for one in (before, statistics) if one)
        return SourceReport(
            source=self.name,
            complete=self.complete(ended=ended),
            frames=tracking.frames,
            dropped=statistics.frames_dropped if statistics else 0,
            blurred=tracking.skipped["blurred"],
            identical=tracking.skipped["identical"],
            scenes=tracking.shot + 1,
            tracks=tracking.objects,
            media_s=tracking.last.frame.time_s if tracking.last else 0.0,
            seconds=seconds,
            fps=tracking.frames / seconds if before and seconds else statistics.fps if statistics else 0.0,
            busy_s={**(before.busy_s if before else {}), **(statistics.busy_s if statistics else {})},
            lines={counter.line.name: counter.to_dict() for counter in tracking.lines},
            zones={monitor.zone.name: monitor.to_dict() for monitor in tracking.zones},
            problem=None if self.error is None else str(self.error),
        )


class _Sink:
    def __init__(self, write: Callable[[FrameResult], None]) -> None:
        self.write: Callable[[Any], None] = write

    def close(self) -> None:
        """Do nothing: outputs outlive one source."""


def opened_source(source: str | Source) -> tuple[Source, str]:
    """Return a source and how a person names it."""
    if not isinstance(source, str):
        return source, type(source).__name__
    opened = open_source(source)
    if isinstance(opened, RtspSource):
        from eyebright.media.sources import without_password

        return reconnecting(lambda: opened), without_password(source)
    return opened, display_path(source)


def is_live(source: Source) -> bool:
    """Whether a source goes on whether it is read or not."""
    return isinstance(source, CameraSource | RtspSource | ReconnectingSource)
