"""The stage that keeps identities and counts."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from eyebright.core.protocols import Tracker
from eyebright.core.types import Floats, Tracks
from eyebright.video._looking import Looked
from eyebright.video.events import Event, EventKind
from eyebright.video.ground import SpeedMeter
from eyebright.video.lines import LineCounter
from eyebright.video.results import FrameResult, LineCount, ZoneCount
from eyebright.video.settings import VideoSettings
from eyebright.video.zones import Visit, ZoneMonitor

_MARGIN = 0.1  # of a box's height, by which its feet must be clear of a line


class Tracking:
    """Tracks one source.

    Ids of all sources of a run interleave (source 0 of 2 has 1, 3, 5, ...), and go on growing over scene cuts, so none
    is used twice however the sources' threads run.

    Args:
        tracker: of this source alone; it is reset first.
        settings: of the run.
        number: of this source.
        sources: how many there are.
        labels: class names.
    """

    def __init__(
        self, tracker: Tracker, settings: VideoSettings, number: int, sources: int, labels: Sequence[str]
    ) -> None:
        tracker.reset()
        self._tracker = tracker
        self._settings = settings
        self._number, self._sources = number, sources
        self._labels = labels
        self.lines = [LineCounter(line) for line in settings.lines]
        self.zones = [ZoneMonitor(zone, settings.dwell_s) for zone in settings.zones]
        self._speeds = SpeedMeter()
        self._seen = bytearray()  # one bit an id: flat enough for a stream of months
        self._before = self._highest = 0  # ids of earlier scenes; greatest id
        self._last: tuple[Tracks, Floats] = (Tracks.empty(), np.zeros(0, np.float32))
        self.shot = self.frames = self.objects = 0
        self.skipped: Counter[str] = Counter()
        self.last: FrameResult | None = None

    def __call__(self, looked: Looked) -> FrameResult:
        """Take the next frame."""
        frame, events = looked.frame, list[Event]()
        if frame.shot != self.shot:
            events += self._end_scene(frame.shot)
            events.append(Event("cut", frame.source, frame.index, frame.time_s))
        tracks, speeds = self._last = self._follow(looked)
        names = tuple(self._name(row) for row in tracks.class_id.tolist())
        if self._watched(looked):
            events += self._watch(tracks, names, speeds, looked)
        self.frames += 1
        self.skipped[looked.skipped or ""] += 1
        self.last = FrameResult(
            frame, self._number, tracks, names, speeds, frame.shot, looked.skipped, tuple(events),
            tuple(LineCount(one.line, one.total("in"), one.total("out")) for one in self.lines),
            tuple(ZoneCount(one.zone, one.occupancy, one.longest_s) for one in self.zones),
        )  # fmt: skip
        return self.last

    def _follow(self, looked: Looked) -> tuple[Tracks, Floats]:
        """Return the tracks of a frame with their speeds."""
        frame = looked.frame
        if looked.skipped == "identical":
            return self._last
        if looked.detections is None:
            return Tracks.empty(), np.zeros(0, np.float32)
        found = self._tracker.update(
            looked.detections, time_s=frame.time_s, embeddings=looked.embeddings, camera=looked.camera
        )
        tracks = dataclasses.replace(found, track_id=self._global(found))
        return tracks, self._measure(tracks, frame.image.shape[:2], frame.time_s)

    def _watched(self, looked: Looked) -> bool:
        """Whether lines and zones are told of a frame: a blurred one says nothing."""
        return looked.skipped != "blurred"

    def finish(self) -> list[Event]:
        """Return what happens because the source ends."""
        return self._leave_zones()

    def _end_scene(self, shot: int) -> list[Event]:
        self.shot = shot
        self._tracker.reset()
        self._before = self._highest
        self._last = Tracks.empty(), np.zeros(0, np.float32)
        self._speeds.forget()
        for counter in self.lines:
            counter.forget()
        return self._leave_zones()

    def _leave_zones(self) -> list[Event]:
        if self.last is None:
            return []
        frame = self.last.frame
        return [
            _event(visit, monitor, frame.source, frame.index, frame.time_s)
            for monitor in self.zones
            for visit in monitor.finish()
        ]

    def _global(self, tracks: Tracks) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        own = tracks.track_id + self._before
        for track_id in own.tolist():
            byte, bit = divmod(track_id, 8)
            if byte >= len(self._seen):
                self._seen.extend(bytes(byte + 1024 - len(self._seen)))
            if not self._seen[byte] >> bit & 1:
                self._seen[byte] |= 1 << bit
                self.objects += 1
        self._highest = max(self._highest, int(own.max(initial=0)))
        return np.asarray((own - 1) * self._sources + self._number + 1, np.int64)

    def _measure(self, tracks: Tracks, size: tuple[int, int], time_s: float) -> Floats:
        if self._settings.ground is None:
            return np.full(len(tracks), np.nan, np.float32)
        return self._speeds.update(tracks.track_id, self._settings.ground.places(_feet(tracks), size), time_s)

    def _watch(self, tracks: Tracks, names: Sequence[str], speeds: Floats, looked: Looked) -> list[Event]:
        if not (self.lines or self.zones):
            return []
        frame, events = looked.frame, list[Event]()
        feet = [(float(x), float(y)) for x, y in _feet(tracks).tolist()]
        margins = np.maximum(2.0, _MARGIN * (tracks.xyxy[:, 3] - tracks.xyxy[:, 1])).tolist()
        ids = tracks.track_id.tolist()
        speed = {k: float(v) for k, v in zip(ids, speeds.tolist(), strict=True) if np.isfinite(v)}
        for counter in self.lines:
            rows = zip(ids, feet, margins, names, strict=True)
            events += [
                Event("crossing", frame.source, frame.index, frame.time_s, c.track_id, c.class_name, counter.line.name,
                      c.direction, None, speed.get(c.track_id))
                for c in counter.update(rows, frame.time_s)
            ]  # fmt: skip
        for monitor in self.zones:
            happened = monitor.update(zip(ids, feet, names, strict=True), frame.time_s)
            events += [_event(visit, monitor, frame.source, frame.index, frame.time_s) for visit in happened]
        return events

    def _name(self, class_id: int) -> str:
        return self._labels[class_id] if 0 <= class_id < len(self._labels) else f"class {class_id}"


def _feet(tracks: Tracks) -> Floats:
    boxes = tracks.xyxy
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def _event(visit: Visit, monitor: ZoneMonitor, source: str, index: int, time_s: float) -> Event:
    kind: EventKind = visit.kind
    dwell = None if kind == "enter" else visit.dwell_s
    return Event(kind, source, index, time_s, visit.track_id, visit.class_name, monitor.zone.name, None, dwell)
