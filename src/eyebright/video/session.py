"""One source tracked into a folder: a film that browsers play, tables, a heat map, and counts over time."""

from __future__ import annotations

import dataclasses
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError, MediaError
from eyebright.core.protocols import Source
from eyebright.core.types import Frame
from eyebright.media import CameraSource, RtspSource, VideoSource, display_path, open_source
from eyebright.video.clips import ClipOutput, parse_age
from eyebright.video.config import settings_from
from eyebright.video.detectors import open_detector, open_embedder
from eyebright.video.pictures import HeatOutput, VideoOutput
from eyebright.video.results import FrameResult, Output, RunReport
from eyebright.video.tables import CsvOutput, JsonlOutput, MotOutput
from eyebright.video.timeline import Timeline
from eyebright.video.tracker import VideoTracker

FILES = {
    "video": "tracked.webm",
    "mot": "tracks.txt",
    "csv": "tracks.csv",
    "jsonl": "tracks.jsonl",
    "heat": "heat.png",
}
"""What a session writes; a video without a single track has all of them too."""
CLIPS = "clips"
"""The folder of the films around events."""

_LOOK_S = 0.2
Tell = Callable[[int, int | None, float | None], None]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """What is known of a source before it is tracked.

    Attributes:
        frame: the first one.
        live: a camera or a stream, which does not end by itself.
        frames: how many the file says that it has; None: it does not say.
        fps: frames a second; None: it does not say.
    """

    frame: Frame
    live: bool
    frames: int | None
    fps: float | None


def first_look(source: str) -> FirstLook:
    """Open a source and return its first frame.

    Args:
        source: what `open_source` takes.

    Raises:
        MediaError: it cannot be opened, or has no frame.
    """
    opened = open_source(source)
    frame = next(iter(opened), None)
    if frame is None:
        raise MediaError(f"{source}: there is not one frame")
    frames = fps = None
    if isinstance(opened, VideoSource):
        import cv2

        capture = cv2.VideoCapture(str(opened.path.absolute()), cv2.CAP_FFMPEG)
        try:
            # some containers only guess, and some say a negative number
            frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT))) or None
            rate = capture.get(cv2.CAP_PROP_FPS)
            fps = round(rate, 3) if 0 < rate < 1000 else None
        finally:
            capture.release()
    return FirstLook(frame, isinstance(opened, CameraSource | RtspSource), frames, fps)


def track_to_folder(
    source: str,
    folder: Path,
    options: dict[str, Any],
    *,
    seconds: float | None = None,
    name: str | None = None,
    home: Path | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:
    """Track a source and write `FILES` into `folder`.

    Args:
        source: what `open_source` takes.
        folder: is there already.
        options: those of `read_config` that choose what is done, such as `model`, `tracker`, `line` and `zone`; see
            `settings_from`. With `clips` true, a short film around every event comes into the folder `CLIPS`; those
            older than `keep`, such as `1h`, are removed while the run lasts.
        seconds: only so many of the source; None: all. A live source needs a number.
        name: what results call a source that is a file; None: its path.
        home: see `eyebright.media.home.home_dir`.
        tell: called often, from the calling thread, with the frames done, how many there are (None: not known) and
            frames a second. Whatever it raises ends the run, and then nothing is written.

    Returns:
        Plain values: `report` (as of `VideoTracker.run`), `timeline` (see `Timeline`), `files` (name to file) and
        `clips` (names of files).

    Raises:
        InputError: an option is wrong, or a live source without `seconds`.
        EyebrightError: as `VideoTracker.run`.
    """
    if seconds is not None and not seconds > 0:
        raise InputError(f"seconds: expected a number above 0, got {seconds}")
    opened = open_source(source)
    live = isinstance(opened, CameraSource | RtspSource)
    if live and seconds is None:
        raise InputError("seconds: a camera or a stream does not end by itself; say for how long it is watched")
    look = None if live else first_look(source)
    refine = bool(options.get("refine"))
    if live and refine:
        raise InputError("refine: needs finished footage; a live source is tracked as it comes")
    given: str | Source = source if live else _Shown(opened, seconds or math.inf, name)
    total = None if look is None else look.frames
    if total is not None and seconds is not None and look is not None and look.fps is not None:
        total = min(total, int(seconds * look.fps) + 1)
    system = VideoTracker(
        open_detector(options.get("model", "motion"), home=home),
        options.get("tracker", "eyebright"),
        embedder=open_embedder(options["embedder"], home=home) if options.get("embedder") else None,
        settings=settings_from(options),
        refine=refine,
    )
    if refine and total is not None:
        total *= 2  # it is read twice
    timeline = Timeline()
    keep_s = parse_age(options["keep"]) if options.get("keep") else None
    if keep_s is not None and not options.get("clips"):
        raise InputError("keep: says how long clips are kept; ask for clips too")
    outputs: list[Output] = [ClipOutput(folder / CLIPS, keep_s)] if options.get("clips") else []
    outputs += [
        VideoOutput(folder / FILES["video"]),
        MotOutput(folder / FILES["mot"]),
        CsvOutput(folder / FILES["csv"]),
        JsonlOutput(folder / FILES["jsonl"]),
        HeatOutput(folder / FILES["heat"]),
        timeline,
    ]
    run = _Run(system, given, outputs)
    try:
        report = run.wait(total, seconds if live else None, tell)
    except BaseException:  # it may have come to its end meanwhile
        for file in FILES.values():
            (folder / file).unlink(missing_ok=True)
        shutil.rmtree(folder / CLIPS, ignore_errors=True)
        raise
    files = {name: file for name, file in FILES.items() if (folder / file).is_file()}
    facts = report.to_dict()
    if not live:
        facts["sources"][0]["source"] = name or display_path(source)
    clips = sorted(path.name for path in (folder / CLIPS).glob("*")) if options.get("clips") else []
    return {"report": facts, "timeline": timeline.to_dict(), "files": files, "clips": clips}


class _Shown:
    """The first seconds of a file, under another name."""

    def __init__(self, source: Source, seconds: float, name: str | None) -> None:
        self._source, self._seconds, self._name = source, seconds, name

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            if frame.time_s > self._seconds:
                return
            yield frame if self._name is None else dataclasses.replace(frame, source=self._name)


class _Run:
    """A run in a thread of its own, so that whoever waits can tell how far it is and end it."""

    def __init__(self, system: VideoTracker, source: str | Source, outputs: list[Output]) -> None:
        self._system = system
        self._done = 0
        self._report: RunReport | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(source, outputs), name="track", daemon=True)

    def wait(self, total: int | None, live_s: float | None, tell: Tell | None) -> RunReport:
        began = time.monotonic()
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._thread.join(_LOOK_S)
                passed = time.monotonic() - began
                if tell is not None:
                    tell(self._done, total, round(self._done / passed, 2))
                if live_s is not None and passed >= live_s:
                    self._system.close()
        except BaseException:
            self._system.close()
            self._thread.join()
            raise
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def _work(self, source: str | Source, outputs: list[Output]) -> None:
        try:
            self._report = self._system.run([source], outputs, on_result=self._count, on_seen=self._count)
        except BaseException as error:  # noqa: BLE001  (raised again in the thread that waits)
            self._error = error

    def _count(self, _: FrameResult | None = None) -> None:
        self._done += 1
