"""Pictures to vectors of one space."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.types import Embeddings, Image, Space
from eyebright.models.card import ModelCard
from eyebright.models.model import OnnxModel
from eyebright.models.preprocess import PREPROCESS_VERSION
from eyebright.models.weights import content_key


class ImageEmbedder(OnnxModel):
    """Implements `eyebright.core.protocols.Embedder`; see `OnnxModel` for the arguments.

    Vectors come as the network gives them; an output with height and width is averaged over them.
    """

    def __init__(
        self,
        card: ModelCard,
        *,
        home: Path | None = None,
        threads: int | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        if card.dimension < 1:
            raise ModelError(f"{card.name}: is no embedder; its card gives no dimension")
        super().__init__(card, home=home, threads=threads, size=size)
        self._version = ""

    @property
    def space(self) -> Space:
        """The space of the vectors; its version changes with the weights, the preprocessing and the output.

        Raises:
            WeightsError: the hash of the weights is not known before they are there, and they cannot be had.
        """
        if not self._version:
            card, size = self.card, self.preprocessor.size
            facts = (
                content_key(card, self._home), card.embedding_output, size, card.layout, card.colour, card.scale,
                card.mean, card.std, card.resize, card.crop_fraction, card.pad_value, card.pad_side,
                card.interpolation, card.antialias, PREPROCESS_VERSION,
            )  # fmt: skip
            self._version = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
        return Space(self.card.name, self._version, self.card.dimension, self.card.metric)

    def embed(self, images: Sequence[Image]) -> Embeddings:
        """Return one vector a picture, `float32 (N, D)`.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the model and its card do not fit; the weights cannot be had.
        """
        name = self._one_output(self.card.embedding_output, "embedding")
        vectors = self.run(images, [name])[name]
        if vectors.ndim == 4:
            vectors = vectors.mean(axis=(2, 3))
        if vectors.ndim != 2 or vectors.shape[1] != self.card.dimension:
            raise ModelError(
                f"{self.card.name}: output {name!r} has shape {vectors.shape}, the card says dimension "
                f"{self.card.dimension}; correct the card"
            )
        return Embeddings(np.asarray(vectors, dtype=np.float32), self.space)
