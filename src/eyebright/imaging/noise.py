"""How noisy a picture is."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.imaging._pixels import Picture, check_picture

_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_GAIN = 6.0  # the mask's length: white noise of deviation s comes out with 6 s
_MEDIAN_OF_NORMAL = 0.6744898  # of the absolute value
_LEVELS = 4096  # the mask's greatest answer is 2040


def noise_sigma(image: Picture) -> float:
    """Estimate the standard deviation of white noise in grey levels, 0 to about 255.

    The mask of Immerkaer 1996 ("Fast noise variance estimation") does not see flat and linear parts; the median of its
    absolute answers (Donoho & Johnstone 1994) does not see edges as long as they fill less than half. Fine texture all
    over the picture counts as noise. In colour it is the mean over the channels.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`; below 3 x 3 pixels there is nothing to measure, which gives 0.

    Raises:
        InputError: not a picture.
    """
    image = check_picture(image, "noise")
    if min(image.shape[:2]) < 3:
        return 0.0
    answers = cv2.filter2D(image, cv2.CV_16S, _MASK)[1:-1, 1:-1]
    sizes = np.abs(answers, dtype=np.int16).view(np.uint16)
    planes = [sizes] if image.ndim == 2 else cv2.split(sizes)
    return float(np.mean([_median(np.ascontiguousarray(plane)) for plane in planes])) / (_MEDIAN_OF_NORMAL * _GAIN)


def _median(sizes: object) -> float:
    """Return the median of whole numbers, as if each were spread evenly over its rounding interval."""
    counts = cv2.calcHist([sizes], [0], None, [_LEVELS], [0, _LEVELS])[:, 0].astype(np.float64)  # type: ignore[list-item]  # OpenCV's stub knows no object
    total = counts.sum()
    if counts[0] == total:
        return 0.0
    # |x| = 0 stands for [0, 1/2), any other k for [k - 1/2, k + 1/2)
    edges = np.concatenate([[0.0], np.arange(_LEVELS) + 0.5])
    return float(np.interp(total / 2, np.concatenate([[0.0], np.cumsum(counts)]), edges))
