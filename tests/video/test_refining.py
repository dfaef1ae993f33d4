"""Finished footage in two passes."""

from __future__ import annotations

import json
import threading

import cv2
import numpy as np
import pytest

from eyebright.core.errors import InputError, MediaError
from eyebright.core.types import Detections, Embeddings, Frame, Space
from eyebright.video import Line, MotOutput, VideoSettings, VideoTracker, Zone, open_embedder
from eyebright.video import _runs as runs

MIDDLE = Line((0, 60), (160, 60), "middle")
HALL = Zone(((0, 0), (160, 0), (160, 120), (0, 120)), "hall")


class Blinking:
    """Sees nothing in some frames."""

    labels = ("square",)

    def __init__(self, reds, blind) -> None:
        self.reds, self.blind, self.frame = reds, set(blind), -1

    def update(self, frame: Frame) -> Detections:
        found = self.reds.predict([frame.image])[0]
        return found[:0] if frame.index in self.blind else found

    def reset(self) -> None:
        pass


def run(detector, sources, *, refine=True, outputs=(), embedder=None, on_seen=None, tracker="sort", **choices):
    results = []
    system = VideoTracker(
        detector, tracker, embedder=embedder, settings=VideoSettings(camera="off", **choices), refine=refine
    )
    report = system.run(sources, outputs, on_result=results.append, on_seen=on_seen)
    return results, report


def test_a_gap_is_linked_and_filled_and_counted_once(reds, pictures, falling, tmp_path):
    blind = range(13, 16)  # while the squares cross the line
    plain, before = run(Blinking(reds, blind), [pictures(falling)], refine=False, lines=(MIDDLE,), zones=(HALL,))
    assert before.sources[0].tracks == 4
    assert before.sources[0].lines["middle"]["in"] == 0
    seen = []
    results, report = run(
        Blinking(reds, blind), [pictures(falling)], lines=(MIDDLE,), zones=(HALL,), on_seen=lambda: seen.append(1),
        outputs=[MotOutput(tmp_path / "t.txt")],
    )  # fmt: skip
    [source] = report.sources
    assert (source.frames, source.tracks, len(seen), len(results)) == (30, 2, 30, 30)
    assert (source.lines["middle"]["in"], source.lines["middle"]["out"]) == (1, 1)
    assert source.zones["hall"]["visits"] == 2
    assert report.events == {"crossing": 2, "enter": 2, "exit": 2}
    # the falling square is at y = 5 + 3 * frame, in the frames where nothing was seen too
    rows = np.loadtxt(tmp_path / "t.txt", delimiter=",")
    falls = rows[rows[:, 2] < 50]
    assert set(falls[:, 0].astype(int)) >= set(range(8, 30))
    assert np.abs(falls[:, 3] - (5 + 3 * (falls[:, 0] - 1))).max() < 1.5
    assert [r.frame.index for r in results] == list(range(30))
    assert len(plain[14].tracks) == 0
    assert len(results[14].tracks) == 2


