"""Class maps, depth and poses by tiny graphs."""

from __future__ import annotations

import dataclasses
import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from eyebright.core.errors import InputError, ModelError
from eyebright.models import ObjectDetector, PoseEstimator, SemanticSegmenter, all_cards, get_card, load_model

ROOT = Path(__file__).resolve().parents[2]
TINY = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "tiny_heads.py")))
PICTURE = np.full((128, 192, 3), 90, np.uint8)  # twice the input


def test_a_class_map_has_the_size_of_the_picture(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([PICTURE])
    assert found.class_ids.shape == (128, 192)
    want = np.zeros((128, 192), int)
    want[16:80, 32:96] = 2
    assert (found.class_ids == want).mean() > 0.98
    parts = found.parts()
    assert list(parts) == ["cat", "bird"]
    assert parts["bird"] == pytest.approx(64 * 64 / 128 / 192, rel=0.06)


def test_the_padding_of_a_letterbox_is_not_in_the_map(tmp_path: Path):
    """A square picture fills the left 64 of 96 columns; columns 16 to 48 are its second and third quarter."""
    [found] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([np.zeros((100, 100, 3), np.uint8)])
    columns = np.flatnonzero((found.class_ids == 2).any(axis=0))
    assert abs(columns[0] - 25) <= 1
    assert abs(columns[-1] - 74) <= 1


@pytest.mark.parametrize("shape", [(16, 24), (1, 16, 24)])
def test_ids_and_single_probabilities_are_maps_too(shape: tuple[int, ...], tmp_path: Path):
    ids = np.zeros(shape)
    ids[..., 8:, :] = 2 if len(shape) == 2 else 0.9
    [found] = load_model(TINY.write(tmp_path, "semantic", {"map": ids[None]})).segment([PICTURE])
    assert np.unique(found.class_ids).tolist() == ([0, 2] if len(shape) == 2 else [0, 1])
    assert (found.class_ids[70:] > 0).all()
    assert (found.class_ids[:58] == 0).all()


def test_depth_grows_to_the_right(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "depth", TINY.depth())).depth([PICTURE])
    assert found.shape == (128, 192)
    np.testing.assert_allclose(found[64], np.linspace(1, 2, 192), atol=0.02)


def test_a_pose_comes_back_in_the_picture(tmp_path: Path):
    [found] = load_model(TINY.write(tmp_path, "pose", TINY.pose())).pose([PICTURE])
    np.testing.assert_allclose(found.points, [[60, 44], [164, 84]])
    np.testing.assert_allclose(found.scores, [1, 0.8])
    rows = {"points": np.array([[[10.0, 20, 0.5], [30, 40, 0.25]]])}
    [found] = load_model(TINY.write(tmp_path, "pose", rows)).pose([PICTURE])
    np.testing.assert_allclose(found.points, [[20, 40], [60, 80]])
    np.testing.assert_allclose(found.scores, [0.5, 0.25])


def test_points_of_mediapipe_come_back_with_names_and_how_sure_they_are(tmp_path: Path):
    model = load_model(TINY.write(tmp_path, "blazepose", TINY.blazepose()))
    first, again = model.pose([PICTURE, PICTURE])
    assert (len(first.labels), first.points.shape, first.scores.shape) == (33, (33, 2), (33,))
    seen = dict(zip(first.labels, zip(first.points.tolist(), first.scores.tolist(), strict=True), strict=True))
    assert seen["nose"][0] == [40, 20]
    assert seen["left_knee"][0] == [160, 100]
    assert seen["nose"][1] == pytest.approx(0.9, abs=1e-3)
    assert seen["left_knee"][1] < 0.001
    np.testing.assert_array_equal(first.points, again.points)
    assert model.pose([]) == []
    nobody = TINY.blazepose() | {"conf": np.zeros((1, 1))}
    [found] = load_model(TINY.write(tmp_path, "blazepose", nobody, name="nobody")).pose([PICTURE])
    assert (found.scores == 0).all()


@pytest.mark.parametrize(
    ("head", "outputs", "advice"),
    [
        ("semantic", TINY.yolo(), 'decoder = "yolo"'),
        ("pose", TINY.blazepose(), "name the output in the card as class_output"),
        ("depth", TINY.semantic(), 'decoder = "semantic"'),
        ("blazepose", TINY.rcnn(), r'decoder = "rcnn"|decoder = "ssd"'),
        ("yolox", TINY.semantic(), 'decoder = "semantic".* and task = "segmentation"'),
    ],
)
def test_outputs_of_another_head_say_which_would_fit(head: str, outputs: dict, advice: str, tmp_path: Path):
    model = load_model(TINY.write(tmp_path, head, outputs))
    look = {"semantic": "segment", "pose": "pose", "blazepose": "pose", "depth": "depth"}.get(head, "predict")
    with pytest.raises(ModelError, match=advice):
        getattr(model, look)([PICTURE])


