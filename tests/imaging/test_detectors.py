"""Detectors without weights: what moves, and people."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.core.protocols import Detector, FrameDetector
from eyebright.core.types import Frame
from eyebright.imaging import MotionDetector, PeopleDetector
from eyebright.media import VideoSource, read_image
from eyebright.ops import iou


def frames(count: int, *, shadow: bool = False):
    """A square that moves over noise, with a shadow to its right."""
    random = np.random.default_rng(0)
    ground = random.integers(90, 150, (120, 200, 3))
    for index in range(count):
        image = np.clip(ground + random.normal(0, 2, ground.shape), 0, 255)
        x = 10 + 6 * index
        if shadow:
            image[40:70, x + 24 : x + 44] *= 0.7
        image[40:70, x : x + 24] = (250, 30, 30)
        yield Frame(image.astype(np.uint8), index, index / 25, "made"), (x, 40, x + 24, 70)


@pytest.mark.parametrize("method", ["mog2", "knn"])
@pytest.mark.parametrize("shadow", [False, True])
def test_what_moves_is_found_without_its_shadow(method: str, shadow: bool):
    detector = MotionDetector(method=method)
    assert isinstance(detector, FrameDetector)
    overlaps = []
    for frame, box in frames(24, shadow=shadow):
        found = detector.update(frame)
        if frame.index >= 14:
            assert len(found) >= 1
            overlaps.append(iou([box], found.xyxy).max())
            assert found.masks.size == (120, 200)
    assert np.median(overlaps) > 0.7


def test_motion_forgets_and_warms_up():
    detector = MotionDetector(warm_up=3)
    first = [detector.update(frame).xyxy for frame, _ in frames(10)]
    assert [len(boxes) for boxes in first[:3]] == [0, 0, 0]
    detector.reset()
    for before, (frame, _) in zip(first, frames(10), strict=True):
        np.testing.assert_array_equal(detector.update(frame).xyxy, before)


def test_motion_refuses_odd_input():
    detector = MotionDetector()
    detector.update(Frame(np.zeros((20, 20, 3), np.uint8), 0, 0.0, "a"))
    with pytest.raises(InputError, match="frame 1 is 30x20, those before 20x20"):
        detector.update(Frame(np.zeros((20, 30, 3), np.uint8), 1, 0.1, "a"))
    with pytest.raises(InputError, match="mog2 or knn"):
        MotionDetector(method="median")
    with pytest.raises(InputError, match="min_area"):
        MotionDetector(min_area=2)


def test_people_want_pictures_of_their_size():
    detector = PeopleDetector()
    assert isinstance(detector, Detector)
    for shape in ((1, 1, 3), (1, 10_000, 3), (127, 64, 3)):
        assert len(detector.predict([np.zeros(shape, np.uint8)])[0]) == 0
    assert detector.predict([]) == []
    with pytest.raises(InputError, match="people: expected confidence"):
        PeopleDetector(confidence=0)


def test_a_standing_person_is_found(photos: dict[str, Path]):
    """The astronaut is cut at the waist, so nobody stands there; the coffee is nobody at all."""
    for name in ("coffee", "flower"):
        [found] = PeopleDetector(confidence=0.9).predict([read_image(photos[name])])
        assert len(found) == 0


@pytest.mark.data
def test_pedestrians_by_motion_and_by_hog_agree(data_dir: Path):
    detector, people = MotionDetector(), PeopleDetector()
    agreed = total = 0
    for frame in itertools.islice(VideoSource(data_dir / "media" / "vtest.avi"), 60):
        moving = detector.update(frame)
        if frame.index in (40, 59):
            [standing] = people.predict([frame.image])
            sure = standing[standing.confidence > 0.9]
            total += len(sure)
            agreed += int((iou(sure.xyxy, moving.xyxy).max(axis=1, initial=0) > 0.3).sum())
    assert total >= 3
    assert agreed / total > 0.6
