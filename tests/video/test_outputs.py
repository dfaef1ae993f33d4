"""Files that hold what was tracked, and that nothing broken replaces."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Frame
from eyebright.media import VideoSource, read_image
from eyebright.video import (
    CsvOutput,
    Event,
    EventLog,
    FrameResult,
    GroundPlane,
    HeatOutput,
    JsonlOutput,
    Line,
    MotOutput,
    VideoOutput,
    VideoSettings,
    VideoTracker,
    Webhook,
    Zone,
)
from eyebright.video.config import read_config

SETTINGS = VideoSettings(lines=(Line((0, 60), (160, 60), "middle"),), camera="off")


def track(reds, source, outputs, settings=SETTINGS, sources: int = 1, on_result=None):
    return VideoTracker(reds, "sort", settings=settings).run([source] * sources, outputs, on_result=on_result)


def test_every_file_tells_the_same_tracks(reds, pictures, falling, tmp_path):
    seen: list[FrameResult] = []
    outputs = [MotOutput(tmp_path / "t.txt"), CsvOutput(tmp_path / "t.csv"), JsonlOutput(tmp_path / "t.jsonl")]
    report = track(reds, pictures(falling), outputs, on_result=seen.append)
    expected = [
        (result.frame.index, int(track_id), *box)
        for result in seen
        for track_id, box in zip(result.tracks.track_id, result.tracks.xyxy.tolist(), strict=True)
    ]
    assert len(expected) > 40
    rows = np.loadtxt(tmp_path / "t.txt", delimiter=",", ndmin=2)
    assert rows.shape[1] == 10
    frames, ids, boxes = rows[:, 0] - 1, rows[:, 1], rows[:, 2:6]
    boxes[:, 2:] += boxes[:, :2]
    assert np.column_stack([frames, ids, boxes]) == pytest.approx(np.array(expected), abs=0.02)
    table = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert [(int(r["frame"]), int(r["track_id"]), float(r["x1"])) for r in table] == [e[:3] for e in expected]
    assert {r["class"] for r in table} == {"square"}
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    shown = [(x["frame"], t["track_id"], *t["xyxy"]) for x in lines if x["type"] == "frame" for t in x["tracks"]]
    assert np.array(shown) == pytest.approx(np.array(expected), abs=0.01)
    assert sum(x["type"] == "crossing" for x in lines) == report.events["crossing"] == 2
    assert report.to_dict()["outputs"] == {
        "mot": [str(tmp_path / "t.txt")],
        "csv": str(tmp_path / "t.csv"),
        "jsonl": str(tmp_path / "t.jsonl"),
    }


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi"])
def test_the_annotated_video_has_every_frame_and_shows_the_boxes(suffix: str, reds, pictures, falling, tmp_path):
    path = tmp_path / f"out{suffix}"
    report = track(reds, pictures(falling), [VideoOutput(path)])
    frames = list(VideoSource(path))
    assert len(frames) == 30
    assert frames[0].image.shape == (120, 160, 3)
    assert frames[10].time_s == pytest.approx(1.0, abs=0.02)
    change = np.abs(frames[15].image.astype(int) - falling[15]).max(axis=2)
    assert change[55:66].mean() > 40  # the line was drawn
    assert report.outputs["out"] == [str(path)]
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_several_sources_get_a_file_each(reds, pictures, falling, tmp_path):
    outputs = [VideoOutput(tmp_path / "o.avi", 2), MotOutput(tmp_path / "t.txt", 2), HeatOutput(tmp_path / "h.png", 2)]
    track(reds, pictures(falling), outputs, sources=2)
    names = ["h-1.png", "h-2.png", "o-1.avi", "o-2.avi", "t-1.txt", "t-2.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_a_run_that_fails_replaces_nothing_and_leaves_nothing_behind(reds, falling, tmp_path):
    class Breaking:
        def __iter__(self) -> Iterator[Frame]:
            for index, image in enumerate(falling[:20]):
                yield Frame(image, index, index / 10, "breaking")
            raise MediaError("breaking: the cable was pulled")

    names = ["o.mp4", "t.txt", "t.csv", "t.jsonl", "h.png"]
    for name in names:
        (tmp_path / name).write_text("good")
    kinds = [VideoOutput, MotOutput, CsvOutput, JsonlOutput, HeatOutput]
    with pytest.raises(MediaError, match="cable was pulled"):
        track(reds, Breaking(), [kind(tmp_path / name) for kind, name in zip(kinds, names, strict=True)])
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == dict.fromkeys(names, "good")


def test_outputs_that_cannot_be_are_told_before_anything_runs(tmp_path):
    with pytest.raises(MediaError, match=r"cannot write '\.mkv' videos"):
        VideoOutput(tmp_path / "o.mkv")
    for kind in (VideoOutput, MotOutput, CsvOutput, JsonlOutput, EventLog):
        with pytest.raises(MediaError, match="cannot write"):
            kind(tmp_path / "missing" / "o.mp4")


def test_events_are_on_disk_while_the_run_goes_on(reds, pictures, falling, tmp_path):
    log = tmp_path / "events.jsonl"
    log.write_text('{"type": "earlier"}\n')
    known: dict[int, int] = {}

    def look(result: FrameResult) -> None:
        known[result.frame.index] = len(log.read_text().splitlines())

    settings = VideoSettings(
        lines=SETTINGS.lines, zones=(Zone.parse(["hall", "0,0,160,120"][1], "hall"),), camera="off"
    )
    track(reds, pictures(falling), [EventLog(log)], settings, on_result=look)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for frame, count in known.items():
        assert count == sum(
            line.get("frame", 0) <= frame for line in lines if line["type"] != "exit" or line["frame"] < 29
        )
    assert [line["type"] for line in lines].count("exit") == 2
    assert all(line["dwell_s"] > 1 for line in lines if line["type"] == "exit")


def test_speeds_are_in_the_files(reds, pictures, paint, tmp_path):
    images = [paint((10 + 4 * step, 40)) for step in range(30)]  # 4 pixels a frame, 10 frames/s, 0.1 m a pixel
    settings = VideoSettings(ground=GroundPlane(np.diag([0.1, 0.1, 1])), camera="off")
    track(reds, pictures(images), [CsvOutput(tmp_path / "t.csv")], settings)
    speeds = [row["speed_mps"] for row in csv.DictReader((tmp_path / "t.csv").open())]
    assert speeds[0] == ""
    assert [float(speed) for speed in speeds[12:]] == pytest.approx([4.0] * len(speeds[12:]), abs=0.15)


def test_heat_is_where_the_tracks_were(reds, pictures, paint, backdrop, tmp_path):
    track(reds, pictures([paint((20 + step % 3, 40)) for step in range(40)]), [HeatOutput(tmp_path / "h.png")])
    picture = read_image(tmp_path / "h.png").astype(int)
    assert picture.shape == backdrop.shape
    # the warm colours of the map are at the feet, and nowhere else
    warm = picture[..., 0] - picture[..., 2]
    assert warm[50:62, 20:40].mean() > warm[:, 90:].mean() + 40


class Receiver:
    """A server that answers with the statuses it was given, then with 204."""

    def __init__(self, *statuses: int) -> None:
        self.bodies: list[dict] = []
        answers = iter(statuses)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = next(answers, 204)
                if status == 204:
                    receiver.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/events?token=secret"

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def events(count: int) -> list[Event]:
    return [Event("cut", "film", index, index / 10) for index in range(count)]


def test_the_webhook_tries_again_and_keeps_the_order():
    with Receiver(503, 500, 204, 429) as receiver:
        webhook = Webhook(receiver.url, pause_s=0.01)
        for event in events(5):
            webhook.event(0, event)
        webhook.close()
        assert [body["frame"] for body in receiver.bodies] == [0, 1, 2, 3, 4]
        assert receiver.bodies[0] == {"type": "cut", "source": "film", "frame": 0, "time_s": 0.0}
        assert webhook.report() == {"delivered": 5, "failed": 0, "dropped": 0}


def test_what_the_receiver_refuses_is_counted_and_logged_without_the_secret(caplog):
    with Receiver(400) as receiver:
        webhook = Webhook(receiver.url, pause_s=0.01)
        for event in events(2):
            webhook.event(0, event)
        webhook.close()
        webhook.close()
        assert webhook.report() == {"delivered": 1, "failed": 1, "dropped": 0}
    assert "status 400" in caplog.text
    assert "secret" not in caplog.text


def test_nobody_there_blocks_nothing_and_every_event_is_accounted_for(reds, pictures, falling):
    webhook = Webhook("http://127.0.0.1:9/", pause_s=0.01, attempts=2, queue_size=3, drain_s=0.0)
    for event in events(50):
        webhook.event(0, event)
    report = track(reds, pictures(falling), [webhook])
    said = report.outputs["webhook"]
    assert said["delivered"] == 0
    assert said["failed"] + said["dropped"] == 52
    assert said["dropped"] > 0


@pytest.mark.parametrize("url", ["", "ftp://host/", "http://", "host/path", "http://host:port/"])
def test_a_wrong_webhook_is_told(url: str):
    with pytest.raises(InputError, match="webhook"):
        Webhook(url)


def test_a_configuration_names_its_files_from_its_own_folder(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('sources = ["a.avi"]\nline = "0,0,1,1"\nout = "o.mp4"\nconf = 1\nevents = "-"\n')
    expected = {"sources": ["a.avi"], "line": ["0,0,1,1"], "out": str(tmp_path / "o.mp4"), "conf": 1, "events": "-"}
    assert read_config(path) == expected


@pytest.mark.parametrize(
    "text", ["colour = 1", "conf = 'high'", "conf = true", "line = [1, 2]", "out = [", "model = 3"]
)
def test_a_wrong_configuration_is_told(text: str, tmp_path: Path):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"run\.toml"):
        read_config(path)


def test_a_film_from_a_file_to_a_file_by_the_command_line(film: Callable, tmp_path, monkeypatch, capsys, paint):
    from eyebright.cli import main

    still = [paint()] * 1 + [paint(base=paint() + np.uint8(n % 3)) for n in range(12)]
    path = film([*still, *[paint((20, 4 + 3 * step)) for step in range(30)]])
    (tmp_path / "run.toml").write_text('tracker = "sort"\nline = ["gate=0,60,160,60"]\ncsv = "t.csv"\n')
    arguments = ["track", "run", str(path), "--config", str(tmp_path / "run.toml"), "--out", str(tmp_path / "o.webm")]
    monkeypatch.setattr("sys.argv", ["eyebright", *arguments, "--json"])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code in (0, None)
    report = json.loads(capsys.readouterr().out)
    [source] = report["sources"]
    assert source["frames"] == 43
    assert source["lines"]["gate"]["in"] == 1
    assert (tmp_path / "t.csv").is_file()
    assert (tmp_path / "o.webm").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.avi"], "no such file"),
        ([], "at least one source"),
        (["missing.avi", "--tracker", "best"], "tracker 'best'"),
        (["missing.avi", "--line", "1,2"], "line 'line 1'"),
        (["missing.avi", "--out", "o.gif"], "cannot write"),
        (["camera:7", "--tracker", "sort"], "camera 7"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(arguments, words, monkeypatch, capsys, tmp_path):
    from eyebright.cli import main

    monkeypatch.chdir(tmp_path)
    tracker = [] if "--tracker" in arguments else ["--tracker", "sort"]
    monkeypatch.setattr("sys.argv", ["eyebright", "track", "run", *arguments, *tracker])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_ctrl_c_replaces_nothing_and_leaves_nothing_behind(film: Callable, falling, tmp_path):
    path = film([image for image in falling for _ in range(60)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "o.avi").write_text("good")
    arguments = ["--out", "out/o.avi", "--events", "-", "--zone", "0,0,160,120", "--tracker", "sort"]
    command = [sys.executable, "-m", "eyebright", "track", "run", str(path), *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        first = running.stdout.readline()  # it has begun
        running.send_signal(signal.SIGINT)
        _, error = running.communicate()
    assert "Traceback" not in error
    assert json.loads(first)["type"] == "enter"
    assert running.returncode == 130
    assert {p.name: p.read_text() for p in (tmp_path / "out").iterdir()} == {"o.avi": "good"}
