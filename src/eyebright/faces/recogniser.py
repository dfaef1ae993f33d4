"""The recogniser: enrol, identify, verify, calibrate, correct and forget."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import InputError, QueryError
from eyebright.core.types import Detections, Floats, Image, check_image
from eyebright.faces import _calibration
from eyebright.faces._cipher import given_key
from eyebright.faces._enrolling import Enrolling
from eyebright.faces._gallery import Gallery, NewFace, scaled
from eyebright.faces._groups import Grouping
from eyebright.faces._keeping import Keeping
from eyebright.faces._quality import judge
from eyebright.faces.evaluate import Evaluation, evaluate_folder, evaluate_pairs
from eyebright.faces.types import (
    Calibration,
    Face,
    Identification,
    Match,
    Verification,
)
from eyebright.media import display_path, read_image
from eyebright.media.home import home_dir
from eyebright.models import FaceEmbedder, load_model
from eyebright.models.face_align import keypoints_of

_CLOSE = 0.04
"""Scores as near the threshold as this are looked at again: some four in a hundred."""
Source = Image | str | os.PathLike[str]


class FaceRecognizer(Enrolling, Grouping, Keeping):
    """Recognises people that were enrolled, and says `unknown` of everybody else. Threads may share one.

    Args:
        home: see `eyebright.media.home.home_dir`.
        store: folder of the gallery; None: `<home>/faces`.
        detector: a face detector of the catalogue that gives five points, or an ONNX file.
        embedder: a face embedder of the catalogue, or an ONNX file; a gallery belongs to one.
        min_face: smallest face in pixels that is looked for; larger is faster.
        threads: of the networks; None: the number of cores, at most 8.
        key: what seals the gallery; None: what the environment variable EYEBRIGHT_FACES_KEY says.

    Raises:
        ModelError: no such model, or one of another kind.
    """

    def __init__(
        self,
        home: Path | None = None,
        *,
        store: Path | None = None,
        detector: str = "mtcnn",
        embedder: str = "dlib_resnet",
        min_face: int = 40,
        threads: int | None = None,
        key: str | None = None,
    ) -> None:
        if min_face < 20:
            raise InputError(f"min_face: expected 20 pixels or more, got {min_face}")
        self.folder = Path(store) if store is not None else home_dir(home) / "faces"
        self._home = home
        self._threads = threads
        self._detector: Any = load_model(detector, task="face-detection", home=home, threads=threads)
        if hasattr(self._detector, "min_face"):
            self._detector.min_face = min_face
        self._min_face = min_face
        self._embedder: FaceEmbedder = load_model(embedder, task="face-embedding", home=home, threads=threads)
        self._gallery = Gallery(self.folder, self._embedder.space, key if key is not None else given_key())

    # ---------------------------------------------------------------- seeing

    def detect(self, image: Source, *, carefully: bool = False) -> list[Face]:
        """Return the faces of a picture, the largest first.

        Args:
            image: RGB `uint8 (H, W, 3)`, or a file.
            carefully: see `describe`.

        Raises:
            InputError: not a picture, or the detector gives no landmarks.
            MediaError: the file cannot be read.
        """
        pixels = check_image(image) if isinstance(image, np.ndarray) else read_image(image)
        return self.describe(pixels, self.find(pixels), carefully=carefully)

    def find(self, image: Image) -> Detections:
        """Return where the faces of a picture are, with five points each, the largest first; nothing is embedded.

        Raises:
            InputError: not a picture, or the detector gives no landmarks.
        """
        [found] = self._detector.predict([image])
        sides = (found.xyxy[:, 2:] - found.xyxy[:, :2]).min(axis=1) if len(found) else np.zeros(0)
        order = np.argsort(-sides, kind="stable")
        chosen: Detections = found[order[sides[order] >= self._min_face * 0.8]]
        if len(chosen) and chosen.keypoints is None:
            raise InputError(
                "faces: the detector gives boxes without landmarks, so faces cannot be laid upright; use mtcnn or yunet"
            )
        return chosen

    def describe(self, image: Image, found: Detections, *, carefully: bool = False) -> list[Face]:
        """Align, embed and judge faces that `find` has found in this picture, in their order.

        Args:
            image: RGB `uint8 (H, W, 3)`.
            found: its faces.
            carefully: see `FaceEmbedder.embed_carefully`; what is enrolled, verified or measured is embedded so.
        """
        if not len(found):
            return []
        chips = self._embedder.align(image, found)
        vectors = (self._embedder.embed_carefully if carefully else self._embedder.embed)(chips).vectors
        points = keypoints_of(found)
        return [
            Face(box, marks, float(confidence), vector, chip, judge(box, marks, chip, (image.shape[0], image.shape[1])))
            for box, marks, confidence, vector, chip in zip(
                found.xyxy, points, found.confidence, vectors, chips, strict=True
            )
        ]

    def match(self, vectors: Floats) -> list[Match]:
        """Say who faces are.

        Args:
            vectors: `float32 (N, D)` as `Face.vector`.
        """
        loaded = self._gallery.loaded()
        calibration = loaded.calibration or _calibration.default_for(self._gallery.space)
        return [self._match(vector, loaded, calibration) for vector in scaled(np.atleast_2d(vectors))]

    def recognise(self, faces: Sequence[Face]) -> list[Match]:
        """Say who faces are; those whose score is near the threshold are embedded carefully and compared again."""
        if not faces:
            return []
        matches = self.match(np.stack([face.vector for face in faces]))
        least = self.calibration.threshold
        close = [row for row, match in enumerate(matches) if abs(match.score - least) < _CLOSE]
        if close:
            vectors = self._embedder.embed_carefully([faces[row].chip for row in close]).vectors
            for row, match in zip(close, self.match(vectors), strict=True):
                matches[row] = match
        return matches

    def identify(self, image: Source, *, keep_unknown: bool = False) -> list[Identification]:
        """Say who is in a picture, the largest face first. The audit log counts it. Raises as `detect`.

        Args:
            image: RGB `uint8 (H, W, 3)`, or a file.
            keep_unknown: keep faces of unknown people in the gallery, to be named later or purged.
        """
        faces = self.detect(image)
        matches = self.recognise(faces)
        self._gallery.log("identify", [match.person for match in matches])
        if keep_unknown:
            source = "picture" if isinstance(image, np.ndarray) else display_path(Path(image))
            chips = [face.chip for face, match in zip(faces, matches, strict=True) if match.person is None]
            vectors = self._embedder.embed_carefully(chips).vectors  # as all that is kept
            kept = [NewFace(vector, chip, source) for vector, chip in zip(vectors, chips, strict=True)]
            self._gallery.add(None, kept)
        return [Identification(*pair) for pair in zip(faces, matches, strict=True)]

    def verify(self, first: Source, second: Source) -> Verification:
        """Say whether the largest faces of two pictures show one person. Raises as `detect`, and when one has none."""
        vectors = []
        for which, image in (("first", first), ("second", second)):
            faces = self.detect(image, carefully=True)
            if not faces:
                name = f"the {which} picture" if isinstance(image, np.ndarray) else display_path(Path(image))
                raise InputError(f"{name}: expected a face of {self._min_face} px or more, found none")
            vectors.append(scaled(faces[0].vector[None])[0])
        calibration = self.calibration
        score = self._score(float(np.linalg.norm(vectors[0] - vectors[1])))
        return Verification(
            score >= calibration.threshold, _calibration.probability(score, calibration), score, calibration.threshold
        )

    # ---------------------------------------------------------------- the threshold

    @property
    def calibration(self) -> Calibration:
        """What decisions are held to: the gallery's own calibration, or the default of the embedder."""
        return self._gallery.loaded().calibration or _calibration.default_for(self._gallery.space)

    def calibrate(self, far: float = 1e-3) -> Calibration:
        """Set the threshold from the gallery's own pairs of different people, and return it.

        Raises:
            InputError: a rate that these pairs cannot support.
        """
        loaded = self._gallery.loaded()
        found = _calibration.calibrate(loaded.vectors, loaded.owners, self._gallery.space, far)
        self._gallery.calibrate(found)
        return found

    @property
    def fpir(self) -> float:
        """At what rate a stranger is taken for somebody in the gallery, at its present size; see `docs/faces.md`."""
        return _calibration.identification_rate(self.calibration.far, len(self._gallery.loaded().owners))

    def evaluate(
        self,
        *,
        root: Path | None = None,
        pairs: Path | None = None,
        groups: Path | None = None,
        threshold: float | None = None,
    ) -> Evaluation:
        """Measure on a folder that holds a folder a person, or on a table of pairs; see `eyebright.faces.evaluate`."""
        look = functools.partial(self.detect, carefully=True)
        least = self.calibration.threshold if threshold is None else threshold
        if root is not None:
            return evaluate_folder(look, self._gallery.space, least, root, groups=groups)
        if pairs is None:
            raise InputError("evaluate: expected root or pairs")
        return evaluate_pairs(look, self._gallery.space, least, pairs)

    # ---------------------------------------------------------------- corrections

    def reject(self, image: Source, name: str) -> None:
        """Remember "this is not NAME": of the largest face of a picture, or of a kept face by its id.

        A face that is nearer to what was rejected than to that person's pictures is not taken for that person again.
        """
        if isinstance(image, str) and self._is_kept(image):
            self._gallery.deny(self._gallery.vector(image), name)
            owner = next((p.name for p in self.people() if any(f.id == image for f in self.faces(p.name))), None)
            if owner == name.strip():
                self._gallery.move([image], None)
            return
        faces = self.detect(image, carefully=True)
        if not faces:
            raise InputError("not: expected a picture with a face, found none")
        self._gallery.deny(faces[0].vector, name)

    # ---------------------------------------------------------------- inside

    def _is_kept(self, text: str) -> bool:
        if Path(text).exists():
            return False
        try:
            self._gallery.vector(text)
        except QueryError:
            return False
        return True

    def _score(self, distance: float) -> float:
        return 1 - distance if self._gallery.space.metric == "l2" else 1 - distance**2 / 2

    def _match(self, vector: Floats, loaded: Any, calibration: Calibration) -> Match:
        if not len(loaded.owners):
            return Match(None, float("nan"), float("inf"), 0.0, None, None)
        reach = 1 - calibration.threshold
        interest = reach if self._gallery.space.metric == "l2" else float(np.sqrt(2 * max(reach, 0.0)))
        # of people that were denied others are looked at instead
        rows, distances = loaded.nearest.people(vector, interest, 2 + len(loaded.denials))
        ranked = []
        for row, distance in zip(rows, distances, strict=True):
            owner = int(loaded.owners[row])
            denied = loaded.denials.get(owner)
            if denied is not None and np.linalg.norm(denied - vector, axis=1).min() <= distance:
                continue  # it was said of a face as near as this that it is somebody else
            ranked.append((loaded.names[owner], self._score(float(distance))))
            if len(ranked) == 2:
                break
        if not ranked:
            return Match(None, float("nan"), float("inf"), 0.0, None, None)
        name, score = ranked[0]
        runner_up, next_score = ranked[1] if len(ranked) > 1 else (None, -float("inf"))
        likely = _calibration.probability(score, calibration)
        return Match(
            name if score >= calibration.threshold else None, score, score - next_score, likely, name, runner_up
        )
