"""Edges drawn by a network, which is handed in: this room loads no models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import ModelError
from eyebright.core.types import Image
from eyebright.imaging._pixels import Picture, check_picture, u8


class EdgeModel(Protocol):
    """Anything that gives a map of edge scores a picture, such as DexiNed (Soria et al. 2020) through `models`."""

    def __call__(self, images: Sequence[Image], /) -> npt.NDArray[Any]:
        """Return scores before the sigmoid, `float (N, 1, h, w)` or `(N, h, w)`, of RGB `uint8 (H, W, 3)` pictures."""
        ...


def learned_edges(image: Picture, model: EdgeModel) -> Picture:
    """Return the probability of an edge, `uint8 (H, W)`: 0 is none, 255 is certain.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`, which the model sees as RGB.
        model: its map may have any size and is stretched over the picture.

    Raises:
        InputError: not a picture.
        ModelError: what the model gives is no such map; and whatever the model itself raises.
    """
    image = check_picture(image, "edges")
    colour = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    scores = np.asarray(model([colour]))
    if (
        scores.dtype.kind != "f"
        or scores.ndim not in (3, 4)
        or len(scores) != 1
        or scores.shape[1:-2] not in ((), (1,))
    ):
        raise ModelError(
            f"edges: expected one map of reals (1, 1, h, w) from the model, got {scores.dtype} {scores.shape}"
        )
    scores = np.clip(scores.reshape(scores.shape[-2:]).astype(np.float32), -30, 30)
    probability = 255 / (1 + np.exp(-scores))
    stretched = cv2.resize(probability, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return u8(cv2.convertScaleAbs(stretched))
