"""Change the size of pictures: resize, crop. Where a letterbox puts a picture is `eyebright.ops.letterbox`."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from eyebright.core.errors import InputError, QueryError
from eyebright.imaging._pixels import Picture, check_picture

Interpolation = Literal["area", "nearest", "linear", "cubic"]
_FLAGS = {
    "area": cv2.INTER_AREA,
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
}


def resize(image: Picture, width: int, height: int, interpolation: Interpolation = "area") -> Picture:
    """Return `image` at `width` x `height` pixels, whatever its proportions.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        width: in pixels, at least 1.
        height: in pixels, at least 1.
        interpolation: `area` averages when shrinking (no aliasing) and is linear when growing.

    Raises:
        InputError: not a picture, or a size below 1.
    """
    image = check_picture(image, "resize")
    if width < 1 or height < 1:
        raise InputError(f"resize: expected a size of at least 1 x 1, got {width} x {height}")
    if (image.shape[1], image.shape[0]) == (width, height):
        return image.copy()
    growing = width >= image.shape[1] and height >= image.shape[0]
    flag = cv2.INTER_LINEAR if interpolation == "area" and growing else _FLAGS[interpolation]
    return np.asarray(cv2.resize(image, (width, height), interpolation=flag), dtype=np.uint8)


def proportional_size(image: Picture, width: int | None, height: int | None) -> tuple[int, int]:
    """Return width and height in pixels, the one that is None such that the picture keeps its proportions.

    Raises:
        InputError: both are None.
    """
    if width is None and height is None:
        raise InputError("resize: expected a width, a height, or both")
    rows, columns = image.shape[:2]
    across = max(1, round(columns * (height or 0) / rows)) if width is None else width
    down = max(1, round(rows * (width or 0) / columns)) if height is None else height
    return across, down


def fit_within(image: Picture, longest: int) -> Picture:
    """Return `image` shrunk so that its longer side has at most `longest` pixels; smaller ones stay as they are."""
    height, width = check_picture(image, "fit_within").shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def crop(image: Picture, box: tuple[float, float, float, float]) -> Picture:
    """Return the part of `image` inside `box` (x1, y1, x2, y2 in pixels, clipped to the picture).

    Raises:
        QueryError: the box is empty, not finite, or lies outside the picture.
    """
    height, width = check_picture(image, "crop").shape[:2]
    if len(box) != 4 or not np.isfinite(box).all():
        raise QueryError(f"crop: expected four finite numbers x1,y1,x2,y2, got {box}")
    x1, y1 = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    if box[2] <= box[0] or box[3] <= box[1]:
        raise QueryError(f"crop: expected x1 < x2 and y1 < y2, got {','.join(f'{v:g}' for v in box)}")
    if x2 <= x1 or y2 <= y1:
        raise QueryError(
            f"crop: {','.join(f'{v:g}' for v in box)} lies outside the picture of {width} x {height} pixels"
        )
    return image[y1:y2, x1:x2]
