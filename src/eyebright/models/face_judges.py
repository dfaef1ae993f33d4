"""Networks that judge a face: how good its picture is, and whether it is a living face or a picture of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Detections, Floats, Image, check_image
from eyebright.models.card import ModelCard
from eyebright.models.face_align import FivePointAligner, keypoints_of
from eyebright.models.model import OnnxModel


class FaceQuality(OnnxModel):
    """Scores how well an aligned face can be recognised, such as eDifFIQA; see `OnnxModel` for the arguments."""

    def score(self, chips: Sequence[Image]) -> Floats:
        """Return one number a chip, `float32 (N,)`; more is better, and the scale is the model's own.

        Args:
            chips: N upright RGB faces, as `FivePointAligner` cuts them; N may be 0.

        Raises:
            InputError: something in `chips` is not a picture.
            ModelError: the model gives more than one number a chip; the weights cannot be had.
        """
        name = self._one_output(self.card.class_output, "class")
        scores = self.run(chips, [name])[name]
        if scores.size != len(chips):
            raise ModelError(f"{self.card.name}: output {name!r} has shape {scores.shape}, expected one number a chip")
        return np.asarray(scores, dtype=np.float32).reshape(-1)

    def score_faces(self, image: Image, faces: Detections) -> Floats:
        """Return one number a detected face. Raises as `score` and `FivePointAligner.align`."""
        return self.score(FivePointAligner(self.card.input_size[0]).align(image, keypoints_of(faces)))


class FaceLiveness(OnnxModel):
    """Tells a living face from a print or a screen, such as MiniFASNet; see `OnnxModel` for the first arguments.

    Args:
        card: the model.
        home: see `eyebright.media.home.home_dir`.
        threads: threads inside one run; None: the number of cores, at most 8.
        crop: sides of the part that the network sees, in sides of the face; 2.7 for the common MiniFASNetV2.
        live_class: index of the class "living" among the outputs.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        crop: float = 2.7,
        live_class: int = 1,
    ) -> None:
        super().__init__(card, home=home, threads=threads)
        if not 0 < crop < float("inf"):
            raise InputError(f"{card.name}: crop: expected a positive number of face sides, got {crop}")
        self.crop, self.live_class = crop, live_class

    def live(self, image: Image, faces: Detections) -> Floats:
        """Return the probability that each face is a living one, `float32 (N,)`.

        Args:
            image: RGB `uint8 (H, W, 3)`.
            faces: N detected faces; N may be 0.

        Raises:
            InputError: no such picture.
            ModelError: the model has no such class; the weights cannot be had.
        """
        crops = [_around(check_image(image), box, self.crop) for box in faces.xyxy]
        name = self._one_output(self.card.class_output, "class")
        scores = self.run(crops, [name])[name]
        scores = scores.reshape(len(crops), int(np.prod(scores.shape[1:])))
        if not 0 <= self.live_class < scores.shape[1]:
            raise ModelError(f"{self.card.name}: has {scores.shape[1]} classes, none is number {self.live_class}")
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        live: Floats = (powers[:, self.live_class] / powers.sum(axis=1)).astype(np.float32)
        return live


def _around(image: Image, box: Floats, scale: float) -> Image:
    """Return the part `scale` times as large as the box; where that does not fit it is shifted into the picture."""
    height, width = image.shape[:2]
    sides = np.maximum(box[2:] - box[:2], 1)
    scale = min(scale, (width - 1) / sides[0], (height - 1) / sides[1]) if min(height, width) > 1 else 1.0
    size = np.maximum(sides * scale, 1)
    low = np.clip((box[:2] + box[2:] - size) / 2, 0, np.maximum([width, height] - size, 0))
    left, top = (int(edge) for edge in low)
    right, bottom = (max(int(edge) + 1, start + 1) for edge, start in zip(low + size, (left, top), strict=True))
    return image[top : min(bottom, height), left : min(right, width)]
