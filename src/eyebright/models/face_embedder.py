"""Faces to vectors: aligned as the network wants, then embedded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.types import Detections, Embeddings, Image, Space, check_image
from eyebright.models.card import ModelCard
from eyebright.models.embedder import ImageEmbedder
from eyebright.models.face_align import ALIGN_VERSION, DlibAligner, FaceAligner, FivePointAligner, keypoints_of

_SIZES = (1.1, 0.91)
"""Of the face inside its chip, beside the chip as it is; on ORL portraits they lose fewer people than
shifted, turned or mirrored chips."""


class FaceEmbedder(ImageEmbedder):
    """Embeds faces; see `OnnxModel` for the arguments.

    `embed` takes chips that `align` has cut; `embed_faces` does both. Vectors come as the network gives them: how they
    are compared is the metric of their space.
    """

    def __init__(self, card: ModelCard, *, home: Path | None = None, threads: int | None = None) -> None:
        super().__init__(card, home=home, threads=threads)
        height, width = card.input_size
        if height != width:
            raise ModelError(f"{card.name}: expected a square input for faces, the card says {height} x {width}")
        self.aligner: FaceAligner = (
            DlibAligner(width, home=home) if card.alignment == "dlib" else FivePointAligner(width)
        )

    @property
    def space(self) -> Space:
        """The space of the vectors; its version changes with the alignment too. Raises as `ImageEmbedder.space`."""
        space = super().space
        facts = (space.version, self.card.alignment or "five-point", ALIGN_VERSION)
        version = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
        return Space(space.model, version, space.dimension, space.metric)

    def align(self, image: Image, faces: Detections) -> list[Image]:
        """Return one upright RGB chip a face, of the size that the network wants.

        Args:
            image: RGB `uint8 (H, W, 3)`.
            faces: with five keypoints each, as a `FaceDetector` gives them.

        Raises:
            InputError: no picture, no keypoints, or all points of a face in one place.
            WeightsError: the landmark model that the alignment needs cannot be had.
        """
        return self.aligner.align(image, keypoints_of(faces))

    def embed_carefully(self, chips: Sequence[Image]) -> Embeddings:
        """Return one vector a chip, `float32 (N, D)`: the mean of those of the face at three sizes.

        It is a steadier vector of the same space, at three times the cost: for pictures that others are compared with.

        Args:
            chips: as `align` gives them.

        Raises:
            InputError, ModelError: as `embed`.
        """
        shown = list(chips)
        for size in _SIZES:
            shown += [_resized(check_image(chip), size) for chip in chips]
        found = self.embed(shown)
        if not len(chips):
            return found
        mean = found.vectors.reshape(len(shown) // len(chips), len(chips), -1).mean(axis=0)
        return Embeddings(np.asarray(mean, np.float32), found.space)

    def embed_faces(self, image: Image, faces: Detections) -> Embeddings:
        """Return one vector a face, `float32 (N, D)`. Raises as `align` and `embed`."""
        return self.embed(self.align(image, faces))


def _resized(chip: Image, size: float) -> Image:
    """Return a chip of the same size in which the face is `size` times as large; what is missing is mirrored."""
    height, width = chip.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, size)
    return np.asarray(cv2.warpAffine(chip, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)
