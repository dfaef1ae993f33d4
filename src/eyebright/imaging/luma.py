"""Colour to grey."""

from __future__ import annotations

from eyebright.imaging._pixels import Picture, check_picture, to_grey


def grey(image: Picture) -> Picture:
    """Return the luma, `uint8 (H, W)`, 0 to 255: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Args:
        image: RGB `uint8 (H, W, 3)`; a grey one `(H, W)` is copied.

    Raises:
        InputError: not a picture.
    """
    picture = to_grey(check_picture(image, "grey"))
    return picture.copy() if picture is image else picture
