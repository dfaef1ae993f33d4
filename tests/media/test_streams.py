"""Sources and sinks: folders, files, videos; cameras and RTSP as far as they go without a device."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eyebright.core.errors import InputError, MediaError
from eyebright.core.protocols import Sink, Source
from eyebright.core.types import Frame
from eyebright.media import (
    CameraSource,
    FilesSource,
    FolderSink,
    FolderSource,
    RtspSource,
    VideoSink,
    VideoSource,
    open_source,
    read_image,
)
from eyebright.media._opencv import without_tag_warning


def frame(index, size=(48, 64), colour=(200, 30, 30)):
    image = np.zeros((*size, 3), np.uint8)
    image[:] = colour
    image[:, : 1 + index % size[1]] = 255
    return Frame(image, index, index / 25, "test")


def film(path, count=50, **options):
    with VideoSink(path, 25, **options) as sink:
        for index in range(count):
            sink.write(frame(index))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi", ".MP4"])
def test_video_round_trip(tmp_path, suffix):
    path = film(tmp_path / f"it's a film{suffix}")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    source = VideoSource(path)
    assert isinstance(source, Source)
    frames = list(source)
    assert [each.index for each in frames] == list(range(50))
    np.testing.assert_allclose([each.time_s for each in frames], np.arange(50) / 25, atol=0.002)
    assert frames[0].source == str(path)
    for each in frames[::10]:
        assert each.image.flags.c_contiguous
        assert np.abs(each.image.astype(int) - frame(each.index).image).mean() < 12  # RGB, not BGR
    assert len(list(source)) == 50  # a source can be iterated again


@pytest.mark.parametrize("suffix", [".avi", ".webm"])
def test_a_video_cut_in_the_middle_gives_what_is_there_and_says_so(tmp_path, suffix, caplog):
    path = film(tmp_path / f"film{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    problems = []
    count = len(list(VideoSource(path, on_problem=problems.append)))
    assert 10 < count < 45
    assert [str(problem) for problem in problems] == [f"{path}: damaged or cut: {count} of 50 frames could be read"]
    with caplog.at_level(logging.WARNING):
        list(VideoSource(path))
    assert "damaged or cut" in caplog.text
    problems.clear()
    for _ in VideoSource(path, on_problem=problems.append):  # whoever leaves early asked for no more
        break
    assert problems == []


def test_what_is_no_video_is_one_clear_error(tmp_path):
    whole = film(tmp_path / "whole.mp4").read_bytes()
    cases = {
        "missing.mp4": (None, "no such file"),
        "empty.mp4": (b"", "empty file"),
        "text.mp4": (b"just words " * 99, "not a video"),
        "cut.mp4": (whole[: len(whole) // 2], "not a video, damaged"),  # its index stood at the end
        "b\udcff.mp4": (whole, "UTF-8"),
    }
    for name, (data, word) in cases.items():
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(MediaError, match=word) as caught:
            list(VideoSource(path))
        assert str(caught.value).isprintable()
    with pytest.raises(MediaError, match="got a folder"):
        list(VideoSource(tmp_path))


def test_damaged_videos_print_nothing(tmp_path):
    path = film(tmp_path / "film.avi")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    (tmp_path / "text.mp4").write_bytes(b"words" * 99)
    code = (
        "import sys\n"
        "from eyebright.media import VideoSource\n"
        "print(len(list(VideoSource(sys.argv[1], on_problem=lambda problem: None))))\n"
        "try: list(VideoSource(sys.argv[2]))\n"
        "except ValueError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "text.mp4")], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split()[1] == "refused"


def test_video_sink_sizes(tmp_path):
    with VideoSink(tmp_path / "a.mp4", 10, size=(30, 40)) as sink:
        assert isinstance(sink, Sink)
        sink.write(frame(0))
        sink.write(frame(1, (101, 77)))
    assert [each.image.shape for each in VideoSource(tmp_path / "a.mp4")] == [(30, 40, 3)] * 2
    with VideoSink(tmp_path / "odd.mp4", 10) as sink:
        sink.write(frame(0, (47, 63)))
        with pytest.raises(MediaError, match="64x48, expected 63x47"):
            sink.write(frame(1))
    assert next(iter(VideoSource(tmp_path / "odd.mp4"))).image.shape == (46, 62, 3)


def test_video_sink_shows_the_file_only_when_closed(tmp_path):
    path = tmp_path / "film.avi"
    path.write_bytes(b"an older film")
    sink = VideoSink(path, 25)
    sink.write(frame(0))
    assert path.read_bytes() == b"an older film"
    sink.close()
    sink.close()
    assert len(list(VideoSource(path))) == 1
    VideoSink(tmp_path / "never.avi", 25).close()
    assert [file.name for file in tmp_path.iterdir()] == ["film.avi"]


def test_video_sink_says_clearly_what_is_wrong(tmp_path):
    with pytest.raises(MediaError, match=r"cannot write '\.mkv' videos; expected \.mp4, \.webm, \.avi"):
        VideoSink(tmp_path / "a.mkv", 25)
    with pytest.raises(InputError, match="positive fps"):
        VideoSink(tmp_path / "a.mp4", 0)
    with pytest.raises(MediaError, match="no such file"):
        VideoSink(tmp_path / "no" / "a.mp4", 25).write(frame(0))
    with pytest.raises(MediaError, match="at least 2x2"):
        VideoSink(tmp_path / "a.mp4", 25).write(frame(0, (1, 1)))
    assert list(tmp_path.iterdir()) == []


def test_folder_source_and_sink(tmp_path):
    with FolderSink(tmp_path / "new" / "frames", "f{index:03d}.png") as sink:
        for index in range(3):
            sink.write(frame(index))
    (tmp_path / "new" / "frames" / "f001.png").write_text("no picture")
    problems = []
    frames = list(FolderSource(tmp_path, fps=10, on_problem=problems.append))
    assert [(each.index, each.time_s) for each in frames] == [(0, 0.0), (2, 0.2)]
    np.testing.assert_array_equal(frames[1].image, frame(2).image)
    assert frames[0].source.endswith("f000.png")
    assert [problem.path.name for problem in problems] == ["f001.png"]
    assert problems[0].reason.startswith("expected a JPEG")
    for wrong in ("frame.jpg", "{index}/a.jpg", "{number}.jpg", "{index"):
        with pytest.raises(MediaError, match="frame names: expected"):
            FolderSink(tmp_path, wrong)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(MediaError, match="found none"):
        list(FolderSource(tmp_path))
    (tmp_path / "a.jpg").touch()
    with pytest.raises(MediaError, match="got none among 1"):
        list(FolderSource(tmp_path, on_problem=lambda problem: None))


def test_open_source_understands_what_a_person_writes(tmp_path, monkeypatch):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "b [1].png")
    film(tmp_path / "film.avi", 2)
    assert isinstance(open_source(str(tmp_path)), FolderSource)
    assert len(list(open_source(str(tmp_path / "b [1].png")))) == 1  # an existing file, though it looks like a pattern
    assert isinstance(open_source(str(tmp_path / "film.avi")), VideoSource)
    found = open_source(str(tmp_path / "*"))
    assert isinstance(found, FilesSource)
    assert [path.name for path in found.paths] == ["a.png", "b [1].png"]
    assert open_source("2").index == open_source("camera:2").index == 2
    assert isinstance(open_source("rtsp://host/stream"), RtspSource)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").mkdir()
    assert isinstance(open_source("0"), FolderSource)
    for wrong in ("nowhere.mp4", "*.tiff", "camera:x", "http://host/film.mp4", "a\0b"):
        with pytest.raises(MediaError):
            open_source(wrong)


def test_live_sources_that_are_not_there():
    with pytest.raises(MediaError, match="camera 63: no such camera"):
        next(iter(CameraSource(63)))
    with pytest.raises(MediaError, match="no stream within 5 s") as caught:
        next(iter(RtspSource("rtsp://me:secret@127.0.0.1:1/x", open_timeout_s=5)))
    assert "secret" not in str(caught.value)
    assert "rtsp://me:...@127.0.0.1:1/x" in str(caught.value)
    for make in (
        lambda: CameraSource(-1),
        lambda: RtspSource("http://x"),
        lambda: RtspSource("rtsp://x", read_timeout_s=0),
    ):
        with pytest.raises(InputError, match="expected"):
            make()


@pytest.mark.data
def test_a_real_film(data_dir):
    frames = iter(VideoSource(data_dir / "media" / "vtest.avi"))
    first = [next(frames) for _ in range(20)]
    assert [each.image.shape for each in first] == [(576, 768, 3)] * 20
    np.testing.assert_allclose([each.time_s for each in first], np.arange(20) / 10, atol=1e-6)
    assert read_image(data_dir / "media" / "box.png").shape[2] == 3
    frames.close()


@pytest.mark.parametrize(("times", "fps"), [([n / 12 for n in range(20)], 12.0), ([0.0, 0.2, 0.4], 5.0), ([0.0], 25.0)])
def test_a_video_without_a_rate_takes_that_of_its_frames(tmp_path, times, fps):
    path = tmp_path / "paced.avi"
    with VideoSink(path) as sink:
        for number, time_s in enumerate(times):
            sink.write(Frame(np.full((32, 48, 3), number, np.uint8), number, time_s, "test"))
    frames = list(VideoSource(path))
    assert len(frames) == len(times)
    assert sink.fps == pytest.approx(fps, abs=0.01)
    if len(frames) > 1:
        assert frames[1].time_s - frames[0].time_s == pytest.approx(1 / fps, abs=0.002)


def test_a_webm_prints_nothing_and_what_others_print_comes_through(tmp_path, capfd):
    with VideoSink(tmp_path / "a.webm", 10) as sink:
        for index in range(4):
            sink.write(Frame(np.full((48, 64, 3), 40 * index, np.uint8), index, index / 10, "a"))
    with without_tag_warning():
        os.write(2, b"OpenCV: FFMPEG: tag 0x30385056/'VP80' is not supported\nsomething else\n")
    assert capfd.readouterr().err == "something else\n"
    assert len(list(VideoSource(tmp_path / "a.webm"))) == 4


def test_a_video_of_an_unknown_codec_is_told(tmp_path):
    path = tmp_path / "a.avi"
    with VideoSink(path, 10) as sink:
        for index in range(3):
            sink.write(frame(index))
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"ZQZQ"))
    with pytest.raises(MediaError, match="a codec that this FFmpeg cannot read"):
        list(VideoSource(path))
