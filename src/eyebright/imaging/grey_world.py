"""White balance."""

from __future__ import annotations

import numpy as np

from eyebright.imaging._pixels import Picture, check_picture, histogram, look_up


def white_balance(image: Picture) -> Picture:
    """Remove a colour cast: scale the channels so that their means become equal (grey world).

    Buchsbaum 1980, "A spatial processor model for object colour perception". The mean of all samples stays, but for
    what is clipped at 255. A scene that is of one colour by itself (a lawn) loses that colour.

    Args:
        image: RGB `uint8 (H, W, 3)`; a grey one `(H, W)` has no cast and is copied.

    Returns:
        The same shape, `uint8`, 0 to 255.

    Raises:
        InputError: not a picture.
    """
    image = check_picture(image, "white balance")
    if image.ndim == 2:
        return image.copy()
    counts = histogram(image)
    means = counts @ np.arange(256) / counts[0].sum()
    # a channel that is nowhere lit cannot be scaled to anything
    gains = np.divide(means.mean(), means, out=np.ones(3), where=means > 0)
    return look_up(image, gains[:, None] * np.arange(256))
