"""Pooling: one pixel a block."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, u8

Pooling = Literal["max", "mean", "min"]


def pool(image: Picture, size: int = 2, method: Pooling = "max") -> Picture:
    """Return the maximum, mean (rounded) or minimum of every `size` x `size` block, each channel by itself.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        size: side of a block in pixels, at least 1; blocks lie side by side from the top left.
        method: what stands for a block. Blocks cut by the right or lower border are pooled from what there is.

    Returns:
        `uint8 (ceil(H / size), ceil(W / size)[, 3])`, 0 to 255.

    Raises:
        InputError: not a picture, an unknown method, or a size below 1.
    """
    image = check_picture(image, "pool")
    if method not in ("max", "mean", "min") or size < 1:
        raise InputError(f"pool: expected max, mean or min and a size of at least 1, got {method!r} and {size}")
    height, width = image.shape[:2]
    rows, columns = min(size, height), min(size, width)
    if method != "mean":
        # a sliding window that never looks beyond the border; one position in `size` is kept
        slide = cv2.dilate if method == "max" else cv2.erode
        window = np.ones((rows, columns), np.uint8)
        return u8(np.ascontiguousarray(slide(image, window, anchor=(0, 0))[::size, ::size]))
    whole_rows, whole_columns = height // size, width // size
    out = np.empty((-(-height // size), -(-width // size), *image.shape[2:]), np.uint8)
    for here, there, down in ((slice(0, whole_rows * size), slice(0, whole_rows), whole_rows),
                              (slice(whole_rows * size, None), slice(whole_rows, None), 1)):  # fmt: skip
        for left, right, across in ((slice(0, whole_columns * size), slice(0, whole_columns), whole_columns),
                                    (slice(whole_columns * size, None), slice(whole_columns, None), 1)):  # fmt: skip
            part = image[here, left]
            if part.size:  # area interpolation by a whole number is the mean of the block
                small = u8(cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA))
                out[there, right] = small.reshape(out[there, right].shape)
    return out
