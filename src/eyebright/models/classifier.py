"""What a picture shows: probabilities over the label map of a card."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Floats, Image
from eyebright.models._labels import read_labels
from eyebright.models.model import OnnxModel


class ImageClassifier(OnnxModel):
    """Implements `eyebright.core.protocols.Classifier`; see `OnnxModel` for the arguments."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in index order; empty when the card has no label map."""
        return read_labels(self.card)

    def logits(self, images: Sequence[Image]) -> Floats:
        """Return the network's scores as they come, `float32 (N, classes)`. Raises as `classify`."""
        name = self._one_output(self.card.class_output, "class")
        scores = self.run(images, [name])[name]
        scores = scores.reshape(len(images), int(np.prod(scores.shape[1:])))
        labels = self.labels
        if labels and scores.shape[1] != len(labels):
            raise ModelError(
                f"{self.card.name}: output {name!r} has {scores.shape[1]} classes, the label map "
                f"{self.card.labels!r} has {len(labels)}; correct the card"
            )
        return scores

    def classify(self, images: Sequence[Image]) -> Floats:
        """Return probabilities `float32 (N, classes)`, each row summing to 1.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: the model and its card do not fit; the weights cannot be had.
        """
        return _probabilities(self.logits(images))

    def top(self, images: Sequence[Image], k: int = 5) -> list[list[tuple[str, float]]]:
        """Return the k likeliest classes of each picture as (label, probability), best first.

        Args:
            images: as `classify`.
            k: 1 or more; all classes when there are fewer. A class without a label is called by its index.

        Raises:
            InputError: k is less than 1; else as `classify`.
        """
        if k < 1:
            raise InputError(f"top: expected k of 1 or more, got {k}")
        probabilities = self.classify(images)
        labels = self.labels or tuple(str(index) for index in range(probabilities.shape[1]))
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(labels[index], float(row[index])) for index in order]
            for row, order in zip(probabilities, best, strict=True)
        ]


def _probabilities(scores: Floats) -> Floats:
    """Softmax over the last axis, unless the network has done it already."""
    if (scores >= 0).all() and np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)
