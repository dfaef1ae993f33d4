"""Standing people without a download: histograms of gradients and a linear classifier that OpenCV brings.

Dalal and Triggs, Histograms of oriented gradients for human detection, CVPR 2005.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Image, check_image
from eyebright.ops import clip, nms

_WINDOW = (128, 64)
_BODY = (16 / 128, 16 / 64)
"""It was trained with 16 pixels around people: parts of its window's height and width that are cut off on each side."""


class PeopleDetector:
    """Finds people that stand upright and whole; implements `eyebright.core.protocols.Detector`.

    Args:
        confidence: least score, in (0, 1); the score is the sigmoid of the margin of the classifier.
        enlarge: enlarge small pictures so that their shorter side has at least this many pixels.
        iou_threshold: a box is dropped when it overlaps a better one by more.

    Raises:
        InputError: a number out of range.
    """

    def __init__(self, *, confidence: float = 0.6, enlarge: int = 0, iou_threshold: float = 0.35) -> None:
        if not 0 < confidence <= 1 or not 0 <= iou_threshold <= 1 or enlarge < 0:
            raise InputError(
                f"people: expected confidence above 0 and at most 1, iou_threshold 0 to 1 and enlarge from 0, "
                f"got {confidence}, {iou_threshold}, {enlarge}"
            )
        self.confidence, self.enlarge, self.iou_threshold = confidence, enlarge, iou_threshold
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the people of each picture, best first, as class 0; none in pictures smaller than a window.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes.

        Raises:
            InputError: something in `images` is not such a picture.
        """
        return [self._one(check_image(image, f"people: image {row}")) for row, image in enumerate(images)]

    def _one(self, image: Image) -> Detections:
        height, width = image.shape[:2]
        factor = max(1.0, self.enlarge / min(height, width))
        picture = image if factor == 1 else cv2.resize(image, None, fx=factor, fy=factor)
        if picture.shape[0] < _WINDOW[0] or picture.shape[1] < _WINDOW[1]:
            return Detections.empty()
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        found, margins = self._hog.detectMultiScale(
            bgr, winStride=(8, 8), padding=(16, 16), scale=1.05, groupThreshold=0
        )
        scores = (1 / (1 + np.exp(-2 * np.asarray(margins, dtype=np.float64).reshape(-1)))).astype(np.float32)
        rects = np.asarray(found, dtype=np.float64).reshape(-1, 4)
        down, across = rects[:, 3] * _BODY[0], rects[:, 2] * _BODY[1]
        boxes = np.stack(
            [
                rects[:, 0] + across,
                rects[:, 1] + down,
                rects[:, 0] + rects[:, 2] - across,
                rects[:, 1] + rects[:, 3] - down,
            ],
            axis=1,
        )
        inside = clip(boxes / factor, (height, width))
        sound = np.flatnonzero(
            (scores >= self.confidence) & (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
        )
        kept = sound[nms(inside[sound], scores[sound], self.iou_threshold)]
        return Detections(inside[kept].astype(np.float32), scores[kept], np.zeros(len(kept), dtype=np.int64))