def test_one_of_several_outputs_is_named_by_the_card(tmp_path: Path):
    path = TINY.write(tmp_path, "semantic", TINY.semantic() | {"aux": np.zeros((1, 3, 16, 24))})
    with pytest.raises(ModelError, match="as class_output"):
        load_model(path).segment([PICTURE])
    card = path.with_suffix(".toml")
    card.write_text(card.read_text() + 'class_output = "logits"\n')
    [found] = load_model(path, task="segmentation").segment([PICTURE])
    assert found.class_ids.max() == 2
    card.write_text(card.read_text().replace('"logits"', '"logit"'))
    with pytest.raises(ModelError, match="no output 'logit'; it has logits, aux"):
        load_model(path).segment([PICTURE])


HUB = {
    "yolox_s": ((3, 640, 640), {"output": (8400, 85)}),
    "nanodet": (
        (3, 416, 416),
        {
            f"{name}_{stride}": (math.ceil(416 / stride) ** 2, wide)
            for stride in (8, 16, 32, 64)
            for name, wide in (("cls", 80), ("dis", 32))
        },
    ),
    "pphumanseg": ((3, 192, 192), {"save_infer_model/scale_0.tmp_1": (2, 192, 192)}),
    "mediapipe_pose": (
        (256, 256, 3),
        {
            "landmarks": (195,),
            "conf": (1,),
            "mask": (256, 256, 1),
            "heatmap": (64, 64, 39),
            "world": (117,),
        },
    ),
}


def test_every_model_of_the_hub_that_looks_is_among_those_below():
    tasks = ("detection", "segmentation", "pose", "depth")
    assert {card.name for card in all_cards() if card.source == "hub" and card.task in tasks} == set(HUB)


@pytest.mark.parametrize("name", HUB)
def test_the_head_of_a_hub_model_reads_outputs_of_its_shapes(name: str, tmp_path: Path):
    picture, shapes = HUB[name]
    outputs = {key: np.zeros((1, *shape), np.float32) for key, shape in shapes.items()}
    if name == "pphumanseg":
        outputs["save_infer_model/scale_0.tmp_1"][0, 1, :96] = 1
    path = TINY.write(tmp_path, "semantic", outputs, picture=picture)
    card = dataclasses.replace(get_card(name), source="file", file=str(path), sha256=None)
    kind = {"detection": ObjectDetector, "segmentation": SemanticSegmenter, "pose": PoseEstimator}[card.task]
    model = kind(card)
    if card.task == "detection":
        assert len(model.predict([PICTURE])[0]) == 0
        assert len(model.labels) == 80
    elif card.task == "segmentation":
        assert model.segment([PICTURE])[0].parts() == pytest.approx({"background": 0.5, "person": 0.5}, abs=0.01)
    else:
        [found] = model.pose([PICTURE])
        np.testing.assert_allclose(found.points[0], [0, -32], atol=1)  # the corner of the padding
        assert len(found.labels) == 33


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("head", "look"), [("semantic", "segment"), ("depth", "depth"), ("pose", "pose"), ("blazepose", "pose")]
)
def test_numbers_without_sense_are_told(head: str, look: str, value: float, tmp_path: Path):
    outputs = {key: np.array(array, float) for key, array in TINY.HEADS[head]().items()}
    next(iter(outputs.values())).reshape(-1)[0] = value
    with pytest.raises(ModelError, match=r"1 of .* numbers of its output are not finite; check scale"):
        getattr(load_model(TINY.write(tmp_path, head, outputs)), look)([PICTURE])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 10_000, 3), (10_000, 1, 3)])
def test_odd_pictures_have_maps_of_their_size_and_poses(shape: tuple[int, int, int], tmp_path: Path):
    picture = np.zeros(shape, np.uint8)
    assert load_model(TINY.write(tmp_path, "depth", TINY.depth())).depth([picture])[0].shape == shape[:2]
    [found] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([picture])
    assert found.class_ids.shape == shape[:2]
    for head in ("pose", "blazepose"):
        assert np.isfinite(load_model(TINY.write(tmp_path, head, TINY.HEADS[head]())).pose([picture])[0].points).all()


def test_odd_outputs_and_pictures_are_refused(tmp_path: Path):
    model = load_model(TINY.write(tmp_path, "depth", TINY.semantic()))
    with pytest.raises(ModelError, match="expected one map"):
        model.depth([PICTURE])
    with pytest.raises(ModelError, match="expected one output"):
        load_model(TINY.write(tmp_path, "pose", {"vector": np.zeros((1, 5))})).pose([PICTURE])
    with pytest.raises(InputError, match="RGB uint8"):
        model.depth([np.zeros((4, 4))])
    assert model.depth([]) == []
    [thin] = load_model(TINY.write(tmp_path, "semantic", TINY.semantic())).segment([np.zeros((1, 10_000, 3), np.uint8)])
    assert thin.class_ids.shape == (1, 10_000)
