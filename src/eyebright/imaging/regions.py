"""Regions of a picture without a model: superpixels, catchment basins, and things that touch told apart.

SLIC: Achanta et al., SLIC Superpixels Compared to State-of-the-art Superpixel Methods, PAMI 2012. Watershed: Vincent
and Soille, Watersheds in Digital Spaces, PAMI 1991; its compact form by Neubert and Protzel, ICPR 2014. The
computations are scikit-image's.
"""

from __future__ import annotations

import itertools
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Detections, Masks
from eyebright.imaging._pixels import Picture, check_picture

Labels = npt.NDArray[np.int64]


def slic(image: Picture, *, count: int = 200, compactness: float = 10.0) -> Labels:
    """Cut a picture into superpixels: connected regions of about one size that follow colour edges.

    Args:
        image: RGB or grey, `uint8`.
        count: about how many.
        compactness: from ragged regions that follow colour alone (0.1) to squares (100).

    Returns:
        `int64 (H, W)`, regions numbered from 0 without gaps.

    Raises:
        InputError: not a picture, or a number out of range.
        EyebrightError: scikit-image is not installed.
    """
    image = _checked("slic", image, count, compactness > 0, f"compactness above 0, got {compactness}")
    colour = image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)
    labels = _scikit().slic(colour, n_segments=count, compactness=compactness, sigma=1, start_label=0, channel_axis=2)
    return _numbered(labels)


def watershed_regions(image: Picture, *, count: int = 200, compactness: float = 0.0) -> Labels:
    """Flood the gradient of a picture from a grid of its calmest places; regions meet at its edges.

    Args:
        image: RGB or grey, `uint8`.
        count: about how many basins.
        compactness: 0 follows edges alone; from about 0.001 regions become rounder.

    Returns:
        `int64 (H, W)`, regions numbered from 0 without gaps.

    Raises:
        InputError: not a picture, or a number out of range.
        EyebrightError: scikit-image is not installed.
    """
    image = _checked("watershed", image, count, compactness >= 0, f"compactness from 0, got {compactness}")
    smooth = cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32) / 255
    planes = smooth[:, :, None] if smooth.ndim == 2 else smooth
    across, down = (
        np.stack(
            [cv2.Sobel(np.ascontiguousarray(planes[:, :, c]), cv2.CV_32F, dx, 1 - dx) for c in range(planes.shape[2])]
        )
        for dx in (1, 0)
    )
    height = np.sqrt((across**2 + down**2).sum(axis=0))
    return _numbered(_scikit().watershed(height, markers=_calm(height, count), compactness=compactness))


def separate(mask: npt.ArrayLike, *, smallest: int = 20, depth: float = 1.0) -> Detections:
    """Tell apart the things of a mask that touch: flood their distance to the ground from its peaks.

    Args:
        mask: `bool (H, W)`, what is thing and not ground.
        smallest: things of fewer pixels are left out.
        depth: how much narrower, in pixels, the neck between two things must be than both.

    Returns:
        One row a thing, class 0 and confidence 1, with its mask; masks do not overlap.

    Raises:
        InputError: not a mask `(H, W)`, or a number out of range.
        EyebrightError: scikit-image is not installed.
    """
    given = np.asarray(mask)
    if given.ndim != 2 or given.size == 0 or given.dtype != np.bool_:
        raise InputError(f"separate: expected a mask bool (H, W), got {given.dtype} of shape {given.shape}")
    if smallest < 1 or depth <= 0:
        raise InputError(f"separate: expected smallest from 1 and depth above 0, got {smallest}, {depth}")
    distance = cv2.distanceTransform(given.astype(np.uint8), cv2.DIST_L2, 5).astype(np.float64)
    peaks = _peaks(distance, given, depth)
    labels = _scikit().watershed(-distance, markers=peaks, mask=given)
    crops, origins, boxes = [], [], []
    from scipy.ndimage import find_objects

    for number, place in enumerate(find_objects(labels), start=1):
        if place is None:
            continue
        crop = labels[place] == number
        if crop.sum() < smallest:
            continue
        (top, bottom), (left, right) = ((axis.start, axis.stop) for axis in place)
        crops.append(crop)
        origins.append((left, top))
        boxes.append((left, top, right, bottom))
    found = len(crops)
    masks = Masks(tuple(crops), np.array(origins, dtype=np.int64).reshape(-1, 2), (given.shape[0], given.shape[1]))
    xyxy = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Detections(xyxy, np.ones(found, np.float32), np.zeros(found, np.int64), masks)


def _calm(height: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int32]:
    """Return markers: in each cell of a grid the place of the least gradient."""
    tall, wide = height.shape
    cell = max(1.0, (tall * wide / count) ** 0.5)
    rows, columns = (np.linspace(0, n, max(1, round(n / cell)) + 1).astype(int) for n in (tall, wide))
    markers, number = np.zeros(height.shape, dtype=np.int32), 0
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            number += 1
            part = height[top:bottom, left:right]
            y, x = np.unravel_index(int(part.argmin()), part.shape)
            markers[top + y, left + x] = number
    return markers


def _peaks(distance: npt.NDArray[np.float64], mask: npt.NDArray[np.bool_], depth: float) -> npt.NDArray[np.int32]:
    """Return one marker for each peak that stands out by `depth` (the h-maxima transform)."""
    from scipy.ndimage import label

    try:
        from skimage.morphology import local_maxima, reconstruction
    except ImportError as error:
        raise _missing() from error
    flat = reconstruction(distance - depth, distance)  # every peak made lower by `depth`, or as far as to its saddle
    out, _ = label(local_maxima(flat) & mask, structure=np.ones((3, 3)))
    parts, count = label(mask)
    # a thing too thin to stand out by `depth` is one thing all the same
    empty = np.setdiff1d(np.arange(1, count + 1), np.unique(parts[out > 0]))
    lone = np.isin(parts, empty)
    markers: npt.NDArray[np.int32] = np.where(lone, parts + out.max(), out).astype(np.int32)
    return markers


def _checked(where: str, image: Any, count: int, sound: bool, expected: str) -> Picture:
    picture: Picture = check_picture(image, where)
    if count < 1 or not sound:
        raise InputError(f"{where}: expected count from 1 and {expected} (count {count})")
    return picture


def _numbered(labels: npt.NDArray[Any]) -> Labels:
    out: Labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)
    return out


def _scikit() -> Any:
    try:
        import skimage.segmentation
    except ImportError as error:
        raise _missing() from error
    return skimage.segmentation


def _missing() -> EyebrightError:
    return EyebrightError("regions need scikit-image; pip install 'eyebright[video]'")
