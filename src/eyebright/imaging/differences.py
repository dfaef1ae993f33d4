"""Where a registered photo differs from its reference: light made equal first, then structure, edges and colour.

A printed edge is never laid over its reference better than to about a pixel, so every map forgives a small shift: a
pixel counts as different only by how far it lies outside the range of values that the reference takes nearby
(grey-scale dilation and erosion, Serra 1982), and the other way round.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Floats, Image, check_image

_LIGHT = 8  # lighting changes over an eighth of the picture, print over less
_DARK, _LEAST = 5, 20  # per cent of the pixels that are the dark print, and of those the least lifted
_STRUCTURE, _DELTA_E, _EDGE = 0.6, 40.0, 0.75  # a difference of each map that counts as whole
_STEPS = 32  # of a unit of lightness: finer than any camera
_HALVED = 512
_SSIM_SIGMA, _C1, _C2 = 1.5, 6.5025, 58.5225  # of the paper, for 8 bits


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DifferenceMaps:
    """Maps `float32 (H, W)` in 0 (equal) to 1, of the reference's size; 0 where the photo shows nothing.

    Attributes:
        lightness: CIELAB lightness beyond what a shift explains, as a share of the print's own contrast.
        structure: 1 - SSIM (Wang et al. 2004), halved, the best over small shifts.
        edges: strength of edges that the other does not have nearby.
        colour: CIELAB difference of a and b beyond what a shift explains, 40 counting as 1.
        heat: the strongest of lightness and colour.
    """

    lightness: Floats
    structure: Floats
    edges: Floats
    colour: Floats
    heat: Floats


def even_light(photo: Image, reference: Image, covered: Bools | None = None) -> Image:
    """Return the registered photo lit as the reference: a smooth gain for each channel, and one contrast for all.

    The gain is found where the two are alike (Huber-like weights, three rounds), so what was painted over or left
    out does not pull it.

    Args:
        photo: RGB `uint8 (H, W, 3)`.
        reference: of the same size.
        covered: `bool (H, W)`, where the photo shows something; None: everywhere.

    Raises:
        InputError: not two pictures of one size.
    """
    where = _checked(photo, reference, covered)
    height, width = reference.shape[:2]
    scale = min(1.0, 256 / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    one, two = (np.asarray(cv2.resize(x, size, interpolation=cv2.INTER_AREA), np.float32) for x in (photo, reference))
    there = np.asarray(cv2.resize(where.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    black = _black(one, two, there)
    one = np.maximum(one - black, 0)
    sigma = max(size) / _LIGHT
    weight = there[..., None] * np.ones(3, np.float32)
    gain = np.ones_like(one)
    for _ in range(3):
        top, bottom = _far(two * weight * one, sigma), _far(one * one * weight, sigma)
        overall = (two * weight * one).sum(axis=(0, 1)) / np.maximum((one * one * weight).sum(axis=(0, 1)), 1e-6)
        gain = (top + 50.0 * overall) / (bottom + 50.0)  # where all is black, the gain of the whole picture
        off = np.abs(one * gain - two).max(axis=2, keepdims=True)
        weight = there[..., None] / (1 + (off / 25.0) ** 2)
    full = cv2.resize(np.asarray(np.clip(gain, 0.2, 5.0), np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    lifted = np.subtract(photo, black, dtype=np.float32)
    np.maximum(lifted, 0, out=lifted)
    return np.asarray(cv2.convertScaleAbs(np.multiply(lifted, full, out=lifted)), np.uint8)  # rounds and clips


def _far(values: Floats, sigma: float) -> Floats:
    """Blur widely: at a fraction of the pixels, as nothing narrower than `sigma` is left anyway."""
    height, width = values.shape[:2]
    step = max(1, int(sigma // 8))
    small = cv2.resize(values, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _black(one: Floats, two: Floats, there: Floats) -> Floats:
    """Return how much brighter than the reference's the photo's darkest print is, one level a channel.

    Haze lifts all of the dark print, so the places that it lifts least tell: a lamp's reflection lifts some of it, and
    blur what is thin.
    """
    black = np.zeros(3, np.float32)
    seen = there > 0.99
    if seen.sum() < 16:
        return black
    for channel in range(3):
        mine, other = one[..., channel][seen], two[..., channel][seen]
        dark = other <= np.percentile(other, _DARK)
        bright = float(np.percentile(mine, 90)), max(float(np.percentile(other, 90)), 1.0)
        for _ in range(3):  # the exposure is what the bright print keeps without the haze
            exposure = (bright[0] - black[channel]) / bright[1]
            black[channel] = np.clip(np.percentile(mine[dark] - exposure * other[dark], _LEAST), 0, 60)
    return black


def tolerant_difference(one: Floats, two: Floats, radius: int) -> Floats:
    """Return how far each value lies outside the range of the other's neighbourhood, in either direction.

    Args:
        one: `float32 (H, W)`.
        two: of the same shape.
        radius: in pixels, 0 for the plain absolute difference.

    Raises:
        InputError: shapes that differ, or a negative radius.
    """
    if one.shape != two.shape or one.ndim != 2 or radius < 0:
        raise InputError(f"difference: expected two maps (H, W) and a radius, got {one.shape}, {two.shape}, {radius}")
    return np.asarray(_outside(one, two, radius), np.float32)


def _outside(one: npt.NDArray[Any], two: npt.NDArray[Any], radius: int) -> npt.NDArray[Any]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    out = np.zeros_like(one)
    for left, right in ((one, two), (two, one)):
        cv2.max(out, cv2.subtract(left, cv2.dilate(right, kernel)), dst=out)
        cv2.max(out, cv2.subtract(cv2.erode(right, kernel), left), dst=out)
    return out


def _quick_difference(one: Floats, two: Floats, radius: int) -> Floats:
    """Do as `tolerant_difference`, rounded to a thirty-second, in half the time."""
    mine, theirs = (np.rint(x * np.float32(_STEPS)).astype(np.int16) for x in (one, two))
    return _outside(mine, theirs, radius).astype(np.float32) / np.float32(_STEPS)


def difference_maps(
    photo: Image, reference: Image, covered: Bools | None = None, *, radius: int | None = None, lit: bool = False
) -> DifferenceMaps:
    """Compare a registered photo with its reference.

    Args:
        photo: RGB `uint8 (H, W, 3)`, laid over the reference.
        reference: of the same size.
        covered: `bool (H, W)`, where the photo shows something; None: everywhere.
        radius: shift in pixels that is forgiven; None: a two-hundredth of the longer side, at least 2.
        lit: the light is equal already; else see `even_light`.

    Raises:
        InputError: not two pictures of one size.
    """
    where = _checked(photo, reference, covered)
    if radius is None:
        radius = max(2, round(max(reference.shape[:2]) / 200))
    even = photo if lit else even_light(photo, reference, where)
    one, two = ([np.ascontiguousarray(x[..., i]) for i in range(3)] for x in (_lab(even), _lab(reference)))
    inside = cv2.erode(where.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8), borderValue=0).astype(
        np.float32
    )
    contrast = float(np.clip(np.subtract(*np.percentile(two[0][::2, ::2], [99, 1])), 30, 100))
    lightness, *chroma = (_quick_difference(mine, theirs, radius) for mine, theirs in zip(one, two, strict=True))
    edges = _quick_difference(_slope(one[0]), _slope(two[0]), radius) / np.float32(4 * contrast * _EDGE)
    structure = (1 - _ssim(one[0] * 2.55, two[0] * 2.55, max(1, radius // 2))) / 2
    colour = cv2.magnitude(*chroma) / np.float32(_DELTA_E)
    values = (lightness / np.float32(contrast), structure, edges, colour)
    maps = [np.asarray(np.clip(x, 0, 1) * inside, np.float32) for x in values]
    return DifferenceMaps(maps[0], maps[1], maps[2], maps[3], np.maximum(maps[0], maps[3]))


def _lab(image: Image) -> Floats:
    soft = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(soft, cv2.COLOR_RGB2LAB), np.float32)


def _slope(values: Floats) -> Floats:
    return np.asarray(cv2.magnitude(*(cv2.Sobel(values, cv2.CV_32F, x, 1 - x) for x in (1, 0))), np.float32)


def _ssim(one: Floats, two: Floats, radius: int) -> Floats:
    """SSIM of two maps, the best over shifts of `radius` in four directions and none.

    From 512 pixels a side on it is measured at half of them, as its authors advise for large pictures.
    """
    height, width = one.shape
    if min(height, width) >= _HALVED:
        half = [cv2.resize(x, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for x in (one, two)]
        small = _full_ssim(np.asarray(half[0], np.float32), np.asarray(half[1], np.float32), max(1, radius // 2))
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return _full_ssim(one, two, radius)


def _full_ssim(one: Floats, two: Floats, radius: int) -> Floats:
    best = np.full(one.shape, -1.0, np.float32)
    mean1, mean2 = _soft(one), _soft(two)
    var1, var2 = _soft(one * one) - mean1**2, _soft(two * two) - mean2**2
    for dx, dy in ((0, 0), (radius, 0), (-radius, 0), (0, radius), (0, -radius)):
        moved, mean, var = (np.roll(x, (dy, dx), axis=(0, 1)) for x in (one, mean1, var1))
        both = mean * mean2
        cov = _soft(moved * two) - both
        top = (2 * both + _C1) * (2 * cov + _C2)
        np.maximum(best, top / ((mean**2 + mean2**2 + _C1) * (var + var2 + _C2)), out=best)
    return best


def _soft(values: npt.NDArray[np.float32]) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _SSIM_SIGMA), np.float32)


@dataclasses.dataclass(frozen=True, slots=True)
class Region:
    """A place that differs.

    Attributes:
        box: x1, y1, x2, y2 in pixels, right and bottom exclusive.
        area: pixels above the threshold.
        strength: mean heat of these, 0 to 1.
    """

    box: tuple[float, float, float, float]
    area: int
    strength: float


def find_regions(heat: Floats, *, threshold: float = 0.3, fewest: int = 8, gap: int = 8) -> list[Region]:
    """Return the connected places of a heat map, the strongest (area times strength) first.

    Args:
        heat: `float32 (H, W)`.
        threshold: heat above which a pixel counts.
        fewest: smaller places, in pixels, are left out.
        gap: places closer than this many pixels are one.

    Raises:
        InputError: not a map.
    """
    if heat.ndim != 2:
        raise InputError(f"regions: expected a map (H, W), got {heat.shape}")
    hot = (heat > threshold).astype(np.uint8)
    joined = cv2.morphologyEx(hot, cv2.MORPH_CLOSE, np.ones((gap + 1, gap + 1), np.uint8)) if gap else hot
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
    inside = labels[hot > 0]
    areas = np.bincount(inside, minlength=count)
    sums = np.bincount(inside, weights=heat[hot > 0], minlength=count)
    found = [
        Region((float(x), float(y), float(x + w), float(y + h)), int(areas[i]), float(sums[i] / areas[i]))
        for i, (x, y, w, h, _) in enumerate(stats.tolist())
        if i and areas[i] >= fewest
    ]
    return sorted(found, key=lambda region: -region.area * region.strength)


def _checked(photo: Image, reference: Image, covered: Bools | None) -> Bools:
    check_image(photo, "difference: photo")
    check_image(reference, "difference: reference")
    if photo.shape != reference.shape:
        raise InputError(f"difference: expected two pictures of one size, got {photo.shape} and {reference.shape}")
    if covered is None:
        return np.ones(reference.shape[:2], dtype=bool)
    if covered.shape != reference.shape[:2]:
        raise InputError(f"difference: expected a mask of shape {reference.shape[:2]}, got {covered.shape}")
    return covered
