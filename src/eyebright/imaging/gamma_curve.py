"""Gamma correction, with a given exponent or one estimated from the picture."""

from __future__ import annotations

import math

import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, histogram, look_up, to_grey

_LIMITS = 0.2, 5.0  # beyond these, quantisation shows more than the picture


def estimate_gamma(image: Picture) -> float:
    """Return the exponent that brings the mean luma, on a scale of 0 to 1, to about a half.

    The mean m is solved for m ** gamma = 0.5 (Babakhani & Zarei 2015, "Automatic gamma correction based on average of
    brightness", equation 2). Below 1 it brightens, above 1 it darkens; limited to 0.2 to 5.

    Raises:
        InputError: not a picture.
    """
    counts = histogram(to_grey(check_picture(image, "gamma")))[0]
    mean = float(counts @ np.arange(256) / counts.sum()) / 255
    if mean <= 0 or mean >= 1:
        return _LIMITS[0] if mean <= 0 else _LIMITS[1]
    return min(max(math.log(0.5) / math.log(mean), _LIMITS[0]), _LIMITS[1])


def gamma(image: Picture, value: float | None = None) -> Picture:
    """Return `255 * (image / 255) ** value`, rounded.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        value: the exponent, above 0; below 1 brightens. None: `estimate_gamma(image)`.

    Returns:
        The same shape, `uint8`, 0 to 255; black stays black and white stays white.

    Raises:
        InputError: not a picture, or `value` not positive.
    """
    image = check_picture(image, "gamma")
    if value is None:
        value = estimate_gamma(image)
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"gamma: expected an exponent above 0, got {value}")
    return look_up(image, 255 * (np.arange(256) / 255) ** value)
