"""Every tracker: the contract, and what the names promise."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.testing import check_tracker
from eyebright.tracking import TRACKERS, make_tracker


def boxes_at(*corners: tuple[float, float]) -> Detections:
    corner = np.array(corners, dtype=float).reshape(-1, 2)
    boxes = np.concatenate([corner, corner + np.array([20, 50])], axis=1)
    return Detections(boxes, np.full(len(boxes), 0.9), np.zeros(len(boxes), np.int64))


@pytest.mark.parametrize("name", TRACKERS)
def test_contract(name: str) -> None:
    check_tracker(functools.partial(make_tracker, name))


@pytest.mark.parametrize("name", TRACKERS)
def test_a_crowd_keeps_its_ids(name: str) -> None:
    corner = np.stack(np.meshgrid(np.arange(100) * 40.0, np.arange(100) * 90.0), axis=-1).reshape(-1, 2)
    tracker = make_tracker(name)
    first = tracker.update(boxes_at(*corner[:2500]))
    second = tracker.update(boxes_at(*corner[:2500]))
    assert len(first) == len(second) == 2500
    assert (first.track_id == second.track_id).all()


@pytest.mark.slow
def test_ten_thousand_boxes() -> None:
    corner = np.stack(np.meshgrid(np.arange(100) * 40.0, np.arange(100) * 90.0), axis=-1).reshape(-1, 2)
    tracker = make_tracker("eyebright")
    first, second = tracker.update(boxes_at(*corner)), tracker.update(boxes_at(*(corner + 2)))
    assert len(second) == 10_000
    assert (first.track_id == second.track_id).all()


def test_a_thousand_boxes_in_one_place_are_a_thousand_tracks() -> None:
    noise = np.random.default_rng(0).normal(0, 3, (1000, 4))
    boxes = (np.array([100.0, 100, 300, 300]) + noise).astype(np.float32)
    tracker = make_tracker("eyebright")
    for frame in range(2):
        seen = tracker.update(Detections(boxes + frame, np.full(1000, 0.9, np.float32), np.zeros(1000, int)))
        assert len(set(seen.track_id.tolist())) == len(seen) >= 900
        assert len(set(seen.detection_index.tolist())) == len(seen)  # no box carries two ids


def test_ocsort_finds_a_lost_walker_where_it_was_last_seen() -> None:
    """The walker stops behind a pillar: the prediction has walked on, the last detection has not."""
    tracker = make_tracker("ocsort")
    for frame in range(8):
        before = tracker.update(boxes_at((10 + 8 * frame, 10)))
    for _ in range(5):
        tracker.update(Detections.empty())
    after = [tracker.update(boxes_at((10 + 8 * 7, 10))) for _ in range(4)][-1]
    assert after.track_id.tolist() == before.track_id.tolist()


def test_a_sort_track_is_shown_after_min_hits_and_ends_after_max_age() -> None:
    tracker = make_tracker("sort")
    for _ in range(5):
        tracker.update(Detections.empty())
    shown = [len(tracker.update(boxes_at((10, 10)))) for _ in range(5)]
    assert shown == [0, 0, 0, 1, 1]
    assert len(tracker.update(Detections.empty())) == 0
    assert len(tracker.update(Detections.empty())) == 0
    assert len(tracker.update(boxes_at((10, 10)))) == 0, "missed twice: the old track is gone"


def test_classes_are_kept_apart() -> None:
    tracker = make_tracker("sort")
    box = [[10.0, 10, 30, 60]]
    one = tracker.update(Detections(box, [0.9], [1]))
    other = tracker.update(Detections(box, [0.9], [2]))
    assert one.track_id[0] != other.track_id[0]


def test_a_gap_in_time_counts_as_frames() -> None:
    tracker = make_tracker("sort", max_age=5)
    for frame in range(8):
        tracks = tracker.update(boxes_at((10 + 6 * frame, 10)), time_s=frame / 10)
    later = tracker.update(boxes_at((10 + 6 * 11, 10)), time_s=1.1)
    assert later.track_id.tolist() == tracks.track_id.tolist(), "four frames later the box is where it was expected"


def test_unknown_names_and_settings_are_one_clear_error() -> None:
    with pytest.raises(InputError, match="did you mean 'sort'"):
        make_tracker("sorted")
    with pytest.raises(InputError, match="has no setting 'age'"):
        make_tracker("sort", age=3)
    with pytest.raises(InputError, match="min_iou"):
        make_tracker("sort", min_iou=3)
    with pytest.raises(InputError, match="3x3"):
        make_tracker("sort").update(Detections.empty(), camera=np.eye(2))
