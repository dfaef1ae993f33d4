"""`eyebright propose` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from _commands import eyebright

from eyebright.core.types import Detections
from eyebright.interop import Annotations, annotated, write_coco
from eyebright.media import read_image, write_image
from eyebright.ops import iou


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    picture = np.full((60, 90, 3), 200, np.uint8)
    picture[20:40, 30:60] = (200, 30, 30)
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "a.png", picture)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no picture")
    objects = Detections([[30, 20, 60, 40]], [1], [0])
    write_coco(tmp_path / "in" / "truth.json", Annotations(("red",), (annotated("a.png", (60, 90), objects),)))
    return tmp_path / "in"


def test_boxes_as_json_and_drawn(folder: Path, tmp_path: Path):
    done = eyebright("propose", folder, "--json", "--count", "40", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    [one] = answer["results"]
    assert (one["image"], one["width"], one["height"]) == ("a.png", 90, 60)
    assert iou([[30, 20, 60, 40]], one["proposals"]).max() > 0.9
    assert len(answer["problems"]) == 1
    assert (read_image(tmp_path / "out" / "a.png") != read_image(folder / "a.png")).any()
    table = eyebright("propose", folder / "a.png", "--method", "windows", "--count", "50").stdout
    assert table.split()[:3] == ["image", "proposals", "a.png"]
    assert int(table.split()[3]) <= 50


def test_recall_of_a_truth(folder: Path):
    done = eyebright("propose", "--gt", folder / "truth.json", "--json", "--count", "100")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["recall"]["100"] == 1
    assert answer["objects"] == 1
    assert "1 objects" in eyebright("propose", "--gt", folder / "truth.json").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "either pictures, or --gt"),
        (["a.png", "--gt", "truth.json"], "either pictures, or --gt"),
        (["a.png", "--method", "rpn"], "--method: expected selective or windows"),
        (["a.png", "--mode", "slow"], "expected mode single, fast or quality"),
        (["a.png", "--count", "0"], "count and side from 1"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, words: list[str], message: str):
    done = eyebright("propose", *words, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
