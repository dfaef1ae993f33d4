"""Laplacian of Gaussian: edges and blobs of one scale."""

from __future__ import annotations

import math

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey, u8

# the answer to a step peaks at one sigma beside it, at 1 / sqrt(2 pi e) of the step
_PEAK = 1 / math.sqrt(2 * math.pi * math.e)


def log_response(image: Picture, sigma: float = 2.0) -> Floats:
    """Return the Laplacian of the smoothed luma times sigma squared (Lindeberg 1998), `float32 (H, W)`.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        sigma: of the Gaussian in pixels, 0.5 to 50.

    Returns:
        Grey levels, positive on the dark side of an edge and in dark blobs.

    Raises:
        InputError: not a picture, or sigma out of range.
    """
    grey = to_grey(check_picture(image, "Laplacian of Gaussian"))
    if not 0.5 <= sigma <= 50:
        raise InputError(f"Laplacian of Gaussian: expected a sigma of 0.5 to 50 pixels, got {sigma}")
    radius = math.ceil(4 * sigma)
    x = np.arange(-radius, radius + 1, dtype=np.float64)
    bell = np.exp(-0.5 * (x / sigma) ** 2)
    bell /= bell.sum()
    curve = (x**2 / sigma**2 - 1) * bell
    curve -= bell * curve.sum()  # a plain picture must answer nothing at all
    border = cv2.BORDER_REFLECT
    whole = cv2.sepFilter2D(grey, cv2.CV_32F, curve, bell, borderType=border)
    return np.asarray(cv2.add(whole, cv2.sepFilter2D(grey, cv2.CV_32F, bell, curve, borderType=border)), np.float32)


def laplacian_of_gaussian(image: Picture, sigma: float = 2.0) -> Picture:
    """Return the strength of edges at one scale, `uint8 (H, W)`, 0 to 255.

    The absolute `log_response`, scaled so that a straight edge from black to white peaks at 255 on either side; on the
    edge itself it is 0.

    Raises:
        InputError: as `log_response`.
    """
    return u8(cv2.convertScaleAbs(log_response(image, sigma), alpha=1 / _PEAK))


def zero_crossings(image: Picture, sigma: float = 2.0, contrast: float = 8.0) -> Picture:
    """Return the edges of Marr & Hildreth 1980, "Theory of edge detection": where `log_response` changes its sign.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        sigma: of the Gaussian in pixels, 0.5 to 50.
        contrast: how far the answer must swing in the 3 x 3 pixels around, in grey levels, so that noise draws nothing.

    Returns:
        `uint8 (H, W)`: 255 on the brighter side of an edge, else 0.

    Raises:
        InputError: as `log_response`, or a negative contrast.
    """
    if not contrast >= 0:
        raise InputError(f"zero crossings: expected a contrast of 0 or more, got {contrast}")
    answer = log_response(image, sigma)
    window = np.ones((3, 3), np.uint8)
    high, low = cv2.dilate(answer, window), cv2.erode(answer, window)
    edges = (answer <= 0) & (high > 0) & (high - low > contrast)
    return np.where(edges, np.uint8(255), np.uint8(0))
