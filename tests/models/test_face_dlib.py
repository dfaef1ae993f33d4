"""dlib's landmarks, chips and face network, held to dlib itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eyebright.core.errors import InputError, ModelError, WeightsError
from eyebright.core.protocols import Embedder
from eyebright.media import read_image
from eyebright.models import DlibAligner, FaceDetector, FaceEmbedder, get_card, load_model, resolve
from eyebright.models import _dlib_landmarks as landmarks
from eyebright.models._dlib_chip import DLIB_FIVE, ChipPlace, chip_place, cut_chip
from eyebright.models._dlib_format import DlibReader
from eyebright.models._dlib_resnet import build
from eyebright.models.weights import package_file
from eyebright.ops import similarity_from_points

NETWORK, LANDMARKS = (package_file(get_card(name)) for name in ("dlib_resnet", "dlib_landmarks"))


@pytest.fixture(scope="module")
def embedder(model_home: Path) -> FaceEmbedder:
    return load_model("dlib_resnet", home=model_home)


@pytest.fixture(scope="module")
def predictor(model_home: Path) -> landmarks.LandmarkPredictor:
    return landmarks.load_landmarks(resolve(get_card("dlib_landmarks"), home=model_home))


@pytest.fixture(scope="module")
def detector(model_home: Path) -> FaceDetector:
    return load_model("mtcnn", task="face-detection", home=model_home)


@pytest.fixture(scope="module")
def found(detector: FaceDetector, photos: dict[str, Path]) -> list[tuple[Any, Any, Any]]:
    """Pictures of several sizes and turns with a face: picture, box, dlib's points in it."""
    astronaut = read_image(photos["astronaut"])
    turn = cv2.getRotationMatrix2D((220, 130), 17, 1.0)
    pictures = [
        astronaut,
        np.asarray(cv2.resize(astronaut, None, fx=2.6, fy=2.6)),
        np.asarray(cv2.resize(astronaut[:250, 100:350], None, fx=0.9, fy=0.9)),
        np.asarray(cv2.warpAffine(astronaut, turn, (512, 512))),
    ]
    return [_by_dlib(detector, picture) for picture in pictures]


def _by_dlib(detector: FaceDetector, picture: Any) -> tuple[Any, Any, Any]:
    [faces] = detector.predict([picture])
    left, top, right, bottom = (round(float(edge)) for edge in faces.xyxy[0])
    box = dlib.rectangle(left, (2 * top + bottom) // 3, right, bottom)  # dlib's boxes begin at the brows
    return picture, box, dlib.shape_predictor(str(LANDMARKS))(picture, box)


def _points(shape: Any) -> Any:
    return np.array([(point.x, point.y) for point in shape.parts()])


def test_landmarks_are_dlib_s(predictor: landmarks.LandmarkPredictor, found: list[tuple[Any, Any, Any]]) -> None:
    for picture, box, shape in found:
        # the box as it is, and one that reaches out of the picture
        for rectangle in (box, dlib.rectangle(box.left() - 150, box.top() - 90, box.right() - 40, box.bottom() + 20)):
            edges = [rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()]
            ours = np.floor(predictor.predict(picture, [edges, edges]) + 0.5)
            theirs = _points(dlib.shape_predictor(str(LANDMARKS))(picture, rectangle))
            np.testing.assert_array_equal(ours, [theirs, theirs])
        assert np.array_equal(_points(shape), _points(dlib.shape_predictor(str(LANDMARKS))(picture, box)))


def test_chips_are_dlib_s_to_the_last_bit(found: list[tuple[Any, Any, Any]]) -> None:
    for picture, _, shape in found:
        for size, padding in ((150, 0.25), (64, 0.1), (150, 1.5)):  # with and without a pyramid; out of the picture
            place = chip_place(_points(shape), DLIB_FIVE, size, padding)
            theirs = dlib.get_face_chip(picture, shape, size, padding)
            np.testing.assert_array_equal(cut_chip(picture, place, size), theirs)


def test_the_network_is_dlib_s(embedder: FaceEmbedder, found: list[tuple[Any, Any, Any]]) -> None:
    theirs = dlib.face_recognition_model_v1(str(NETWORK))
    chips = [np.ascontiguousarray(dlib.get_face_chip(picture, shape, 150, 0.25)) for picture, _, shape in found]
    chips.append(np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8))
    expected = np.array([theirs.compute_face_descriptor(chip) for chip in chips])
    ours = embedder.embed(chips).vectors
    assert np.linalg.norm(ours - expected, axis=1).max() < 1e-4
    whole = np.array(theirs.compute_face_descriptor(found[0][0], found[0][2]))
    assert np.linalg.norm(ours[0] - whole) < 1e-4


