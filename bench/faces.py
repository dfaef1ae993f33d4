"""Faces beside dlib: parity and speed of the embedder, detect, embed and identify on 640x480, and who is told apart.

The peer is dlib itself (`dlib-bin`), with the work of the package face_recognition: HOG detector without upsampling,
five-point landmarks, ResNet, which use one thread. Eyebright on one thread, and where it says so on two; both sides in
turn, medians.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import dlib
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Detections, Floats, Image
from eyebright.faces import FaceRecognizer
from eyebright.faces._gallery import Gallery, NewFace, scaled
from eyebright.media import read_image
from eyebright.metrics import VerificationMetric, threshold_at_far
from eyebright.models import FaceEmbedder, MtcnnDetector, get_card, load_model
from eyebright.models.weights import package_file

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PAIR_LISTS = {"face-recognition-pivot.csv": "decision", "master.csv": "Decision"}
FAR = 1e-3
MIN_FACE = 80
ENROLLED = 1000
MARGIN = 60
ROUNDS = 9


class Dlib:
    """The peer: dlib's detector, landmarks and network."""

    def __init__(self) -> None:
        self.detector = dlib.get_frontal_face_detector()
        self.landmarks = dlib.shape_predictor(str(package_file(get_card("dlib_landmarks"))))
        self.network = dlib.face_recognition_model_v1(str(package_file(get_card("dlib_resnet"))))

    def everyone(self, picture: Image) -> list[npt.NDArray[np.float64]]:
        """Return the vectors of all faces, as face_recognition computes them without upsampling."""
        boxes = self.detector(picture, 0)
        shapes = [self.landmarks(picture, box) for box in boxes]
        return [np.array(self.network.compute_face_descriptor(picture, shape)) for shape in shapes]

    def largest(self, picture: Image, upsample: int) -> npt.NDArray[np.float64] | None:
        """Return the vector of the largest face, None when none is found."""
        boxes = self.detector(picture, upsample)
        if not boxes:
            return None
        shape = self.landmarks(picture, max(boxes, key=lambda box: box.area()))
        return np.array(self.network.compute_face_descriptor(picture, shape))


def run() -> dict[str, Any]:
    """Return distances, milliseconds and their ratios, and the figures of verification for both."""
    cv2.setNumThreads(1)
    peer = Dlib()
    embedder = load_model("dlib_resnet", task="face-embedding", threads=1)
    detector = MtcnnDetector(get_card("mtcnn"), threads=1, min_face=40)
    portraits = [read_image(path) for path in _orl()]
    photos = {path.name: read_image(path) for path in sorted((DATA / "face_pairs").glob("*.jpg"))}
    pictures = [*portraits, *photos.values()]
    found = [_largest(detector.predict([picture])[0]) for picture in pictures]
    ours = [_embedded(embedder, picture, faces) for picture, faces in zip(pictures, found, strict=True)]
    theirs = [peer.largest(picture, 1) for picture in portraits]
    # face_recognition's own way misses or misplaces faces that fill their picture; a margin helps it
    framed = [peer.largest(_framed(picture), 1) for picture in portraits]
    rest = [peer.largest(picture, 0) for picture in photos.values()]
    chips = [chip for picture, faces in zip(pictures, found, strict=True) for chip in embedder.align(picture, faces)]
    names = list(photos)
    return {
        "embedder": _embedder(peer, embedder, chips),
        "detect_embed_identify_640x480": _scenes(peer, photos),
        "faces_missed": {
            "eyebright": sum(vector is None for vector in ours),
            "dlib": sum(vector is None for vector in theirs + rest),
            "dlib with a margin": sum(vector is None for vector in framed + rest),
        },
        "verification": {
            "eyebright": _verification(ours[: len(portraits)], ours[len(portraits) :], names),
            "dlib": _verification(theirs, rest, names),
            "dlib with a margin": _verification(framed, rest, names),
        },
    }


def _orl() -> list[Path]:
    return sorted((DATA / "orl").glob("*/*.png"))


def _largest(faces: Detections) -> Detections:
    sides = faces.xyxy[:, 2:] - faces.xyxy[:, :2]
    return faces[np.argsort(-sides.prod(axis=1))[:1]]


def _embedded(embedder: FaceEmbedder, picture: Image, faces: Detections) -> Floats | None:
    vectors = scaled(embedder.embed_carefully(embedder.align(picture, faces)).vectors)
    return vectors[0] if len(vectors) else None


def _framed(picture: Image) -> Image:
    edges = (MARGIN,) * 4
    return np.asarray(cv2.copyMakeBorder(picture, *edges, cv2.BORDER_CONSTANT, value=(123, 117, 104)), np.uint8)


