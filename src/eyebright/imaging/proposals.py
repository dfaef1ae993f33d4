"""Boxes that may hold an object, before anybody knows which: selective search, and plain sliding windows.

Selective search: Uijlings, van de Sande, Gevers and Smeulders, Selective Search for Object Recognition, IJCV 2013, on
the graph segmentation of Felzenszwalb and Huttenlocher (Efficient Graph-Based Image Segmentation, IJCV 2004), which
scikit-image computes.
"""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, u8
from eyebright.imaging._region_merging import directions, merge, regions_of
from eyebright.ops import clip

ProposalMode = Literal["single", "fast", "quality"]

_ALL = ("colour", "texture", "size", "fill")
_MODES: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]] = {
    "single": (("hsv",), (_ALL,), (100,)),
    "fast": (("hsv", "lab"), (_ALL, _ALL[1:]), (50, 100)),
    "quality": (
        ("hsv", "lab", "rgi", "hue", "grey"), (_ALL, _ALL[1:], ("fill",), ("size",)), (50, 100, 150, 300),
    ),
}  # fmt: skip
"""Colour spaces, likenesses and thresholds k, as the paper combines them (section 5.2)."""
_SIGMA = 0.8


def selective_search(
    image: Picture, *, mode: ProposalMode = "fast", count: int = 2000, side: int = 500, seed: int = 0
) -> Floats:
    """Propose boxes by joining small regions that are alike, until the whole picture is one.

    Args:
        image: RGB or grey, `uint8`.
        mode: how many segmentations are started from: `single` 1, `fast` 8, `quality` 80.
        count: at most so many boxes.
        side: larger pictures are shrunk to this longest side first (the paper's photos have 500 pixels).
        seed: boxes are ranked by when they came to be, the largest regions first, times a random number (section 4.4),
            so that large ones do not all come before small ones.

    Returns:
        `float32 (N, 4)` xyxy pixels of the picture, the most likely first, no two the same; N is at least 1: the
        whole picture.

    Raises:
        InputError: not a picture, or a number out of range.
        EyebrightError: scikit-image is not installed.
    """
    image = check_picture(image, "selective search")
    if mode not in get_args(ProposalMode) or count < 1 or side < 1:
        raise InputError(
            f"selective search: expected mode single, fast or quality, count and side from 1, "
            f"got {mode}, {count}, {side}"
        )
    height, width = image.shape[:2]
    factor = min(1.0, side / max(height, width))
    small = (max(1, round(height * factor)), max(1, round(width * factor)))
    if factor < 1:
        image = u8(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA))
    spaces, likenesses, thresholds = _MODES[mode]
    boxes, ranks, random = [], [], np.random.default_rng(seed)
    for space in spaces:
        planes = _planes(image, space)
        textures = directions(planes)
        for k in thresholds:
            regions = regions_of(_graph_segments(planes, k), planes, textures)
            for measures in likenesses:
                found = merge(regions, measures)[::-1]  # the whole picture first
                boxes.append(found)
                ranks.append(np.arange(1, len(found) + 1) * random.random(len(found)))
    every, order = np.concatenate(boxes), np.argsort(np.concatenate(ranks), kind="stable")
    _, first = np.unique(every[order], axis=0, return_index=True)
    best = every[order][np.sort(first)[:count]]
    scale = np.array([width / small[1], height / small[0]] * 2)
    return clip((best * scale).astype(np.float32), (height, width)).astype(np.float32)


def sliding_windows(
    size: tuple[int, int],
    *,
    count: int = 2000,
    smallest: float = 32.0,
    aspects: tuple[float, ...] = (0.5, 1.0, 2.0),
    step: float = 1.5,
) -> Floats:
    """Propose windows on a grid at every size, without looking at the picture: what selective search has to beat.

    Args:
        size: height and width of the picture.
        count: at most so many; the windows of all sizes stand as densely as this allows.
        smallest: side of the smallest in pixels (of the square of the same area).
        aspects: width over height.
        step: each size is so much larger than the one before.

    Returns:
        `float32 (N, 4)` xyxy, inside the picture, largest first.

    Raises:
        InputError: a number out of range.
    """
    height, width = size
    if min(height, width, count) < 1 or smallest <= 0 or step <= 1 or not aspects or min(aspects) <= 0:
        raise InputError(
            f"sliding windows: expected size and count from 1, smallest and aspects above 0 and step above 1, "
            f"got {size}, {count}, {smallest}, {aspects}, {step}"
        )
    shapes: list[tuple[float, float]] = []
    root = max(float(np.sqrt(height * width)), 1.0)
    while root > smallest or not shapes:
        shapes += [(min(root * a**0.5, width), min(root / a**0.5, height)) for a in aspects]
        root /= step
    # neighbours stand apart by a part of the window's own sides; the least part that gives few enough windows
    low, high = 0.01, 8.0
    for _ in range(40):
        part = (low * high) ** 0.5
        if sum(_steps(width, w, part) * _steps(height, h, part) for w, h in shapes) <= count:
            high = part
        else:
            low = part
    out = []
    for w, h in shapes:
        left, top = (np.linspace(0, whole - one, _steps(whole, one, high)) for whole, one in ((width, w), (height, h)))
        x, y = (grid.reshape(-1) for grid in np.meshgrid(left, top))
        out.append(np.stack([x, y, x + w, y + h], axis=1))
    return clip(np.concatenate(out)[:count], size).astype(np.float32)


def _steps(whole: float, one: float, part: float) -> int:
    """Return how many windows of side `one` stand along `whole` when neighbours are `part` of a side apart."""
    return 1 + int(max(0.0, whole - one) / (one * part))


def _planes(image: Picture, space: str) -> npt.NDArray[np.uint8]:
    """Return a picture in one of the paper's colour spaces, `uint8 (H, W, 3)`."""
    if image.ndim == 2:
        image = u8(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    if space == "hsv":
        return u8(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))
    if space == "lab":
        return u8(cv2.cvtColor(image, cv2.COLOR_RGB2LAB))
    if space == "hue":
        return u8(cv2.merge([cv2.extractChannel(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), 0)] * 3))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if space == "grey":
        return u8(cv2.merge([grey] * 3))
    total = np.maximum(image.sum(axis=2, dtype=np.float32), 1)[:, :, None]
    shares = image[:, :, :2].astype(np.float32) * 255 / total
    return np.concatenate([shares.astype(np.uint8), u8(grey)[:, :, None]], axis=2)


def _graph_segments(planes: npt.NDArray[np.uint8], k: int) -> npt.NDArray[np.int64]:
    """Return the graph segmentation of a picture, numbered from 0 without gaps, `int64 (H, W)`."""
    if min(planes.shape[:2]) < 2:  # scikit-image compares neighbours in both directions
        return np.zeros(planes.shape[:2], dtype=np.int64)
    try:
        from skimage.segmentation import felzenszwalb
    except ImportError as error:
        raise EyebrightError("selective search needs scikit-image; pip install 'eyebright[video]'") from error
    labels = felzenszwalb(planes, scale=k, sigma=_SIGMA, min_size=k)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)
