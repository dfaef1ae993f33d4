"""Removing cast shadows from scenes, and uneven light from pages."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey, u8

ShadowKind = Literal["page", "scene"]

_WORK = 384  # the longer side at which shadows are looked for
_LEVELS = 12  # brightnesses below which connected pixels may be a shadow
_SMOOTH = 5, 15  # pixels; the texture of grass must not tear a shadow to pieces
_SHARE = 0.01, 0.6  # of the picture; a smaller dark patch is a thing, a larger one the scene
_RATIO = 1.4, 4.0  # how much darker a shadow is
_SPREAD = 0.16  # of the logarithm of that ratio along the border
_BLUE = 0.05  # by how much, in logarithms, blue may be darker than red: shadows are lit by the sky


def remove_shadows(image: Picture, kind: ShadowKind = "scene") -> Picture:
    """Return the picture with shadows lit up.

    `scene`: a cast shadow makes everything darker by one ratio, whatever it falls on. So of all connected dark regions
    those are taken whose border is crossed with nearly the same ratio all along (the constant ratio of Barrow &
    Tenenbaum 1978 at shadow edges), less in blue than in red; the region is multiplied by that ratio. Regions with
    another border are things, and stay. It works on shadows over one surface, or a few; one that is lost among many
    things is not found.

    `page` divides by the paper's own brightness: what remains when everything smaller than a line of text is filled up.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`, where a dark thing is less easily told from a shadow.
        kind: `scene` for photographs, `page` for dark writing on bright paper.

    Returns:
        The same shape, `uint8`, 0 to 255. Nothing gets darker.

    Raises:
        InputError: not a picture, or an unknown kind.
    """
    image = check_picture(image, "shadows")
    if kind not in ("page", "scene"):
        raise InputError(f"shadows: expected the kind page or scene, got {kind!r}")
    scale = min(1.0, _WORK / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = u8(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    whole = (image.shape[1], image.shape[0])
    if kind == "page":
        return u8(cv2.divide(image, cv2.resize(_paper(small), whole, interpolation=cv2.INTER_LINEAR), scale=255))
    gains = _gains(small)
    if gains is None:
        return image.copy()
    return u8(cv2.multiply(image, cv2.resize(gains, whole, interpolation=cv2.INTER_LINEAR), dtype=cv2.CV_8U))


def _paper(small: Picture) -> Picture:
    """Return the brightness of the empty page everywhere, at least 1."""
    side = 2 * (max(small.shape[:2]) // 24) + 1
    filled = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return u8(np.maximum(cv2.blur(filled, (side, side), borderType=cv2.BORDER_REPLICATE), 1))


def _gains(small: Picture) -> Floats | None:
    """Return by how much each sample is to be multiplied, at least 1; None when there is no shadow."""
    reach = max(2, max(small.shape[:2]) // 64)
    logs = np.log(np.maximum(small.reshape(*small.shape[:2], -1), 1).astype(np.float32))
    grey = to_grey(small)
    found: list[tuple[float, Bools, Floats]] = []
    for width in _SMOOTH:
        light = u8(cv2.medianBlur(grey, width))
        for level in np.unique(np.percentile(light, np.linspace(4, 70, _LEVELS))):
            for region in _regions(light, float(level), reach):
                judged = _border(logs, region, reach)
                if judged is not None:
                    found.append((judged[0], region, judged[1]))
    free = np.ones(grey.shape, dtype=bool)
    total = np.zeros(logs.shape, np.float32)
    for _, region, ratio in sorted(found, key=lambda one: -one[0]):
        if not (region & ~free).any():  # the region with the clearest border wins
            free &= ~region
            soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), reach / 4)
            total += soft[:, :, None] * ratio
    return None if free.all() else np.exp(total).reshape(small.shape)


def _regions(light: Picture, level: float, reach: int) -> list[Bools]:
    dark = (light <= level).astype(np.uint8)
    window = np.ones((reach | 1, reach | 1), np.uint8)
    dark = u8(cv2.morphologyEx(cv2.morphologyEx(dark, cv2.MORPH_CLOSE, window), cv2.MORPH_OPEN, window))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
    least, most = (share * dark.size for share in _SHARE)
    return [labels == label for label in range(1, count) if least <= stats[label, cv2.CC_STAT_AREA] <= most]


def _border(logs: Floats, region: Bools, reach: int) -> tuple[float, Floats] | None:
    """Return how clear and even the step at the region's border is, and its size by channel; None for no shadow."""
    ys, xs = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    height, width = region.shape
    margin = 3 * reach
    top, left = max(ys[0] - margin, 0), max(xs[0] - margin, 0)
    part = (slice(top, ys[-1] + margin + 1), slice(left, xs[-1] + margin + 1))
    inside, logs = region[part].astype(np.uint8), logs[part]
    rim = cv2.dilate(inside, np.ones((3, 3))) > cv2.erode(inside, np.ones((3, 3)))
    # where the picture ends there is no border of a shadow
    rows, columns = np.arange(top, top + rim.shape[0]), np.arange(left, left + rim.shape[1])
    rim &= ((rows > 0) & (rows < height - 1))[:, None] & ((columns > 0) & (columns < width - 1))
    # the border itself is a gradual half-shadow, and is left out of both sides
    far = cv2.dilate(inside, np.ones((9, 9))) == 0
    deep = cv2.erode(inside, np.ones((9, 9))) > 0
    dark, dark_there = _local(logs, deep, reach)
    lit, lit_there = _local(logs, far, reach)
    rim &= dark_there & lit_there
    if rim.sum() < 4 * reach:
        return None
    steps = (lit - dark)[rim]
    ratio = np.median(steps, axis=0).astype(np.float32)
    spread = float(np.median(np.abs(steps.mean(axis=1) - ratio.mean()))) * 1.4826
    if not np.log(_RATIO[0]) <= ratio.mean() <= np.log(_RATIO[1]) or ratio.min() < 0 or spread > _SPREAD:
        return None
    if ratio[-1] - ratio[0] > _BLUE:
        return None
    return float(ratio.mean()) / max(spread, 1e-3), ratio


def _local(logs: Floats, mask: Bools, reach: int) -> tuple[Floats, Bools]:
    """Return the mean over the masked pixels nearby, and where there are any."""
    size = (4 * reach + 1, 4 * reach + 1)
    weight = cv2.blur(mask.astype(np.float32), size)
    mean = cv2.blur(logs * mask[:, :, None], size).reshape(logs.shape)
    return np.asarray(mean / np.maximum(weight, 1e-6)[:, :, None], np.float32), weight > 0.05
