"""Canny's edges: one pixel thin, connected, with thresholds given or taken from the picture."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, to_grey, u8
from eyebright.imaging.gradient import GAIN, Whole

_HIGH, _LOW = 4.0, 0.5
_FLOOR = 2.0
_UNIT = 16
_GAIN = GAIN["sobel"] * _UNIT


def canny_thresholds(image: Picture, sigma: float = 1.4) -> tuple[float, float]:
    """Return the lower and upper threshold that `canny` takes when none are given.

    Most pixels of a picture lie on no edge. If what they show is noise, the length of their gradient follows Rayleigh's
    distribution, whose median is 1.18 deviations; noise then exceeds 4 medians once in 65 000 pixels, and 2 medians,
    the lower threshold, in one of 16. The proportion is that of Canny 1986, "A computational approach to edge
    detection", section VIII: two to three.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        sigma: see `canny`.

    Returns:
        Grey levels, on the scale of `eyebright.imaging.sobel`; the upper is at least 2.

    Raises:
        InputError: not a picture, or sigma out of range.
    """
    return _from_median(*_smoothed(image, sigma))


def canny(image: Picture, low: float | None = None, high: float | None = None, *, sigma: float = 1.4) -> Picture:
    """Return the edges, `uint8 (H, W)`: 255 on an edge, else 0.

    Args:
        image: RGB `uint8 (H, W, 3)`, of which the luma is used, or grey `(H, W)`.
        low: weaker gradients are no edge. Grey levels: a step from black to white has 255.
        high: stronger gradients begin an edge, which goes on as long as it stays above `low`. A threshold that is not
            given is taken from `canny_thresholds`, or from the other one at the same proportion, a half.
        sigma: of the Gaussian that smooths before, in pixels, 0 (none) to 50.

    Raises:
        InputError: not a picture, sigma out of range, or not 0 <= low <= high.
    """
    across, down = _smoothed(image, sigma)
    if low is None and high is None:
        low, high = _from_median(across, down)
    elif high is None and low is not None:
        high = low / _LOW
    elif low is None and high is not None:
        low = high * _LOW
    assert low is not None
    assert high is not None
    if not 0 <= low <= high:
        raise InputError(f"canny: expected 0 <= low <= high, got low {low} and high {high}")
    return u8(cv2.Canny(across, down, low * _GAIN, high * _GAIN, L2gradient=True))


def _smoothed(image: Picture, sigma: float) -> tuple[Whole, Whole]:
    grey = to_grey(check_picture(image, "canny"))
    if not 0 <= sigma <= 50:
        raise InputError(f"canny: expected a sigma of 0 to 50 pixels, got {sigma}")
    # whole grey levels are too coarse for a smoothed picture; 1/16 fits Canny's 16-bit gradients
    deep: Whole = np.multiply(grey, _UNIT, dtype=np.int16)
    if sigma > 0:
        deep = cv2.GaussianBlur(deep, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    border = cv2.BORDER_REPLICATE
    return cv2.Sobel(deep, -1, 1, 0, borderType=border), cv2.Sobel(deep, -1, 0, 1, borderType=border)


def _from_median(across: Whole, down: Whole) -> tuple[float, float]:
    # every fourth pixel in large pictures: the median of a million is as good
    step = max(1, round((across.size / 1e6) ** 0.5))
    x, y = across[::step, ::step].astype(np.float32), down[::step, ::step].astype(np.float32)
    high = max(_HIGH * float(np.median(cv2.magnitude(x, y))) / _GAIN, _FLOOR)
    return _LOW * high, high
