"""MTCNN: its weights read safely, its networks held to a plain twin, its faces on real pictures."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import dlib
import joblib
import numpy as np
import pytest

from eyebright.core.errors import InputError, ModelError, WeightsError
from eyebright.core.protocols import Detector
from eyebright.media import read_image
from eyebright.models import FaceDetector, MtcnnDetector, Session, face_mtcnn, get_card, load_model, resolve
from eyebright.models._joblib_pickle import read_arrays
from eyebright.models._mtcnn_nets import build
from eyebright.models.weights import package_file
from eyebright.ops import iou

CARD = get_card("mtcnn")
WEIGHTS = package_file(CARD)


@pytest.fixture(scope="module")
def detector(model_home: Path) -> FaceDetector:
    return load_model("mtcnn", task="face-detection", home=model_home)


@pytest.fixture(scope="module")
def astronaut(photos: dict[str, Path]) -> Any:
    return read_image(photos["astronaut"])


# ---------------------------------------------------------------- weights


def test_arrays_are_what_joblib_wrote(tmp_path: Path) -> None:
    arrays = [np.random.default_rng(0).normal(size=shape).astype(np.float32) for shape in ((3, 4, 5), (7,), (1, 1))]
    joblib.dump(arrays, tmp_path / "arrays.lz4", compress=("lz4", 1))
    for ours, theirs in zip(read_arrays(tmp_path / "arrays.lz4"), arrays, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    known = joblib.load(WEIGHTS)
    assert [array.shape for array in read_arrays(WEIGHTS)] == [array.shape for array in known]


class _Harm:
    def __reduce__(self) -> Any:
        return os.system, ("touch harmed",)


@pytest.mark.parametrize(
    "content",
    [
        _Harm(), [_Harm()], {"a": 1}, [1], "text", [np.zeros(3)], [np.zeros(3, ">f4")], [np.array([None])],
        [np.asfortranarray(np.zeros((3, 3), np.float32))], [np.zeros(3, np.float32), _Harm()], np.zeros(3, np.float32),
    ],
)  # fmt: skip
def test_anything_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    monkeypatch.chdir(tmp_path)
    joblib.dump(content, tmp_path / "other.lz4", compress=("lz4", 1))
    with pytest.raises(WeightsError, match=r"other.lz4: expected a joblib dump of plain float32 arrays"):
        read_arrays(tmp_path / "other.lz4")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("keep", [0, 3, 100, 20_000, 27_118])
def test_a_shortened_file_is_refused(tmp_path: Path, keep: int) -> None:
    short = tmp_path / "short.lz4"
    short.write_bytes(WEIGHTS.with_name("pnet.lz4").read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"short.lz4: expected a joblib dump"):
        read_arrays(short)


def test_files_that_are_missing_or_not_lz4(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read the weights: No such file"):
        read_arrays(tmp_path / "nothing.lz4")
    plain = io.BytesIO()
    pickle.dump([1, 2], plain)
    (tmp_path / "plain.lz4").write_bytes(plain.getvalue())
    with pytest.raises(WeightsError, match="expected a joblib dump"):
        read_arrays(tmp_path / "plain.lz4")


def test_networks_of_another_shape_are_refused(tmp_path: Path) -> None:
    for name in ("pnet.lz4", "rnet.lz4", "onet.lz4"):
        shutil.copy(WEIGHTS.with_name(name), tmp_path / name)
    shutil.copy(WEIGHTS.with_name("rnet.lz4"), tmp_path / "onet.lz4")
    with pytest.raises(WeightsError, match=r"onet.lz4: not the weights of MTCNN"):
        build(tmp_path / "onet.lz4")
    arrays = joblib.load(WEIGHTS)
    joblib.dump([*arrays, arrays[0]], tmp_path / "onet.lz4", compress=("lz4", 1))
    with pytest.raises(WeightsError, match="1 arrays too many"):
        build(tmp_path / "onet.lz4")
    (tmp_path / "pnet.lz4").write_bytes(b"changed")
    with pytest.raises(WeightsError, match=r"pnet.lz4 is damaged or was changed"):
        build(tmp_path / "onet.lz4")


# ---------------------------------------------------------------- networks


def _conv(x: Any, kernel: Any, bias: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))  # N H W C kh kw
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel) + bias


def _pool(x: Any, size: int, same: bool) -> Any:
    if same:
        pads = [max((-(-side // 2) - 1) * 2 + size - side, 0) for side in x.shape[1:3]]
        before_after = [(0, 0), *((pad // 2, pad - pad // 2) for pad in pads), (0, 0)]
        x = np.pad(x, before_after, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))[:, ::2, ::2].max(axis=(4, 5))


def _prelu(x: Any, slope: Any) -> Any:
    return np.where(x > 0, x, slope * x)


def _softmax(x: Any) -> Any:
    powers = np.exp(x)
    return powers / powers.sum(axis=-1, keepdims=True)


def _twin(letter: str, images: Any) -> tuple[Any, ...]:
    """The network as its package's Keras layers define it, plainly; `images` (N, H, W, 3) in [-1, 1]."""
    weights = iter([array.astype(np.float64) for array in read_arrays(WEIGHTS.with_name(f"{letter}net.lz4"))])

    def layer(x: Any) -> Any:
        kernel, bias, slope = next(weights), next(weights), next(weights)
        return _prelu(_conv(x, kernel, bias) if kernel.ndim == 4 else x @ kernel + bias, slope)

    def head(x: Any) -> Any:
        kernel, bias = next(weights), next(weights)
        return x @ (kernel[0, 0] if kernel.ndim == 4 else kernel) + bias

    def flat(x: Any) -> Any:
        return x.transpose(0, 2, 1, 3).reshape(len(x), -1)

    if letter == "p":
        x = layer(layer(_pool(layer(images), 2, True)))
        return head(x), _softmax(head(x))
    if letter == "r":
        x = layer(flat(layer(_pool(layer(_pool(layer(images), 3, True)), 3, False))))
        return head(x), _softmax(head(x))
    x = _pool(layer(_pool(layer(images), 3, True)), 3, False)
    x = layer(flat(layer(_pool(layer(x), 2, True))))
    return head(x), head(x), _softmax(head(x))


