"""`eyebright detect` from the outside."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from _commands import eyebright

from eyebright.core.types import Frame
from eyebright.interop import read_coco, read_voc
from eyebright.media import VideoSink, read_image, write_image

ROOT = Path(__file__).resolve().parents[2]
TINY = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "tiny_heads.py")))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return TINY.write(tmp_path / "models", "yolox", TINY.yolox())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/b.png"):
        write_image(tmp_path / "in" / name, np.full((128, 192, 3), 120, np.uint8))
    (tmp_path / "in" / "bad.jpg").write_bytes(b"no picture")
    return tmp_path / "in"


def test_run_writes_every_format_and_goes_on_after_a_damaged_file(model: Path, folder: Path, tmp_path: Path):
    done = eyebright(
        "detect", "run", folder, "--model", model, "--json", "--out", tmp_path / "drawn", "--coco", tmp_path / "o.json",
        "--voc", tmp_path / "voc", "--yolo", tmp_path / "yolo",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "left out: " in done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"] == "yolox"
    assert [each["image"] for each in answer["results"]] == ["a.jpg", "sub/b.png"]
    first = answer["results"][0]["detections"][0]
    assert (first["class"], first["class_id"], round(first["confidence"], 3)) == ("bird", 2, 0.9)
    np.testing.assert_allclose(first["box"], [32, 16, 96, 80], atol=0.1)
    assert len(answer["problems"]) == 1
    coco = read_coco(tmp_path / "o.json")
    assert coco.labels == ("cat", "dog", "bird")
    assert [len(image.objects) for image in coco.images] == [2, 2]
    assert len(read_voc(tmp_path / "voc").images) == 2
    assert len((tmp_path / "yolo" / "labels" / "b.txt").read_text().splitlines()) == 2
    drawn = read_image(tmp_path / "drawn" / "sub" / "b.png")
    assert (drawn != 120).any(axis=2).sum() > 200


def test_classes_confidence_and_region_choose(model: Path, folder: Path):
    names = lambda *more: [  # noqa: E731  (three calls below)
        each["class"]
        for each in json.loads(eyebright("detect", "run", folder / "a.jpg", "--model", model, "--json", *more).stdout)[
            "results"
        ][0]["detections"]
    ]
    assert names("--classes", "cat") == ["cat"]
    assert names("--classes", "2") == ["bird"]
    assert names("--conf", "0.7") == ["bird"]
    done = eyebright("detect", "run", folder / "a.jpg", "--model", model, "--json", "--roi", "96,64,192,128")
    box = json.loads(done.stdout)["results"][0]["detections"][0]["box"]
    np.testing.assert_allclose(box, [112, 72, 144, 104], atol=0.1)  # the same tiny graph, in the part


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--classes", "cart"], "did you mean cat"),
        (["--conf", "2"], "--conf: expected"),
        (["--roi", "5,5,1,9"], "--roi: expected x1 < x2"),
        (["--roi", "a"], "four whole numbers"),
        (["--roi", "900,0,999,9"], "lies outside a picture of 192 x 128"),
        (["--tiles", "3"], "at least 16 pixels"),
        (["--tiles", "64", "--overlap", "0.9"], "overlap from 0 to 0.5"),
        (["--model", "yolox-s"], "did you mean yolox_s"),
    ],
)
def test_a_wrong_option_is_one_line(words: list[str], message: str, model: Path, folder: Path):
    done = eyebright("detect", "run", folder / "a.jpg", "--model", model, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_auto_says_what_it_takes_and_why(folder: Path, tmp_path: Path):
    done = eyebright("--home", tmp_path / "home", "detect", "run", folder / "a.jpg")
    assert done.returncode == 0
    assert "model: people, since none of yolox_s, nanodet is present" in done.stderr
    with VideoSink(tmp_path / "v.avi", 10) as sink:
        for index in range(12):
            image = np.full((120, 160, 3), 60, np.uint8)
            if index >= 3:  # it comes into a scene that was empty
                image[40:80, 5 * index : 5 * index + 30] = 220
            sink.write(Frame(image, index, index / 10, "made"))
    done = eyebright("--home", tmp_path / "home", "detect", "run", tmp_path / "v.avi", "--json")
    assert "model: motion" in done.stderr
    last = json.loads(done.stdout)["results"][-1]
    assert (last["frame"], [each["class"] for each in last["detections"]]) == (11, ["moving"])
    x1, _, x2, _ = last["detections"][0]["box"]
    assert x1 >= 40
    assert x2 <= 100


def test_eval_of_a_file_and_of_a_model_agree(model: Path, folder: Path, tmp_path: Path):
    (folder / "bad.jpg").unlink()
    made = eyebright("detect", "run", folder, "--model", model, "--coco", folder / "truth.json", "--conf", "0.7")
    assert made.returncode == 0, made.stderr
    truth = json.loads((folder / "truth.json").read_text())
    assert len(truth["annotations"]) == 2
    common = ("detect", "eval", "--gt", folder / "truth.json", "--json", "--resamples", "5")
    by_model = json.loads(eyebright(*common, "--model", model, "--worst", tmp_path / "worst").stdout)
    assert by_model["AP"] == pytest.approx(1)
    assert by_model["per_class"]["bird"]["objects"] == 2
    assert by_model["worst"][0] == {
        "image": "a.jpg",
        "missed": 0,
        "wrong": 1,
        "found": 1,
    }  # the cat is not in the truth
    assert len(list((tmp_path / "worst").iterdir())) == 2
    renamed = json.loads(eyebright(*common, "--model", model, "--rename", "bird=cat").stdout)
    assert renamed["per_class"]["bird"]["AP"] == 0
    wrong = eyebright(*common, "--model", model, "--rename", "bird=crow")
    assert (wrong.returncode, "got 'bird=crow'" in wrong.stderr) == (2, True)
    by_file = json.loads(eyebright(*common, "--pred", folder / "truth.json").stdout)
    assert by_file["AP"] == pytest.approx(1)
    assert "AP50" in eyebright(*common[:4], "--pred", folder / "truth.json", "--resamples", "0").stdout


def test_eval_wants_one_thing_to_measure(model: Path, tmp_path: Path):
    done = eyebright("detect", "eval", "--gt", tmp_path)
    assert done.returncode == 2
    assert "either --pred FILE or --model NAME" in done.stderr
