"""Watching a video, a camera or a stream: who is there, drawn, as events, and as a table of presence."""

from __future__ import annotations

import collections
import csv
import dataclasses
import datetime as dt
import io
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from eyebright.core.errors import EyebrightError, InputError, PipelineError, StoreError
from eyebright.core.protocols import Sink, Source
from eyebright.core.types import Detections, Frame, Image
from eyebright.faces.following import Event, FaceFollower, Followed, Recognizer
from eyebright.media import CameraSource, RtspSource, VideoSink, display_path, open_source
from eyebright.models import default_threads
from eyebright.pipeline import Pipeline, ReconnectingSource, Stage, Statistics, reconnecting

_KNOWN, _UNKNOWN, _TEXT = (22, 128, 61), (82, 82, 91), (24, 24, 27)
_APART_S = 2.0
NOBODY = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A frame with who is in it."""

    frame: Frame
    faces: list[Followed]
    events: list[Event]


@dataclasses.dataclass(frozen=True, slots=True)
class WatchReport:
    """What a run did: who was seen for how many seconds, tracks, and how the pipeline kept up."""

    people: dict[str, float]
    tracks: int
    unknown_tracks: int
    statistics: Statistics


class Span(NamedTuple):
    """Somebody was seen: name, source, when that run started (ISO 8601, UTC), and seconds since then."""

    person: str
    source: str
    started: str
    from_s: float
    to_s: float


class Watcher:
    """Follows and recognises faces in one source, in real time.

    Files lose no frame; of live sources the oldest waiting frame is dropped when recognition is too slow.

    Args:
        recognizer: see `FaceFollower`.
        out: video that is written with boxes, names, frames a second and delay: .mp4, .webm or .avi. None: none.
        events: JSON lines are appended to this file as things happen. None: none.
        on_frame: called with every frame.
        on_event: called with every event, as it stands in `events`.
        show: takes the pictures that `out` would be made of as they come, such as a live view; it is not closed.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        *,
        out: Path | None = None,
        events: Path | None = None,
        on_frame: Callable[[Watched], None] | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        show: Sink | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._follower = FaceFollower(recognizer)
        self._video = None if out is None else VideoSink(out)
        self._events_path = events
        self._on_frame = on_frame
        self._on_event = on_event
        self._show = show
        self._log: TextIO | None = None
        self._left: list[Event] = []
        self._arrived: dict[int, float] = {}
        self._shown: collections.deque[float] = collections.deque(maxlen=30)
        self._name = self._started = ""
        self._pipeline: Pipeline | None = None

    def run(self, source: str | Source, *, name: str | None = None) -> WatchReport:
        """Watch until the source ends, or `stop` is called.

        Args:
            source: opened source, or what `open_source` takes.
            name: what events call it; None: as it was given.

        Raises:
            MediaError: the source cannot be opened, or `out` cannot be written.
            StoreError: `events` cannot be written.
            EyebrightError: recognising failed.
        """
        opened = open_source(source) if isinstance(source, str) else source
        self._name = display_path(source) if isinstance(source, str) else type(source).__name__
        if isinstance(opened, RtspSource):
            from eyebright.media.sources import without_password

            self._name = without_password(str(source))
            stream = opened
            opened = reconnecting(lambda: stream)
        self._name = name or self._name
        self._started = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        live = isinstance(opened, CameraSource | RtspSource | ReconnectingSource)
        self._pipeline = Pipeline(
            _Stamped(opened, self._arrived),
            [Stage("find", self._find, workers=min(2, default_threads())), Stage("follow", self._follow)],
            self,
            drop="drop_oldest" if live else "block",
        )
        try:
            if self._video is not None:
                self._video.path.parent.mkdir(parents=True, exist_ok=True)
            self._open_log()
            told = self._pipeline.run()
        except PipelineError as error:
            cause = error.__cause__
            raise (cause if isinstance(cause, EyebrightError) else error) from error
        finally:
            self._tell(self._follower.finish())
            if self._log is not None:
                self._log.close()
            if self._video is not None:
                self._video.close()  # what was watched until an error or Ctrl-C is worth having
        people: dict[str, float] = {}
        for span in presence([self._facts(event) for event in self._left]):
            people[span.person] = people.get(span.person, 0.0) + span.to_s - span.from_s
        unknown = sum(event.person is None for event in self._left)
        return WatchReport(people, len(self._left), unknown, told)

    def stop(self) -> None:
        """End a run from another thread; frames on their way are finished."""
        if self._pipeline is not None:
            self._pipeline.close()

    # ---------------------------------------------------------------- the pipeline's sink

    def write(self, watched: Any) -> None:
        """Take a frame from the pipeline."""
        self._tell(watched.events)
        now = time.monotonic()
        for index in [index for index in list(self._arrived) if index < watched.frame.index]:
            self._arrived.pop(index, None)  # of frames that were dropped
        delay = now - self._arrived.pop(watched.frame.index, now)
        self._shown.append(now)
        sinks = [sink for sink in (self._video, self._show) if sink is not None]
        if sinks:
            span = self._shown[-1] - self._shown[0]
            rate = (len(self._shown) - 1) / span if span > 0 else 0.0
            text = f"{rate:.1f} fps   {1000 * delay:.0f} ms"
            drawn = dataclasses.replace(watched.frame, image=draw_followed(watched.frame.image, watched.faces, text))
            for sink in sinks:
                sink.write(drawn)
        if self._on_frame is not None:
            self._on_frame(watched)

    def close(self) -> None:
        """Do nothing: what is open is closed by `run`."""

    def _find(self, frame: Frame) -> tuple[Frame, Detections]:
        return frame, self._recognizer.find(frame.image)

    def _follow(self, seen: tuple[Frame, Detections]) -> Watched:
        frame, found = seen
        return Watched(frame, *self._follower.update(frame, found))

    def _open_log(self) -> None:
        if self._events_path is None:
            return
        try:
            self._events_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._events_path.open("a", encoding="utf-8")
        except OSError as error:
            raise StoreError(
                f"{display_path(self._events_path)}: cannot be written: {error.strerror or error}"
            ) from error

    def _tell(self, events: Sequence[Event]) -> None:
        self._left += [event for event in events if event.kind == "left"]
        if self._on_event is not None:
            for event in events:
                self._on_event(self._facts(event))
        if self._log is None or self._log.closed:
            return
        try:
            for event in events:
                self._log.write(json.dumps(self._facts(event)) + "\n")
            self._log.flush()
            os.fsync(self._log.fileno())
        except OSError as error:
            raise StoreError(f"{self._log.name}: cannot be written: {error.strerror or error}") from error

    def _facts(self, event: Event) -> dict[str, Any]:
        return {
            "event": event.kind, "source": self._name, "started": self._started, "track": event.track,
            "person": event.person or NOBODY, "from_s": round(event.from_s, 3), "to_s": round(event.to_s, 3),
            "probability": round(event.probability, 4),
        }  # fmt: skip


