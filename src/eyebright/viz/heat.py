"""Heat maps over pictures."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Image, check_image


def heat_overlay(image: Image, heat: Floats, *, strength: float = 0.6) -> Image:
    """Return `image` with its hot regions coloured and the cold ones dimmed.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        heat: `float32 (h, w)` in [0, 1], stretched over the picture.
        strength: how much the colour covers at heat 1, in [0, 1].

    Raises:
        InputError: not an RGB picture, or a map that is not two-dimensional.
    """
    height, width = check_image(image).shape[:2]
    if heat.ndim != 2 or heat.size == 0:
        raise InputError(f"heat_overlay: expected a map (h, w), got shape {heat.shape}")
    stretched = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    smooth = np.clip(stretched, 0, 1)
    colour = cv2.cvtColor(cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    # the picture, its grey and the colour, each with its own weight at a pixel
    cover = np.float32(strength) * smooth
    grey = cv2.transform(image, np.full((1, 3), 1 / 3, np.float32)) * (np.float32(0.25) * (1 - smooth) * (1 - cover))
    kept, coloured = (0.35 + 0.65 * smooth) * (1 - cover), cover
    mixed = np.empty(image.shape, np.uint8)
    for channel in range(3):
        level = image[..., channel] * kept + colour[..., channel] * coloured + grey
        mixed[..., channel] = np.clip(level, 0, 255, out=level)
    return mixed
