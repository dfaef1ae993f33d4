"""Scores that say what is wrong with a picture."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from eyebright.imaging._pixels import Picture, check_picture, histogram, to_grey
from eyebright.imaging.blur import blur_score, motion_blur
from eyebright.imaging.noise import noise_sigma

_DARK, _BRIGHT = 8, 247  # luma beyond which nothing can be told apart any more
_GLARE = 225, 250  # a reflex of the light is white: its least channel rises through these levels


@dataclasses.dataclass(frozen=True, slots=True)
class Quality:
    """What is wrong with a picture; every score grows with the fault, only `exposure` is signed.

    Attributes:
        blur: 0 (sharp) to 1; see `blur_score`.
        motion_blur: 0 to 1; see `motion_blur`.
        motion_direction_deg: 0 to below 180, along which it is blurred; 45 goes down to the right.
        exposure: -1 (black) to 1 (white), 0 at a mean luma of 127.5.
        dark_share: share of the pixels with a luma of at most 8.
        bright_share: share of the pixels with a luma of at least 247.
        noise_sigma: standard deviation of the noise in grey levels; see `noise_sigma`.
        glare: 0 to 1; see `glare_score`.
    """

    blur: float
    motion_blur: float
    motion_direction_deg: float
    exposure: float
    dark_share: float
    bright_share: float
    noise_sigma: float
    glare: float


def quality(image: Picture) -> Quality:
    """Measure all scores of a picture, RGB `uint8 (H, W, 3)` or grey `(H, W)`.

    Raises:
        InputError: not a picture.
    """
    image = check_picture(image, "quality")
    grey = to_grey(image)
    share = histogram(grey)[0] / grey.size
    moved, direction = motion_blur(grey)
    return Quality(
        blur=blur_score(grey),
        motion_blur=moved,
        motion_direction_deg=direction,
        exposure=float(share @ np.arange(256)) / 127.5 - 1,
        dark_share=float(share[: _DARK + 1].sum()),
        bright_share=float(share[_BRIGHT:].sum()),
        noise_sigma=noise_sigma(image),
        glare=glare_score(image),
    )


def glare_score(image: Picture) -> float:
    """Return the share of the picture that light has washed out: pixels near white in all channels, softly counted.

    A reflex shows the colour of the lamp, not of the thing (Shafer 1985, "Using color to separate reflection
    components"), so the least channel decides: it counts from 225 on, and whole from 250. White paper and white sky
    count too: compare pictures of one kind.

    Raises:
        InputError: not a picture.
    """
    image = check_picture(image, "glare")
    least = image if image.ndim == 2 else cv2.min(cv2.min(*cv2.split(image)[:2]), cv2.extractChannel(image, 2))
    low, high = _GLARE
    weight = np.clip((np.arange(256) - low) / (high - low), 0, 1)
    counts = histogram(np.asarray(least, np.uint8))[0]
    return float(counts @ weight / counts.sum())
