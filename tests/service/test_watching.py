"""Sources of live views with names: how they end, and what is remembered of who was seen."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest
from _server import until

from eyebright.core.errors import MediaError
from eyebright.core.types import Detections, Frame
from eyebright.pipeline import reconnecting
from eyebright.service.live import LiveView
from eyebright.service.watching import Newest, Sightings, WatchedSource


class Nobody:
    """Finds no face."""

    def find(self, image: np.ndarray) -> Detections:
        return Detections(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64),
            keypoints=np.zeros((0, 5, 2), np.float32),
        )  # fmt: skip

    def describe(self, image: np.ndarray, found: Detections) -> list:
        return []

    def match(self, vectors: np.ndarray) -> list:
        return []


def frame(number: int) -> Frame:
    return Frame(np.zeros((40, 60, 3), np.uint8), number, number / 100, "test")


class Endless:
    """A camera that delivers until nobody wants more, and knows whether it was let go."""

    def __init__(self) -> None:
        self.open = 0

    def __iter__(self):
        self.open += 1
        try:
            for number in itertools.count():
                time.sleep(0.005)
                yield frame(number)
        finally:
            self.open -= 1


def watching() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in ("watching", "live")]


@pytest.mark.parametrize("wrap", [lambda camera: camera, lambda camera: reconnecting(lambda: camera)])
def test_closing_a_view_lets_go_of_the_camera_and_leaves_no_thread(wrap):
    camera = Endless()
    view = LiveView(WatchedSource(Nobody(), wrap(camera), "camera", lambda event: None), "camera", 30)
    view.start()
    number, data = until(lambda: view.next_jpeg(-1, 1))
    assert data[:2] == b"\xff\xd8"
    assert view.next_jpeg(number, 5)[0] > number
    view.close(wait=True)
    until(lambda: not camera.open and not watching())
    assert view.state == "closed"


def test_a_view_that_nobody_looks_at_ends():
    camera = Endless()
    view = LiveView(WatchedSource(Nobody(), camera, "camera", lambda event: None), "camera", 0.05)
    view.start()
    until(lambda: not view.running and not camera.open and not watching())


def test_a_camera_that_fails_is_told():
    def broken():
        yield frame(0)
        raise MediaError("camera 0: stopped delivering")

    view = LiveView(WatchedSource(Nobody(), broken(), "camera", lambda event: None), "camera", 30)
    view.start()
    until(lambda: not view.running)
    assert (view.state, view.problem) == ("failed", "camera 0: stopped delivering")
    until(lambda: not watching())


def test_the_newest_frame_is_given_and_the_last_one_too():
    newest = Newest()
    for number in range(3):
        newest.write(frame(number))
    newest.close()
    assert [one.index for one in newest] == [2]
    assert list(newest) == []


def test_sightings_are_the_last_events_of_tracks_and_bounded():
    seen = Sightings()
    event = {"source": "gate", "started": "2026-01-05T10:00:00Z", "person": "Ann", "from_s": 0.0}
    for track in range(5100):
        seen.take({**event, "track": track, "from_s": 10.0 * track, "to_s": 10.0 * track + 1})
        seen.take({**event, "track": track, "from_s": 10.0 * track, "to_s": 10.0 * track + 2})
    spans = seen.spans()
    assert len(spans) == 5000
    assert (spans[0].from_s, spans[0].to_s) == (1000.0, 1002.0)
    seen.take({**event, "track": 1, "person": "unknown", "to_s": 9.0})
    seen.rename(" Ann ", "Anna")
    assert {span.person for span in seen.spans()} == {"Anna"}
    seen.rename("Anna", None)
    assert seen.spans() == []
