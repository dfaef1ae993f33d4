"""Depth from two cameras side by side."""

from __future__ import annotations

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture

_STEP = 16  # OpenCV counts disparities in sixteens, and stores sixteenths


def disparity(left: Picture, right: Picture, *, largest: int = 128, block: int = 5) -> Floats:
    """Return how far each pixel of the left picture has moved to the left in the right one.

    Semi-global matching (Hirschmueller 2008, "Stereo processing by semiglobal matching and mutual information") over
    eight directions, with a check from right to left.

    Args:
        left: RGB `uint8 (H, W, 3)` or grey `(H, W)`, rectified: the same thing lies in the same row of both.
        right: of the same shape.
        largest: disparities are looked for from 0 to below this, rounded up to a multiple of 16; below the width.
        block: side of the compared blocks in pixels, odd, 1 to 11.

    Returns:
        `float32 (H, W)` pixels in sixteenths; NaN where nothing certain was found: what only one camera sees, plain
        surfaces, and at the left border.

    Raises:
        InputError: not pictures, of different shapes, or a number out of range.
    """
    left, right = check_picture(left, "stereo"), check_picture(right, "stereo")
    if left.shape != right.shape:
        raise InputError(f"stereo: expected two pictures of one shape, got {left.shape} and {right.shape}")
    if largest < 1 or block % 2 == 0 or not 1 <= block <= 11:
        raise InputError(f"stereo: expected a largest disparity from 1 and an odd block to 11, got {largest}, {block}")
    count = -(-largest // _STEP) * _STEP
    if left.shape[1] <= count + block:
        raise InputError(
            f"stereo: a picture of {left.shape[1]} pixels is too narrow for disparities to {count}; give a smaller one"
        )
    samples = block * block * (1 if left.ndim == 2 else 3)
    matcher = cv2.StereoSGBM.create(
        minDisparity=0,
        numDisparities=count,
        blockSize=block,
        P1=8 * samples,
        P2=32 * samples,
        disp12MaxDiff=1,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        preFilterCap=63,
        mode=cv2.STEREO_SGBM_MODE_HH,
    )
    found = np.asarray(matcher.compute(left, right), np.float32) / _STEP
    return np.where(found >= 0, found, np.float32(np.nan))


def depth(disparities: Floats, focal_px: float, baseline: float, offset_px: float = 0.0) -> Floats:
    """Return the distance from the cameras: focal length x baseline / disparity.

    Args:
        disparities: `float32 (H, W)` pixels, NaN where unknown.
        focal_px: focal length in pixels, above 0.
        baseline: distance between the cameras, above 0; its unit is the unit of the answer.
        offset_px: added to every disparity: the right principal point's x minus the left one's.

    Returns:
        `float32 (H, W)`; NaN where unknown, infinite where the disparity is 0.

    Raises:
        InputError: a number that is not positive.
    """
    if not (focal_px > 0 and baseline > 0):
        raise InputError(f"depth: expected a focal length and a baseline above 0, got {focal_px} and {baseline}")
    with np.errstate(divide="ignore"):
        return np.asarray(focal_px * baseline / np.maximum(disparities + np.float32(offset_px), 0), np.float32)
