"""What every tracker fulfils."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.protocols import Tracker
from eyebright.core.types import Detections, Tracks


def _detections(boxes: npt.ArrayLike, confidence: npt.ArrayLike) -> Detections:
    rows = np.asarray(confidence, np.float32)
    return Detections(np.asarray(boxes, np.float32), rows, np.zeros(len(rows), np.int64))


def _walk(frames: int, seed: int = 7) -> list[Detections]:
    """Return detections of six objects that walk past each other, with gaps and a little noise."""
    chance = np.random.default_rng(seed)
    start, velocity = chance.uniform(50, 600, (6, 2)), chance.uniform(-4, 4, (6, 2))
    out = []
    for frame in range(frames):
        centre = start + frame * velocity + chance.normal(0, 0.5, (6, 2))
        half = np.array([15, 40])
        boxes = np.concatenate([centre - half, centre + half], axis=1)[chance.random(6) > 0.1]
        confidence = chance.uniform(0.7, 1, len(boxes))
        out.append(_detections(boxes, confidence))
    return out


def _same(one: Tracks, other: Tracks) -> bool:
    names = ("xyxy", "track_id", "class_id", "confidence", "detection_index")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def check_tracker(make: Callable[[], Tracker]) -> None:
    """Hold trackers to what their users rely on.

    Args:
        make: a class, or any function that gives a new tracker.

    Raises:
        AssertionError: with the rule that was broken.
    """
    frames = _walk(60)
    tracker = make()
    if not isinstance(tracker, Tracker):
        raise AssertionError("a tracker has update and reset")
    first = [tracker.update(detections) for detections in frames]
    _check_rows(frames, first)
    if sum(len(tracks) for tracks in first) < 100:
        raise AssertionError("six objects in sixty frames are hardly tracked")
    if len({int(i) for tracks in first for i in tracks.track_id}) > 24:
        raise AssertionError("six objects got more than four ids each")
    tracker.reset()
    other = make()
    for detections, before in zip(frames, first, strict=True):
        if not _same(tracker.update(detections), before):
            raise AssertionError("after reset the same frames give other tracks")
        if not _same(other.update(detections), before):
            raise AssertionError("two trackers in one process disturb each other")
    _check_odd(make)


def _check_rows(frames: list[Detections], results: list[Tracks]) -> None:
    for detections, tracks in zip(frames, results, strict=True):
        if not isinstance(tracks, Tracks):
            raise AssertionError("update returns Tracks")
        if len(np.unique(tracks.track_id)) != len(tracks):
            raise AssertionError("an id occurs twice in one frame")
        index: Any = tracks.detection_index
        seen = index[index >= 0]
        if len(np.unique(seen)) != len(seen) or (index < -1).any() or (seen >= len(detections)).any():
            raise AssertionError("detection_index is a row of the frame's detections, each once, or -1")
        if not np.isfinite(tracks.xyxy).all():
            raise AssertionError("a box is not finite")


def _check_odd(make: Callable[[], Tracker]) -> None:
    tracker = make()
    for _ in range(3):
        if len(tracker.update(Detections.empty())):
            raise AssertionError("tracks came from nothing")
    broken = _detections([[float("nan"), 0.0, 1.0, 1.0], [5.0, 5.0, 5.0, 9.0], [9.0, 9.0, 3.0, 3.0]], [0.9] * 3)
    if len(tracker.update(broken)):
        raise AssertionError("boxes that are not finite or have no area became tracks")
    tracker = make()
    tracker.update(Detections.empty(), time_s=1.0)
    try:
        tracker.update(Detections.empty(), time_s=0.5)
    except InputError:
        return
    raise AssertionError("time that runs backwards is an InputError")
