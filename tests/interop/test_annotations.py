"""COCO, Pascal VOC and YOLO: what is written can be read, and odd files give one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.interop import (
    Annotations,
    annotated,
    read_coco,
    read_predictions,
    read_voc,
    write_coco,
    write_voc,
    write_yolo,
)

SET = Annotations(
    ("cat", "dog"),
    (
        annotated("one.jpg", (100, 200), Detections([[1, 2, 30, 40], [5, 5, 9, 9]], [0.9, 0.5], [1, 0])),
        annotated("two.jpg", (50, 50), Detections.empty()),
    ),
)
COCO = {
    "images": [{"id": 7, "file_name": "one.jpg", "height": 100, "width": 200}],
    "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 29, 38], "iscrowd": 1}],
    "categories": [{"id": 3, "name": "cat"}],
}


def coco(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({**COCO, **changes}))
    return path


def test_coco_comes_back(tmp_path: Path):
    write_coco(tmp_path / "deep" / "out.json", SET)
    back = read_coco(tmp_path / "deep" / "out.json")
    assert back.labels == SET.labels
    assert [image.name for image in back.images] == ["one.jpg", "two.jpg"]
    np.testing.assert_allclose(back.images[0].objects.xyxy, SET.images[0].objects.xyxy)
    np.testing.assert_allclose(back.images[0].objects.confidence, [0.9, 0.5])
    assert back.images[0].objects.class_id.tolist() == [1, 0]
    assert back.images[1].size == (50, 50)


def test_voc_comes_back(tmp_path: Path):
    write_voc(tmp_path, SET)
    back = read_voc(tmp_path)
    assert back.labels == SET.labels
    assert [image.name for image in back.images] == ["one.jpg", "two.jpg"]
    np.testing.assert_allclose(back.images[0].objects.xyxy, SET.images[0].objects.xyxy)
    assert back.images[0].objects.class_id.tolist() == [1, 0]
    assert len(back.images[1].objects) == 0


def test_yolo_is_written_in_parts_of_the_picture(tmp_path: Path):
    write_yolo(tmp_path, SET)
    first = (tmp_path / "labels" / "one.txt").read_text().splitlines()[0].split()
    assert first[0] == "1"
    np.testing.assert_allclose(
        [float(v) for v in first[1:]], [15.5 / 200, 21 / 100, 29 / 200, 38 / 100, 0.9], atol=1e-6
    )
    assert (tmp_path / "labels" / "two.txt").read_text() == ""
    assert (tmp_path / "classes.txt").read_text().split() == ["cat", "dog"]


def test_crowd_flags_are_kept(tmp_path: Path):
    assert read_coco(coco(tmp_path)).images[0].crowd.tolist() == [True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": [{"id": 4, "image_id": 8, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, "4: is of image 8"),
        ({"annotations": [{"id": 4, "image_id": 7, "category_id": 9, "bbox": [0, 0, 1, 1]}]}, "category 9"),
        ({"annotations": [{"id": 4, "image_id": 7, "category_id": 3, "bbox": [0, 0, -1, 1]}]}, "no negative sizes"),
        ({"annotations": [{"id": 4, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1]}]}, "expected bbox"),
        ({"annotations": [{"id": 4}]}, "expected image_id"),
        ({"images": [COCO["images"][0], {**COCO["images"][0], "id": 8}]}, "two images are named 'one.jpg'"),
        ({"images": [COCO["images"][0]] * 2}, "the same id"),
        ({"images": [{"id": 7}]}, "images need id"),
        ({"images": 3}, "expected a COCO data set"),
    ],
)  # fmt: skip
def test_wrong_coco_files_give_one_clear_error(changes: dict[str, object], message: str, tmp_path: Path):
    with pytest.raises(InputError, match=message):
        read_coco(coco(tmp_path, **changes))


def test_infinite_boxes_and_no_json_are_refused(tmp_path: Path):
    path = coco(tmp_path)
    path.write_text(path.read_text().replace("29", "Infinity"))
    with pytest.raises(InputError, match="finite"):
        read_coco(path)
    path.write_text("{")
    with pytest.raises(InputError, match="expected JSON"):
        read_coco(path)
    with pytest.raises(InputError, match="cannot read"):
        read_coco(tmp_path / "missing.json")


def test_predictions_are_matched_by_name_or_by_number(tmp_path: Path):
    truth = read_coco(coco(tmp_path))
    path = tmp_path / "pred.json"
    path.write_text(json.dumps([{"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.25}]))
    assert read_predictions(path, truth).images[0].objects.confidence.tolist() == [0.25]
    path.write_text(json.dumps([{"image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9], "score": 0.25}]))
    with pytest.raises(InputError, match="image 1"):
        read_predictions(path, truth)
    path.write_text(json.dumps([{"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9]}]))
    with pytest.raises(InputError, match="without a score"):
        read_predictions(path, truth)
    write_coco(path, Annotations(SET.labels, SET.images[:1]))
    [image] = read_predictions(path, truth).images
    assert image.objects.class_id.tolist() == [0]  # the cat; the truth knows no dogs
    write_coco(path, SET)
    with pytest.raises(InputError, match=r"'two.jpg', which the ground truth does not have"):
        read_predictions(path, truth)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("<xmin>", "<xmax>", "lacks bndbox/xmin"), ("30.00", "0.00", "negative size"), ("</object>", "", "not XML")],
)
def test_wrong_voc_files_give_one_clear_error(old: str, new: str, message: str, tmp_path: Path):
    write_voc(tmp_path, SET)
    path = tmp_path / "one.xml"
    path.write_text(path.read_text().replace(old, new).replace("</xmin>", "</xmax>" if new == "<xmax>" else "</xmin>"))
    with pytest.raises(InputError, match=message):
        read_voc(tmp_path)


def test_two_pictures_of_one_stem_and_no_files_are_refused(tmp_path: Path):
    twice = Annotations((), tuple(annotated(name, (9, 9), Detections.empty()) for name in ("a.jpg", "a.png")))
    for write in (write_voc, write_yolo):
        with pytest.raises(InputError, match=r"both a.jpg and a.png"):
            write(tmp_path, twice)
    with pytest.raises(InputError, match="found none"):
        read_voc(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1, 2]}, r"expected keypoints \[x, y, flag, ...\]"),
        ({"keypoints": None}, "expected keypoints"),
        ({"keypoints": [1, float("nan"), 2]}, ".*all finite"),
        ({"keypoints": [1, 2, 2], "area": -1}, "expected area as a number from 0, got -1"),
        ({"keypoints": [1, 2, 2], "area": "big"}, "expected area"),
    ],
)
def test_wrong_keypoints_give_one_clear_error(change: dict[str, object], message: str, tmp_path: Path):
    path = coco(tmp_path, annotations=[{**COCO["annotations"][0], **change}])
    with pytest.raises(InputError, match=f"annotation 1: {message}"):
        read_coco(path, keypoints=True)


def test_keypoints_come_back_and_need_no_box(tmp_path: Path):
    item = {"id": 1, "image_id": 7, "category_id": 3, "keypoints": [5, 6, 2, 9, 9, 0, 15, 26, 1]}
    [image] = read_coco(coco(tmp_path, annotations=[item]), keypoints=True).images
    np.testing.assert_array_equal(image.objects.keypoints, [[[5, 6], [np.nan, np.nan], [15, 26]]])
    assert image.objects.xyxy.tolist() == [[5, 6, 15, 26]]
    assert image.areas.tolist() == [200]
    write_coco(tmp_path / "again.json", Annotations(("cat",), (image,)), scores=False)
    row = json.loads((tmp_path / "again.json").read_text())["annotations"][0]
    assert (row["keypoints"], row["num_keypoints"], row["area"]) == ([5, 6, 2, 0, 0, 0, 15, 26, 2], 2, 200)
    with pytest.raises(InputError, match=r"as many keypoints of every object, got \[1, 3\]"):
        read_coco(coco(tmp_path, annotations=[item, {**item, "id": 2, "keypoints": [1, 2, 2]}]), keypoints=True)


def test_voc_files_for_one_picture_and_difficult_objects(tmp_path: Path):
    write_voc(tmp_path, SET)
    path = tmp_path / "one.xml"
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1", 1))
    assert read_voc(tmp_path).images[0].crowd.tolist() == [True, False]
    (tmp_path / "again.xml").write_text(path.read_text())
    with pytest.raises(InputError, match=r"two images are named 'one.jpg'"):
        read_voc(tmp_path)


def test_boxes_outside_the_picture_come_back_as_they_are(tmp_path: Path):
    objects = Detections([[-20, -5, 30, 40], [500, 500, 600, 700]], [0.5, 0.5], [0, 0])
    outside = Annotations(("cat",), (annotated("one.jpg", (100, 200), objects),))
    write_coco(tmp_path / "c.json", outside)
    write_voc(tmp_path / "voc", outside)
    for back in (read_coco(tmp_path / "c.json"), read_voc(tmp_path / "voc")):
        np.testing.assert_allclose(back.images[0].objects.xyxy, objects.xyxy)
