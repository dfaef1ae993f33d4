"""Non-local means: every pixel becomes the mean of those whose surroundings look the same."""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.imaging._pixels import Picture, to_grey

_PATCH, _REACH = 2, 6  # radius of what is compared, and of where is looked
_WIDTH = 1.0  # of the weights, in deviations of the noise
_BLOCK = 64, 512  # rows and columns at a time stay in the cache
_UNIT = 2600  # whole numbers that the largest distance of any weight becomes: one of 25 samples may exceed 16 bits
_LUMA_NOISE = math.sqrt(0.299**2 + 0.587**2 + 0.114**2)


def non_local_means(image: Picture, sigma: float) -> Picture:
    """Return a checked picture denoised; `sigma` is the deviation of its noise in grey levels, above 0.

    Buades, Coll & Morel 2011, "Non-local means denoising" (Image Processing On Line): the weight of a pixel is
    exp(-max(d - 2 sigma^2, 0) / h^2), with d the mean squared difference of the 5 x 5 patches. Patches are compared in
    luma, whose noise is less by `_LUMA_NOISE` when that of the channels is independent.
    """
    margin = _PATCH + _REACH
    luma = to_grey(image)
    # less than the rounding of samples is no noise
    spread = max(sigma * (1.0 if image.ndim == 2 else _LUMA_NOISE), 0.3)
    farthest = 2 * spread**2 + 5 * (_WIDTH * spread) ** 2
    levels = np.arange(256)
    squares = np.minimum(levels**2 * (_UNIT / farthest), 65535).astype(np.uint16)
    weights = np.exp(-np.maximum(levels / 255 * farthest - 2 * spread**2, 0) / (_WIDTH * spread) ** 2)
    weights[255] = 0
    border = cv2.BORDER_REFLECT_101 if min(luma.shape) > 1 else cv2.BORDER_REPLICATE
    wide = np.asarray(cv2.copyMakeBorder(luma, margin, margin, margin, margin, border), np.uint8)
    planes = [
        np.asarray(cv2.copyMakeBorder(plane, margin, margin, margin, margin, border), np.float32)
        for plane in ([image] if image.ndim == 2 else cv2.split(image))
    ]
    out = np.empty_like(image)

    def block(top: int, left: int) -> None:
        rows, columns = min(_BLOCK[0], luma.shape[0] - top), min(_BLOCK[1], luma.shape[1] - left)
        part = slice(top, top + rows + 2 * margin), slice(left, left + columns + 2 * margin)
        means = _averages(wide[part], [plane[part] for plane in planes], squares, weights.astype(np.float32))
        whole = means[0] if image.ndim == 2 else np.stack(means, axis=2)
        out[top : top + rows, left : left + columns] = whole

    corners = itertools.product(range(0, luma.shape[0], _BLOCK[0]), range(0, luma.shape[1], _BLOCK[1]))
    with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
        list(pool.map(lambda corner: block(*corner), corners))
    return out


def _averages(
    luma: Picture,
    planes: list[npt.NDArray[np.float32]],
    squares: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.float32],
) -> list[Picture]:
    """Return the weighted means of every plane inside the margins.

    Two pixels weigh each other alike, so every weight is computed once: for a shift down (or to the right), over as
    many pixels more as the opposite shift needs.
    """
    margin = _PATCH + _REACH
    height, width = luma.shape[0] - 2 * margin, luma.shape[1] - 2 * margin
    sums = [plane[margin : margin + height, margin : margin + width].copy() for plane in planes]
    total = np.ones((height, width), np.float32)
    for down in range(_REACH + 1):
        for right in range(-_REACH if down else 1, _REACH + 1):
            left, wide = min(0, -right), width + abs(right)
            y, x = _REACH - down, _REACH + left
            rows, columns = height + down + 2 * _PATCH, wide + 2 * _PATCH
            here = luma[y : y + rows, x : x + columns]
            there = luma[y + down : y + down + rows, x + right : x + right + columns]
            apart = cv2.blur(cv2.LUT(cv2.absdiff(here, there), squares), (2 * _PATCH + 1, 2 * _PATCH + 1))
            near = cv2.convertScaleAbs(apart[_PATCH:-_PATCH, _PATCH:-_PATCH], alpha=255 / _UNIT)
            weight = cv2.LUT(near, weights)
            pairs = (
                (weight[down:, -left : -left + width], margin + down, margin + right),
                (weight[:height, -right - left : -right - left + width], margin - down, margin - right),
            )
            for part, top, first in pairs:
                cv2.accumulate(part, total)
                for plane, one in zip(planes, sums, strict=True):
                    cv2.accumulateProduct(part, plane[top : top + height, first : first + width], one)
    return [np.asarray(cv2.convertScaleAbs(cv2.divide(one, total)), np.uint8) for one in sums]
