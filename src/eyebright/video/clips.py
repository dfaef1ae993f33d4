"""Short videos of what happened, kept for some time: the memory of a recording that would be too long to keep."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Frame, Image
from eyebright.media import VideoSink, decode_image, display_path
from eyebright.video.events import Event
from eyebright.video.results import FrameResult, Output

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"clip-\d{8}T\d{12}Z-\d+-[a-z]+\.mp4")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SWEEP_S = 60.0


def parse_age(text: str, what: str = "keep") -> float:
    """Return the seconds of an age such as `90s`, `30m`, `12h`, `7d` or `2w`; `what` it is for stands in the error.

    Raises:
        InputError: not a positive number with one of these units.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not seconds > 0:
        raise InputError(f"{what}: expected an age such as 12h or 7d, got {text!r}")
    return seconds


class ClipOutput(Output):
    """Writes a clip around every event into a folder, and removes clips that are too old.

    A clip begins `before_s` ahead of its event and ends `after_s` behind the last one in it, or when it is `longest_s`
    long; frames wait as JPEG, so memory is flat. Only files that have the names of clips are ever removed. Clips are
    named `clip-<time in UTC>-<source>-<event>.mp4`.

    Args:
        folder: made when missing.
        keep_s: greatest age of a clip; None: for ever.
        before_s: seconds.
        after_s: seconds.
        longest_s: seconds.

    Raises:
        InputError: a number out of range.
        MediaError: the folder cannot be made.
    """

    name = "clips"

    def __init__(
        self,
        folder: str | Path,
        keep_s: float | None = None,
        *,
        before_s: float = 3.0,
        after_s: float = 3.0,
        longest_s: float = 60.0,
    ) -> None:
        if not (0 <= before_s < longest_s and 0 < after_s < longest_s) or (keep_s is not None and keep_s <= 0):
            raise InputError(
                f"clips: expected 0 <= before_s, 0 < after_s, both below longest_s, and a positive keep_s, "
                f"got {before_s}, {after_s}, {longest_s} and {keep_s}"
            )
        self.folder = Path(folder)
        self._keep_s = keep_s
        self._before_s, self._after_s, self._longest_s = before_s, after_s, longest_s
        self._recorders: dict[int, _Recorder] = {}
        self._counts = {"written": 0, "removed": 0}
        self._swept = 0.0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"{display_path(folder)}: cannot make the folder: {error.strerror}") from error
        self._sweep()

    def write(self, result: FrameResult) -> None:
        """Keep a frame for as long as a clip may want it."""
        recorder = self._recorders.setdefault(result.number, _Recorder(result.number))
        recorder.add(result.frame, self._before_s)
        if recorder.until_s is not None:
            long = recorder.seconds() >= self._longest_s
            if result.frame.time_s >= recorder.until_s or long:
                self._save(recorder)
        if time.monotonic() - self._swept > _SWEEP_S:
            self._sweep()

    def event(self, number: int, event: Event) -> None:
        """Begin a clip, or make the one that is running longer."""
        recorder = self._recorders.get(number)
        if recorder is None:
            return
        if recorder.until_s is None:
            recorder.kind = event.kind
            recorder.began = datetime.now(UTC)
        recorder.until_s = event.time_s + self._after_s

    def finish(self, number: int, complete: bool) -> None:  # noqa: ARG002  (what happened before an early end happened)
        """Write the clip that is running."""
        recorder = self._recorders.pop(number, None)
        if recorder is not None and recorder.until_s is not None:
            self._save(recorder)

    def close(self) -> None:
        """Remove what has become too old."""
        self._sweep()

    def report(self) -> Any:
        """Return how many clips were written and removed."""
        return dict(self._counts)

    def _save(self, recorder: _Recorder) -> None:
        stamp = recorder.began.strftime("%Y%m%dT%H%M%S%f")
        recorder.save(self.folder / f"clip-{stamp}Z-{recorder.number + 1}-{recorder.kind}.mp4")
        self._counts["written"] += 1

    def _sweep(self) -> None:
        self._swept = time.monotonic()
        if self._keep_s is None:
            return
        oldest = time.time() - self._keep_s
        for path in self.folder.iterdir():
            try:
                if _NAME.fullmatch(path.name) and path.stat().st_mtime < oldest:
                    path.unlink()
                    self._counts["removed"] += 1
            except OSError as error:
                _LOG.warning("%s: too old, and cannot be removed: %s", display_path(path), error.strerror)


@dataclasses.dataclass(slots=True)
class _Recorder:
    number: int
    frames: deque[tuple[Frame, bytes]] = dataclasses.field(default_factory=deque)  # frames without their pictures
    until_s: float | None = None
    kind: str = ""
    began: datetime = datetime.min

    def add(self, frame: Frame, before_s: float) -> None:
        ok, data = cv2.imencode(".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
        if not ok:
            raise MediaError(f"clips: frame {frame.index} cannot be encoded")
        self.frames.append((dataclasses.replace(frame, image=_NOTHING), data.tobytes()))
        if self.until_s is None:
            while frame.time_s - self.frames[0][0].time_s > before_s:
                self.frames.popleft()

    def seconds(self) -> float:
        return self.frames[-1][0].time_s - self.frames[0][0].time_s

    def save(self, path: Path) -> None:
        sink: VideoSink | None = None
        for frame, data in self.frames:
            image = decode_image(data)
            if sink is None:
                sink = VideoSink(path, size=(max(2, image.shape[0]), max(2, image.shape[1])))
            sink.write(dataclasses.replace(frame, image=image))
        if sink is not None:
            sink.close()
        self.frames.clear()
        self.until_s = None


_NOTHING: Image = np.zeros((1, 1, 3), np.uint8)
