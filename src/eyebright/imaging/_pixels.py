"""What every tool of this room asks of a picture, and the ways between colour and grey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

Picture = npt.NDArray[np.uint8]
"""RGB `uint8 (H, W, 3)`, or grey `uint8 (H, W)`; samples from 0 to 255."""


def check_picture(image: Any, where: str) -> Picture:
    """Return `image` as a contiguous array when it is a `Picture` with at least one pixel.

    Raises:
        InputError: anything else; the message says how to bring it into form.
    """
    if not isinstance(image, np.ndarray):
        raise InputError(f"{where}: expected a picture as a NumPy array, got {type(image).__name__}")
    grid = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not grid:
        raise InputError(
            f"{where}: expected RGB uint8 (H, W, 3) or grey uint8 (H, W), got {image.dtype} {image.shape}{_way(image)}"
        )
    if image.size == 0:
        raise InputError(f"{where}: expected at least one pixel, got shape {image.shape}")
    return np.ascontiguousarray(image)


def to_grey(image: Picture) -> Picture:
    """Return the luma of a checked picture, `uint8 (H, W)`: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    return image if image.ndim == 2 else u8(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def on_luma(image: Picture, change: Callable[[Picture], Picture]) -> Picture:
    """Apply `change` to the luma of a checked picture; colour differences stay, so greys stay grey."""
    if image.ndim == 2:
        return change(image)
    split = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    cv2.insertChannel(change(u8(cv2.extractChannel(split, 0))), split, 0)
    return u8(cv2.cvtColor(split, cv2.COLOR_YCrCb2RGB, dst=split))


def histogram(image: Picture, where: str = "histogram") -> npt.NDArray[np.int64]:
    """Return how often each value occurs, `int64 (C, 256)` with one row a channel (grey: one).

    Raises:
        InputError: not a picture.
    """
    image = check_picture(image, where)
    channels = 1 if image.ndim == 2 else 3
    rows = np.zeros((channels, 256), np.int64)
    # OpenCV answers in 32-bit floats, which count exactly up to 2^24 only
    for part in np.array_split(image, -(-image.size // (channels << 24))):
        rows += np.stack([cv2.calcHist([part], [c], None, [256], [0, 256])[:, 0] for c in range(channels)]).astype(
            np.int64
        )
    return rows


def look_up(image: Picture, table: npt.NDArray[Any]) -> Picture:
    """Replace every sample by its entry in `table`, `(256,)` for all channels or `(C, 256)` for each its own."""
    table = np.rint(np.clip(table, 0, 255)).astype(np.uint8)
    if table.ndim == 2:
        table = table[0] if len(table) == 1 else table.T.reshape(1, 256, -1)
    return u8(cv2.LUT(image, np.ascontiguousarray(table)))


def u8(array: Any) -> Picture:
    """Tell the type checker what OpenCV's stubs forget; costs nothing."""
    return np.asarray(array, dtype=np.uint8)


def _way(image: npt.NDArray[Any]) -> str:
    """Return advice for the usual wrong forms."""
    if image.ndim == 3 and image.shape[2] == 4:
        return "; drop the alpha channel: image[..., :3]"
    if image.ndim == 3 and image.shape[2] == 1:
        return "; drop the last axis: image[..., 0]"
    if image.dtype == np.uint16:
        return "; bring 16-bit samples to 8 bit: (image >> 8).astype('uint8')"
    if image.dtype.kind == "f":
        return "; scale reals from 0 to 1 to bytes: (image * 255).round().astype('uint8')"
    return ""
