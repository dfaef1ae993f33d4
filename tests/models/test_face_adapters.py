"""Your own face models: detectors, embedders, quality and liveness as ONNX files with a card."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from eyebright.core.errors import InputError, ModelError
from eyebright.core.protocols import Detector
from eyebright.core.types import Detections
from eyebright.media import read_image
from eyebright.models import (
    FaceEmbedder,
    FaceLiveness,
    FaceQuality,
    FivePointAligner,
    UltralightDetector,
    YunetDetector,
    get_card,
    load_model,
)
from eyebright.models.face_align import FIVE_POINTS
from eyebright.ops import iou, similarity_from_points, transform_points

YUNET = """
task = "face-detection"
input_size = [320, 320]
colour = "bgr"
scale = 1.0
resize = "letterbox"
pad_value = 0
antialias = false
decoder = "yunet"
"""
ULTRALIGHT = """
task = "face-detection"
input_size = [240, 320]
scale = 0.0078125
mean = [0.9921875, 0.9921875, 0.9921875]
resize = "squash"
antialias = false
decoder = "ultralight"
"""
MOBILEFACENET = """
task = "face-embedding"
input_size = [112, 112]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
resize = "squash"
dimension = 128
"""


def own(data_dir: Path, folder: Path, file: str, toml: str) -> Path:
    path = folder / file
    shutil.copy(data_dir / "weights" / file, path)
    path.with_suffix(".toml").write_text(toml)
    return path


def graph(folder: Path, toml: str, inputs: list[Any], outputs: dict[str, Any], nodes: list[Any] | None = None) -> Path:
    """A model of constant outputs, or of nodes, beside its card."""
    names = {name for node in nodes or [] for name in node.output}
    constants = [numpy_helper.from_array(np.asarray(v, np.float32), f"{n}_value") for n, v in outputs.items()]
    made = [helper.make_node("Identity", [f"{n}_value"], [n]) for n in outputs if n not in names]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, list(np.shape(v))) for n, v in outputs.items()]
    source = helper.make_tensor_value_info("input", TensorProto.FLOAT, inputs)
    proto = helper.make_graph([*(nodes or []), *made], "tiny", [source], values, constants)
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "tiny.onnx")
    (folder / "tiny.toml").write_text(toml)
    return folder / "tiny.onnx"


@pytest.fixture(scope="module")
def astronaut(photos: dict[str, Path]) -> Any:
    return read_image(photos["astronaut"])


@pytest.fixture(scope="module")
def known(model_home: Path, astronaut: Any) -> Detections:
    """What MTCNN says of the astronaut."""
    [faces] = load_model("mtcnn", task="face-detection", home=model_home).predict([astronaut])
    return faces


# ---------------------------------------------------------------- detectors


def test_yunet_decodes_a_face_by_hand(tmp_path: Path) -> None:
    """One sure cell at stride 16, in column 3 and row 1 of a 64x96 input."""
    outputs: dict[str, Any] = {}
    for stride in (8, 16, 32):
        cells = (64 // stride) * (96 // stride)
        for kind, length in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
            outputs[f"{kind}_{stride}"] = np.zeros((1, cells, length))
    row = 1 * 6 + 3
    outputs["cls_16"][0, row], outputs["obj_16"][0, row] = 1.2, 0.81  # a score is cut to 1
    outputs["bbox_16"][0, row] = [0.5, 0.25, np.log(2), np.log(1)]
    outputs["kps_16"][0, row] = [0, 0, 0.5, 0, 0.25, 0.5, 0, 1, 0.5, 1]
    path = graph(tmp_path, YUNET.replace("[320, 320]", "[64, 96]"), [1, 3, 64, 96], outputs)
    # the picture is twice as large as the input, and a little less wide: letterboxed at the left
    [faces] = load_model(path).predict([np.zeros((128, 180, 3), np.uint8)])
    assert faces.confidence.tolist() == pytest.approx([0.9])
    np.testing.assert_allclose(faces.xyxy, [[2 * 40, 2 * 12, 2 * 72, 2 * 28]], atol=1e-4)
    offsets = np.array([[0, 0], [0.5, 0], [0.25, 0.5], [0, 1], [0.5, 1]])
    points = 2 * (offsets + np.array([3, 1])) * 16
    np.testing.assert_allclose(faces.keypoints, [points], atol=1e-3)
    card = get_card(path)
    assert len(YunetDetector(card, confidence=0.95).predict([np.zeros((64, 96, 3), np.uint8)])[0]) == 0
    assert len(YunetDetector(card, min_face=17).predict([np.zeros((64, 96, 3), np.uint8)])[0]) == 0
    assert len(YunetDetector(card, min_face=15).predict([np.zeros((64, 96, 3), np.uint8)])[0]) == 1
    with pytest.raises(InputError, match="expected multiples of 32"):
        YunetDetector(card, size=(64, 100))
    with pytest.raises(InputError, match="confidence: expected a number in"):
        YunetDetector(card, confidence=1)
    with pytest.raises(ModelError, match=r"make the card's input_size"):
        YunetDetector(card, size=(96, 96)).predict([np.zeros((9, 9, 3), np.uint8)])


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "size"), [("yunet_n_320_320.onnx", 320), ("yunet_n_640_640.onnx", 640), ("yunet_n_dynamic.onnx", 512)]
)
def test_yunet_agrees_with_mtcnn(
    data_dir: Path, tmp_path: Path, astronaut: Any, known: Detections, file: str, size: int
) -> None:
    detector = load_model(own(data_dir, tmp_path, file, YUNET.replace("320", str(size))))
    assert isinstance(detector, YunetDetector)
    assert isinstance(detector, Detector)
    wide = np.concatenate([astronaut, astronaut[:, :200]], axis=1)
    first, second, nothing = detector.predict([astronaut, wide, np.full((40, 40, 3), 9, np.uint8)])
    assert (len(first), len(second), len(nothing)) == (1, 1, 0)
    for faces in (first, second):
        assert iou(faces.xyxy, known.xyxy)[0, 0] > 0.6
        assert np.abs(faces.keypoints - known.keypoints).max() < 12  # of a face of 86 pixels
    assert nothing.keypoints.shape == (0, 5, 2)
    assert detector.predict([]) == []


@pytest.mark.data
def test_ultralight_agrees_with_mtcnn(data_dir: Path, tmp_path: Path, astronaut: Any, known: Detections) -> None:
    path = own(data_dir, tmp_path, "ultralight_version-RFB-320.onnx", ULTRALIGHT)
    detector = load_model(path)
    assert isinstance(detector, UltralightDetector)
    faces, nothing = detector.predict([astronaut, np.full((40, 40, 3), 9, np.uint8)])
    assert (len(faces), len(nothing)) == (1, 0)
    assert faces.keypoints is None
    assert iou(faces.xyxy, known.xyxy)[0, 0] > 0.5
    assert len(UltralightDetector(get_card(path), min_face=300).predict([astronaut])[0]) == 0
    with pytest.raises(InputError, match="expected five keypoints a face, got none; use a detector that finds them"):
        load_model("dlib_resnet").align(astronaut, faces)
    with pytest.raises(InputError, match="confidence: expected a number in"):
        UltralightDetector(get_card(path), confidence=0)


def test_ultralight_outputs_that_do_not_fit(tmp_path: Path) -> None:
    outputs = {"scores": np.zeros((1, 5, 2)), "boxes": np.zeros((1, 4, 4))}
    path = graph(tmp_path, ULTRALIGHT, [1, 3, 240, 320], outputs)
    with pytest.raises(ModelError, match="another decoder reads this file"):
        load_model(path).predict([np.zeros((9, 9, 3), np.uint8)])
    path.with_suffix(".toml").write_text(ULTRALIGHT.replace("ultralight", "retinaface"))
    with pytest.raises(ModelError, match="face-detection needs one of mtcnn, yunet, ultralight, got 'retinaface'"):
        load_model(path)


# ---------------------------------------------------------------- alignment


@pytest.mark.parametrize(("scale", "angle"), [(1, 0), (0.4, 0.5), (3.7, -1.2), (9, 3.0)])
def test_five_points_come_to_their_places(scale: float, angle: float) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (FIVE_POINTS - 56) @ turn.T + 600  # places of the pixels' middles
    for point, place in zip(points, FIVE_POINTS, strict=True):
        away = np.hypot(*(np.indices((1200, 1200))[::-1] - point[:, None, None]))
        spot = 255 * np.exp(-((away / (3 * max(scale, 0.5))) ** 2))
        picture = np.repeat(spot.astype(np.uint8)[:, :, None], 3, axis=2)
        [chip] = FivePointAligner().align(picture, points[None] + 0.5)
        light = chip[:, :, 0] / chip[:, :, 0].sum(dtype=np.float64)
        middle = (light.sum(axis=0) @ np.arange(112), light.sum(axis=1) @ np.arange(112))
        assert np.hypot(middle[0] - place[0], middle[1] - place[1]) < 0.2
    assert FivePointAligner(56).align(picture, points[None] + 0.5)[0].shape == (56, 56, 3)


def test_a_large_face_is_not_sampled_with_holes() -> None:
    """A fine chequerboard under a large face must become grey, not a moiré of black and white."""
    board = (np.indices((1600, 1600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = np.repeat(board[:, :, None], 3, axis=2)
    points = (FIVE_POINTS - 56) * 11 + 800
    [chip] = FivePointAligner().align(picture, points[None])
    assert np.abs(chip.astype(int) - 127).max() <= 2


def test_aligning_nothing_and_nonsense(astronaut: Any) -> None:
    assert FivePointAligner().align(astronaut, np.zeros((0, 5, 2))) == []
    with pytest.raises(InputError, match="got all in one place"):
        FivePointAligner().align(astronaut, np.ones((1, 5, 2)))
    with pytest.raises(InputError, match="expected shape"):
        FivePointAligner().align(astronaut, np.ones((5, 2)))


# ---------------------------------------------------------------- embedders and judges


@pytest.mark.data
def test_mobilefacenet_knows_people_better_when_they_are_aligned(data_dir: Path, tmp_path: Path) -> None:
    embedder = load_model(own(data_dir, tmp_path, "mobilefacenet.onnx", MOBILEFACENET))
    assert isinstance(embedder, FaceEmbedder)
    people = sorted(path for path in (data_dir / "orl").iterdir() if path.is_dir())[:8]
    pictures = [read_image(path) for person in people for path in sorted(person.iterdir())[:4]]
    found = load_model("mtcnn", task="face-detection").predict(pictures)
    aligned = [embedder.align(picture, faces[:1])[0] for picture, faces in zip(pictures, found, strict=True)]
    same = np.repeat(np.arange(8), 4)[:, None] == np.repeat(np.arange(8), 4)[None]
    margins = []
    for chips in (pictures, aligned):
        vectors = embedder.embed(chips).vectors
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        likeness = unit @ unit.T
        margins.append(np.mean(likeness[same & ~np.eye(32, dtype=bool)][:, None] > likeness[~same][None]))
    assert margins[1] > 0.99 > margins[0]
    other = load_model(own(data_dir, tmp_path, "mobilefacenet.onnx", MOBILEFACENET + 'alignment = "dlib"\n'))
    assert other.space != embedder.space


def test_an_embedder_wants_a_square(tmp_path: Path) -> None:
    path = graph(tmp_path, MOBILEFACENET.replace("[112, 112]", "[112, 96]"), [1, 3, 112, 96], {"y": np.zeros((1, 128))})
    with pytest.raises(ModelError, match="expected a square input for faces, the card says 112 x 96"):
        load_model(path)


def test_quality_is_one_number_a_chip(tmp_path: Path, astronaut: Any, known: Detections) -> None:
    toml = 'task = "quality"\ninput_size = [112, 112]\nresize = "squash"\nalignment = "five-point"\n'
    mean = helper.make_node("ReduceMean", ["input"], ["y"], axes=[1, 2, 3], keepdims=0)
    path = graph(tmp_path, toml, ["N", 3, 112, 112], {"y": np.zeros(1)}, [mean])
    proto = onnx.load(path)
    proto.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.save(proto, path)
    judge = load_model(path)
    assert isinstance(judge, FaceQuality)
    grey = [np.full((112, 112, 3), level, np.uint8) for level in (51, 102, 255)]
    np.testing.assert_allclose(judge.score(grey), [0.2, 0.4, 1.0], atol=1e-4)
    assert judge.score([]).shape == (0,)
    chip = FivePointAligner().align(astronaut, known.keypoints)[0]
    np.testing.assert_allclose(judge.score_faces(astronaut, known), judge.score([chip]))
    path = graph(tmp_path, toml, [1, 3, 112, 112], {"y": np.zeros((1, 7))})
    with pytest.raises(ModelError, match="expected one number a chip"):
        load_model(path).score(grey[:1])


LIVENESS = 'task = "anti-spoofing"\ninput_size = [80, 80]\ncolour = "bgr"\nscale = 1.0\nresize = "squash"\n'


def test_liveness_is_a_probability(tmp_path: Path, astronaut: Any, known: Detections) -> None:
    path = graph(tmp_path, LIVENESS, [1, 3, 80, 80], {"y": np.log([[0.1, 0.7, 0.2]])})
    judge = load_model(path)
    assert isinstance(judge, FaceLiveness)
    np.testing.assert_allclose(judge.live(astronaut, known), [0.7], atol=1e-6)
    np.testing.assert_allclose(FaceLiveness(get_card(path), live_class=2).live(astronaut, known), [0.2], atol=1e-6)
    assert judge.live(astronaut, known[:0]).shape == (0,)
    with pytest.raises(ModelError, match="has 3 classes, none is number 3"):
        FaceLiveness(get_card(path), live_class=3).live(astronaut, known)
    with pytest.raises(InputError, match="crop: expected a positive number"):
        FaceLiveness(get_card(path), crop=0)


@pytest.mark.parametrize(
    ("box", "scale", "expected"),
    [
        ([40, 40, 60, 60], 2, (30, 30, 71, 71)),  # well inside
        ([0, 0, 20, 20], 2, (0, 0, 41, 41)),  # shifted in at a corner
        ([80, 0, 100, 20], 3, (40, 0, 100, 61)),
        ([10, 10, 90, 90], 5, (0, 0, 100, 100)),  # larger than the picture: as large as it goes
    ],
)
def test_the_part_around_a_face(box: list[float], scale: float, expected: tuple[int, ...]) -> None:
    from eyebright.models.face_judges import _around

    picture = np.indices((100, 100, 3)).astype(np.uint8)[[1, 0, 0]].transpose(1, 2, 3, 0)[:, :, 0]
    part = _around(np.ascontiguousarray(picture), np.array(box, np.float32), scale)
    corner = (int(part[0, 0, 0]), int(part[0, 0, 1]), int(part[-1, -1, 0]) + 1, int(part[-1, -1, 1]) + 1)
    assert np.abs(np.array(corner) - expected).max() <= 1


def test_the_template_is_where_dlib_s_mean_face_is() -> None:
    """The two alignments describe the same upright face: a similarity carries one to the other within some pixels."""
    from eyebright.models.face_align import _MEAN_FACE

    moved = transform_points(similarity_from_points(_MEAN_FACE, FIVE_POINTS), _MEAN_FACE)
    assert np.abs(moved - FIVE_POINTS).max() < 4
