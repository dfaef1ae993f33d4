"""The feature maps of named layers."""

from __future__ import annotations

from collections.abc import Sequence

from eyebright.core.errors import ModelError
from eyebright.core.types import Floats, Image
from eyebright.models.model import OnnxModel


class ImageFeatures(OnnxModel):
    """Implements `eyebright.core.protocols.FeatureExtractor`; see `OnnxModel` for the arguments."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that the card offers."""
        return self.card.layers

    def features(self, images: Sequence[Image], layers: Sequence[str]) -> dict[str, Floats]:
        """Return the maps of the named layers, `float32 (N, C, H, W)` each.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.
            layers: one or more of `layers`.

        Raises:
            InputError: something in `images` is not such a picture.
            ModelError: a layer that the card does not name; the weights cannot be had.
        """
        for layer in layers:
            if layer not in self.card.layers:
                known = ", ".join(self.card.layers) or "none"
                raise ModelError(f"{self.card.name}: no layer named {layer!r}; its card offers {known}")
        return self.run(images, layers)
