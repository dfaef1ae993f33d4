"""The video system: sources through detection, tracking and counting to outputs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from eyebright.core.errors import EyebrightError, InputError, PipelineError
from eyebright.core.protocols import Detector, Embedder, FrameDetector, Source, Tracker
from eyebright.media import CameraSource, RtspSource, display_path, open_source
from eyebright.pipeline import Pipeline, ReconnectingSource, Stage, Statistics, reconnecting
from eyebright.tracking import make_tracker
from eyebright.video._looking import Detect, Look, Scenes
from eyebright.video._tracking import Tracking
from eyebright.video.events import Event
from eyebright.video.results import FrameResult, Output, RunReport, SourceReport
from eyebright.video.settings import VideoSettings

AnyDetector = Detector | FrameDetector


class VideoTracker:
    """Tracks and counts objects in one or many videos or streams.

    Every source has a pipeline and a tracker of its own; ids are unique among all. Files lose no frame; of live
    sources the oldest waiting frame is dropped when detection is too slow, and an RTSP stream that goes away is opened
    again for as long as it takes.

    Args:
        detector: one for all sources, or a function that makes one for each. A detector with memory serves one source.
        tracker: a name for `make_tracker`, or a function that makes one for each source.
        embedder: describes each detection for trackers that know objects by their looks.
        settings: see `VideoSettings`.

    Raises:
        InputError: the tracker is unknown.
    """

    def __init__(
        self,
        detector: AnyDetector | Callable[[], AnyDetector],
        tracker: str | Callable[[], Tracker] = "eyebright",
        *,
        embedder: Embedder | None = None,
        settings: VideoSettings | None = None,
    ) -> None:
        if isinstance(tracker, str):
            make_tracker(tracker)  # a wrong name is told now
        self._detector = detector
        self._tracker = tracker
        self._embedder = embedder
        self._settings = settings or VideoSettings()
        self._runs: list[_SourceRun] = []
        self._closing = threading.Event()

    def run(
        self,
        sources: Sequence[str | Source],
        outputs: Sequence[Output] = (),
        *,
        on_result: Callable[[FrameResult], None] | None = None,
    ) -> RunReport:
        """Run until all sources have ended, or `close` is called.

        Args:
            sources: what `open_source` takes, or sources; at least one.
            outputs: take every frame and event; they are closed at the end.
            on_result: called with every frame, in a thread of its source.

        Raises:
            InputError: no source, a source that cannot be opened, or a wrong detector or class.
            EyebrightError: a source or a stage failed. The other sources go on to their end first.
            KeyboardInterrupt: the run was interrupted; files whose source had not ended were not written.
        """
        try:
            return self._run(sources, outputs, on_result)
        finally:
            for output in outputs:
                output.close()

    def close(self) -> None:
        """End a run from another thread: frames on their way are finished. Live sources end whole, files incomplete."""
        self._closing.set()
        for run in list(self._runs):
            run.pipeline.close()

    def _run(
        self,
        sources: Sequence[str | Source],
        outputs: Sequence[Output],
        on_result: Callable[[FrameResult], None] | None,
    ) -> RunReport:
        if not sources:
            raise InputError("video: expected at least one source")
        opened = [_opened(source) for source in sources]
        detectors = [self._detector_for(len(opened)) for _ in opened]
        counts: Counter[str] = Counter()
        lock = threading.Lock()

        def tell(number: int, event: Event) -> None:
            with lock:
                counts[event.kind] += 1
            for output in outputs:
                output.event(number, event)

        def write(result: FrameResult) -> None:
            for output in outputs:
                output.write(result)
            for event in result.events:
                tell(result.number, event)
            if on_result is not None:
                on_result(result)

        self._runs = []
        for number, (source, name) in enumerate(opened):
            detect = Detect(detectors[number], self._settings, self._embedder)
            tracker = make_tracker(self._tracker) if isinstance(self._tracker, str) else self._tracker()
            tracking = Tracking(tracker, self._settings, number, len(opened), detect.labels)
            self._runs.append(_SourceRun(source, name, detect, tracking, self._settings, write))
        interrupted = self._wait(self._runs)
        failures = []
        for number, run in enumerate(self._runs):
            for event in run.tracking.finish():
                tell(number, event)
            for output in outputs:
                output.finish(number, run.complete(ended=self._closing.is_set() or interrupted))
            if run.error is not None:
                failures.append(run.error)
        reports = tuple(run.report(ended=self._closing.is_set() or interrupted) for run in self._runs)
        if failures:
            raise failures[0]
        if interrupted and not all(report.complete for report in reports):
            raise KeyboardInterrupt
        for output in outputs:  # files that all sources share appear now
            output.close()
        said = {output.name: facts for output in outputs if (facts := output.report()) is not None}
        return RunReport(reports, dict(counts), said)

    def _wait(self, runs: Sequence[_SourceRun]) -> bool:
        interrupted = False
        for run in runs:
            run.thread.start()
        while True:
            try:
                while not all(run.done.wait(0.1) for run in runs):
                    if self._closing.is_set():
                        self.close()  # also what had not begun when it was called
                break
            except KeyboardInterrupt:  # waiting for an event, since an interrupted Thread.join takes it for ended
                interrupted = True
                self.close()
        for run in runs:
            run.thread.join()
        return interrupted

    def _detector_for(self, sources: int) -> AnyDetector:
        if isinstance(self._detector, type):  # a class has all methods of its instances
            return self._made(self._detector)
        if isinstance(self._detector, FrameDetector):
            if sources > 1:
                raise InputError("video: a detector with memory serves one source; give a function that makes one")
            self._detector.reset()
            return self._detector
        if isinstance(self._detector, Detector):
            return self._detector
        return self._made(self._detector)

    @staticmethod
    def _made(make: Callable[[], AnyDetector]) -> AnyDetector:
        detector = make()
        if not isinstance(detector, Detector | FrameDetector):
            raise InputError(
                f"video: expected a detector with predict, or update and reset, got {type(detector).__name__}"
            )
        return detector


class _SourceRun:
    """The pipeline of one source, in a thread."""

    def __init__(
        self,
        source: Source,
        name: str,
        detect: Detect,
        tracking: Tracking,
        settings: VideoSettings,
        write: Callable[[FrameResult], None],
    ) -> None:
        self.live = isinstance(source, CameraSource | RtspSource | ReconnectingSource)
        self.tracking = tracking
        self.error: EyebrightError | None = None
        self.done = threading.Event()
        self._statistics: Statistics | None = None
        self._name = name
        stages = [Stage("look", Look(settings)), Stage("detect", detect), Stage("track", tracking)]
        self.pipeline = Pipeline(
            Scenes(source, cuts=settings.cuts), stages, _Sink(write), drop="drop_oldest" if self.live else "block"
        )
        self.thread = threading.Thread(target=self._work, name=f"eyebright {name}", daemon=True)

    def _work(self) -> None:
        try:
            self._statistics = self.pipeline.run()
        except PipelineError as error:
            cause = error.__cause__
            self.error = cause if isinstance(cause, EyebrightError) else error
        finally:
            self.done.set()

    def complete(self, *, ended: bool) -> bool:
        return self.error is None and self._statistics is not None and (self.live or not ended)

    def report(self, *, ended: bool) -> SourceReport:
        tracking, statistics = self.tracking, self._statistics
        return SourceReport(
            source=self._name,
            complete=self.complete(ended=ended),
            frames=tracking.frames,
            dropped=statistics.frames_dropped if statistics else 0,
            blurred=tracking.skipped["blurred"],
            identical=tracking.skipped["identical"],
            scenes=tracking.shot + 1,
            tracks=tracking.objects,
            media_s=tracking.last.frame.time_s if tracking.last else 0.0,
            seconds=statistics.seconds if statistics else 0.0,
            fps=statistics.fps if statistics else 0.0,
            busy_s=dict(statistics.busy_s) if statistics else {},
            lines={counter.line.name: counter.to_dict() for counter in tracking.lines},
            zones={monitor.zone.name: monitor.to_dict() for monitor in tracking.zones},
            problem=None if self.error is None else str(self.error),
        )


class _Sink:
    def __init__(self, write: Callable[[FrameResult], None]) -> None:
        self.write: Callable[[Any], None] = write

    def close(self) -> None:
        """Do nothing: outputs outlive one source."""


def _opened(source: str | Source) -> tuple[Source, str]:
    if not isinstance(source, str):
        return source, type(source).__name__
    opened = open_source(source)
    if isinstance(opened, RtspSource):
        from eyebright.media.sources import without_password

        return reconnecting(lambda: opened), without_password(source)
    return opened, display_path(source)