def _in_turn(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return the median milliseconds of each, after one round of warming up."""
    spent: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, times in zip(works, spent, strict=True):
            start = time.perf_counter()
            work()
            if number:
                times.append((time.perf_counter() - start) * 1e3)
    return [float(np.median(times)) for times in spent]


def _embedder(peer: Dlib, embedder: FaceEmbedder, chips: list[Image]) -> dict[str, float]:
    """Parity on every eighth chip; speed on eight chips, one by one and at once."""
    some = chips[::8]
    expected = np.array([peer.network.compute_face_descriptor(chip) for chip in some])
    distance = np.linalg.norm(embedder.embed(some).vectors - expected, axis=1).max()
    eight = chips[:8]
    dlib_ms, single_ms, batch_ms = _in_turn(
        lambda: [peer.network.compute_face_descriptor(chip) for chip in eight],
        lambda: [embedder.embed([chip]) for chip in eight],
        lambda: embedder.embed(eight),
        rounds=5,
    )
    return {
        "largest_distance_to_dlib": float(distance),
        "dlib_ms_a_face": dlib_ms / 8,
        "one_by_one_ms_a_face": single_ms / 8,
        "eight_at_once_ms_a_face": batch_ms / 8,
        "ratio_one_by_one": dlib_ms / single_ms,
        "ratio_eight_at_once": dlib_ms / batch_ms,
    }


def _scenes(peer: Dlib, photos: dict[str, Image]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return {
            "one face": _whole(peer, _scene(photos, 1), Path(folder) / "one"),
            "eight faces": _whole(peer, _scene(photos, 8), Path(folder) / "eight"),
        }


def _scene(photos: dict[str, Image], faces: int) -> Image:
    """Return a 640x480 picture of portraits side by side, each face 80 pixels or larger."""
    columns, rows = (4, 2) if faces > 1 else (1, 1)
    width, height = 640 // columns, 480 // rows
    detector = MtcnnDetector(get_card("mtcnn"), threads=1, min_face=MIN_FACE)
    tiles: list[Image] = []
    for picture in photos.values():
        [all_faces] = detector.predict([picture])
        if len(all_faces) != 1:
            continue
        left, top, right, bottom = all_faces.xyxy[0]
        scale = (110 if faces > 1 else 200) / (right - left)
        matrix = np.array(
            [[scale, 0, width / 2 - scale * (left + right) / 2], [0, scale, height / 2 - scale * (top + bottom) / 2]]
        )
        shrunk = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        tiles.append(np.asarray(shrunk, np.uint8))
        if len(tiles) == columns * rows:
            break
    return np.vstack([np.hstack(tiles[row * columns : (row + 1) * columns]) for row in range(rows)])


def _whole(peer: Dlib, scene: Image, folder: Path) -> dict[str, float]:
    """Find, embed and name all faces of a scene, with 1000 people enrolled; both look for faces of 80 pixels."""
    one, two = (FaceRecognizer(store=folder, min_face=MIN_FACE, threads=threads) for threads in (1, 2))
    known = np.random.default_rng(0).normal(0, 0.05, (ENROLLED, 128)).astype(np.float32)
    known[: len(one.detect(scene))] = [face.vector for face in one.detect(scene)]
    gallery = Gallery(folder, load_model("dlib_resnet", task="face-embedding").space, None)
    blank = np.zeros((8, 8, 3), np.uint8)
    gallery.add_all([(f"person {row}", NewFace(vector, blank, "")) for row, vector in enumerate(known)])

    def ours(faces: FaceRecognizer) -> list[str | None]:
        return [match.person for match in faces.recognise(faces.detect(scene))]

    def theirs() -> list[int | None]:
        distances = [np.linalg.norm(known - vector, axis=1) for vector in peer.everyone(scene)]  # as face_distance does
        return [int(row.argmin()) if row.min() <= 0.6 else None for row in distances]

    detector = MtcnnDetector(get_card("mtcnn"), threads=1, min_face=MIN_FACE)
    dlib_ms, our_ms, two_ms, detect_ms = _in_turn(
        theirs, lambda: ours(one), lambda: ours(two), lambda: detector.predict([scene]), rounds=5
    )
    return {
        "faces": len(ours(one)),
        "named": sum(name is not None for name in ours(one)),
        "faces_dlib": len(theirs()),
        "named_dlib": sum(row is not None for row in theirs()),
        "dlib_ms": dlib_ms,
        "eyebright_ms": our_ms,
        "of_which_detection_ms": detect_ms,
        "eyebright_two_threads_ms": two_ms,
        "ratio": dlib_ms / our_ms,
        "ratio_two_threads": dlib_ms / two_ms,
    }


def _verification(portraits: list[Any], photos: list[Any], names: list[str]) -> dict[str, Any]:
    """Figures on orl, and wrong pairs of both lists at the threshold that orl gives; a missed face is like nobody."""
    people = [path.parent.name for path in _orl()]
    first, second = np.triu_indices(len(people), 1)
    nobody = [np.full(128, 9.0 + row) for row in range(len(portraits))]
    vectors = np.array([nobody[row] if vector is None else vector for row, vector in enumerate(portraits)])
    scores = -np.linalg.norm(vectors[first] - vectors[second], axis=1)
    metric = VerificationMetric(fars=(1e-2, FAR))
    metric.update(scores, [people[row] for row in first], [people[row] for row in second])
    same = np.array(people)[first] == np.array(people)[second]
    threshold = threshold_at_far(scores, same, FAR)
    wrong = {}
    for file, column in PAIR_LISTS.items():
        with (DATA / "face_pairs" / file).open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        ends = [[photos[names.index(Path(row[key]).name)] for key in ("file_x", "file_y")] for row in rows]
        accepted = [
            a is not None and b is not None and float(-np.linalg.norm(a - b)) >= threshold for a, b in ends
        ]  # fmt: skip
        wrong[file] = sum(yes != (row[column] == "Yes") for yes, row in zip(accepted, rows, strict=True))
    return {
        **metric.compute(),
        "genuine_pairs_below": int((scores[same] < threshold).sum()),
        "distance_at_far": -threshold,
        "wrong_pairs": wrong,
        "intervals": {name: list(interval) for name, interval in metric.intervals(rounds=200).items()},
    }
