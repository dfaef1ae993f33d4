"""Following and recognising faces in video."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Detections, Frame
from eyebright.faces import Face, FaceQuality, Match
from eyebright.faces.following import FaceFollower
from eyebright.faces.watch import Watcher, draw_followed, presence, presence_of_file, presence_table
from eyebright.media import VideoSource

FRONT = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
QUALITY = FaceQuality(100, 0, 120, 40, 0, 0, 0, ())


class Fake:
    """Sees what it is told, and answers what the frame's first pixel says: 0 unknown, 1 Anna, 2 Ben."""

    def __init__(self) -> None:
        self.described = 0

    def find(self, image: np.ndarray) -> Detections:
        return boxes([(50, 50)])

    def describe(self, image: np.ndarray, found: Detections) -> list[Face]:
        self.described += len(found)
        vector = np.array([image[0, 0, 0]], np.float32)
        return [Face(box, FRONT, 1.0, vector, image[:8, :8], QUALITY) for box in found.xyxy]

    def match(self, vectors: np.ndarray) -> list[Match]:
        names = [None, "Anna", "Ben"]
        return [Match(names[int(v[0])], 0.6, 0.3, 0.9, "Anna", None) for v in vectors]


def boxes(places: list[tuple[float, float]], side: float = 100) -> Detections:
    xyxy = np.array([(x, y, x + side, y + side) for x, y in places], np.float32).reshape(-1, 4)
    points = np.array([FRONT + np.array([x, y]) for x, y in places], np.float32).reshape(-1, 5, 2)
    return Detections(xyxy, np.ones(len(xyxy), np.float32), np.zeros(len(xyxy), np.int64), keypoints=points)


def frame(number: int, who: int) -> Frame:
    return Frame(np.full((200, 200, 3), who, np.uint8), number, number / 25, "clip")


def test_two_looks_name_a_face_and_one_wrong_look_changes_nothing() -> None:
    fake = Fake()
    follower = FaceFollower(fake)
    names = []
    for number in range(150):
        who = 2 if number == 50 else 1
        shown, _ = follower.update(frame(number, who), boxes([(50 + number / 5, 50)]))
        names.append(shown[0].person)
    assert names[0] is None  # one look is not enough
    assert names[2] == "Anna"
    assert set(names[2:]) == {"Anna"}
    assert fake.described <= 3 + 150 / 25 + 1  # looks are rationed


def test_a_stranger_stays_unknown_and_a_lasting_change_is_taken() -> None:
    follower = FaceFollower(Fake())
    people = [0] * 100 + [1] * 300
    names = [follower.update(frame(n, who), boxes([(50, 50)]))[0][0].person for n, who in enumerate(people)]
    assert set(names[:100]) == {None}
    assert names[-1] == "Anna"
    assert sum(a != b for a, b in itertools.pairwise(names)) == 1


def test_tracks_begin_end_and_never_share_a_number() -> None:
    follower = FaceFollower(Fake())
    events = []
    for number in range(200):
        visible = number < 50 or 100 <= number < 150
        shown, new = follower.update(frame(number, 1), boxes([(50, 50)] if visible else []))
        assert len(shown) == visible
        events += new
    events += follower.finish()
    left = [event for event in events if event.kind == "left"]
    assert [event.person for event in left] == ["Anna", "Anna"]
    assert left[0].track != left[1].track
    assert (left[0].from_s, left[0].to_s) == (0, 49 / 25)
    assert [event.kind for event in events].count("appeared") == 2


def test_whoever_stays_is_told_of_now_and_then() -> None:
    follower = FaceFollower(Fake())
    events = [event for number in range(400) for event in follower.update(frame(number, 1), boxes([(50, 50)]))[1]]
    still = [event for event in events if event.kind == "still"]
    assert [event.to_s for event in still] == [5, 10, 15]
    assert {event.person for event in still} == {"Anna"}


def test_presence_joins_what_is_close_in_one_run_and_leaves_out_strangers(tmp_path: Path) -> None:
    numbers = itertools.count()

    def seen(person: str, began: float, to: float, kind: str = "left", **more: object) -> dict[str, object]:
        facts = {"event": kind, "source": "door", "started": "T1", "track": next(numbers), "person": person}
        return {**facts, "from_s": began, "to_s": to, **more}

    events = [
        seen("Ben", 5, 6),
        seen("Anna", 0, 2),
        seen("Anna", 3, 4),
        seen("unknown", 0, 9),
        seen("Anna", 8, 9),
        seen("Anna", 1, 3, started="T2"),  # another run of the same camera
        seen("Anna", 0, 4, source="yard"),
        seen("unknown", 10, 10, "appeared", track=99),
        seen("Anna", 10, 11, "identified", track=99),
        seen("Anna", 10, 16, "still", track=99),  # and then the process was killed
    ]
    spans = presence(events)
    assert spans == [
        ("Anna", "door", "T1", 0, 4), ("Anna", "door", "T1", 8, 16), ("Anna", "door", "T2", 1, 3),
        ("Anna", "yard", "T1", 0, 4), ("Ben", "door", "T1", 5, 6),
    ]  # fmt: skip
    table = presence_table(spans).splitlines()
    assert table[:2] == ["person,source,started,from_s,to_s,seconds", "Anna,door,T1,0.00,4.00,4.00"]
    assert len(table) == 6
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(json.dumps(event) for event in events) + '\n{"event": "le')
    assert presence_of_file(path) == spans  # the last line was cut off by a crash
    path.write_text('{"event": "le\n{}\n')
    with pytest.raises(InputError, match="line 1: expected JSON"):
        presence_of_file(path)
    with pytest.raises(InputError, match="line 1: expected an event"):
        presence([{"event": "left"}])


