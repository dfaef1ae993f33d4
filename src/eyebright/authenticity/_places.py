"""Where a photo shows something else than its reference would, seen by the same camera.

The reference is brought down to what the photo can show: its pixels, its blur, its light. What is left between the two
is noise, a share of a pixel by which they are not laid over each other, and what was printed otherwise; the first two
are known, so the third stands out even where it is one letter. A smooth field of shifts, fitted so that no single
place can bend it, takes up what a plane cannot explain; dense flow would hide a logo that was moved.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from eyebright.core.types import Bools, Floats, Image

_TILE, _STEP, _REACH = 48, 36, 8  # shifts are found in tiles, in pixels of the reference
_FIRM = 4.0  # squared slope that a tile has in every direction, when its shift can be told
_WINDOW = 13  # pixels of the reference over which what is left is averaged: about a small letter
_OFF, _GAIN = 0.2, 0.08  # pixels, and share of the contrast, by which genuine print is off
_FAR = 24.0  # light changes over more than this many pixels, print over less
_BLURS = (0.0, 0.5, 0.8, 1.1, 1.4, 1.8, 2.3)
_SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
_WORST = 100  # pixels that must be as odd
_RIM = 9  # pixels: around a saturated place, on either side

_Matrix = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class OddPlaces:
    """What is left between a photo and its reference.

    Attributes:
        odd: `float32 (H, W)` of the reference's size: 1 is what noise and print off by a fifth of a pixel leave; 0
            where nothing can be said.
        glare: `bool (H, W)`: light that was added, or that the camera could not hold.
        lamp: `bool (H, W)`: the part of it where light was added.
        known: `bool (H, W)`: where something can be said.
    """

    odd: Floats
    glare: Bools
    lamp: Bools
    known: Bools

    @property
    def worst(self) -> float:
        """How odd the oddest place is, as a logarithm."""
        flat = self.odd.ravel()
        return float(np.log(max(0.05, np.partition(flat, -_WORST)[-_WORST]))) if len(flat) >= _WORST else 0.0


def odd_places(reference: Image, photo: Image, matrix: _Matrix) -> OddPlaces:
    """Compare a photo with its reference as this photo would show it.

    Args:
        reference: RGB `uint8 (H, W, 3)`.
        photo: RGB `uint8` of any size.
        matrix: `float64 (3, 3)`, from pixels of the photo to pixels of the reference.
    """
    grey, top, expected, covered = _same_pixels(reference, photo, matrix)
    height, width = covered.shape
    if min(height, width) < _TILE or covered.sum() < 4 * _TILE**2:
        nothing = np.zeros((height, width), bool)
        return OddPlaces(np.zeros((height, width), np.float32), nothing, nothing, nothing)
    one, top = _unbent(grey, top, expected, covered)
    two, gain = _same_blur(one, expected, covered)
    weight = covered.astype(np.float32)
    total = _far(weight) + 1e-6
    mean1, mean2 = _far(one * weight) / total, _far(two * weight) / total
    spread = np.maximum(_far(two * two * weight) / total - mean2**2, 0)
    shared = _far(one * two * weight) / total - mean1 * mean2
    # the gain of each neighbourhood, drawn towards the picture's where there is little print
    lit = np.clip((shared + 18 * gain) / (spread + 18), 0.25 * gain, 2 * gain).astype(np.float32)
    lamp, lost = _glare(top, one, gain * two, covered)
    one = np.where(lost, mean1 + lit * (two - mean2), one).astype(np.float32)
    left, fine = _left(one, lit * two), covered & ~lost
    slope = cv2.Sobel(two, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(two, cv2.CV_32F, 0, 1) ** 2
    few = np.s_[::2, ::2]  # a median of a quarter of the pixels
    noise = max(1.5, 2 * float(np.median(left[few][fine[few]]))) if fine[few].any() else 1.5
    bound = noise + _OFF**2 * _mean(slope / 64 * lit**2) + _GAIN**2 * _energy(lit * two)
    # at the pack's edge what lies behind it shines through
    inner = cv2.erode(covered.astype(np.uint8), np.ones((2 * _WINDOW - 1,) * 2, np.uint8), borderValue=0) > 0
    known = inner & (_mean(fine.astype(np.float32)) > 0.6)
    odd = np.where(known, np.sqrt(np.maximum(left, 0) / bound), 0).astype(np.float32)
    return OddPlaces(odd, lamp | lost, lamp, known)


def _same_pixels(reference: Image, photo: Image, matrix: _Matrix) -> tuple[Floats, Image, Floats, Bools]:
    """Lay the photo over the reference.

    Returns its grey, its brightest channel, the reference in grey as its pixels show it, and where the photo covers the
    reference, the margin of interpolation left out.
    """
    height, width = reference.shape[:2]
    other = photo.shape[1], photo.shape[0]
    back = np.linalg.inv(matrix)
    middle = np.array([[[width / 2, height / 2], [width / 2 + 1, height / 2], [width / 2, height / 2 + 1]]])
    at = cv2.perspectiveTransform(middle, back)[0]
    scale = float(np.sqrt(abs(np.linalg.det(np.array([at[1] - at[0], at[2] - at[0]])))))
    soft = cv2.GaussianBlur(_grey(reference), (0, 0), 0.45 / scale) if 0.02 < scale < 1 else _grey(reference)
    shown = cv2.warpPerspective(soft, back, other, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # where each pixel of the reference lies in the photo: worked out once for all that is laid over it
    one, two, three = (
        np.arange(width, dtype=np.float32) * float(row[0])
        + np.arange(height, dtype=np.float32)[:, None] * float(row[1])
        + float(row[2])
        for row in back
    )
    ahead = np.where(np.abs(three) > 1e-9, three, 1e-9)
    x, y = (np.asarray(way / ahead, np.float32) for way in (one, two))
    covered = (three > 0) & (x >= 0) & (y >= 0) & (x <= other[0] - 1) & (y <= other[1] - 1)
    covered = cv2.erode(covered.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    expected, grey = (
        _through(values, x, y, cv2.INTER_CUBIC) for values in (np.asarray(shown, np.float32), _grey(photo))
    )
    brightest = cv2.max(cv2.max(photo[..., 0], photo[..., 1]), photo[..., 2])
    return grey, _through(brightest, x, y, cv2.INTER_LINEAR), expected, np.asarray(covered, bool)


def _through(values: Any, x: Floats, y: Floats, way: int) -> Any:
    return cv2.remap(values, x, y, way, borderMode=cv2.BORDER_REPLICATE)


def _unbent(grey: Floats, top: Image, expected: Floats, covered: Bools) -> tuple[Floats, Image]:
    """Take out a smooth field of shifts: a quadratic in x and y, fitted robustly to the shifts of tiles."""
    height, width = covered.shape
    side = float(max(height, width))
    at = _printed_tiles(expected, covered)
    one, two = (
        np.stack([x[y : y + _TILE, left : left + _TILE] for left, y in at.tolist()], dtype=np.float32)
        if len(at)
        else np.zeros((0, _TILE, _TILE), np.float32)
        for x in (grey, expected)
    )
    window = np.outer(*(np.hanning(_TILE + 2)[1:-1],) * 2).astype(np.float32)
    one, two = ((x - x.mean(axis=(1, 2), keepdims=True)) * window for x in (one, two))
    down, across = np.gradient(two, axis=(1, 2))
    a, b, c = (np.einsum("nij,nij->n", p, q) / _TILE**2 for p, q in ((across, across), (down, down), (across, down)))
    # the weaker of two directions: along a line nothing is known
    corner = (a + b) / 2 - np.sqrt(((a - b) / 2) ** 2 + c**2)
    good = corner > _FIRM
    if good.sum() < 12:
        return grey, top
    one, two, weight = one[good], two[good], np.sqrt(np.minimum(corner[good], 400))
    cross = fft.rfft2(one) * np.conj(fft.rfft2(two))
    peaks = fft.irfft2(cross / np.sqrt(np.maximum(np.abs(cross), 1e-3)), s=(_TILE, _TILE))
    near = np.fft.fftshift(peaks, axes=(1, 2))[
        (slice(None), *(slice(_TILE // 2 - _REACH, _TILE // 2 + _REACH + 1),) * 2)
    ]
    down, across = np.divmod(near.reshape(len(near), -1).argmax(axis=1), 2 * _REACH + 1)
    shifts = np.stack([across, down], axis=1).astype(np.float64) - _REACH
    middle = (at[good] + _TILE / 2) / side
    table = _quadratic(middle[:, 0], middle[:, 1])
    now = weight
    for _ in range(8):
        found = np.linalg.lstsq(table * now[:, None], shifts * now[:, None], rcond=None)[0]
        off = np.linalg.norm(shifts - table @ found, axis=1)
        now = weight / (1 + (off / 0.5) ** 2)
    xs, ys = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    u, v = xs / side, ys / side
    x, y = (
        np.asarray((line[0] + line[1] * u + line[3] * u * u + start) + (line[2] * v + line[5] * v * v), np.float32)
        + line[4] * u * v
        for line, start in zip(found.T.astype(np.float32), (xs, ys), strict=True)
    )
    return _through(grey, x, y, cv2.INTER_CUBIC), _through(top, x, y, cv2.INTER_LINEAR)


def _printed_tiles(expected: Floats, covered: Bools) -> npt.NDArray[np.int64]:
    """Return the upper left corners of whole tiles with some print in them, `(N, 2)`."""
    height, width = covered.shape
    ys, xs = (np.arange(0, length - _TILE + 1, _STEP) for length in (height, width))
    mean, square = cv2.integral2(expected, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    inside = cv2.integral(covered.astype(np.uint8))

    def sums(table: Any) -> Any:
        one, two = np.ix_(ys, xs), np.ix_(ys + _TILE, xs + _TILE)
        across, down = np.ix_(ys, xs + _TILE), np.ix_(ys + _TILE, xs)
        return table[two] - table[across] - table[down] + table[one]

    # the slopes of a tile cannot hold more than it varies
    varied = sums(square) / _TILE**2 - (sums(mean) / _TILE**2) ** 2
    y, x = np.nonzero((sums(inside) == _TILE**2) & (varied > _FIRM))
    return np.stack([xs[x], ys[y]], axis=1)


def _quadratic(x: Floats, y: Floats) -> Floats:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _same_blur(one: Floats, two: Floats, covered: Bools) -> tuple[Floats, float]:
    """Blur the reference until its detail is the photo's; return it, and the photo's gain."""
    height, width = one.shape
    part = np.s_[height // 4 : height - height // 4, width // 4 : width - width // 4]
    inside = (covered[part] if covered[part].any() else np.ones(covered[part].shape, bool)).astype(np.float32)
    fine = (one[part] - cv2.GaussianBlur(one[part], (0, 0), 6)) * inside
    print_ = (two[part] - cv2.GaussianBlur(two[part], (0, 0), 6)) * inside
    best = (np.inf, 0.0, 1.0)
    for sigma in _BLURS:  # blurs may change places: the wide one is done once
        detail = cv2.GaussianBlur(print_, (0, 0), sigma) if sigma else print_
        gain = float(np.clip(np.vdot(fine, detail) / max(float(np.vdot(detail, detail)), 1e-6), 0.2, 3))
        best = min(best, (float(np.abs(fine - gain * detail).sum()), sigma, gain))
    return np.asarray(cv2.GaussianBlur(two, (0, 0), best[1]) if best[1] else two, np.float32), best[2]


def _glare(top: Image, one: Floats, expected: Floats, covered: Bools) -> tuple[Bools, Bools]:
    """Return where light was added, and where it is so much that nothing is left to compare.

    A saturated place is lost where the reference is bright as well, or where light was added around it; else it may be
    print that is missing. In the middle of a large one its rim tells.
    """
    full = cv2.dilate(np.asarray(top > 249, np.uint8), np.ones((3, 3), np.uint8))
    known = (covered & (full == 0)).astype(np.float32)
    more = cv2.subtract(one, expected)
    added = cv2.blur(more * known, (41, 41)) / (cv2.blur(known, (41, 41)) + 1e-4)
    labels = cv2.connectedComponents(full)[1]
    around = cv2.dilate(labels.astype(np.float32), np.ones((_RIM, _RIM), np.uint8)).astype(np.int32)
    rim = (around > 0) & (known > 0)
    count = np.bincount(around[rim], minlength=int(labels.max()) + 1)
    lit = np.bincount(around[rim], more[rim], len(count)) > 25 * np.maximum(count, 1)
    lit[0] = False
    hidden = (full > 0) & ((added > 25) | lit[labels])
    return np.asarray((added > 45) | hidden, bool), np.asarray(hidden | ((full > 0) & (expected > 200)), bool)


def _left(one: Floats, two: Floats) -> Floats:
    """Return the energy that differs in each window, a slope of light and a shift of a pixel forgiven."""
    best = np.full(one.shape, np.inf, np.float32)
    height, width = one.shape
    edged = cv2.copyMakeBorder(one, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    for dx, dy in _SHIFTS:
        moved = edged[1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]
        cv2.min(best, _energy(np.asarray(cv2.subtract(moved, two), np.float32)), dst=best)
    return best


def _energy(values: Floats) -> Floats:
    off = cv2.subtract(values, _mean(values))
    return np.asarray(cv2.blur(cv2.multiply(off, off, dst=off), (_WINDOW, _WINDOW)), np.float32)


def _mean(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, (_WINDOW, _WINDOW)), np.float32)


def _far(values: Floats) -> Floats:
    """Blur widely: at a quarter of the pixels."""
    height, width = values.shape
    small = cv2.resize(values, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), _FAR / 4)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _grey(image: Image) -> Floats:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


__all__ = ["OddPlaces", "odd_places"]