def test_nothing_is_linked_across_a_scene_cut(reds, pictures, paint, falling):
    other = [np.rot90(image, 2).copy() for image in falling]
    dark = [np.clip(image.astype(int) // 3, 0, 255).astype(np.uint8) for image in other]
    film = falling[:15] + [np.where(one[..., :1] > 60, other[15 + at], one) for at, one in enumerate(dark[15:])]
    results, report = run(reds, [pictures(film)])
    assert report.sources[0].scenes == 2
    first = {i for r in results if r.shot == 0 for i in r.tracks.track_id.tolist()}
    second = {i for r in results if r.shot == 1 for i in r.tracks.track_id.tolist()}
    assert first
    assert second
    assert not first & second


def test_looks_keep_different_things_apart(reds, pictures, paint):
    images = [paint((20 + 3 * at, 40)) for at in range(30)]

    class Turned:
        """Says that what is seen after the gap looks otherwise."""

        space = Space("test", "1", 2)

        def __init__(self) -> None:
            self.calls = 0

        def embed(self, crops) -> Embeddings:
            self.calls += 1
            vector = [1.0, 0.0] if self.calls <= 12 else [0.0, 1.0]
            return Embeddings(np.tile(np.float32(vector), (len(crops), 1)), self.space)

    blind = range(12, 15)
    assert run(Blinking(reds, blind), [pictures(images)])[1].sources[0].tracks == 1
    assert run(Blinking(reds, blind), [pictures(images)], embedder=Turned())[1].sources[0].tracks == 2


def test_several_sources_and_skipped_frames(reds, pictures, falling):
    blurred = [np.full_like(falling[0], 90)]
    film = [*falling[:10], falling[9], *blurred, *falling[12:]]
    results, report = run(reds, [pictures(film, name="a"), pictures(falling, name="b")], lines=(MIDDLE,))
    one, other = report.sources
    assert (one.frames, one.identical, one.blurred) == (30, 1, 1)
    assert other.lines["middle"]["in"] == one.lines["middle"]["in"] == 1
    by_source = [{i for r in results if r.number == n for i in r.tracks.track_id.tolist()} for n in (0, 1)]
    assert not by_source[0] & by_source[1]
    middle = next(r for r in results if r.number == 0 and r.skipped == "blurred")
    assert len(middle.tracks) == 2  # paths go on through it


def test_what_cannot_be_read_twice_is_told(reds, pictures, falling, film, monkeypatch):
    class Once:
        def __init__(self, images) -> None:
            self.left = list(images)

        def __iter__(self):
            while self.left:
                yield Frame(self.left.pop(0), 30 - len(self.left), 0.1 * (30 - len(self.left)), "once")

    with pytest.raises(MediaError, match="had fewer frames when it was read again"):
        run(reds, [Once(falling)])
    grown = pictures(falling[:20])
    with pytest.raises(MediaError, match="changed while it was tracked"):
        run(reds, [grown], on_seen=lambda: setattr(grown, "images", falling + falling))
    monkeypatch.setattr(runs, "CameraSource", pictures)
    with pytest.raises(InputError, match="refine needs finished footage"):
        run(reds, [pictures(falling)])


def test_closing_in_the_first_pass_writes_nothing(reds, pictures, falling, tmp_path):
    system = VideoTracker(reds, "sort", settings=VideoSettings(camera="off"), refine=True)
    enough = threading.Event()

    class Long:
        def __iter__(self):
            for index in range(100_000):
                yield Frame(falling[index % 30], index, index / 10, "long")

    results = []
    thread = threading.Timer(0.5, system.close)
    thread.start()
    report = system.run([Long()], [MotOutput(tmp_path / "t.txt")], on_result=results.append, on_seen=enough.set)
    assert enough.is_set()
    assert not results
    assert not report.sources[0].complete
    assert not list(tmp_path.iterdir())


def test_the_command_line_refines_and_knows_by_looks(film, falling, tmp_path, monkeypatch, capsys, model_home):
    from eyebright.cli import main

    path = film(falling)
    settings = tmp_path / "run.toml"
    settings.write_text('refine = true\nembedder = "efficientnet_lite0"\nline = "0,60,160,60"\n')
    arguments = ["eyebright", "--home", str(model_home), "track", "run", str(path), "--config", str(settings), "--json"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    report = json.loads(capsys.readouterr().out)
    assert report["sources"][0]["frames"] == 30
    settings.write_text("refine = 1\n")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "refine: expected true or false" in capsys.readouterr().err


def test_an_embedder_describes_and_others_are_refused(model_home):
    from eyebright.core.errors import ModelError

    crop = cv2.resize(np.eye(8, dtype=np.uint8)[..., None].repeat(3, 2) * 255, (40, 80))
    assert open_embedder("efficientnet_lite0", home=model_home).embed([crop]).vectors.shape == (1, 1280)
    with pytest.raises(ModelError, match="describes no looks; its card offers detection"):
        open_embedder("yolox_s")
