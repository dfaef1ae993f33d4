"""Fitting a picture into a canvas without changing its shape; the geometry is `eyebright.ops.letterbox`."""

from __future__ import annotations

import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture
from eyebright.imaging.resizing import resize
from eyebright.ops import letterbox


def letterboxed(image: Picture, width: int, height: int, *, fill: int = 114, enlarge: bool = True) -> Picture:
    """Return `image` as large as it goes in the middle of a canvas of `width` x `height` pixels.

    `eyebright.ops.letterbox` gives the same placement as numbers, to bring boxes and points back.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        width: of the canvas in pixels, at least 1.
        height: of the canvas in pixels, at least 1.
        fill: value of the rest of the canvas, 0 to 255.
        enlarge: let a picture that is smaller than the canvas grow.

    Raises:
        InputError: not a picture, a size below 1, or `fill` out of range.
    """
    image = check_picture(image, "letterbox")
    if not 0 <= fill <= 255:
        raise InputError(f"letterbox: expected a fill of 0 to 255, got {fill}")
    placed = letterbox((image.shape[0], image.shape[1]), (height, width), enlarge=enlarge)
    (rows, columns), (top, left) = placed.resized, placed.offset
    canvas = np.full((height, width, *image.shape[2:]), fill, np.uint8)
    canvas[top : top + rows, left : left + columns] = resize(image, columns, rows)
    return canvas