@pytest.mark.parametrize(
    ("letter", "sizes"), [("p", [(12, 12), (13, 12), (40, 31)]), ("r", [(24, 24)]), ("o", [(48, 48)])]
)
def test_the_networks_are_those_of_the_package(model_home: Path, letter: str, sizes: list[tuple[int, int]]) -> None:
    names = [f"{letter}_{name}" for name in ("box", *(["points"] if letter == "o" else []), "face")]
    session = Session(resolve(CARD, home=model_home), threads=1, only=names)
    assert {output.name for output in session.outputs} == set(names)
    for height, width in sizes:
        images = np.random.default_rng(height).uniform(-1, 1, (3, height, width, 3))
        out = session.run(np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32))
        *expected, face = _twin(letter, images)
        for name, value in zip(names, [*expected, face[..., 1:]], strict=True):
            ours = out[name].transpose(0, 2, 3, 1).reshape(value.shape)
            np.testing.assert_allclose(ours, value, atol=1e-4)


def test_a_session_of_a_part_knows_its_outputs(model_home: Path) -> None:
    with pytest.raises(ModelError, match="no output named 'q_face'"):
        Session(resolve(CARD, home=model_home), only=["q_face"])


def test_strips_change_nothing(detector: FaceDetector, astronaut: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    [whole] = detector.predict([astronaut])
    for pixels in (1, 5000):
        monkeypatch.setattr(face_mtcnn, "_STRIP", pixels)
        monkeypatch.setattr(face_mtcnn, "_CROPS", 3)
        [strips] = detector.predict([astronaut[:301]])
        [other] = detector.predict([astronaut])
        np.testing.assert_allclose(other.xyxy, whole.xyxy, atol=1e-3)
        np.testing.assert_allclose(other.keypoints, whole.keypoints, atol=1e-3)
        assert len(strips) == 1


# ---------------------------------------------------------------- faces


def test_the_astronaut_s_eyes_and_nose(detector: FaceDetector, astronaut: Any) -> None:
    [faces] = detector.predict([astronaut])
    assert isinstance(detector, Detector)
    assert len(faces) == 1
    [points] = faces.keypoints
    left, top, right, bottom = (int(edge) for edge in faces.xyxy[0])
    shape = dlib.shape_predictor(str(package_file(get_card("dlib_landmarks"))))(
        astronaut, dlib.rectangle(left - 5, top + 25, right + 5, bottom)
    )
    corners = np.array([(point.x, point.y) for point in shape.parts()])
    side = right - left
    assert np.linalg.norm(points[0] - corners[2:4].mean(axis=0)) < 0.1 * side  # left in the picture
    assert np.linalg.norm(points[1] - corners[:2].mean(axis=0)) < 0.1 * side
    assert abs(points[2, 0] - corners[4, 0]) < 0.1 * side
    assert points[3, 0] < points[2, 0] < points[4, 0]
    assert min(points[3:, 1]) > points[2, 1] > max(points[:2, 1])


def test_a_mirror_and_another_size(detector: FaceDetector, astronaut: Any) -> None:
    [faces] = detector.predict([astronaut])
    [mirrored] = detector.predict([np.ascontiguousarray(astronaut[:, ::-1])])
    [larger] = detector.predict([np.asarray(cv2.resize(astronaut, None, fx=2.5, fy=2.5))])
    side = np.ptp(faces.xyxy[0, ::2])
    assert len(mirrored) == len(larger) == 1
    back = mirrored.keypoints[0, [1, 0, 2, 4, 3]] * [-1, 1] + [512, 0]
    assert np.abs(back - faces.keypoints[0]).max() < 0.08 * side
    assert np.abs(larger.keypoints[0] / 2.5 - faces.keypoints[0]).max() < 0.08 * side
    assert iou(larger.xyxy / 2.5, faces.xyxy)[0, 0] > 0.75


def test_company_changes_nothing(detector: FaceDetector, astronaut: Any, photos: dict[str, Path]) -> None:
    small, coffee = astronaut[:250, 90:340], read_image(photos["coffee"])
    alone = [detector.predict([image])[0] for image in (astronaut, coffee, small)]
    together = detector.predict([astronaut, coffee, small])
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-2)
    assert [len(faces) for faces in together] == [1, 0, 1]
    assert together[1].keypoints.shape == (0, 5, 2)


