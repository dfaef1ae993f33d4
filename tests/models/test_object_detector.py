"""Every head of a detector by a tiny graph with known objects, and YOLOX by its real weights."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from eyebright.core.errors import InputError, ModelError
from eyebright.core.protocols import Detector
from eyebright.media import list_images, read_image
from eyebright.models import ObjectDetector, get_card, load_model
from eyebright.models.decoders import HEADS
from eyebright.ops import iou

ROOT = Path(__file__).resolve().parents[2]
TINY = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "tiny_heads.py")))
PICTURE = np.full((128, 192, 3), 90, np.uint8)  # twice the input: boxes come back twice as large
VARIANTS = {
    "yolox": ("yolox", TINY.yolox()),
    "yolox of four strides": ("yolox", TINY.yolox((8, 16, 32, 64))),
    "yolo v8": ("yolo", TINY.yolo()),
    "yolo v5": ("yolo", TINY.yolo(version=5)),
    "yolo v5 with its grids": ("yolo", TINY.yolo(version=5) | {"345": np.zeros((1, 3, 8, 12, 8))}),
    "yolo v6": ("yolo", TINY.yolo(version=6)),
    "yolo v8 P6": ("yolo", TINY.yolo(strides=(8, 16, 32, 64))),
    "yolo v8 P2": ("yolo", TINY.yolo(strides=(4, 8, 16, 32))),
    "yolo v5 P6": ("yolo", TINY.yolo(version=5, strides=(8, 16, 32, 64))),
    "end2end": ("end2end", TINY.end2end()),
    "detr": ("detr", TINY.detr()),
    "detr, other order": ("detr", dict(reversed(TINY.detr().items()))),
    "detr in one": ("detr", TINY.detr(joined=True)),
    "detr_softmax": ("detr_softmax", TINY.detr_softmax()),
    "nanodet": ("nanodet", TINY.nanodet()),
    "nanodet by strides": ("nanodet", TINY.nanodet(pairs=True)),
    "ssd": ("ssd", TINY.ssd()),
    "ssd of TensorFlow": ("ssd", TINY.ssd_tensorflow()),
    "rcnn": ("rcnn", TINY.rcnn()),
}
OTHERS = {"paddle": ("paddle", TINY.paddle()), "detr, finished": ("detr", TINY.detr_finished())}
YOLOX = """
task = "detection"
input_size = [416, 416]
colour = "bgr"
scale = 1.0
resize = "letterbox"
antialias = false
labels = "coco80"
decoder = "yolox"
"""


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_head_finds_the_known_objects(variant: str, tmp_path: Path):
    head, outputs = VARIANTS[variant]
    detector = load_model(TINY.write(tmp_path, head, outputs))
    assert isinstance(detector, Detector)
    first, again = detector.predict([PICTURE, PICTURE])
    assert first.class_id.tolist() == [2, 0]
    np.testing.assert_allclose(first.confidence, [0.9, 0.6], atol=1e-4)
    np.testing.assert_allclose(first.xyxy, TINY.BOXES * 2, atol=0.05)
    np.testing.assert_array_equal(first.xyxy, again.xyxy)
    assert detector.predict([]) == []
    [sure] = ObjectDetector(detector.card, confidence=0.7).predict([PICTURE])
    assert sure.class_id.tolist() == [2]


@pytest.mark.parametrize("batch", [1, "N"])
def test_exports_that_ask_for_the_size_of_the_picture(batch: int | str, tmp_path: Path):
    """The tiny graphs multiply their boxes by what they are told, as RT-DETR, D-FINE and PaddleDetection do."""
    detr = TINY.write(tmp_path, "detr", TINY.detr_finished(), beside=("orig_target_sizes", "boxes"), batch=batch)
    found = load_model(detr).predict([PICTURE] * 3)
    if batch == 1:
        found += load_model(TINY.write(tmp_path, "paddle", TINY.paddle(), beside=("scale_factor", "bbox"))).predict(
            [PICTURE, PICTURE]
        )
    else:
        masked = TINY.write(
            tmp_path, "detr_softmax", TINY.detr_softmax(), beside=("pixel_mask", "pred_boxes"), batch=batch
        )
        found += load_model(masked).predict([PICTURE] * 2)
    for each in found:
        assert each.class_id.tolist() == [2, 0]
        np.testing.assert_allclose(each.confidence, [0.9, 0.6], atol=1e-4)
        np.testing.assert_allclose(each.xyxy, TINY.BOXES * 2, atol=0.05)


def test_an_input_without_an_axis_for_the_batch(tmp_path: Path):
    """As torchvision and the ONNX zoo export Faster and Mask R-CNN: one picture `(3, H, W)`."""
    detector = load_model(TINY.write(tmp_path, "rcnn", TINY.rcnn(), batch=3, picture=TINY.SIZE))
    for found in detector.predict([PICTURE, PICTURE]):
        np.testing.assert_allclose(found.xyxy, TINY.BOXES * 2, atol=0.05)
    assert detector.predict([]) == []


def test_rows_that_paddle_does_not_count_and_rows_of_nothing_are_left_out(tmp_path: Path):
    outputs = TINY.paddle()
    outputs["bbox_num"] = np.array([1])
    path = TINY.write(tmp_path, "paddle", outputs, beside=("scale_factor", "bbox"))
    assert load_model(path).predict([PICTURE])[0].class_id.tolist() == [2]
    nothing = {"bbox": -np.ones((1, 6)), "bbox_num": np.array([1])}
    assert len(load_model(TINY.write(tmp_path, "paddle", nothing, name="none")).predict([PICTURE])[0]) == 0


def test_an_input_that_nothing_is_known_of_is_named(tmp_path: Path):
    path = TINY.write(tmp_path, "detr", TINY.detr_finished(), beside=("orig_target_sizes", "boxes"))
    graph = onnx.load(path)
    graph.graph.input[1].name = graph.graph.node[0].input[0] = "camera_matrix"
    onnx.save(graph, path)
    with pytest.raises(
        ModelError, match=r"a second input 'camera_matrix', which is none of orig_target_sizes, im_shape"
    ):
        load_model(path).predict([PICTURE])


def test_probabilities_of_a_softmax_are_taken_as_they_are(tmp_path: Path):
    outputs = TINY.detr_softmax()
    raised = np.exp(outputs["pred_logits"])
    outputs["pred_logits"] = raised / raised.sum(axis=2, keepdims=True)
    [found] = load_model(TINY.write(tmp_path, "detr_softmax", outputs)).predict([PICTURE])
    np.testing.assert_allclose(found.confidence, [0.9, 0.6], atol=1e-4)


@pytest.mark.parametrize("pairs", [False, True])
def test_nanodet_exports_with_and_without_the_cells_at_a_cut_edge(pairs: bool, tmp_path: Path):
    """At 64x96 stride 64 has two cells across, or one when the exporter rounds down; the objects are at stride 16."""
    outputs = TINY.nanodet(pairs=pairs)
    if pairs:
        outputs |= {"cls_3": outputs["cls_3"][:, :1], "box_3": outputs["box_3"][:, :1]}
    else:
        outputs["output"] = outputs["output"][:, :-1]
    [found] = load_model(TINY.write(tmp_path, "nanodet", outputs)).predict([PICTURE])
    np.testing.assert_allclose(found.xyxy, TINY.BOXES * 2, atol=0.05)


MASKED = {
    "yolo": TINY.yolo(masks=True), "yolo v5": TINY.yolo(version=5, masks=True), "end2end": TINY.end2end(masks=True),
    "detr": TINY.detr(masks=True), "rcnn": TINY.rcnn(),
    "detr_softmax": TINY.detr_softmax() | {"masks": TINY.detr(masks=True)["masks"]},
}  # fmt: skip


@pytest.mark.parametrize("variant", MASKED)
def test_masks_lie_in_their_boxes(variant: str, tmp_path: Path):
    head, outputs = variant.split()[0], MASKED[variant]
    [found] = load_model(TINY.write(tmp_path, head, outputs)).segment([PICTURE])
    left, lower = found.masks.dense()
    assert left[16:80, 32:60].mean() > 0.95
    assert left[:, 70:].sum() == 0
    assert lower[96:120, 122:182].mean() > 0.9
    assert lower[:84].sum() == 0


@pytest.mark.parametrize("pixels", [1, 50, 700])
def test_masks_made_in_strips_are_the_same(pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    detector = load_model(TINY.write(tmp_path, "rcnn", TINY.rcnn()))
    [whole] = detector.segment([PICTURE])
    monkeypatch.setattr("eyebright.models._instance_masks._PIXELS", pixels)
    [strips] = detector.segment([PICTURE])
    np.testing.assert_array_equal(strips.masks.dense(), whole.masks.dense())
    assert whole.masks.areas().min() > 100


@pytest.mark.parametrize("variant", ["yolo", "yolo v5", "end2end"])
def test_keypoints_come_back_in_the_picture(variant: str, tmp_path: Path):
    head = variant.split()[0]
    version = {"version": 5} if "v5" in variant else {}
    [found] = load_model(TINY.write(tmp_path, head, getattr(TINY, head)(points=True, **version))).predict([PICTURE])
    np.testing.assert_allclose(found.keypoints, TINY.POINTS * 2, atol=0.05)


@pytest.mark.parametrize(
    ("named", "variant", "advice"),
    [
        ("yolox", "yolo v8", "yolo"), ("yolox", "yolo v6", "yolo"), ("yolo", "yolox", "yolox"),
        ("yolox", "end2end", "end2end"),
        ("yolox", "detr", "detr"), ("yolox", "detr_softmax", "detr_softmax"), ("detr_softmax", "detr", "detr"),
        ("end2end", "paddle", "paddle"), ("yolo", "yolox of four strides", "yolox"),
        ("yolox", "detr, finished", "detr"), ("detr_softmax", "detr, finished", "detr"),
        ("detr", "nanodet", "nanodet"), ("yolo", "rcnn", "rcnn"), ("rcnn", "yolox", "yolox"), ("nanodet", "ssd", "ssd"),
    ],
)  # fmt: skip
def test_outputs_of_another_head_say_which_would_fit(named: str, variant: str, advice: str, tmp_path: Path):
    detector = load_model(TINY.write(tmp_path, named, (VARIANTS | OTHERS)[variant][1]))
    with pytest.raises(ModelError, match=rf"head '{named}' expects .* would fit decoder = .*{advice}"):
        detector.predict([PICTURE])


def test_outputs_of_no_head_are_refused(tmp_path: Path):
    detector = load_model(TINY.write(tmp_path, "yolox", {"vector": np.zeros((1, 7))}))
    with pytest.raises(ModelError, match="no head fits"):
        detector.predict([PICTURE])


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.UINT8, TensorProto.INT8])
def test_inputs_of_other_types_are_cast(kind: int, tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "yolox", TINY.yolox(), kind=kind)).predict([PICTURE])
    assert found.class_id.tolist() == [2, 0]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 10_000, 3), (10_000, 1, 3)])
def test_odd_pictures_give_boxes_inside_them(shape: tuple[int, int, int], tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "yolo", TINY.yolo())).predict([np.zeros(shape, np.uint8)])
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= [shape[1], shape[0], shape[1], shape[0]]).all()


def test_numbers_without_sense_are_left_out(tmp_path: Path):
    outputs = TINY.end2end()
    outputs["output0"][0, 2:6] = [
        [np.nan, 0, 5, 5, 0.9, 1], [0, 0, np.inf, 5, 0.9, 1], [5, 5, 1, 1, 0.9, 1], [-90, -90, -50, -50, 0.9, 1]
    ]  # fmt: skip
    [found] = load_model(TINY.write(tmp_path, "end2end", outputs)).predict([PICTURE])
    assert found.class_id.tolist() == [2, 0]
    nothing = {"output0": np.zeros((1, 300, 6))}
    [none] = load_model(TINY.write(tmp_path, "end2end", nothing, name="none")).predict([PICTURE])
    assert len(none) == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("variant", sorted(VARIANTS | OTHERS))
def test_poisoned_numbers_harm_no_other_row(variant: str, value: float, tmp_path: Path):
    """Everything poisoned gives nothing or what is left; one poisoned row beside the two objects changes nothing."""
    head, outputs = (VARIANTS | OTHERS)[variant]
    all_of_it = {key: np.full_like(np.asarray(array, float), value) for key, array in outputs.items()}
    [nothing] = load_model(TINY.write(tmp_path, head, all_of_it, name="all")).predict([PICTURE])
    assert len(nothing) == 0
    one = {key: np.array(array, float) for key, array in outputs.items()}
    for array in one.values():
        if "yolo v" in variant and array.ndim == 3 and array.shape[1] < array.shape[2]:
            array[0, :, -1] = value
        elif array.size > 1 and not variant.startswith(("ssd", "rcnn")):
            array.reshape(-1, array.shape[-1])[0 if head == "yolox" else -1] = value
    if variant == "detr, finished":
        one |= {"scores": outputs["scores"], "labels": outputs["labels"]}
    beside = ("scale_factor", "bbox") if head == "paddle" else None
    beside = ("orig_target_sizes", "boxes") if variant == "detr, finished" else beside
    [found] = load_model(TINY.write(tmp_path, head, one, name="one", beside=beside)).predict([PICTURE])
    assert found.class_id.tolist() == [2, 0]
    np.testing.assert_allclose(found.xyxy, TINY.BOXES * 2, atol=0.05)
    assert np.isfinite(found.confidence).all()


@pytest.mark.parametrize("head", ["yolo", "end2end"])
def test_a_picture_without_bodies_and_poisoned_keypoints_give_none(head: str, tmp_path: Path):
    if head == "yolo":
        outputs = TINY.yolo(points=True)
        rows = outputs["output0"][0].T
    else:
        outputs = TINY.end2end(points=True)
        rows = outputs["output0"][0]
    rows[5, -2] = rows[0, -2] = np.nan
    [found] = load_model(TINY.write(tmp_path, head, outputs, task="pose")).predict([PICTURE])
    assert found.class_id.tolist() == [0]
    empty = {"output0": np.zeros_like(outputs["output0"])}
    [found] = load_model(TINY.write(tmp_path, head, empty, task="pose", name="empty")).predict([PICTURE])
    assert len(found) == 0


def test_ten_thousand_boxes_are_cut_to_the_limit(tmp_path: Path):
    random = np.random.default_rng(0)
    corner = random.uniform(0, 60, (10_000, 2))
    boxes = np.concatenate([corner, corner + 4], axis=1)
    many = {"boxes": boxes, "scores": random.uniform(0.3, 1, 10_000), "labels": np.ones(10_000)}
    [found] = load_model(TINY.write(tmp_path, "rcnn", many)).predict([PICTURE])
    assert len(found) == 300
    assert (np.diff(found.confidence) <= 0).all()


def test_a_card_without_head_or_with_bad_numbers_is_refused(tmp_path: Path):
    path = TINY.write(tmp_path, "yolox", TINY.yolox())
    with pytest.raises(InputError, match="confidence"):
        ObjectDetector(get_card(path), confidence=0)
    with pytest.raises(InputError, match="iou_threshold"):
        ObjectDetector(get_card(path), iou_threshold=2)
    with pytest.raises(ModelError, match="no such model file"):
        load_model(tmp_path / "nothing.onnx")
    card = path.with_suffix(".toml")
    card.write_text(card.read_text().replace('"yolox"', '"yolo-x"'))
    with pytest.raises(ModelError, match="detection needs one of yolox"):
        load_model(path)


@pytest.mark.parametrize(
    ("variant", "task", "advice"),
    [
        ("yolo v8", "detection", 'would fit decoder = "yolo"'),
        ("rcnn", "segmentation", r"would fit .*rcnn"),
        ("detr", "pose", 'would fit decoder = "detr"'),
        ("nothing", "detection", "no head fits; .* its outputs are vector"),
    ],
)
def test_a_card_that_names_no_decoder_is_told_which_would_fit(variant: str, task: str, advice: str, tmp_path: Path):
    outputs = VARIANTS[variant][1] if variant in VARIANTS else {"vector": np.zeros((1, 7))}
    path = TINY.write(tmp_path, "", outputs, name="mine", task=task)
    with pytest.raises(ModelError, match=rf"mine: decoder: {task} needs one of .* got ''; .*{advice}"):
        load_model(path)
    path.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"name it in the card \(.*cannot load it"):
        load_model(path)


def test_missing_labels_are_told(tmp_path: Path):
    path = TINY.write(tmp_path, "yolox", TINY.yolox())
    (tmp_path / "labels.txt").unlink()
    with pytest.raises(ModelError, match="cannot read the label map"):
        load_model(path).predict([PICTURE])


def test_the_catalogue_names_known_heads():
    for name in ("yolox_s", "nanodet"):
        assert get_card(name).decoder in HEADS


@pytest.mark.data
def test_people_of_yolox_agree_with_a_plain_decode_on_all_photos(data_dir: Path, tmp_path: Path, monkeypatch):
    """The plain twin walks over the cells one by one, as the paper says; the network looks at each photo once."""
    shutil.copy(data_dir / "weights" / "yolox_nano.onnx", tmp_path)
    (tmp_path / "yolox_nano.toml").write_text(YOLOX)
    detector = load_model(tmp_path / "yolox_nano.onnx", threads=1)
    people = 0
    for path in list_images(data_dir / "traffic").paths:
        image = read_image(path)
        outputs = ObjectDetector.run(detector, [image])
        [raw] = outputs.values()
        monkeypatch.setattr(detector, "run", lambda pictures, outputs=outputs: outputs)
        [found] = detector.predict([image])
        want = plain_decode(raw[0], image.shape)
        mine = found[found.class_id == 0]
        people += len(want)
        assert len(mine) == len(want), path
        for box, score in zip(mine.xyxy, mine.confidence, strict=True):
            best = max(want, key=lambda row: float(iou([box], [row[:4]])[0, 0]))
            np.testing.assert_allclose(box, best[:4], atol=0.5)
            assert abs(score - best[4]) < 1e-4
    assert people > 40


def plain_decode(raw, shape):
    """People only; classes do not drop each other."""
    rows, place, likely = [], 0, raw[:, 4].tolist()
    ratio = min(416 / shape[0], 416 / shape[1])
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                place += 1
                if likely[place - 1] < 0.25:
                    continue  # no class can make it more
                cell = raw[place - 1]
                kind = int(np.argmax(cell[5:]))
                score = float(cell[4] * cell[5 + kind])
                if score < 0.25 or kind != 0:
                    continue
                cx, cy = (cell[0] + x) * stride, (cell[1] + y) * stride
                w, h = np.exp(cell[2]) * stride, np.exp(cell[3]) * stride
                box = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) / ratio
                rows.append([*np.clip(box, 0, [shape[1], shape[0]] * 2), score])
    kept = []
    for row in sorted(rows, key=lambda row: -row[4]):
        if all(iou([row[:4]], [other[:4]])[0, 0] <= 0.45 for other in kept):
            kept.append(row)
    return kept
