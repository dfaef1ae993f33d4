"""Edges by the name of the method, with one smoothing for all that smooth."""

from __future__ import annotations

from typing import Literal

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture
from eyebright.imaging.canny_edges import canny
from eyebright.imaging.gradient import scharr, sobel
from eyebright.imaging.laplacian import laplacian_of_gaussian, zero_crossings

EdgeMethod = Literal["sobel", "scharr", "log", "zero-crossings", "canny"]
_LAPLACIAN_SIGMA, _CANNY_SIGMA = 2.0, 1.4


def edges(
    image: Picture,
    method: EdgeMethod = "canny",
    *,
    low: float | None = None,
    high: float | None = None,
    sigma: float | None = None,
) -> Picture:
    """Draw edges, white on black, `uint8 (H, W)`.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        method: see the functions `sobel`, `scharr`, `laplacian_of_gaussian` (`log`), `zero_crossings` and `canny`.
        low: for `canny`.
        high: for `canny`.
        sigma: of the smoothing in pixels; None: 2 for `log` and `zero-crossings`, 1.4 for `canny`.

    Raises:
        InputError: an unknown method, and as those functions.
    """
    if method == "sobel":
        return sobel(image)
    if method == "scharr":
        return scharr(image)
    if method == "canny":
        return canny(image, low, high, sigma=_CANNY_SIGMA if sigma is None else sigma)
    wide = _LAPLACIAN_SIGMA if sigma is None else sigma
    if method == "log":
        return laplacian_of_gaussian(image, wide)
    if method == "zero-crossings":
        return zero_crossings(image, wide)
    raise InputError(f"edges: expected sobel, scharr, log, zero-crossings or canny, got {method!r}")
