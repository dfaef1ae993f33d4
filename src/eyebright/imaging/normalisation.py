"""Bringing the range, or mean and spread, of pictures to one scale."""

from __future__ import annotations

from typing import Literal

import numpy as np

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, histogram, look_up

Normalisation = Literal["min-max", "mean-std"]


def normalise(
    image: Picture,
    method: Normalisation = "min-max",
    *,
    per_channel: bool = False,
    cut: float = 0.0,
    mean: float = 128.0,
    std: float = 64.0,
) -> Picture:
    """Map the samples linearly, so that pictures under different light compare.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        method: `min-max` maps the least sample to 0 and the greatest to 255; `mean-std` gives the samples the mean
            `mean` and the standard deviation `std` (before clipping to 0 to 255).
        per_channel: map each channel by itself, which also removes a colour cast; else all by one map.
        cut: share of the samples at each end that `min-max` may clip, 0 to below 0.5; 0.01 forgives a few outliers.
        mean: for `mean-std`, 0 to 255.
        std: for `mean-std`, above 0.

    Returns:
        The same shape, `uint8`, 0 to 255. Samples that are all equal stay (`min-max`) or become `mean` (`mean-std`).

    Raises:
        InputError: not a picture, an unknown method, or a number out of range.
    """
    image = check_picture(image, "normalise")
    if method not in ("min-max", "mean-std"):
        raise InputError(f"normalise: expected the method min-max or mean-std, got {method!r}")
    if not 0 <= cut < 0.5 or not 0 <= mean <= 255 or not (np.isfinite(std) and std > 0):
        raise InputError(
            f"normalise: expected cut in [0, 0.5), mean in [0, 255] and std above 0, got {cut}, {mean}, {std}"
        )
    counts = histogram(image)
    if not per_channel:
        counts = counts.sum(axis=0, keepdims=True)
    levels = np.arange(256)
    tables = np.empty(counts.shape)
    for row, count in enumerate(counts):
        total = count.sum()
        if method == "min-max":
            share = np.cumsum(count) / total
            low, high = int(np.argmax(share > cut)), int(np.argmax(share >= 1 - cut))
            tables[row] = levels if high <= low else (levels - low) * (255 / (high - low))
        else:
            middle = count @ levels / total
            spread = np.sqrt(count @ (levels - middle) ** 2 / total)
            tables[row] = mean + (levels - middle) * (std / spread if spread > 0 else 0.0)
    return look_up(image, tables)
