"""Histogram equalisation: over the whole picture, and adaptive with limited contrast (CLAHE)."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, on_luma, u8


def equalise(image: Picture) -> Picture:
    """Spread the luma so that every grey level is about equally frequent (Gonzalez & Woods, section 3.3).

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`. Colour differences stay as they are.

    Returns:
        The same shape, `uint8`, luma from 0 to 255. A picture of one plain grey stays as it is.

    Raises:
        InputError: not a picture.
    """
    return on_luma(check_picture(image, "equalise"), lambda luma: u8(cv2.equalizeHist(luma)))


def clahe(image: Picture, clip: float = 2.0, grid: tuple[int, int] = (8, 8)) -> Picture:
    """Equalise the luma tile by tile, with the slope of the mapping limited so that noise is not blown up.

    Contrast limited adaptive histogram equalisation: Zuiderveld 1994, "Graphics Gems IV", section VIII.5.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`. Colour differences stay as they are.
        clip: how much steeper than the identity the mapping may be, above 0.
        grid: rows and columns of tiles; fewer when the picture has fewer pixels.

    Returns:
        The same shape, `uint8`, 0 to 255.

    Raises:
        InputError: not a picture, `clip` not positive, or fewer than one tile.
    """
    image = check_picture(image, "clahe")
    if not (np.isfinite(clip) and clip > 0) or min(grid) < 1:
        raise InputError(f"clahe: expected a clip above 0 and at least 1 x 1 tiles, got {clip} and {grid}")
    rows, columns = min(grid[0], image.shape[0]), min(grid[1], image.shape[1])
    tool = cv2.createCLAHE(clipLimit=clip, tileGridSize=(columns, rows))
    return on_luma(image, lambda luma: u8(tool.apply(luma)))
