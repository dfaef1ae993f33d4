"""Faces to vectors: aligned as the network wants, then embedded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from eyebright.core.errors import ModelError
from eyebright.core.types import Detections, Embeddings, Image, Space
from eyebright.models.card import ModelCard
from eyebright.models.embedder import ImageEmbedder
from eyebright.models.face_align import ALIGN_VERSION, DlibAligner, FaceAligner, FivePointAligner, keypoints_of


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

    def embed_faces(self, image: Image, faces: Detections) -> Embeddings:
        """Return one vector a face, `float32 (N, D)`. Raises as `align` and `embed`."""
        return self.embed(self.align(image, faces))
