"""Sessions: one source into a folder, and counts over time that stay bounded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Frame, Tracks
from eyebright.media import VideoSink
from eyebright.video import Event, FrameResult, Line, LineCount, Zone, ZoneCount
from eyebright.video.session import FILES, first_look, track_to_folder
from eyebright.video.timeline import Timeline

GATE, HALL = Line((0, 1), (1, 1), "gate"), Zone(((0, 0), (1, 0), (1, 1)), "hall")


def result(time_s: float, tracks: int = 1, inwards: int = 0, inside: int = 0) -> FrameResult:
    boxes = np.tile(np.array([[0, 0, 2, 2]], np.float32), (tracks, 1))
    rows = np.arange(tracks)
    found = Tracks(boxes, rows + 1, rows * 0, np.ones(tracks, np.float32), rows)
    frame = Frame(np.zeros((2, 2, 3), np.uint8), int(time_s * 10), time_s, "x")
    return FrameResult(
        frame, 0, found, ("car",) * tracks, np.full(tracks, np.nan, np.float32), 0, None, (),
        (LineCount(GATE, inwards, 0),), (ZoneCount(HALL, inside, 0.0),),
    )  # fmt: skip


def test_steps_hold_means_counts_so_far_and_the_most_inside():
    timeline = Timeline()
    for time_s, tracks, inwards, inside in ((0.0, 1, 0, 0), (0.5, 2, 1, 3), (1.0, 4, 1, 2), (3.2, 0, 2, 0)):
        timeline.write(result(time_s, tracks, inwards, inside))
    found = timeline.to_dict()
    assert found["time_s"] == [0, 1, 2, 3]
    assert found["objects"] == [1.5, 4, 0, 0]
    assert found["lines"] == {"gate": {"in": [1, 1, 1, 2], "out": [0, 0, 0, 0]}}
    assert found["zones"] == {"hall": [3, 2, 0, 0]}


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=30))
def test_a_long_video_is_told_in_few_steps_that_lose_nothing(times):
    timeline = Timeline()
    for row, time_s in enumerate(sorted(times)):
        timeline.write(result(time_s, 1, row + 1, row + 1))
    found = timeline.to_dict()
    assert len(found["time_s"]) <= 600
    assert found["time_s"][-1] <= max(times) < found["time_s"][-1] + found["step_s"]
    assert found["lines"]["gate"]["in"][-1] == len(times)
    assert found["lines"]["gate"]["in"] == sorted(found["lines"]["gate"]["in"])
    assert max(found["zones"]["hall"]) == len(times)
    assert sum(value > 0 for value in found["objects"]) == len({t // found["step_s"] for t in times})


def test_of_many_events_the_first_and_of_many_stays_the_last_are_kept():
    timeline = Timeline()
    for row in range(1500):
        timeline.event(0, Event("exit", "x", row, row / 10, row, "car", "hall", None, 1.0))
    found = timeline.to_dict()
    assert (found["event_count"], found["stay_count"]) == (1500, 1500)
    assert [one["frame"] for one in found["events"]] == list(range(1000))
    assert [one["frame"] for one in found["stays"]] == list(range(500, 1500))
    assert Timeline().to_dict()["time_s"] == []


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    ground = cv2.resize(skimage.data.coffee(), (96, 72))
    with VideoSink(path, 10) as sink:
        for step in range(30):
            picture = ground.copy()
            picture[step : step + 12, 30:40] = (220, 40, 40)
            sink.write(Frame(np.ascontiguousarray(picture), step, step / 10, "film"))
    return path


def test_a_session_writes_every_file_and_tells_how_far_it_is(film, tmp_path):
    look = first_look(str(film))
    assert (look.frame.image.shape, look.frames, look.fps, look.live) == ((72, 96, 3), 30, 10, False)
    told = []
    found = track_to_folder(
        str(film), tmp_path, {"line": ["0,30,96,30"]}, name="my film", tell=lambda *step: told.append(step)
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES.values())
    assert told[-1][:2] == (30, 30)
    assert found["report"]["sources"][0]["source"] == "my film"
    rows = (tmp_path / "tracks.csv").read_text().splitlines()[1:]
    assert len(rows) > 10
    assert all(row.startswith("my film,") for row in rows)
    part = track_to_folder(str(film), tmp_path, {}, seconds=1.0)
    assert part["report"]["sources"][0]["frames"] == 11


def test_whoever_is_told_may_end_it_and_then_nothing_is_written(film, tmp_path):
    class EndedError(Exception):
        pass

    def tell(*_step):
        raise EndedError

    with pytest.raises(EndedError):
        track_to_folder(str(film), tmp_path, {}, tell=tell)
    assert list(tmp_path.iterdir()) == []


def test_wrong_sources_and_numbers_are_one_clear_error(film, tmp_path):
    with pytest.raises(InputError, match="does not end by itself"):
        track_to_folder("camera:99", tmp_path, {})
    with pytest.raises(InputError, match="number above 0"):
        track_to_folder(str(film), tmp_path, {}, seconds=0)
    with pytest.raises(MediaError, match="camera"):
        first_look("camera:99")
    with pytest.raises(MediaError):
        first_look(str(tmp_path))  # a folder without pictures
    with pytest.raises(InputError, match="is unknown"):
        track_to_folder(str(film), tmp_path, {"tracker": "no"})
    assert list(tmp_path.iterdir()) == []
