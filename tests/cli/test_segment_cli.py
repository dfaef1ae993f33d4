"""`eyebright segment`, `pose` and `depth` from the outside."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
from _commands import eyebright

from eyebright.core.types import Detections, Masks
from eyebright.interop import Annotations, annotated, read_coco, write_coco
from eyebright.media import read_image, write_image

ROOT = Path(__file__).resolve().parents[2]
TINY = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "tiny_heads.py")))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_image(tmp_path / "a.png", np.full((128, 192, 3), 120, np.uint8))
    return tmp_path / "a.png"


def test_semantic_and_instance_answers_differ(photo: Path, tmp_path: Path):
    semantic = TINY.write(tmp_path, "semantic", TINY.semantic())
    done = eyebright(
        "segment", "run", photo, "--model", semantic, "--json", "--masks", tmp_path / "m", "--out", tmp_path / "o"
    )
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)["results"]
    assert answer["kind"] == "semantic"
    assert answer["parts"]["bird"] == pytest.approx(1 / 6, abs=0.02)
    assert np.unique(read_image(tmp_path / "m" / "a.png")).tolist() == [0, 2]
    assert (read_image(tmp_path / "o" / "a.png")[40, 60] != 120).any()
    instance = TINY.write(tmp_path, "rcnn", TINY.rcnn(), task="segmentation")
    [answer] = json.loads(eyebright("segment", "run", photo, "--model", instance, "--json").stdout)["results"]
    assert answer["kind"] == "instance"
    assert [each["class"] for each in answer["detections"]] == ["bird", "cat"]
    assert answer["detections"][0]["mask_area"] == pytest.approx(64 * 32, rel=0.1)
    one = json.loads(eyebright("segment", "run", photo, "--model", instance, "--json", "--conf", "0.7").stdout)
    assert len(one["results"][0]["detections"]) == 1


def test_pose_and_depth(photo: Path, tmp_path: Path):
    pose = TINY.write(tmp_path, "pose", TINY.pose())
    [answer] = json.loads(eyebright("pose", "run", photo, "--model", pose, "--json").stdout)["results"]
    assert answer["poses"][0]["keypoints"] == [[60, 44], [164, 84]]
    rows = TINY.write(tmp_path, "yolo", TINY.yolo(points=True), task="pose")
    [answer] = json.loads(eyebright("pose", "run", photo, "--model", rows, "--json").stdout)["results"]
    np.testing.assert_allclose(answer["poses"][0]["keypoints"], TINY.POINTS[0] * 2, atol=0.1)
    depth = TINY.write(tmp_path, "depth", TINY.depth())
    done = eyebright("depth", "run", photo, "--model", depth, "--json", "--out", tmp_path / "d")
    [answer] = json.loads(done.stdout)["results"]
    assert (answer["least"], answer["median"], answer["most"]) == pytest.approx((1, 1.5, 2), abs=0.02)
    drawn = read_image(tmp_path / "d" / "a.png")
    assert drawn[64, 0, 0] < 5
    assert drawn[64, -1, 0] > 250


def test_a_part_of_the_picture_and_some_classes(photo: Path, tmp_path: Path):
    """The tiny graphs answer the same whatever they see: in the right half everything lies 96 pixels further right."""
    part = ("--json", "--roi", "96,0,192,64")

    def answer(verb, model, *words):
        done = eyebright(verb, "run", photo, "--model", model, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["results"][0]

    instance = TINY.write(tmp_path, "rcnn", TINY.rcnn(), task="segmentation")
    words = (*part, "--coco", tmp_path / "c", "--voc", tmp_path / "v", "--yolo", tmp_path / "y")
    found = answer("segment", instance, *words, "--masks", tmp_path / "n")
    np.testing.assert_allclose(found["detections"][0]["box"], TINY.BOXES[0] + [96, 0, 96, 0], atol=0.1)
    [image] = read_coco(tmp_path / "c", masks=True).images
    assert image.objects.masks.dense()[0, 20:30, 115:125].all()
    numbers = read_image(tmp_path / "n" / "a.png")[:, :, 0]  # of the whole picture, an object its row from 1
    assert numbers.shape == (128, 192)
    assert (numbers[20:30, 115:125] == 1).all()
    assert (tmp_path / "v" / "a.xml").is_file()
    assert (tmp_path / "y" / "labels" / "a.txt").is_file()
    [only] = answer("segment", instance, "--json", "--classes", "cat")["detections"]
    assert only["class"] == "cat"
    semantic = TINY.write(tmp_path, "semantic", TINY.semantic())
    found = answer("segment", semantic, *part, "--classes", "bird", "--out", tmp_path / "o", "--masks", tmp_path / "m")
    assert list(found["parts"]) == ["bird"]
    assert found["parts"]["bird"] == pytest.approx(1 / 6, abs=0.02)
    drawn = read_image(tmp_path / "o" / "a.png")
    assert (drawn[:, :96] == 120).all()
    assert (drawn[20, 130] != 120).any()
    assert read_image(tmp_path / "m" / "a.png").shape[:2] == (64, 96)
    tiled = answer("segment", semantic, "--json", "--tiles", "96", "--overlap", "0")  # two tiles of 96 and of 32 rows
    assert tiled["parts"]["bird"] > 0.05
    assert len(answer("segment", instance, "--json", "--tiles", "96")["detections"]) > 2  # it sees them in every tile
    pose = TINY.write(tmp_path, "pose", TINY.pose())
    assert answer("pose", pose, *part)["poses"][0]["keypoints"] == [[126, 22], [178, 42]]
    rows = TINY.write(tmp_path, "yolo", TINY.yolo(points=True), task="pose")
    [body] = answer("pose", rows, *part, "--classes", "cat")["poses"]
    np.testing.assert_allclose(body["keypoints"], TINY.POINTS[1] + [96, 0], atol=0.1)
    depth = TINY.write(tmp_path, "depth", TINY.depth())
    assert answer("depth", depth, *part, "--out", tmp_path / "d")["most"] == pytest.approx(2, abs=0.02)
    assert read_image(tmp_path / "d" / "a.png").shape[:2] == (64, 96)
    for words, message in (
        (("segment", "run", photo, "--model", semantic, "--conf", "0.5"), "names each pixel and has no scores"),
        (("segment", "run", photo, "--model", semantic, "--classes", "brd"), "did you mean bird"),
        (("segment", "run", photo, "--method", "slic", "--tiles", "64"), "--tiles: is for models that segment"),
        (("segment", "run", photo, "--model", semantic, "--tiles", "3"), "at least 16 pixels"),
        (("segment", "run", photo, "--method", "slic", "--roi", "0,0,9,9"), "--method needs a --model with them"),
        (("depth", "run", photo, "--model", depth, "--roi", "900,0,950,9"), "lies outside a picture of 192 x 128"),
        (("pose", "run", photo, "--model", pose, "--roi", "5,5,1,9"), "--roi: expected x1 < x2"),
    ):
        done = eyebright(*words)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_pose_eval_of_files_and_of_models(photo: Path, tmp_path: Path):
    model = TINY.write(tmp_path / "models", "yolo", TINY.yolo(points=True), task="pose")
    truth, found = tmp_path / "truth.json", tmp_path / "found.json"
    done = eyebright("pose", "run", photo, "--model", model, "--conf", "0.7", "--coco", truth, "--out", tmp_path / "o")
    assert done.returncode == 0, done.stderr
    data = json.loads(truth.read_text())
    [body] = data["annotations"]
    np.testing.assert_allclose(body["keypoints"], [40, 20, 2, 80, 60, 2], atol=0.01)
    del body["score"]
    body["keypoints"][3:] = [0, 0, 0]  # nobody said where the second point is
    truth.write_text(json.dumps(data))
    words = ("pose", "eval", "--gt", truth, "--json", "--resamples", "5")
    out = json.loads(eyebright(*words, "--sigmas", "0.05", "--model", model, "--worst", tmp_path / "w").stdout)
    assert out["AP"] == pytest.approx(1)
    assert (out["bodies"], out["per_point"]) == (1, [1, None])
    assert out["worst"] == [{"image": "a.png", "missed": 0, "wrong": 1, "found": 1}]  # the cat is not in the truth
    assert (tmp_path / "w" / "01_a.jpg").is_file()
    eyebright("pose", "run", photo, "--model", model, "--coco", found)
    assert json.loads(eyebright(*words, "--sigmas", "0.05,0.05", "--pred", found).stdout)["AP50"] == pytest.approx(1)
    result = {"image_id": data["images"][0]["id"], "category_id": body["category_id"], "score": 0.5}
    found.write_text(json.dumps([result | {"keypoints": [90, 90, 1, 80, 60, 1]}]))  # COCO's results have no boxes
    out = json.loads(eyebright(*words, "--sigmas", "0.05", "--pred", found).stdout)
    assert (out["AP50"], out["per_point"]) == (0, [None, None])
    assert "similarity by point" in eyebright(*words[:4], "--sigmas", "0.05", "--pred", found).stdout
    one = TINY.write(tmp_path / "models", "pose", TINY.pose(), name="one")
    assert "answers with one body" in eyebright("pose", "run", photo, "--model", one, "--conf", "0.5").stderr
    data["categories"] = data["categories"][body["category_id"] - 1 :][:1]
    truth.write_text(json.dumps(data))
    out = json.loads(eyebright(*words, "--sigmas", "0.5", "--model", one).stdout)
    assert out["bodies"] == 1
    for more, message in (
        (["--model", model], "these bodies have 2; give sigmas"),
        ([], "either --pred FILE or --model NAME"),
        (["--sigmas", "a", "--pred", found], "--sigmas: expected numbers"),
        (["--conf", "0", "--pred", found], "--conf in (0, 1]"),
        (["--model", "efficientnet_lite0"], "finds no poses"),
    ):
        done = eyebright(*words, *more)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("verb", ["segment", "pose", "depth"])
def test_a_model_for_something_else_is_refused_in_one_line(verb: str, photo: Path, tmp_path: Path):
    done = eyebright(verb, "run", photo, "--model", "efficientnet_lite0")
    assert done.returncode == 2
    assert "its card says task 'classification'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_objects_and_regions_without_a_model(tmp_path: Path):
    picture = np.full((90, 120, 3), (70, 90, 60), np.uint8)
    picture[30:60, 20:60] = (220, 40, 40)
    write_image(tmp_path / "a.png", picture)
    done = eyebright(
        "segment", "run", tmp_path / "a.png", "--method", "grabcut", "--box", "16,26,64,64", "--json",
        "--masks", tmp_path / "m", "--coco", tmp_path / "o.json", "--out", tmp_path / "o",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [answer] = json.loads(done.stdout)["results"]
    assert answer["kind"] == "instance"
    assert answer["detections"][0]["mask_area"] == pytest.approx(30 * 40, rel=0.1)
    numbers = read_image(tmp_path / "m" / "a.png")[:, :, 0]
    assert (numbers[45, 40], numbers[5, 5]) == (1, 0)
    assert (read_image(tmp_path / "o" / "a.png") != picture).any()
    again = eyebright(
        "segment", "run", tmp_path / "a.png", "--method", "grabcut", "--boxes", tmp_path / "o.json", "--json"
    )
    assert json.loads(again.stdout)["results"][0]["detections"][0]["mask_area"] == answer["detections"][0]["mask_area"]
    for method in ("slic", "watershed"):
        done = eyebright(
            "segment",
            "run",
            tmp_path / "a.png",
            "--method",
            method,
            "--json",
            "--count",
            "30",
            "--masks",
            tmp_path / "r",
        )
        [answer] = json.loads(done.stdout)["results"]
        assert answer["kind"] == "regions"
        assert 15 <= answer["regions"] <= 45
        assert read_image(tmp_path / "r" / "a.png").max() == answer["regions"] - 1
    assert "regions" in eyebright("segment", "run", tmp_path / "a.png", "--method", "slic").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "magic"], "--method: expected grabcut, watershed, slic"),
        (["--box", "1,2,3,4"], "are for --method grabcut"),
        (["--method", "slic", "--box", "1,2,3,4"], "takes no --box"),
        (["--method", "grabcut", "--box", "1,2,30,40", "--model", "people"], "from one of --box, --boxes and --model"),
        (["--method", "slic", "--count", "0"], "count from 1"),
    ],
)
def test_methods_refuse_what_does_not_go_together(photo: Path, words: list[str], message: str):
    done = eyebright("segment", "run", photo, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_eval_of_objects_and_of_class_maps(tmp_path: Path):
    picture = np.full((60, 80, 3), (70, 90, 60), np.uint8)
    picture[20:40, 20:50] = (220, 40, 40)
    write_image(tmp_path / "a.png", picture)
    eyebright(
        "segment",
        "run",
        tmp_path / "a.png",
        "--method",
        "grabcut",
        "--box",
        "16,16,54,44",
        "--coco",
        tmp_path / "truth",
    )
    part = Detections([[20, 20, 43, 40]], [0.9], [0], Masks((np.ones((20, 23), bool),), [[20, 20]], (60, 80)))
    write_coco(tmp_path / "found", Annotations(("object",), (annotated("a.png", (60, 80), part),)))
    for name in ("truth", "found"):
        (tmp_path / f"maps_{name}").mkdir()
    words = ("segment", "eval", "--gt", tmp_path / "truth", "--resamples", "5", "--pred")
    same, less = (
        json.loads(eyebright(*words, tmp_path / name, "--json", "--worst", tmp_path / f"worst_{name}").stdout)
        for name in ("truth", "found")
    )
    assert same["AP"] == same["PQ"] == same["mIoU"] == 1
    assert 0.5 < less["PQ"] < 0.9
    assert set(less["intervals"]) == {"AP", "AP50", "AR", "PQ", "mIoU"}
    assert less["worst"] == [{"image": "a.png", "missed": 0, "wrong": 0, "found": 1}]
    assert "Loc" in less["errors"]["delta_AP50"]
    drawn = read_image(tmp_path / "worst_found" / "01_a.jpg").astype(int)
    assert drawn[30, 30, 0] < 200  # tinted
    shown = eyebright(*words, tmp_path / "found").stdout
    assert "mIoU" in shown
    assert "AP50 lost by kind of error" in shown
    truth = (picture[:, :, 0] > 200).astype(np.uint8)
    for name, numbers in (("truth", truth), ("found", np.roll(truth, 6, axis=1))):
        write_grey(tmp_path / f"maps_{name}" / "a.png", numbers)
    words = ("segment", "eval", "--gt", tmp_path / "maps_truth", "--pred", tmp_path / "maps_found", "--labels")
    out = json.loads(eyebright(*words, "ground,red", "--json").stdout)
    assert out["per_class"]["red"]["IoU"] == pytest.approx(24 / 36, abs=1e-6)
    assert out["worst"][0]["image"] == "a"
    assert "red taken for ground" in eyebright(*words, "ground,red", "--worst", tmp_path / "w").stdout
    drawn = read_image(tmp_path / "w" / "01_a.png")
    red, green, blue = drawn[30, 53].astype(int)
    assert red > 2 * max(green, blue)
    assert "expected classes 0 to 0" in eyebright(*words, "ground").stderr
    (tmp_path / "maps_found" / "a.png").unlink()
    done = eyebright(*words, "ground,red")
    assert done.returncode == 2
    assert "has no map of its name" in done.stderr
    mixed = eyebright("segment", "eval", "--gt", tmp_path / "truth", "--pred", tmp_path / "maps_truth")
    assert "two COCO files, or two folders" in mixed.stderr


def test_eval_of_a_model_that_looks_at_the_pictures(photo: Path, tmp_path: Path):
    model = TINY.write(tmp_path, "rcnn", TINY.rcnn(), task="segmentation")
    eyebright("segment", "run", photo, "--model", model, "--coco", tmp_path / "truth.json")
    words = ("segment", "eval", "--gt", tmp_path / "truth.json", "--json", "--resamples", "0", "--model")
    out = json.loads(eyebright(*words, model).stdout)
    assert (out["AP"], out["PQ"]) == (1, 1)
    assert "cuts out no objects" in eyebright(*words, "efficientnet_lite0").stderr
    assert "either --pred FILE or --model" in eyebright("segment", "eval", "--gt", tmp_path / "truth.json").stderr


def test_eval_of_a_semantic_model_that_looks_at_the_pictures(photo: Path, tmp_path: Path):
    model = TINY.write(tmp_path / "models", "semantic", TINY.semantic())
    (tmp_path / "pictures").mkdir()
    photo.rename(tmp_path / "pictures" / "a.png")
    made = eyebright("segment", "run", tmp_path / "pictures", "--model", model, "--masks", tmp_path / "truth")
    assert made.returncode == 0, made.stderr
    words = ("segment", "eval", "--gt", tmp_path / "truth", "--json", "--resamples", "0", "--model")
    out = json.loads(eyebright(*words, model, "--images", tmp_path / "pictures", "--worst", tmp_path / "w").stdout)
    assert (out["mIoU"], list(out["per_class"])) == (1, ["cat", "dog", "bird"])
    assert len(list((tmp_path / "w").iterdir())) == 1
    assert "--model needs --images DIR" in eyebright(*words, model).stderr
    assert "names no pixels" in eyebright(*words, "efficientnet_lite0", "--images", tmp_path / "pictures").stderr
    (tmp_path / "empty").mkdir()
    assert "has no picture named a" in eyebright(*words, model, "--images", tmp_path / "empty").stderr
    write_image(tmp_path / "pictures" / "a.jpg", np.zeros((128, 192, 3), np.uint8))
    done = eyebright(*words, model, "--images", tmp_path / "pictures")
    assert (done.returncode, "two pictures are named a" in done.stderr) == (2, True)


def write_grey(path: Path, numbers: np.ndarray) -> None:
    PIL.Image.fromarray(numbers).save(path)
