"""Non-local means: every pixel becomes the mean of those whose surroundings look the same."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.imaging._pixels import Picture, to_grey

_PATCH, _REACH = 2, 6  # radius of what is compared, and of where is looked
_WIDTH = 1.0  # of the weights, in deviations of the noise
_STRIP = 48  # rows at a time stay in the cache
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

    def strip(top: int) -> None:
        rows = min(_STRIP, luma.shape[0] - top)
        part = slice(top, top + rows + 2 * margin)
        sums = _averages(wide[part], [plane[part] for plane in planes], squares, weights.astype(np.float32))
        out[top : top + rows] = sums[0] if image.ndim == 2 else np.stack(sums, axis=2)

    with ThreadPoolExecutor(max(1, cv2.getNumThreads())) as pool:
        list(pool.map(strip, range(0, luma.shape[0], _STRIP)))
    return out


def _averages(
    luma: Picture,
    planes: list[npt.NDArray[np.float32]],
    squares: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.float32],
) -> list[Picture]:
    """Return the weighted means of every plane inside the margins."""
    margin, side = _PATCH + _REACH, 2 * _PATCH + 1
    height, width = luma.shape[0] - 2 * margin, luma.shape[1] - 2 * margin
    sums = [np.zeros((height, width), np.float32) for _ in planes]
    total = np.zeros((height, width), np.float32)
    rows, columns = height + 2 * _PATCH, width + 2 * _PATCH
    here = luma[_REACH : _REACH + rows, _REACH : _REACH + columns]
    for down in range(2 * _REACH + 1):
        for right in range(2 * _REACH + 1):
            there = luma[down : down + rows, right : right + columns]
            apart = cv2.blur(cv2.LUT(cv2.absdiff(here, there), squares), (side, side))
            near = cv2.convertScaleAbs(apart[_PATCH:-_PATCH, _PATCH:-_PATCH], alpha=255 / _UNIT)
            weight = cv2.LUT(near, weights)
            cv2.accumulate(weight, total)
            y, x = down + _PATCH, right + _PATCH
            for plane, one in zip(planes, sums, strict=True):
                cv2.accumulateProduct(weight, plane[y : y + height, x : x + width], one)
    return [np.asarray(cv2.convertScaleAbs(cv2.divide(one, total)), np.uint8) for one in sums]