@pytest.mark.data
def test_shared_faces_get_dlib_s_vectors(embedder: FaceEmbedder, detector: FaceDetector, data_dir: Path) -> None:
    files = [*sorted((data_dir / "orl").glob("*/*.png"))[::40], *sorted((data_dir / "face_pairs").glob("*.jpg"))[:20:5]]
    theirs = dlib.face_recognition_model_v1(str(NETWORK))
    for file in files:
        picture, _, shape = _by_dlib(detector, read_image(file))
        expected = np.array(theirs.compute_face_descriptor(picture, shape))
        chip = cut_chip(picture, chip_place(_points(shape), DLIB_FIVE, 150), 150)
        assert np.linalg.norm(embedder.embed([chip]).vectors[0] - expected) < 1e-3


def test_the_aligner_cuts_nearly_what_dlib_cuts(
    embedder: FaceEmbedder, detector: FaceDetector, found: list[tuple[Any, Any, Any]]
) -> None:
    for picture, _, _ in found:
        if len(picture) > 512:
            continue  # dlib's detector takes seconds there
        [faces] = detector.predict([picture])
        assert len(faces) == 1
        [chip] = embedder.align(picture, faces)
        [box] = dlib.get_frontal_face_detector()(picture, 0)
        theirs = dlib.get_face_chip(picture, dlib.shape_predictor(str(LANDMARKS))(picture, box), 150, 0.25)
        pair = embedder.embed([chip, theirs]).vectors
        assert np.linalg.norm(pair[0] - pair[1]) < 0.25  # other people are 0.6 and more away
        assert np.array_equal(embedder.embed_faces(picture, faces).vectors, embedder.embed([chip]).vectors)


def test_outside_the_picture_is_the_fill(photos: dict[str, Path]) -> None:
    picture = read_image(photos["astronaut"])
    for place in (ChipPlace((-500, -500), 100, 0.3), ChipPlace((100, 900), 50, 0), ChipPlace((5000, 100), 3000, 1)):
        assert (cut_chip(picture, place, 20, fill=(1, 2, 3)) == [1, 2, 3]).all()
    half = cut_chip(picture, ChipPlace((0, 256), 100, 0), 50, fill=(1, 2, 3))
    assert (half[:, :24] == [1, 2, 3]).all()
    assert not (half[:, 26:] == [1, 2, 3]).all(axis=2).any()
    tiny = np.full((3, 3, 3), 7, np.uint8)
    assert cut_chip(tiny, ChipPlace((1, 1), 200, 0), 30).shape == (30, 30, 3)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20), st.floats(-3.1, 3.1))
def test_the_closed_form_is_the_similarity(seed: int, scale: float, angle: float) -> None:
    random = np.random.default_rng(seed)
    mean = random.uniform(0, 1, (5, 2)).astype(np.float32)
    turned = mean @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * scale
    shape = (turned + random.normal(0, 0.05 * scale, (5, 2))).astype(np.float32)
    anchor, offset = random.integers(0, 5, 30), random.normal(size=(30, 2)).astype(np.float32)
    none = np.zeros((0, 1), np.int64)
    stage = landmarks._Stage(none, none, np.zeros((0, 1)), np.zeros((0, 2, 10)), anchor, offset)
    expected = shape[anchor] + offset @ similarity_from_points(mean, shape)[:, :2].T
    places = np.stack(landmarks._places(stage, mean, shape[None]), axis=2)[0]
    np.testing.assert_allclose(places, expected, atol=1e-5 * max(scale, 1))


