"""Laying faces upright: from a picture and five points to the chips that face networks want."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Floats, Image, check_image
from eyebright.models._dlib_chip import DLIB_FIVE, chip_place, cut_chip
from eyebright.models._dlib_landmarks import LandmarkPredictor, load_landmarks
from eyebright.models.catalogue import get_card
from eyebright.models.weights import resolve
from eyebright.ops import similarity_from_points

ALIGN_VERSION = 2
"""Changes whenever the same face would give another chip, or its vectors would be compared otherwise."""

FIVE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where eyes, nose and mouth corners lie in a 112x112 chip, in the order of `POINTS`: the places that the networks of
the ArcFace family are trained with (Deng et al. 2019, https://arxiv.org/abs/1801.07698)."""

_MEAN_FACE = np.array([[0.2255, 0.2157], [0.7547, 0.2157], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]])
"""The same points in a face of side 1 of dlib's chips: means of its 68 landmarks' places."""
_BOX = 1.3
"""Side of the box in which dlib's landmarks look for a face, in sides of that face: a little wider than the boxes of
dlib's own detector (1.24); between 1.2 and 1.5 the accuracy hardly changes."""
_AVERAGE = (123, 117, 104)
"""What the network takes for nothing: the mean colour of its training."""


class FaceAligner(Protocol):
    """Cuts upright chips."""

    def align(self, image: Image, keypoints: npt.ArrayLike) -> list[Image]:
        """Return one RGB chip `uint8 (S, S, 3)` a face.

        Args:
            image: RGB `uint8 (H, W, 3)`.
            keypoints: `(N, 5, 2)` pixels in the order of `POINTS`.
        """
        ...


class FivePointAligner:
    """Lays the five points on `FIVE_POINTS`, as the networks of the ArcFace family want.

    Args:
        size: side of the chips in pixels.
    """

    def __init__(self, size: int = 112) -> None:
        self.size = size

    def align(self, image: Image, keypoints: npt.ArrayLike) -> list[Image]:
        """Return the chips; see `FaceAligner.align`. Places outside the picture are black.

        Raises:
            InputError: something else than a picture and five points a face, or all points of a face in one place.
        """
        points = _checked(image, keypoints)
        # pixel i reaches from i to i + 1 in our coordinates, and OpenCV calls its middle i
        return [self._one(image, face - 0.5) for face in points]

    def _one(self, image: Image, points: npt.NDArray[np.float64]) -> Image:
        matrix = similarity_from_points(points, FIVE_POINTS * (self.size / 112))
        while np.hypot(matrix[0, 0], matrix[1, 0]) < 0.5 and min(image.shape[:2]) > 1:
            # bilinear looks at four pixels; a much larger face is halved first, so that all of its pixels count
            halved = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            across, down = image.shape[1] / halved.shape[1], image.shape[0] / halved.shape[0]
            matrix = matrix @ np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
            image = np.asarray(halved, dtype=np.uint8)
        chip = cv2.warpAffine(image, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR)
        return np.asarray(chip, dtype=np.uint8)


class DlibAligner:
    """Cuts faces as dlib's network was trained: by dlib's own five landmarks, found inside a box around ours.

    Places outside the picture have the mean colour of the training, which the network sees as nothing; on portraits
    that fill their picture this finds more people than dlib's black.

    Args:
        size: side of the chips in pixels.
        home: see `eyebright.media.home.home_dir`.
    """

    def __init__(self, size: int = 150, *, home: Path | None = None) -> None:
        self.size = size
        self._home = home
        self._predictor: LandmarkPredictor | None = None
        self._lock = threading.Lock()

    def load(self) -> LandmarkPredictor:
        """Read the landmark model once.

        Raises:
            WeightsError: it is missing and cannot be had, or is damaged.
        """
        with self._lock:
            if self._predictor is None:
                self._predictor = load_landmarks(resolve(get_card("dlib_landmarks"), home=self._home))
            return self._predictor

    def align(self, image: Image, keypoints: npt.ArrayLike) -> list[Image]:
        """Return the chips; see `FaceAligner.align`.

        Raises:
            InputError: something else than a picture and five points a face, or all points of a face in one place.
            WeightsError: as `load`.
        """
        points = _checked(image, keypoints) - 0.5  # dlib calls the middle of pixel i i
        boxes = []
        for face in points:
            place = chip_place(face, _MEAN_FACE, self.size, padding=0)
            half = _BOX * place.side / 2
            boxes.append(
                [place.centre[0] - half, place.centre[1] - half, place.centre[0] + half, place.centre[1] + half]
            )
        if not boxes:
            return []
        found = self.load().predict(image, boxes, outside=sum(_AVERAGE) // 3)
        return [cut_chip(image, chip_place(face, DLIB_FIVE, self.size), self.size, fill=_AVERAGE) for face in found]


def keypoints_of(faces: Detections) -> Floats:
    """Return the points `(N, 5, 2)` of detected faces.

    Raises:
        InputError: the detector gave none.
    """
    if faces.keypoints is None:
        if len(faces) == 0:
            return np.zeros((0, 5, 2), dtype=np.float32)
        raise InputError(
            "faces: expected five keypoints a face, got none; use a detector that finds them, such as mtcnn"
        )
    return faces.keypoints


def _checked(image: Image, keypoints: npt.ArrayLike) -> npt.NDArray[np.float64]:
    check_image(image)
    points = np.asarray(keypoints, dtype=np.float64)
    if points.size == 0:
        return points.reshape(0, 5, 2)
    if points.ndim != 3 or points.shape[1:] != (5, 2):
        raise InputError(f"keypoints: expected shape (N, 5, 2), got {points.shape}")
    return points
