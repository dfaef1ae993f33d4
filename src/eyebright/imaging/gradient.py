"""Gradients and edge strength: Sobel and Scharr."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey, u8

Operator = Literal["sobel", "scharr"]
GAIN = {"sobel": 4, "scharr": 16}
"""What the integer kernels answer to a step of one grey level."""
Whole = npt.NDArray[np.integer[Any] | np.floating[Any]]
"""`int16`, though OpenCV's stubs do not know it."""
_STRIP = 64  # rows at a time stay in the cache


def gradients(image: Picture, operator: Operator = "sobel") -> tuple[Floats, Floats]:
    """Return the derivatives of the luma to the right and downwards.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        operator: `sobel` (1 2 1) or `scharr` (3 10 3), whose direction is more exact.

    Returns:
        Two `float32 (H, W)`, -255 to 255: a vertical edge from black to white has 255 across.

    Raises:
        InputError: not a picture, or an unknown operator.
    """
    across, down = derivatives(to_grey(check_picture(image, "gradients")), operator)
    scale = 1 / GAIN[operator]
    return np.float32(scale) * across.astype(np.float32), np.float32(scale) * down.astype(np.float32)


def sobel(image: Picture) -> Picture:
    """Return the strength of edges, `uint8 (H, W)`: the length of the gradient, rounded and clipped to 0 to 255.

    Sobel & Feldman 1968. A straight edge from black to white has 255.

    Args:
        image: RGB `uint8 (H, W, 3)`, of which the luma is used, or grey `(H, W)`.

    Raises:
        InputError: not a picture.
    """
    return _strength(image, "sobel")


def scharr(image: Picture) -> Picture:
    """Like `sobel`, with the kernel of Scharr 2000, whose answer depends less on the direction of an edge."""
    return _strength(image, "scharr")


def derivatives(grey: Picture, operator: Operator) -> tuple[Whole, Whole]:
    """Return the integer derivatives of a grey picture, `int16 (H, W)` each, `GAIN` times the gradient."""
    if operator not in GAIN:
        raise InputError(f"gradients: expected the operator sobel or scharr, got {operator!r}")
    if operator == "sobel":
        across, down = cv2.spatialGradient(grey, ksize=3, borderType=cv2.BORDER_REPLICATE)
        return across, down
    border = cv2.BORDER_REPLICATE
    return (
        cv2.Scharr(grey, cv2.CV_16S, 1, 0, borderType=border),
        cv2.Scharr(grey, cv2.CV_16S, 0, 1, borderType=border),
    )


def _strength(image: Picture, operator: Operator) -> Picture:
    grey = to_grey(check_picture(image, operator))
    height = grey.shape[0]
    out = np.empty(grey.shape, np.uint8)
    for top in range(0, height, _STRIP):
        first, last = max(top - 1, 0), min(top + _STRIP + 1, height)
        across, down = derivatives(grey[first:last], operator)
        lengths = _length(across.astype(np.float32), down.astype(np.float32))
        rows = min(_STRIP, height - top)
        out[top : top + rows] = u8(
            cv2.convertScaleAbs(lengths[top - first : top - first + rows], alpha=1 / GAIN[operator])
        )
    return out


def _length(across: Floats, down: Floats) -> Floats:
    # cv2.magnitude rounds by how the memory is aligned; NumPy's root does not, and the squares are exact
    across *= across
    down *= down
    across += down
    return np.sqrt(across, out=across)
