"""YuNet: faces with five points in one pass.

Wu et al., YuNet: a tiny millisecond-level face detector, Machine Intelligence Research 20, 2023. At strides 8, 16 and
32 each cell gives the probabilities of a class and of an object, the shift of the middle and the logarithms of the
sides in strides, and five points in strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Detections, Floats, Image
from eyebright.models.card import ModelCard
from eyebright.models.face_detector import FaceDetector, faces
from eyebright.ops import nms

_STRIDES = (8, 16, 32)


class YunetDetector(FaceDetector):
    """Finds faces with five points; see `OnnxModel` for the first arguments.

    Args:
        card: a card whose decoder is `yunet`.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        size: another input height and width than the card's, multiples of 32, for files that take any.
        confidence: least score of a face, the geometric mean of both probabilities.
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
        size: tuple[int, int] | None = None,
        confidence: float = 0.7,
        min_face: float = 0,
    ) -> None:
        super().__init__(card, home=home, threads=threads, size=size)
        if any(side % _STRIDES[-1] for side in self.preprocessor.size):
            raise InputError(f"{card.name}: input size: expected multiples of 32, got {self.preprocessor.size}")
        if not 0 < confidence < 1:
            raise InputError(f"{card.name}: confidence: expected a number in (0, 1), got {confidence}")
        self.confidence, self.min_face = confidence, min_face

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture; see `FaceDetector.predict`."""
        names = [f"{kind}_{stride}" for stride in _STRIDES for kind in ("cls", "obj", "bbox", "kps")]
        outputs = self.run(images, names)
        return [self._one({name: outputs[name][row] for name in names}, image) for row, image in enumerate(images)]

    def _one(self, outputs: dict[str, Floats], image: Image) -> Detections:
        parts = [self._decoded(outputs, stride) for stride in _STRIDES]
        boxes, scores, points = (np.concatenate(column) for column in zip(*parts, strict=True))
        kept = nms(boxes, scores, 0.3)
        placed = self.preprocessor.placement(*image.shape[:2])
        found = faces(
            placed.points_to_source(boxes[kept].reshape(-1, 2, 2)).reshape(-1, 4),
            scores[kept],
            placed.points_to_source(points[kept]),
            (image.shape[0], image.shape[1]),
        )
        sides = found.xyxy[:, 2:] - found.xyxy[:, :2]
        return found[sides.min(axis=1, initial=np.inf) >= self.min_face]

    def _decoded(self, outputs: dict[str, Floats], stride: int) -> tuple[Floats, Floats, Floats]:
        """Return boxes, scores and points of one stride, in pixels of the input."""
        rows, columns = (side // stride for side in self.preprocessor.size)
        shapes = {"cls": (1,), "obj": (1,), "bbox": (4,), "kps": (10,)}
        for kind, (length,) in shapes.items():
            if (shape := outputs[f"{kind}_{stride}"].shape) != (rows * columns, length):
                raise ModelError(
                    f"{self.card.name}: output {kind}_{stride} has {shape} a picture, expected "
                    f"({rows * columns}, {length}); make the card's input_size fit the file"
                )
        scores = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1))[:, 0]
        sure = np.flatnonzero(scores >= self.confidence)
        cell = np.stack([sure % columns, sure // columns], axis=1).astype(np.float32)
        box = outputs[f"bbox_{stride}"][sure]
        middle, half = cell + box[:, :2], np.exp(box[:, 2:]) / 2
        points = outputs[f"kps_{stride}"][sure].reshape(-1, 5, 2) + cell[:, None]
        return np.concatenate([middle - half, middle + half], axis=1) * stride, scores[sure], points * stride
