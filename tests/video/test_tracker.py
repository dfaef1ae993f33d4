"""The whole way from a source to tracks, counts and events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError, PipelineError
from eyebright.core.types import Frame, Image
from eyebright.imaging import scene_cuts
from eyebright.imaging.scene_cut import CutFinder
from eyebright.media import read_image
from eyebright.video import FrameResult, Line, Output, VideoSettings, VideoTracker, Zone

MIDDLE = Line((0, 60), (160, 60), "middle")


def run(detector, sources, **choices) -> tuple[list[FrameResult], VideoTracker, object]:
    results: list[FrameResult] = []
    tracker = VideoTracker(detector, "sort", settings=VideoSettings(camera="off", **choices))
    report = tracker.run(sources, on_result=results.append)
    return results, tracker, report


def test_squares_are_tracked_and_counted_in_both_directions(reds, pictures, falling):
    results, _, report = run(reds, [pictures(falling)], lines=(MIDDLE,))
    assert [r.frame.index for r in results] == list(range(30))
    [source] = report.sources
    assert source.complete
    assert source.frames == 30
    assert source.tracks == 2
    assert source.lines["middle"] == {
        "in": 1,
        "out": 1,
        "in_by_class": {"square": 1},
        "out_by_class": {"square": 1},
    }
    crossings = [event for result in results for event in result.events]
    assert [(e.direction, e.class_name) for e in sorted(crossings, key=lambda e: e.direction)] == [
        ("in", "square"),
        ("out", "square"),
    ]
    # feet of the falling square: 21 + 3 * step; clear of the line by a tenth of its height or two pixels
    [inwards] = [e.frame for e in crossings if e.direction == "in"]
    assert inwards == 14


def test_ids_of_several_sources_never_meet_and_each_keeps_its_own(reds, pictures, falling):
    sources = [pictures(falling, name=f"camera {n}") for n in range(3)]
    results, _, report = run(reds, sources)
    ids = [{int(i) for r in results if r.number == n for i in r.tracks.track_id} for n in range(3)]
    assert all(len(one) == 2 for one in ids)
    assert len(set.union(*ids)) == 6
    assert [s.frames for s in report.sources] == [30, 30, 30]


def test_a_second_run_gives_the_same_ids(reds, pictures, falling):
    runs = [run(reds, [pictures(falling), pictures(falling)])[0] for _ in range(2)]
    plain = [sorted((r.number, r.frame.index, tuple(r.tracks.track_id.tolist())) for r in rs) for rs in runs]
    assert plain[0] == plain[1]


def test_a_scene_cut_ends_all_tracks_and_no_id_comes_again(reds, pictures, paint, falling):
    other = np.full_like(falling[0], 30)
    other[::8] = (0, 200, 220)
    second = [paint((60, 20 + 2 * step), base=other) for step in range(20)]
    results, _, report = run(reds, [pictures([*falling, *second])], lines=(MIDDLE,), zones=(Zone.parse("0,0,160,120"),))
    [cut] = [e for r in results for e in r.events if e.kind == "cut"]
    assert cut.frame == 30
    assert report.sources[0].scenes == 2
    first = {i for r in results[:30] for i in r.tracks.track_id.tolist()}
    assert not first & {i for r in results[30:] for i in r.tracks.track_id.tolist()}
    exits = [e.frame for r in results for e in r.events if e.kind == "exit"]
    assert exits == [29, 29]  # the two of the first scene, when it ended; the last is told by the end of the run
    assert report.events["exit"] == 3


def test_cut_finder_and_scene_cuts_agree_whatever_the_film(pictures):
    rng = np.random.default_rng(1)
    for _ in range(5):
        images = [np.full((40, 60, 3), 0, np.uint8)]
        for _ in range(40):
            change = rng.random()
            image = rng.integers(0, 255, (1, 1, 3)).repeat(40, 0).repeat(60, 1) if change < 0.15 else images[-1] + 1
            images.append(image.astype(np.uint8))
        finder = CutFinder()
        source = pictures(images)
        one = [cut for frame in source for cut in finder.update(frame)] + finder.finish()
        assert one == list(scene_cuts(source))


def test_frames_that_repeat_or_show_nothing_are_skipped_and_none_is_lost(reds, pictures, paint, photos):
    photo = cv2.resize(read_image(photos["china"]), (640, 427), interpolation=cv2.INTER_AREA)
    images = [paint((20, 20 + 3 * step), base=photo) for step in range(30)]
    images[10] = images[9]
    images[20] = cv2.GaussianBlur(images[20], (0, 0), 9)
    results, _, report = run(reds, [pictures(images)], cuts=False)
    assert [r.frame.index for r in results] == list(range(30))
    assert {r.frame.index: r.skipped for r in results if r.skipped} == {10: "identical", 20: "blurred"}
    assert results[10].tracks is results[9].tracks
    assert len(results[20].tracks) == 0
    assert (report.sources[0].identical, report.sources[0].blurred) == (1, 1)


def test_confidence_classes_and_region_leave_detections_out(reds, pictures, falling):
    for choices, expected in (
        ({"confidence": 0.95}, 0),
        ({"classes": ("square",)}, 2),
        ({"classes": ("7",)}, 0),
        ({"roi": Zone.parse("0,0,80,120")}, 1),
    ):
        _, _, report = run(reds, [pictures(falling)], **choices)
        assert report.sources[0].tracks == expected
    with pytest.raises(InputError, match="no 'cat'; it knows square"):
        run(reds, [pictures(falling)], classes=("cat",))


@pytest.mark.parametrize("mode", ["on", "auto"])
def test_a_moving_camera_is_handed_to_the_tracker(mode: str, reds, pictures):
    base = np.random.default_rng(0).integers(0, 160, (40, 80, 3)).astype(np.uint8)
    wide = cv2.resize(base, (640, 320), interpolation=cv2.INTER_CUBIC)
    images = [np.ascontiguousarray(wide[20:260, 4 * n : 4 * n + 320]) for n in range(8)]
    seen = []

    class Listening:
        def __init__(self) -> None:
            from eyebright.tracking import make_tracker

            self._own = make_tracker("sort")
            self.reset = self._own.reset

        def update(self, detections, *, time_s=None, embeddings=None, camera=None):
            seen.append(camera)
            return self._own.update(detections, time_s=time_s)

    VideoTracker(reds, Listening, settings=VideoSettings(camera=mode, cuts=False)).run([pictures(images)])
    assert seen[0] is None
    for matrix in seen[1:]:
        assert matrix is not None
        assert matrix[:2, 2] == pytest.approx([-4, 0], abs=0.3)


def test_a_live_source_drops_the_oldest_and_a_file_drops_nothing(reds, falling, monkeypatch):
    import eyebright.video._runs as module

    class Camera:
        def __iter__(self) -> Iterator[Frame]:
            for index in range(60):
                yield Frame(falling[index % 30], index, index / 10, "camera")

    class Slow(type(reds)):
        def predict(self, images: list[Image]):
            gate.wait(0.02)
            return super().predict(images)

    gate = threading.Event()
    monkeypatch.setattr(module, "CameraSource", Camera)
    results, _, report = run(Slow(), [Camera()], cuts=False)
    [source] = report.sources
    assert source.dropped > 0
    assert source.frames + source.dropped == 60
    assert results[-1].frame.index == 59


def test_a_detector_with_memory_is_reset_and_serves_one_source(pictures, falling, reds):
    class Memory:
        resets = 0

        def update(self, frame):
            return reds.predict([frame.image])[0]

        def reset(self):
            self.resets += 1

    memory = Memory()
    _, _, report = run(memory, [pictures(falling)])
    assert (memory.resets, report.sources[0].tracks) == (1, 2)
    with pytest.raises(InputError, match="serves one source"):
        run(memory, [pictures(falling), pictures(falling)])
    assert run(Memory, [pictures(falling), pictures(falling)])[2].sources[1].tracks == 2


def test_one_source_that_fails_is_told_and_the_others_end_first(reds, pictures, falling, tmp_path):
    (tmp_path / "broken.avi").write_bytes(b"this is no video" * 100)
    finished = {}

    class Watch(Output):
        def finish(self, number: int, complete: bool) -> None:
            finished[number] = complete

    with pytest.raises(MediaError, match=r"broken\.avi: not a video"):
        VideoTracker(reds).run([str(tmp_path / "broken.avi"), pictures(falling)], [Watch()])
    assert finished == {0: False, 1: True}


def test_a_failing_detector_names_its_stage(pictures, falling):
    class Failing:
        def predict(self, images):
            raise RuntimeError("out of luck")

    with pytest.raises(PipelineError, match=r"'detect' failed at frame 0 of pictures: RuntimeError: out of luck"):
        run(Failing(), [pictures(falling)])


def test_closing_ends_a_run_that_would_not_end(reds, falling):
    class Endless:
        def __iter__(self) -> Iterator[Frame]:
            index = 0
            while True:
                yield Frame(falling[index % 30], index, index / 10, "endless")
                index += 1

    tracker = VideoTracker(reds, "sort", settings=VideoSettings(camera="off"))
    seen = []

    def look(result: FrameResult) -> None:
        seen.append(result.frame.index)
        if result.frame.index == 40:
            tracker.close()

    report = tracker.run([Endless()], on_result=look)
    assert not report.sources[0].complete
    assert seen[:41] == list(range(41))


@pytest.mark.parametrize("images", [1, 2, 5])
def test_the_shortest_films(images: int, reds, pictures, falling):
    _, _, report = run(reds, [pictures(falling[:images])])
    assert report.sources[0].frames == images


def test_odd_and_changing_sizes_begin_a_new_scene(reds, pictures, paint):
    images = [paint((20, 20))[: 120 - 1, :157]] * 2 + [paint((30, 30))] * 2
    results, _, _ = run(reds, [pictures(images)])
    assert [r.shot for r in results] == [0, 0, 1, 1]


def test_no_frame_no_detection_no_source(reds, pictures, backdrop):
    _, _, report = run(reds, [pictures([backdrop, backdrop + 1])])
    assert report.sources[0].tracks == 0
    assert run(reds, [pictures([])])[2].sources[0].frames == 0
    with pytest.raises(InputError, match="at least one source"):
        run(reds, [])
    with pytest.raises(MediaError, match="no such file"):
        run(reds, ["missing.mp4"])
    with pytest.raises(InputError, match="tracker 'nothing'"):
        VideoTracker(reds, "nothing")


def test_a_cut_video_is_tracked_up_to_the_damage(reds, film: Callable, falling, caplog):
    path = film(falling * 4, "long.avi")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    results, _, report = run(reds, [str(path)])
    assert 40 < report.sources[0].frames < 100
    assert any(len(r.tracks) for r in results[-20:])


@pytest.mark.parametrize(
    "choices", [{"confidence": 2}, {"dwell_s": 0}, {"camera": "maybe"}, {"max_blur": 0}, {"lines": (MIDDLE, MIDDLE)}]
)
def test_wrong_settings_are_told(choices):
    with pytest.raises(InputError):
        VideoSettings(**choices)
