"""What moves before a camera that stands still, without weights.

Background subtraction models each pixel's usual colours: MOG2 as a mixture of Gaussians (Zivkovic, Improved adaptive
Gaussian mixture model for background subtraction, ICPR 2004), KNN by samples (Zivkovic and van der Heijden, Efficient
adaptive density estimation per image pixel, Pattern Recognition Letters 27, 2006). Both tell shadows, which darken a
pixel but keep its hue (Prati et al., Detecting moving shadows, PAMI 25, 2003).
"""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Frame, Masks, check_image

Subtraction = Literal["mog2", "knn"]
_FOREGROUND = 255
"""OpenCV marks shadows with 127."""


_SLOWEST = 100
"""Frames in which the background is learnt anew at first, when there are fewer than half of it so far."""


class MotionDetector:
    """Boxes and masks of what moves; implements `eyebright.core.protocols.FrameDetector`.

    Args:
        method: `mog2` or `knn`.
        history: how many frames the background remembers.
        warm_up: how many frames at the beginning only teach the background.
        min_area: smallest part of the picture that counts, 0 to 1.
        join: gaps of up to this part of the shorter side are closed, 0 to 0.2.

    Raises:
        InputError: an unknown method, or a number out of range.
    """

    def __init__(
        self,
        *,
        method: Subtraction = "mog2",
        history: int = 500,
        warm_up: int = 5,
        min_area: float = 0.0008,
        join: float = 0.012,
    ) -> None:
        if method not in ("mog2", "knn"):
            raise InputError(f"motion: method: expected mog2 or knn, got {method!r}")
        if history < 1 or warm_up < 0 or not 0 <= min_area <= 1 or not 0 <= join <= 0.2:
            raise InputError(
                f"motion: expected history from 1, warm_up from 0, min_area 0 to 1 and join 0 to 0.2, "
                f"got {history}, {warm_up}, {min_area}, {join}"
            )
        self.method, self.history, self.warm_up = method, history, warm_up
        self.min_area, self.join = min_area, join
        self.reset()

    def reset(self) -> None:
        """Forget the background."""
        self._seen = 0
        self._size: tuple[int, ...] = ()
        self._model: Any = (
            cv2.createBackgroundSubtractorMOG2(self.history, 25, detectShadows=True)
            if self.method == "mog2"
            else cv2.createBackgroundSubtractorKNN(self.history, 500, detectShadows=True)
        )

    def update(self, frame: Frame) -> Detections:
        """Return what moves, the largest first.

        Args:
            frame: the next picture of the same camera.

        Returns:
            One row a connected region, class 0, with its mask. The confidence is the part of the box that moves.

        Raises:
            InputError: not a picture, or of another size than those before.
        """
        image = check_image(frame.image, f"motion: frame {frame.index}")
        if self._size and image.shape[:2] != self._size:
            raise InputError(
                f"motion: frame {frame.index} is {image.shape[1]}x{image.shape[0]}, those before "
                f"{self._size[1]}x{self._size[0]}; a camera that stands still has one size (reset for another video)"
            )
        self._size = image.shape[:2]
        self._seen += 1
        # the mixture's own rate begins so high that a slow object becomes background while it passes
        rate = (
            -1.0
            if self._seen == 1 or self.method == "knn"
            else 1 / min(max(2 * self._seen, _SLOWEST), max(self.history, 2))
        )
        moving = self._model.apply(image, learningRate=rate) == _FOREGROUND
        return Detections.empty() if self._seen <= self.warm_up else self._regions(moving)

    def _regions(self, moving: Any) -> Detections:
        height, width = moving.shape
        opened = cv2.morphologyEx(moving.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        reach = max(1, round(self.join * min(height, width)))
        # a person's dark parts often look like the background: gaps are closed, more so down than across
        kernel = np.ones((2 * reach + 1, 2 * (reach // 2) + 1), np.uint8)
        closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
        rows = [row for row in range(1, count) if stats[row, cv2.CC_STAT_AREA] >= self.min_area * height * width]
        rows.sort(key=lambda row: -int(stats[row, cv2.CC_STAT_AREA]))
        boxes, crops, scores = [], [], []
        for row in rows:
            x, y, wide, tall, size = (int(v) for v in stats[row])
            boxes.append((x, y, x + wide, y + tall))
            crops.append(labels[y : y + tall, x : x + wide] == row)
            scores.append(size / (wide * tall))
        origins = np.array([box[:2] for box in boxes], dtype=np.int64).reshape(-1, 2)
        return Detections(
            np.array(boxes, dtype=np.float32).reshape(-1, 4),
            np.array(scores, dtype=np.float32),
            np.zeros(len(rows), dtype=np.int64),
            masks=Masks(tuple(crops), origins, (height, width)),
        )
