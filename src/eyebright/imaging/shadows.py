"""Removing shadows from scenes, and uneven light from pages."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.imaging._pixels import Picture, check_picture, u8

ShadowKind = Literal["page", "scene"]

_WORK = 640  # the longer side at which shadows are looked for
_SMALLEST = 0.005  # of the picture; a smaller dark patch is a thing
_GAIN = 1.15, 4.0  # how much darker a shadow may be
_TURN = 0.12  # radians between the colours inside and around: a shadow is of the colour of what it lies on


def remove_shadows(image: Picture, kind: ShadowKind = "scene") -> Picture:
    """Return the picture with shadows lit up.

    `scene` follows Murali & Govindan 2013, "Shadow detection and removal from a single image using LAB color space":
    dark regions are found by their lightness, and each is scaled, channel by channel, to what lies around it; regions
    whose colour differs from their surroundings are things, not shadows, and stay. `page` divides by the paper's own
    brightness, estimated as what remains when everything smaller than a line of text is filled up.

    Args:
        image: RGB `uint8 (H, W, 3)` or grey `(H, W)`, where a dark thing cannot be told from a shadow.
        kind: `scene` for photographs, `page` for dark writing on bright paper.

    Returns:
        The same shape, `uint8`, 0 to 255. Nothing gets darker (but for rounding).

    Raises:
        InputError: not a picture, or an unknown kind.
    """
    image = check_picture(image, "shadows")
    if kind not in ("page", "scene"):
        raise InputError(f"shadows: expected the kind page or scene, got {kind!r}")
    scale = min(1.0, _WORK / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = u8(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    if kind == "page":
        paper = cv2.resize(_paper(small), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
        return u8(cv2.divide(image, paper, scale=255))
    gain = cv2.resize(_gains(small), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    return u8(cv2.multiply(image, gain, dtype=cv2.CV_8U))


def _paper(small: Picture) -> Picture:
    """Return the brightness of the empty page everywhere, at least 1."""
    side = 2 * (max(small.shape[:2]) // 24) + 1
    filled = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return u8(np.maximum(cv2.blur(filled, (side, side), borderType=cv2.BORDER_REPLICATE), 1))


def _gains(small: Picture) -> npt.NDArray[np.float32]:
    """Return by how much each sample is to be multiplied, at least 1."""
    colour = small if small.ndim == 3 else np.repeat(small[:, :, None], 3, axis=2)
    mask = _dark(colour)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    reach = max(2, max(mask.shape) // 50)
    near, far = (np.ones((2 * r + 1, 2 * r + 1), np.uint8) for r in (reach // 2, 2 * reach))
    lit = colour.astype(np.float32)
    gains = np.ones(lit.shape, np.float32)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] < _SMALLEST * mask.size:
            continue
        inside = (labels == label).astype(np.uint8)
        around = (cv2.dilate(inside, far) > cv2.dilate(inside, near)) & (mask == 0)
        if around.sum() < mask.size * 1e-4:
            continue
        bright = lit[around].mean(axis=0)
        dark = np.maximum(lit[cv2.erode(inside, near) > 0] if cv2.erode(inside, near).any() else lit[inside > 0], 0)
        ratio = bright / np.maximum(dark.mean(axis=0), 1)
        if not _GAIN[0] <= ratio.mean() <= _GAIN[1] or _angle(bright, dark.mean(axis=0)) > _TURN:
            continue
        soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), reach / 3)
        gains *= 1 + soft[:, :, None] * (np.maximum(ratio, 1) - 1)
    return gains if small.ndim == 3 else np.ascontiguousarray(gains[:, :, 0])


def _dark(colour: Picture) -> Picture:
    """Return 1 where the picture is much darker than usual, without specks and holes."""
    lab = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)
    light = cv2.GaussianBlur(lab[:, :, 0], (0, 0), max(1.0, max(light_shape := lab.shape[:2]) / 300)).astype(np.float32)
    limit = light.mean() - light.std() / 3
    dark = (light <= limit).astype(np.uint8)
    side = 2 * (max(light_shape) // 100) + 1
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return u8(cv2.morphologyEx(cv2.morphologyEx(dark, cv2.MORPH_OPEN, window), cv2.MORPH_CLOSE, window))


def _angle(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    cosine = float(one @ other) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-6)
    return float(np.arccos(np.clip(cosine, -1, 1)))
