"""Clips around events, and what is kept of them."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError
from eyebright.media import VideoSource
from eyebright.video import Line, VideoSettings, VideoTracker
from eyebright.video.clips import ClipOutput, parse_age


def record(reds, source, clips: ClipOutput, cuts: bool = True):
    settings = VideoSettings(lines=(Line((0, 60), (160, 60), "middle"),), camera="off", cuts=cuts)
    return VideoTracker(reds, "sort", settings=settings).run([source], [clips])


def test_a_clip_holds_what_was_before_and_after_its_event(reds, pictures, paint, tmp_path):
    still = [paint((120, 10 + n % 2)) for n in range(100)]
    falling = [paint((120, 10 + n % 2), (20, 5 + 3 * n)) for n in range(30)]
    images = [*still, *falling, *still]
    report = record(reds, pictures(images), ClipOutput(tmp_path, before_s=2, after_s=1))
    assert report.events == {"crossing": 1}
    assert report.outputs["clips"] == {"written": 1, "removed": 0}
    [path] = tmp_path.iterdir()
    assert path.name.endswith("-1-crossing.mp4")
    frames = list(VideoSource(path))
    # the crossing is at frame 114: from 94 to 124
    assert len(frames) == 31
    assert np.abs(frames[0].image.astype(int) - images[94]).mean() < 12
    assert np.abs(frames[-1].image.astype(int) - images[124]).mean() < 12


def test_two_events_close_together_share_a_clip_and_a_long_one_is_cut(reds, pictures, paint, falling, tmp_path):
    report = record(reds, pictures([*falling, *falling[::-1], *falling]), ClipOutput(tmp_path, before_s=1, after_s=4))
    assert report.events["crossing"] > 2
    assert report.outputs["clips"]["written"] == 1
    clips = ClipOutput(tmp_path / "short", before_s=0.5, after_s=1, longest_s=1.2)
    record(reds, pictures([*falling, *falling[::-1], *falling]), clips)
    assert all(len(list(VideoSource(path))) <= 14 for path in (tmp_path / "short").iterdir())


def test_memory_between_events_is_that_of_the_seconds_before(reds, pictures, paint, tmp_path):
    clips = ClipOutput(tmp_path, before_s=2)
    waiting = []

    def look(result) -> None:
        waiting.append(len(clips._recorders[0].frames))

    settings = VideoSettings(camera="off")
    source = pictures([paint((10 + n % 7, 10)) for n in range(150)])
    VideoTracker(reds, "sort", settings=settings).run([source], [clips], on_result=look)
    assert max(waiting) == 21
    assert not list(tmp_path.iterdir())


def test_only_old_clips_are_removed(tmp_path):
    day = 86_400
    names = {
        "clip-20260101T000000000000Z-1-crossing.mp4": 8 * day,
        "clip-20260102T000000000000Z-1-exit.mp4": 6 * day,
        "holiday.mp4": 400 * day,
        "clip-mine.mp4": 400 * day,
    }
    for name, age in names.items():
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    clips = ClipOutput(tmp_path, parse_age("7d"))
    clips.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(list(names)[1:])
    assert clips.report() == {"written": 0, "removed": 1}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600)]
)
def test_ages(text: str, seconds: float):
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "7 days"])
def test_wrong_ages_are_told(text: str):
    with pytest.raises(InputError, match="keep"):
        parse_age(text)


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MediaError, match="cannot make"):
        ClipOutput(tmp_path / "file" / "clips")
    with pytest.raises(InputError, match="clips"):
        ClipOutput(tmp_path, keep_s=-1)
