"""One identity a track: a vote of its looks, weighted by their quality, that may stay unknown and does not flicker."""

from __future__ import annotations

import dataclasses
import math
from typing import Protocol

import numpy as np

from eyebright.core.protocols import Tracker
from eyebright.core.types import Detections, Floats, Frame, Image
from eyebright.faces._quality import pose
from eyebright.faces.types import Face, Match
from eyebright.models.face_align import keypoints_of
from eyebright.tracking import make_tracker

_LOOKS = 3
"""Every track is looked at so often before its looks are rationed."""
_AGAIN_S = 1.0  # later, a look a second, and when the face is seen better than ever
_BETTER = 1.2
_ENOUGH = 1.1  # weight of looks before a name is given: more than one look, however good
_LEAD = 1.5  # a name replaces another only when its looks weigh so much more
_FADE = 0.9  # of older looks with each new one
_GONE_S = 1.0
_STILL_S = 5.0  # so often it is said that somebody is still there: a crash loses no more
_FULL_SIZE = 100.0  # pixels, from which on a face counts whole


class Recognizer(Protocol):
    """What a follower asks; `FaceRecognizer` is one."""

    def find(self, image: Image) -> Detections:
        """Return where faces are."""
        ...

    def describe(self, image: Image, found: Detections) -> list[Face]:
        """Return them with vectors."""
        ...

    def match(self, vectors: Floats) -> list[Match]:
        """Return who they are."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A face of a frame, followed.

    Attributes:
        track: number, never given twice.
        box: `float32 (4,)` xyxy pixels.
        person: name, or None: unknown so far.
        probability: of the best look that spoke for the person; 0 while unknown.
    """

    track: int
    box: Floats
    person: str | None
    probability: float


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        kind: `appeared`, `identified` (also when the name changes), `still` there, or `left`.
        track: number.
        person: name, or None: unknown.
        from_s: when the track began.
        to_s: now, or for `left` when it was last seen.
        probability: see `Followed`.
    """

    kind: str
    track: int
    person: str | None
    from_s: float
    to_s: float
    probability: float


@dataclasses.dataclass(slots=True)
class _Track:
    began_s: float
    seen_s: float
    told_s: float
    looks: int = 0
    looked_s: float = -math.inf
    best: float = 0.0
    votes: dict[str | None, float] = dataclasses.field(default_factory=dict)
    likely: dict[str, float] = dataclasses.field(default_factory=dict)
    person: str | None = None

    def vote(self, match: Match, weight: float) -> bool:
        """Count a look; return whether the name changed."""
        self.votes = {name: value * _FADE for name, value in self.votes.items()}
        self.votes[match.person] = self.votes.get(match.person, 0.0) + weight
        if match.person is not None:
            self.likely[match.person] = max(self.likely.get(match.person, 0.0), match.probability)
        leader = max(self.votes, key=lambda name: self.votes[name])
        heavy = self.votes[leader]
        if leader == self.person or heavy < _ENOUGH or heavy < _LEAD * self.votes.get(self.person, 0.0):
            return False
        self.person = leader
        return True


class FaceFollower:
    """Follows the faces of one stream from frame to frame, and says who they are.

    A face is embedded when that adds information: at its first three looks, when it is seen better than before, and
    once a second. Faces are linked by `tracker`; a face that is gone for more than a second begins a new track.

    Args:
        recognizer: see `Recognizer`.
        tracker: links boxes; None: SORT, which shows a face at once and waits half a second of frames for one that is
            hidden.
    """

    def __init__(self, recognizer: Recognizer, tracker: Tracker | None = None) -> None:
        self._recognizer = recognizer
        self._tracker = tracker or make_tracker("sort", max_age=12, min_hits=0, min_iou=0.2)
        self._tracks: dict[int, _Track] = {}

    def update(self, frame: Frame, found: Detections) -> tuple[list[Followed], list[Event]]:
        """Take the faces of the next frame.

        Args:
            frame: the picture and its time.
            found: its faces, with five points each.
        """
        now, events = frame.time_s, self._ended(frame.time_s)
        linked = self._tracker.update(found, time_s=now)
        seen = [
            (int(track), int(row))
            for track, row in zip(linked.track_id, linked.detection_index, strict=True)
            if row >= 0
        ]
        points = keypoints_of(found)
        looks: list[tuple[int, int, float]] = []
        for track, row in seen:
            if track not in self._tracks:
                self._tracks[track] = _Track(now, now, now)
                events.append(Event("appeared", track, None, now, now, 0.0))
            state = self._tracks[track]
            state.seen_s = now
            if now - state.told_s >= _STILL_S:
                state.told_s = now
                events.append(_event("still", track, state, now))
            weight = _weight(found.xyxy[row], points[row])
            if state.looks < _LOOKS or weight > _BETTER * state.best or now - state.looked_s >= _AGAIN_S:
                looks.append((track, row, weight))
        if looks:
            faces = self._recognizer.describe(frame.image, found[np.array([row for _, row, _ in looks])])
            matches = self._recognizer.match(np.stack([face.vector for face in faces]))
            for (track, _, weight), match in zip(looks, matches, strict=True):
                state = self._tracks[track]
                state.looks, state.looked_s, state.best = state.looks + 1, now, max(state.best, weight)
                if state.vote(match, weight):
                    events.append(_event("identified", track, state, now))
        shown = []
        for track, row in seen:
            state = self._tracks[track]
            shown.append(Followed(track, found.xyxy[row], state.person, state.likely.get(state.person or "", 0.0)))
        return shown, events

    def finish(self) -> list[Event]:
        """Return what ends with the stream."""
        return self._ended(math.inf)

    def _ended(self, now: float) -> list[Event]:
        gone = [track for track, state in self._tracks.items() if now - state.seen_s > _GONE_S]
        return [_event("left", track, state, state.seen_s) for track in gone for state in [self._tracks.pop(track)]]


def _event(kind: str, track: int, state: _Track, now: float) -> Event:
    return Event(kind, track, state.person, state.began_s, now, state.likely.get(state.person or "", 0.0))


def _weight(box: Floats, landmarks: Floats) -> float:
    """How much a look counts: a large face seen from the front counts 1."""
    size = float(min(box[2] - box[0], box[3] - box[1]))
    yaw, pitch, _ = pose(landmarks)
    front = math.cos(math.radians(min(abs(yaw), 80))) * math.cos(math.radians(min(abs(pitch), 80)))
    return max(0.05, min(1.0, size / _FULL_SIZE) * front)
