"""Drawing the borders between regions, and where a class map is wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Image, check_image

_YELLOW, _GREEN, _RED = (255, 230, 0), (26, 160, 80), (214, 40, 40)


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


def draw_map_errors(image: Image, truth: npt.ArrayLike, found: npt.ArrayLike, *, ignore: int | None = 255) -> Image:
    """Return the picture, grey and pale, with wrong pixels red and the borders of the true classes green.

    Args:
        image: RGB `uint8 (H, W, 3)`; it is not changed.
        truth: class numbers `(H, W)`.
        found: the same.
        ignore: pixels of the truth with this number are never wrong.

    Raises:
        InputError: not a picture, or maps of another size.
    """
    drawn, want, got = np.array(check_image(image, "draw_map_errors")), np.asarray(truth), np.asarray(found)
    if not want.shape == got.shape == drawn.shape[:2]:
        raise InputError(f"draw_map_errors: expected maps of shape {drawn.shape[:2]}, got {want.shape}, {got.shape}")
    drawn[:] = (drawn.mean(axis=2, keepdims=True) * 0.6 + 255 * 0.4).astype(np.uint8)
    wrong = want != got if ignore is None else (want != got) & (want != ignore)
    drawn[wrong] = (drawn[wrong] * 0.3 + np.array(_RED) * 0.7).astype(np.uint8)
    return draw_regions(drawn, want, colour=_GREEN)
