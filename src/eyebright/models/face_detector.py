"""What all face detectors share: pictures in, boxes with five points out."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Detections, Image
from eyebright.models.model import OnnxModel
from eyebright.ops import clip

POINTS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")
"""The five keypoints of a face; left and right as seen in the picture."""


class FaceDetector(OnnxModel, abc.ABC):
    """Base of the face detectors; implements `eyebright.core.protocols.Detector`."""

    @abc.abstractmethod
    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture, best first.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Returns:
            One `Detections` a picture: `xyxy` inside the picture, `class_id` 0, and `keypoints (faces, 5, 2)` in the
            order of `POINTS` (they may lie outside a picture that cuts the face off). A detector that finds no points
            leaves `keypoints` None.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the model and its card do not fit; the weights cannot be had.
        """


def faces(
    boxes: npt.ArrayLike, confidence: npt.ArrayLike, points: npt.ArrayLike | None, size: tuple[int, int]
) -> Detections:
    """Return detections with boxes cut to the picture; rows that lie outside it altogether are left out.

    Args:
        boxes: `(N, 4)` xyxy pixels.
        confidence: `(N,)`.
        points: `(N, 5, 2)` pixels, or None.
        size: height and width of the picture.
    """
    inside = clip(np.asarray(boxes, dtype=np.float32).reshape(-1, 4), size)
    found = Detections(
        inside,
        np.asarray(confidence, dtype=np.float32).reshape(-1),
        np.zeros(len(inside), dtype=np.int64),
        keypoints=None if points is None else np.asarray(points, dtype=np.float32).reshape(-1, 5, 2),
    )
    return found[(inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])]
