"""Drawing the borders between regions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Image, check_image

_YELLOW = (255, 230, 0)


def draw_regions(image: Image, labels: npt.ArrayLike, *, colour: tuple[int, int, int] = _YELLOW) -> Image:
    """Return the picture with the borders between regions drawn, two pixels wide.

    Args:
        image: RGB `uint8 (H, W, 3)`; it is not changed.
        labels: integers `(H, W)`, one a region.
        colour: RGB.

    Raises:
        InputError: not a picture, or labels of another size.
    """
    drawn, numbers = np.array(check_image(image, "draw_regions")), np.asarray(labels)
    if numbers.shape != drawn.shape[:2]:
        raise InputError(f"draw_regions: expected labels of shape {drawn.shape[:2]}, got {numbers.shape}")
    border = np.zeros(numbers.shape, dtype=bool)
    for one, other in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        apart = numbers[one] != numbers[other]
        border[one] |= apart
        border[other] |= apart
    drawn[border] = colour
    return drawn
