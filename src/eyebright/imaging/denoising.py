"""Removing noise."""

from __future__ import annotations

from typing import Literal

import cv2

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, u8
from eyebright.imaging.noise import noise_sigma
from eyebright.imaging.non_local import non_local_means

Denoising = Literal["bilateral", "median", "non-local"]
_STRONGEST = 100.0


def denoise(image: Picture, method: Denoising = "non-local", strength: float | None = None) -> Picture:
    """Return the picture with less noise.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        method: `non-local` averages similar patches (Buades, Coll & Morel 2005, "A non-local algorithm for image
            denoising"), best on the noise of sensors; `bilateral` averages near pixels of similar value (Tomasi &
            Manduchi 1998), faster; `median` of 3 x 3 (5 x 5 from a strength of 30) removes single wrong pixels.
        strength: standard deviation of the noise in grey levels, 0 to 100; None: measured by `noise_sigma`.

    Returns:
        The same shape, `uint8`, 0 to 255. Strength 0 gives a copy.

    Raises:
        InputError: not a picture, an unknown method, or a strength out of range.
    """
    image = check_picture(image, "denoise")
    if method not in ("bilateral", "median", "non-local"):
        raise InputError(f"denoise: expected bilateral, median or non-local, got {method!r}")
    if strength is None:
        strength = min(noise_sigma(image), _STRONGEST)
    if not 0 <= strength <= _STRONGEST:
        raise InputError(f"denoise: expected a strength of 0 to {_STRONGEST:g} grey levels, got {strength}")
    if strength == 0:
        return image.copy()
    if method == "median":
        return u8(cv2.medianBlur(image, 3 if strength < 30 else 5))
    if method == "bilateral":
        return u8(cv2.bilateralFilter(image, 7, 3.0 * strength, 2.0))
    return non_local_means(image, strength)
