"""Pyramids: a picture at ever smaller sizes, and what is lost from size to size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, u8

PyramidKind = Literal["gaussian", "laplacian"]
Residual = npt.NDArray[np.int16]
"""`int16 (H, W[, 3])`, -255 to 255."""


def gaussian_pyramid(image: Picture, levels: int = 4) -> list[Picture]:
    """Return the picture and its halved copies, largest first; each is smoothed (1 4 6 4 1) before halving.

    Burt & Adelson 1983, "The Laplacian pyramid as a compact image code".

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        levels: how many at most, at least 1; it ends early at one pixel.

    Returns:
        `uint8` pictures; a level of height H is followed by one of `(H + 1) // 2`.

    Raises:
        InputError: not a picture, or fewer than one level.
    """
    out = [check_picture(image, "pyramid").copy()]
    if levels < 1:
        raise InputError(f"pyramid: expected at least 1 level, got {levels}")
    while len(out) < levels and max(out[-1].shape[:2]) > 1:
        out.append(u8(cv2.pyrDown(out[-1])))
    return out


def laplacian_pyramid(image: Picture, levels: int = 4) -> tuple[list[Residual], Picture]:
    """Return what each level of `gaussian_pyramid` has over the next one enlarged, and its smallest level.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        levels: of the Gaussian pyramid.

    Returns:
        Residuals `int16`, largest first, one fewer than there are levels; and the rest, `uint8`. Nothing is lost:
        `collapse` gives the very picture.

    Raises:
        InputError: as `gaussian_pyramid`.
    """
    steps = gaussian_pyramid(image, levels)
    return [_less(large, small) for large, small in itertools.pairwise(steps)], steps[-1]


def shown_pyramid(image: Picture, levels: int = 4, kind: PyramidKind = "gaussian") -> list[Picture]:
    """Return the levels of a pyramid as pictures, largest first; residuals are shown around grey 128, clipped.

    Raises:
        InputError: an unknown kind, and as `gaussian_pyramid`.
    """
    if kind == "gaussian":
        return gaussian_pyramid(image, levels)
    if kind != "laplacian":
        raise InputError(f"pyramid: expected the kind gaussian or laplacian, got {kind!r}")
    residuals, rest = laplacian_pyramid(image, levels)
    return [*(np.clip(part + 128, 0, 255).astype(np.uint8) for part in residuals), rest]


def collapse(residuals: Sequence[Residual], rest: Picture) -> Picture:
    """Undo `laplacian_pyramid`; sums beyond 0 to 255 (of changed residuals) are clipped.

    Raises:
        InputError: the sizes do not fit each other.
    """
    whole = check_picture(rest, "collapse")
    for residual in reversed(residuals):
        halves = tuple((side + 1) // 2 for side in residual.shape[:2])
        if residual.shape[2:] != whole.shape[2:] or halves != whole.shape[:2]:
            raise InputError(f"collapse: a level of shape {residual.shape} does not follow one of {whole.shape}")
        larger = cv2.pyrUp(whole, dstsize=(residual.shape[1], residual.shape[0]))
        whole = u8(np.clip(larger.reshape(residual.shape) + residual.astype(np.int16), 0, 255).astype(np.uint8))
    return whole


def _less(large: Picture, small: Picture) -> Residual:
    grown = cv2.pyrUp(small, dstsize=(large.shape[1], large.shape[0])).reshape(large.shape)
    return np.asarray(cv2.subtract(large, grown, dtype=cv2.CV_16S), np.int16).reshape(large.shape)