def _encoded(value: int) -> bytes:
    magnitude = abs(value).to_bytes((abs(value).bit_length() + 7) // 8 or 1, "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


@given(st.lists(st.integers(-(2**55), 2**55), max_size=30))
def test_integers_come_back(tmp_path_factory: pytest.TempPathFactory, values: list[int]) -> None:
    path = tmp_path_factory.mktemp("dlib") / "numbers"
    path.write_bytes(b"".join(map(_encoded, values)))
    one_by_one, at_once = DlibReader(path), DlibReader(path)
    assert [one_by_one.integer() for _ in values] == values
    assert at_once.integers().tolist() == values
    one_by_one.expect_end()
    at_once.expect_end()


def test_reals(tmp_path: Path) -> None:
    (tmp_path / "reals").write_bytes(b"".join(map(_encoded, (-3, -2, 0, 0, 1, 32000, 1, 32001, 7, 5000))))
    reader = DlibReader(tmp_path / "reals")
    assert [reader.real() for _ in range(4)] == [-0.75, 0.0, np.inf, -np.inf]
    with pytest.raises(WeightsError, match="expected a real number, got exponent 5000"):
        reader.real()


@pytest.mark.parametrize("keep", [0, 1, 40, 300, 19000, 2_000_000, 22466065])
def test_a_shortened_network_is_refused(tmp_path: Path, keep: int) -> None:
    short = tmp_path / "short.dat"
    short.write_bytes(NETWORK.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"short.dat: not the dlib model it should be: at byte .* reinstall"):
        build(short)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not the dlib model it should be"):
        build(LANDMARKS)
    with pytest.raises(WeightsError, match="not the dlib model it should be"):
        landmarks.read_landmarks(NETWORK)
    with pytest.raises(WeightsError, match="cannot read the weights: No such file"):
        build(tmp_path / "nothing.dat")
    longer = tmp_path / "longer.dat"
    longer.write_bytes(NETWORK.read_bytes() + b"\x01\x05")
    with pytest.raises(WeightsError, match="expected the end of the file, got 2 more bytes"):
        build(longer)
    damaged = bytearray(NETWORK.read_bytes())
    damaged[damaged.index(b"relu_") + 1] = ord("a")
    longer.write_bytes(damaged)
    with pytest.raises(WeightsError, match="expected a layer of the face network, got 'ralu_'"):
        build(longer)
    (tmp_path / "landmarks.npz").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="cannot read the landmarks"):
        landmarks.load_landmarks(tmp_path / "landmarks.npz")


@pytest.mark.parametrize("keep", [1, 100, 100_000, 9150488])
def test_shortened_landmarks_are_refused(tmp_path: Path, keep: int) -> None:
    short = tmp_path / "short.dat"
    short.write_bytes(LANDMARKS.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"short.dat: not the dlib model it should be"):
        landmarks.read_landmarks(short)


def test_what_is_cached_is_what_was_read(predictor: landmarks.LandmarkPredictor) -> None:
    read = landmarks.read_landmarks(LANDMARKS)
    assert np.array_equal(read.mean, predictor.mean)
    assert len(read.stages) == len(predictor.stages) == 15
    for one, other in zip(read.stages, predictor.stages, strict=True):
        for name in ("first", "second", "threshold", "leaves", "anchor", "offset"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_its_space_and_protocol(embedder: FaceEmbedder) -> None:
    assert isinstance(embedder, Embedder)
    assert (embedder.space.model, embedder.space.dimension, embedder.space.metric) == ("dlib_resnet", 128, "l2")
    assert embedder.embed([]).vectors.shape == embedder.embed_carefully([]).vectors.shape == (0, 128)
    assert embedder.space == load_model("dlib_resnet", home=embedder._home).space


def test_mistakes(embedder: FaceEmbedder, photos: dict[str, Path]) -> None:
    picture = read_image(photos["astronaut"])
    aligner = DlibAligner(home=embedder._home)
    assert aligner.align(picture, np.zeros((0, 5, 2))) == []
    with pytest.raises(InputError, match=r"keypoints: expected shape \(N, 5, 2\), got \(1, 4, 2\)"):
        aligner.align(picture, np.zeros((1, 4, 2)))
    with pytest.raises(InputError, match="expected an RGB uint8 array"):
        aligner.align(picture[:, :, 0], np.ones((1, 5, 2)))
    with pytest.raises(InputError, match="expected finite points"):
        aligner.align(picture, np.full((1, 5, 2), np.nan))
    # points far away from the picture give a chip of nothing but the fill
    far = np.array([[[0, 0], [50, 0], [25, 30], [5, 60], [45, 60]]]) - 10000.0
    assert len(np.unique(aligner.align(picture, far)[0].reshape(-1, 3), axis=0)) == 1
    with pytest.raises(ModelError, match="is a part of dlib_resnet's alignment"):
        load_model("dlib_landmarks")


def test_a_careful_vector_is_the_mean_of_three_sizes(embedder: FaceEmbedder, photos: dict[str, Path]) -> None:
    picture = read_image(photos["astronaut"])
    chip = np.ascontiguousarray(picture[20:170, 150:300])
    other = np.ascontiguousarray(chip[:, ::-1])
    careful = embedder.embed_carefully([chip, other])
    assert careful.space == embedder.space
    for row, face in enumerate((chip, other)):
        sizes = [face]
        for size in (1.1, 0.91):
            grown = cv2.warpAffine(
                face, np.array([[size, 0, (149 - 149 * size) / 2], [0, size, (149 - 149 * size) / 2]]), (150, 150),
                borderMode=cv2.BORDER_REFLECT,
            )  # fmt: skip
            sizes.append(grown)
        expected = embedder.embed(sizes).vectors.mean(axis=0)
        assert np.linalg.norm(careful.vectors[row] - expected) < 1e-3
    assert np.linalg.norm(careful.vectors[0] - embedder.embed([chip]).vectors[0]) < 0.35  # it is the same face