def test_names_are_drawn_inside_the_picture() -> None:
    from eyebright.faces.following import Followed

    image = np.zeros((120, 160, 3), np.uint8)
    faces = [
        Followed(1, np.array([100, 60, 160, 120], np.float32), "Anna-Lena", 0.9),
        Followed(2, np.array([0, 0, 40, 40], np.float32), None, 0.0),
    ]
    out = draw_followed(image, faces, "25.0 fps   40 ms")
    assert out.shape == image.shape
    assert (out == (22, 128, 61)).all(axis=2).any()
    assert (out == (82, 82, 91)).all(axis=2).any()
    assert not image.any()


@pytest.fixture
def astronaut() -> np.ndarray:
    import skimage.data

    return skimage.data.astronaut()


def clip(path: Path, picture: np.ndarray, frames: int = 40) -> Path:
    """A camera that pans and zooms over a photo."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (320, 240))
    for number in range(frames):
        zoom = 1.1 + 0.2 * number / frames
        matrix = np.array([[zoom, 0, 160 - zoom * (205 + number / 4)], [0, zoom, 120 - zoom * 130]])
        shot = cv2.warpAffine(picture, matrix, (320, 240))
        writer.write(cv2.cvtColor(shot, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def test_a_clip_of_a_photo_is_watched(tmp_path: Path, model_home: Path, astronaut: np.ndarray) -> None:
    from eyebright.faces import FaceRecognizer

    faces = FaceRecognizer(model_home, store=tmp_path / "gallery", threads=1)
    assert faces.enroll("Eileen", [astronaut]).count == 1
    path = clip(tmp_path / "clip.avi", astronaut)
    out, events = tmp_path / "out.mp4", tmp_path / "events.jsonl"
    report = Watcher(faces, out=out, events=events).run(str(path))
    assert report.statistics.frames_out == 40
    assert report.statistics.frames_dropped == 0
    assert (report.tracks, report.unknown_tracks) == (1, 0)
    assert report.people["Eileen"] > 1.5
    written = list(VideoSource(out))
    assert len(written) == 40
    assert written[0].image.shape == (240, 320, 3)
    kinds = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    assert kinds == ["appeared", "identified", "left"]
    assert [span.person for span in presence_of_file(events)] == ["Eileen"]
    Watcher(faces, events=events).run(str(path))
    assert [span.person for span in presence_of_file(events)] == ["Eileen", "Eileen"]  # two runs stay two


def test_what_cannot_be_watched_is_told(tmp_path: Path) -> None:
    watcher = Watcher(Fake(), events=tmp_path / "events.jsonl")
    with pytest.raises(MediaError, match=r"nothing\.mp4"):
        watcher.run(str(tmp_path / "nothing.mp4"))
    with pytest.raises(MediaError, match="cannot write"):
        Watcher(Fake(), out=tmp_path / "out.xyz")


class Shots:
    """A source that gives frames, each after a pause, and then breaks or ends."""

    def __init__(self, count: int, *, pause_s: float = 0.0, breaks: bool = False) -> None:
        self._count, self._pause_s, self._breaks = count, pause_s, breaks

    def __iter__(self) -> Iterator[Frame]:
        for number in range(self._count):
            time.sleep(self._pause_s)
            yield frame(number, 1)
        if self._breaks:
            raise MediaError("camera 0: it stopped giving frames")


def test_a_camera_that_stops_is_one_clear_error_and_what_was_seen_is_kept(tmp_path: Path) -> None:
    events, out = tmp_path / "events.jsonl", tmp_path / "out.avi"
    with pytest.raises(MediaError, match="stopped giving frames"):
        Watcher(Fake(), events=events, out=out).run(Shots(10, pause_s=0.03, breaks=True))
    assert [json.loads(line)["event"] for line in events.read_text().splitlines()][-1] == "left"
    assert len(list(VideoSource(out))) > 0


def test_a_camera_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(MediaError, match="camera"):
        Watcher(Fake()).run("camera:97")


def test_a_source_slower_than_real_time_loses_no_frame() -> None:
    report = Watcher(Fake()).run(Shots(6, pause_s=0.05))
    assert (report.statistics.frames_out, report.statistics.frames_dropped) == (6, 0)
    assert report.people == {"Anna": pytest.approx(0.2)}  # by the time of the frames, not of the clock


def test_a_truncated_video_is_watched_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = clip(tmp_path / "clip.avi", np.zeros((512, 512, 3), np.uint8))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    report = Watcher(Fake()).run(str(cut))
    assert 5 < report.statistics.frames_out < 40
    cut.write_bytes(whole.read_bytes()[:300])
    with pytest.raises(MediaError, match=r"cut\.avi"):
        Watcher(Fake()).run(str(cut))