def presence(events: Sequence[dict[str, Any]], *, apart_s: float = _APART_S) -> list[Span]:
    """Return who was seen from when to when, by person, run and time; gaps of up to `apart_s` are closed.

    A track counts from its beginning to the last event that it has, under the name of that event, so a run that was
    killed loses a few seconds only. Unknown people are left out.

    Args:
        events: as `Watcher` writes them.
        apart_s: seconds.

    Raises:
        InputError: an event without its fields.
    """
    last: dict[tuple[str, str, int], Span] = {}
    for number, event in enumerate(events, start=1):
        try:
            run = str(event["source"]), str(event["started"])
            span = Span(str(event["person"]), *run, float(event["from_s"]), float(event["to_s"]))
            if not (math.isfinite(span.from_s) and math.isfinite(span.to_s)):
                raise ValueError("times are finite")
            last[(*run, int(event["track"]))] = span
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"events: line {number}: expected an event of `faces watch`, got {event!r:.80}") from error
    spans: list[Span] = []
    for span in sorted(last.values()):
        before = spans[-1] if spans else None
        if span.person == NOBODY:
            continue
        if before and before[:3] == span[:3] and span.from_s - before.to_s <= apart_s:
            spans[-1] = before._replace(to_s=max(before.to_s, span.to_s))
        else:
            spans.append(span)
    return spans


def presence_of_file(path: Path) -> list[Span]:
    """Read the events of a file; a last line that was cut off by a crash is passed over. Raises as `presence`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{display_path(path)}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    return presence_of_text(text, display_path(path))


def presence_of_text(text: str, where: str) -> list[Span]:
    """As `presence_of_file`, from the file's text; `where` it is from stands in errors."""
    lines, events = text.splitlines(), []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if number < len(lines):
                raise InputError(f"{where}: line {number}: expected JSON, got {line!r:.60}") from error
    return presence(events)


def presence_table(spans: Sequence[Span]) -> str:
    """Return CSV with the columns person, source, started, from_s, to_s and seconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*Span._fields, "seconds"])
    writer.writerows([*s[:3], f"{s.from_s:.2f}", f"{s.to_s:.2f}", f"{s.to_s - s.from_s:.2f}"] for s in spans)
    return out.getvalue()


def draw_followed(image: Image, faces: Sequence[Followed], text: str = "") -> Image:
    """Return a copy with boxes and names, and a line of text in the corner."""
    picture = Pictures.fromarray(image)
    draw = ImageDraw.Draw(picture)
    thick = max(2, round(min(picture.size) / 300))
    font = ImageFont.load_default(size=max(13, round(min(picture.size) / 32)))

    def label(words: str, left: float, top: float, colour: tuple[int, int, int]) -> None:
        width, height = draw.textbbox((0, 0), words, font=font)[2:]
        across = min(max(0.0, left), max(0.0, picture.width - width - 8))
        draw.rectangle((across, top, across + width + 8, top + height + 8), fill=colour)
        draw.text((across + 4, top + 3), words, fill="white", font=font)

    high = draw.textbbox((0, 0), "Ag", font=font)[3] + 8
    for face in faces:
        colour = _UNKNOWN if face.person is None else _KNOWN
        left, top, right, bottom = (float(value) for value in face.box)
        draw.rectangle((left, top, right, bottom), outline=colour, width=thick)
        name = "unknown" if face.person is None else face.person
        label(
            f"{face.track}  {name}", left, bottom if bottom + high <= picture.height else max(0.0, top - high), colour
        )
    if text:
        label(text, 0, 0, _TEXT)
    return np.asarray(picture, dtype=np.uint8)


class _Stamped:
    """A source that notes when each frame came."""

    def __init__(self, source: Source, arrived: dict[int, float]) -> None:
        self._source = source
        self._arrived = arrived

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            self._arrived[frame.index] = time.monotonic()
            yield frame

    def close(self) -> None:
        close = getattr(self._source, "close", None)
        if close is not None:
            close()
