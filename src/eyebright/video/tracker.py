"""The video system: sources through detection, tracking and counting to outputs."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from eyebright.core.errors import InputError, MediaError
from eyebright.core.protocols import Detector, Embedder, FrameDetector, Source, Tracker
from eyebright.pipeline import Stage
from eyebright.tracking import make_tracker
from eyebright.video._looking import Detect, Look, Scenes
from eyebright.video._refining import Record, Recording, Replaying
from eyebright.video._runs import SourceRun, is_live, opened_source
from eyebright.video._tracking import Tracking
from eyebright.video.events import Event
from eyebright.video.results import FrameResult, Output, RunReport
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
        refine: for finished footage: every source is read twice. The first pass tracks; then fragments are linked
            across gaps, by motion and by looks where there is an embedder, short gaps are filled and paths smoothed
            (see `refine_tracks`); the second pass counts and writes with those tracks.

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
        refine: bool = False,
    ) -> None:
        if isinstance(tracker, str):
            make_tracker(tracker)  # a wrong name is told now
        self._detector = detector
        self._tracker = tracker
        self._embedder = embedder
        self._settings = settings or VideoSettings()
        self._refine = refine
        self._runs: list[SourceRun] = []
        self._closing = threading.Event()

    def run(
        self,
        sources: Sequence[str | Source],
        outputs: Sequence[Output] = (),
        *,
        on_result: Callable[[FrameResult], None] | None = None,
        on_seen: Callable[[], None] | None = None,
    ) -> RunReport:
        """Run until all sources have ended, or `close` is called.

        Args:
            sources: what `open_source` takes, or sources; at least one.
            outputs: take every frame and event; they are closed at the end.
            on_result: called with every frame, in a thread of its source.
            on_seen: called after every frame of a first pass (`refine`), in a thread of its source.

        Raises:
            InputError: no source, a source that cannot be opened, a live one that cannot be refined, or a wrong
                detector or class.
            EyebrightError: a source or a stage failed. The other sources go on to their end first.
            KeyboardInterrupt: the run was interrupted; files whose source had not ended were not written.
        """
        try:
            return self._run(sources, outputs, on_result, on_seen)
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
        on_seen: Callable[[], None] | None,
    ) -> RunReport:
        if not sources:
            raise InputError("video: expected at least one source")
        opened = [opened_source(source) for source in sources]
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

        if self._refine:
            interrupted = self._twice(opened, detectors, write, on_seen)
        else:
            self._runs = [
                self._first(number, opened, detectors[number], self._settings, write) for number in range(len(opened))
            ]
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

    def _first(
        self,
        number: int,
        opened: Sequence[tuple[Source, str]],
        detector: AnyDetector,
        settings: VideoSettings,
        write: Callable[[FrameResult], None],
        recording: Callable[[Tracking], Recording] | None = None,
    ) -> SourceRun:
        """Return the run of a source through detection and tracking."""
        source, name = opened[number]
        detect = Detect(detector, settings, self._embedder)
        tracker = make_tracker(self._tracker) if isinstance(self._tracker, str) else self._tracker()
        tracking = Tracking(tracker, settings, number, len(opened), detect.labels)
        last = tracking if recording is None else recording(tracking)
        stages = [Stage("look", Look(settings)), Stage("detect", detect), Stage("track", last)]
        return SourceRun(source, name, Scenes(source, cuts=settings.cuts), stages, tracking, write)

    def _twice(
        self,
        opened: Sequence[tuple[Source, str]],
        detectors: Sequence[AnyDetector],
        write: Callable[[FrameResult], None],
        seen: Callable[[], None] | None,
    ) -> bool:
        """Track all sources, then run them again with their refined tracks; return whether that was interrupted."""
        for source, name in opened:
            if is_live(source):
                raise InputError(f"{name}: refine needs finished footage; leave it out for cameras and streams")
        # the first pass counts nothing: its tracks are not yet what they will be
        bare = dataclasses.replace(self._settings, lines=(), zones=(), ground=None)
        records = [Record() for _ in opened]
        first = [
            self._first(number, opened, detectors[number], bare, _ignore, functools.partial(Recording, record, seen))
            for number, record in enumerate(records)
        ]
        self._runs = list(first)
        interrupted = self._wait(first)
        if interrupted or self._closing.is_set():
            return interrupted
        second = []
        for number, (run, (source, name)) in enumerate(zip(first, opened, strict=True)):
            if run.error is not None:
                continue
            labels = tuple(getattr(detectors[number], "labels", ()))
            counting = Replaying(records[number], self._settings, number, len(opened), labels)
            again = SourceRun(source, name, source, [Stage("count", counting.show)], counting, write, before=run)
            self._runs[number] = again
            second.append((again, counting))
        interrupted = self._wait([again for again, _ in second])
        for again, counting in second:
            if again.error is None and not (counting.whole or interrupted or self._closing.is_set()):
                again.error = MediaError(f"{again.name}: had fewer frames when it was read again; run it again")
        return interrupted

    def _wait(self, runs: Sequence[SourceRun]) -> bool:
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


def _ignore(_: FrameResult) -> None:
    """Write nothing."""
