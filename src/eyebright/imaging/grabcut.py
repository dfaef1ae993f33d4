"""Objects cut out of their boxes without a model.

Rother, Kolmogorov and Blake, GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts, SIGGRAPH 2004; the
computation is OpenCV's.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Detections, Image, Ints, Masks, check_image
from eyebright.ops import as_boxes, clip

_COMPONENTS = 5
"""Gaussians on each side: fewer pixels than that on one side cannot be told apart."""


def cut_out(
    image: Image,
    found: Detections | npt.ArrayLike,
    *,
    margin: float = 0.3,
    iterations: int = 4,
    side: int = 320,
) -> Detections:
    """Give every box the mask of what in it differs from what is around it.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        found: detections, or boxes `(N, 4)` xyxy in pixels; parts outside the picture are cut off.
        margin: how much of the box's sides is looked at around it, as certain
            background, except where other boxes are.
        iterations: rounds of GrabCut.
        side: a larger surrounding is shrunk to this longest side first.

    Returns:
        The same rows in the same order, with masks inside their boxes. Masks may overlap, as boxes do. A box of which
        GrabCut keeps nothing has an empty mask; one too small to be looked at (under 3 pixels a side, or with nothing
        around it) has all of itself.

    Raises:
        InputError: not a picture, boxes that are not finite, or a number out of range.
    """
    image = check_image(image, "cut out")
    if not 0 < margin <= 2 or iterations < 1 or side < 16:
        raise InputError(
            f"cut out: expected margin in (0, 2], iterations from 1 and side from 16, "
            f"got {margin}, {iterations}, {side}"
        )
    boxes = as_boxes(found.xyxy if isinstance(found, Detections) else found, "cut out")
    if not np.isfinite(boxes).all():
        raise InputError("cut out: expected finite boxes, got NaN or infinity")
    height, width = image.shape[:2]
    inside = clip(boxes.astype(np.float64), (height, width))
    low, high = np.floor(inside[:, :2]).astype(np.int64), np.ceil(inside[:, 2:]).astype(np.int64)
    some = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
    high = np.where(some[:, None], high, low)
    places = np.concatenate([low, high], axis=1)
    crops = tuple(_cut(image, places, row, margin, iterations, side) for row in range(len(places)))
    masks = Masks(crops, low, (height, width))
    if isinstance(found, Detections):
        return Detections(found.xyxy, found.confidence, found.class_id, masks, found.keypoints)
    count = len(boxes)
    return Detections(boxes.astype(np.float32), np.ones(count, np.float32), np.zeros(count, np.int64), masks)


def _cut(image: Image, places: Ints, row: int, margin: float, iterations: int, side: int) -> Bools:
    """Return the mask of one box, of the box's own size."""
    left, top, right, bottom = places[row].tolist()
    wide, tall = right - left, bottom - top
    whole = np.ones((tall, wide), dtype=np.bool_)
    if min(wide, tall) < 3:
        return whole
    across, down = (max(2, round(length * margin)) for length in (wide, tall))
    x1, y1 = max(0, left - across), max(0, top - down)
    x2, y2 = min(image.shape[1], right + across), min(image.shape[0], bottom + down)
    part = image[y1:y2, x1:x2].copy()
    where = np.full(part.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    _forget_others(part, places - [x1, y1, x1, y1], row)
    where[top - y1 : bottom - y1, left - x1 : right - x1] = cv2.GC_PR_FGD
    factor = side / max(part.shape[:2])
    if factor < 1:
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        where = np.asarray(cv2.resize(where, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    object_pixels = int((where == cv2.GC_PR_FGD).sum())
    if min(object_pixels, where.size - object_pixels) < _COMPONENTS:
        return whole
    cv2.setRNGSeed(0)  # its k-means draws: the same picture and box, the same mask
    bgr = np.ascontiguousarray(part[:, :, ::-1])
    cv2.grabCut(bgr, where, None, np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]  # rect is not looked at
    kept = ((where == cv2.GC_PR_FGD) | (where == cv2.GC_FGD)).astype(np.uint8)
    if factor < 1:
        kept = np.asarray(cv2.resize(kept, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    out: Bools = kept[top - y1 : bottom - y1, left - x1 : right - x1].astype(np.bool_)
    return out


def _forget_others(part: Image, places: Ints, row: int) -> None:
    """Paint what lies in other boxes, and not in this one, in colours of the ground.

    Things of one kind stand side by side: taken for ground, a neighbour would take this one along.
    """
    tall, wide = part.shape[:2]
    low, high = places[:, :2].clip(0, [wide, tall]), places[:, 2:].clip(0, [wide, tall])
    others = np.zeros((tall, wide), dtype=np.bool_)
    for other in np.flatnonzero((high > low).all(axis=1)):
        if other != row:
            others[low[other, 1] : high[other, 1], low[other, 0] : high[other, 0]] = True
    own = (slice(low[row, 1], high[row, 1]), slice(low[row, 0], high[row, 0]))
    others[own] = False
    ground = ~others
    ground[own] = False
    colours = part[ground]
    if len(colours) >= _COMPONENTS:
        part[others] = np.random.default_rng(0).choice(colours, int(others.sum()))
