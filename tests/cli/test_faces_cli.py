"""`eyebright faces`: every verb once, as a person would go through them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from _commands import eyebright

from eyebright.media import read_image, write_image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one person, and a clip."""
    out = tmp_path_factory.mktemp("pictures")
    portrait = skimage.data.astronaut()[:320, 60:380]
    write_image(out / "one.png", portrait)
    write_image(out / "dim.png", (portrait * 0.6).astype(np.uint8))
    write_image(out / "nobody.png", np.full((100, 100, 3), 128, np.uint8))
    writer = cv2.VideoWriter(str(out / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 20, (320, 320))
    for _ in range(12):
        writer.write(cv2.cvtColor(portrait, cv2.COLOR_RGB2BGR))
    writer.release()
    return out


@pytest.fixture(scope="module")
def answer(model_home: Path) -> Callable[..., str]:
    """Run a verb on a gallery; return what it says, on stderr when it should fail."""

    def run(store: Path, *words: object, code: int = 0) -> str:
        done = eyebright("--home", model_home, "faces", *words, "--store", store)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


def test_a_gallery_from_its_first_picture_to_its_last(folder: Path, tmp_path: Path, answer: Callable[..., str]) -> None:
    store = tmp_path / "gallery"
    assert "nobody is enrolled" in answer(store, "people")
    assert "Eileen: 1 enrolled" in answer(store, "enroll", "Eileen", folder / "one.png")
    assert "no face" in answer(store, "enroll", "Eileen", folder / "nobody.png", code=2)

    seen = json.loads(answer(store, "identify", folder / "dim.png", "--json", "--out", tmp_path / "drawn"))
    assert [face["person"] for face in seen["pictures"][0]["faces"]] == ["Eileen"]
    assert seen["people"] == 1
    assert 0 < seen["fpir"] < 0.01
    assert read_image(tmp_path / "drawn" / "dim.png").shape == (320, 320, 3)
    assert "the same person" in answer(store, "verify", folder / "one.png", folder / "dim.png")
    assert "this gallery has 0" in answer(store, "calibrate", code=2)

    events = tmp_path / "events.jsonl"
    watched = json.loads(answer(store, "watch", folder / "clip.avi", "--events", events, "--json"))
    assert list(watched["people"]) == ["Eileen"]
    assert watched["frames"] == 12
    assert "Eileen" in eyebright("faces", "presence", events).stdout

    covered = tmp_path / "covered.png"
    answer(store, "blur", folder / "one.png", covered)
    assert not np.array_equal(read_image(covered), read_image(folder / "one.png"))

    carried = tmp_path / "carried.zip"
    assert "1 faces written" in answer(store, "export", carried)
    assert "Eileen: 1 enrolled" in answer(tmp_path / "other", "import", carried)
    assert "1 faces are now of dlib_resnet" in answer(store, "migrate", "dlib_resnet")
    assert "remembered" in answer(store, "not", "Eileen", folder / "dim.png")
    answer(store, "rename", "Eileen", "Commander Collins")
    assert "1 faces removed" in answer(store, "forget", "Commander Collins")
    assert "0 unknown faces removed" in answer(store, "purge", "--unknown-after", "30d")
    actions = [line["action"] for line in json.loads(answer(store, "audit", "--json"))]
    assert actions[0] == "enrol"
    assert {"identify", "deny", "migrate", "forget", "purge"} <= set(actions)


def test_strangers_are_grouped_named_split_and_merged(folder: Path, tmp_path: Path, answer: Callable[..., str]) -> None:
    store, sheet, chips = tmp_path / "gallery", tmp_path / "sheet.png", tmp_path / "chips"
    [group] = json.loads(answer(store, "cluster", folder, "--sheet", sheet, "--json"))
    assert sorted(Path(face["source"]).name for face in group["faces"]) == ["dim.png", "one.png"]
    assert read_image(sheet).size
    assert "2 faces are now of Zoe" in answer(store, "name", group["id"], "Zoe")
    listed = json.loads(answer(store, "people", "Zoe", "--json", "--chips", chips))
    assert len(list(chips.glob("*.png"))) == len(listed) == 2
    assert "1 faces are now of Eve" in answer(store, "split", "Eve", listed[0]["id"])
    assert "1 faces of Eve are now of Zoe" in answer(store, "merge", "Eve", "Zoe")
    assert [(one["name"], one["pictures"]) for one in json.loads(answer(store, "people", "--json"))] == [("Zoe", 2)]
    assert "nobody is called 'Eve'" in answer(store, "forget", "Eve", code=2)


def test_pairs_of_pictures_are_measured(folder: Path, tmp_path: Path, answer: Callable[..., str]) -> None:
    with (folder / "pairs.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["file_x", "file_y", "decision"], ["one.png", "dim.png", "Yes"]])
    found = json.loads(answer(tmp_path, "eval", "--pairs", folder / "pairs.csv", "--json"))
    assert found["wrong"] == 0
    assert found["faces_missed"] == 0
    assert found["tar@far=1e-3"] is None  # one pair supports no rate
    assert "one of them" in answer(tmp_path, "eval", code=2)