def test_a_hundred_faces(detector: FaceDetector, astronaut: Any) -> None:
    face = np.asarray(cv2.resize(astronaut[30:200, 140:310], (64, 64), interpolation=cv2.INTER_AREA))
    wall = np.tile(face, (10, 10, 1))
    [faces] = detector.predict([wall])
    assert len(faces) == 100
    cells = {(int(x // 64), int(y // 64)) for x, y in faces.keypoints[:, 2]}
    assert len(cells) == 100
    assert (np.diff(faces.confidence) <= 0).all()


def test_a_face_at_the_border(detector: FaceDetector, astronaut: Any) -> None:
    cut = np.ascontiguousarray(astronaut[60:300, 190:450])  # goes through the hair and the cheek
    [faces] = detector.predict([cut])
    assert len(faces) == 1
    assert (faces.xyxy >= 0).all()
    assert faces.xyxy[0, 2] <= 260


@pytest.mark.parametrize("shape", [(1, 1, 3), (11, 500, 3), (500, 11, 3), (30, 30, 3), (13, 13, 3)])
def test_too_small_for_a_face(detector: FaceDetector, shape: tuple[int, int, int]) -> None:
    [faces] = detector.predict([np.full(shape, 200, np.uint8)])
    assert (len(faces), faces.keypoints.shape) == (0, (0, 5, 2))


def test_turned_and_grey_pictures_are_no_trouble(detector: FaceDetector, astronaut: Any) -> None:
    grey = np.repeat(astronaut[:, :, 1:2], 3, axis=2)
    [upside_down], [grey_faces] = detector.predict([astronaut[::-1]]), detector.predict([grey])
    assert len(grey_faces) == 1
    assert np.isfinite(upside_down.xyxy).all()
    assert detector.predict([]) == []


def test_min_face(model_home: Path, astronaut: Any) -> None:
    assert len(MtcnnDetector(CARD, home=model_home, min_face=60).predict([astronaut])[0]) == 1
    assert len(MtcnnDetector(CARD, home=model_home, min_face=250).predict([astronaut])[0]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face": 11}, "min_face: expected 12 pixels or more, got 11"),
        ({"min_face": float("nan")}, "min_face: expected 12 pixels or more, got nan"),
        ({"thresholds": (0.6, 0.7)}, "thresholds: expected three numbers"),
        ({"thresholds": (0.6, 0.7, 1)}, "thresholds: expected three numbers"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        MtcnnDetector(CARD, **options)


def test_mistakes(detector: FaceDetector, astronaut: Any) -> None:
    with pytest.raises(InputError, match="expected a list of pictures, got one picture"):
        detector.predict(astronaut)
    with pytest.raises(InputError, match="image 1: expected an RGB uint8 array"):
        detector.predict([astronaut, astronaut[:, :, 0]])


@pytest.mark.data
def test_no_portrait_is_missed(detector: FaceDetector, data_dir: Path) -> None:
    portraits = [read_image(path) for path in sorted((data_dir / "orl").glob("*/*.png"))]
    assert [len(faces) for faces in detector.predict(portraits)] == [1] * len(portraits)


@pytest.mark.data
def test_faces_of_photos_are_found(detector: FaceDetector, data_dir: Path) -> None:
    photos = [read_image(path) for path in sorted((data_dir / "face_pairs").glob("img*.jpg"))[::5]]
    assert all(len(faces) >= 1 for faces in detector.predict(photos))
