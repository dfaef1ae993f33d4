"""The detectors of "Ultra-Light-Fast-Generic-Face-Detector-1MB" (RFB-320, slim-320): boxes without points.

Their graphs decode their own anchors: `scores (N, A, 2)`, of which the second is the face's probability, and
`boxes (N, A, 4)`, corners as parts of the picture's width and height.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Detections, Image
from eyebright.models.card import ModelCard
from eyebright.models.face_detector import FaceDetector, faces
from eyebright.ops import nms


class UltralightDetector(FaceDetector):
    """Finds faces without points; see `OnnxModel` for the first arguments.

    Args:
        card: a card whose decoder is `ultralight`.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        confidence: least probability of a face.
        min_face: shortest side of a face in pixels; smaller ones are left out.

    Raises:
        InputError: a number out of range.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        confidence: float = 0.7,
        min_face: float = 0,
    ) -> None:
        super().__init__(card, home=home, threads=threads)
        if not 0 < confidence < 1:
            raise InputError(f"{card.name}: confidence: expected a number in (0, 1), got {confidence}")
        self.confidence, self.min_face = confidence, min_face

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture, without keypoints; see `FaceDetector.predict`."""
        outputs = self.run(images, ["scores", "boxes"])
        scores, boxes = outputs["scores"], outputs["boxes"]
        if scores.ndim != 3 or scores.shape[2] != 2 or boxes.shape != (*scores.shape[:2], 4):
            raise ModelError(
                f"{self.card.name}: expected outputs scores (N, A, 2) and boxes (N, A, 4), got {scores.shape} and "
                f"{boxes.shape}; another decoder reads this file"
            )
        found = []
        for row, image in enumerate(images):
            sure = scores[row, :, 1] >= self.confidence
            height, width = self.preprocessor.size
            placed = self.preprocessor.placement(*image.shape[:2])
            inside = boxes[row, sure] * np.array([width, height, width, height], dtype=np.float32)
            corners = placed.points_to_source(inside.reshape(-1, 2, 2)).reshape(-1, 4)
            kept = nms(corners, scores[row, sure, 1], 0.3)
            detections = faces(corners[kept], scores[row, sure, 1][kept], None, (image.shape[0], image.shape[1]))
            sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
            found.append(detections[sides.min(axis=1, initial=np.inf) >= self.min_face])
        return found
