"""Where a photo shows something else than its reference would, seen by the same camera.

The reference is brought down to what the photo can show: its pixels, its blur, its light. What is left between the two
is noise, a share of a pixel by which they are not laid over each other, and what was printed otherwise; the first two
are known, so the third stands out even where it is one letter. A smooth field of shifts, fitted so that no single
place can bend it, takes up what a plane cannot explain; dense flow would hide a logo that was moved.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Bools, Floats, Image

_TILE, _STEP, _REACH = 48, 36, 8  # shifts are found in tiles, in pixels of the reference
_WINDOW = 13  # pixels of the reference over which what is left is averaged: about a small letter
_OFF, _GAIN = 0.2, 0.08  # pixels, and share of the contrast, by which genuine print is off
_FAR = 24.0  # light changes over more than this many pixels, print over less
_BLURS = (0.0, 0.5, 0.8, 1.1, 1.4, 1.8, 2.3)
_SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
_WORST = 100  # pixels that must be as odd

_Matrix = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class OddPlaces:
    """What is left between a photo and its reference.

    Attributes:
        odd: `float32 (H, W)` of the reference's size: 1 is what noise and print off by a fifth of a pixel leave; 0
            where nothing can be said.
        glare: `bool (H, W)`: light that was added, or that the camera could not hold.
    """

    odd: Floats
    glare: Bools

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
    seen, expected, covered = _same_pixels(reference, photo, matrix)
    height, width = covered.shape
    if min(height, width) < _TILE or covered.sum() < 4 * _TILE**2:
        return OddPlaces(np.zeros((height, width), np.float32), np.zeros((height, width), bool))
    seen = _unbent(seen, _grey(seen), expected, covered)
    one, two, gain = _same_blur(_grey(seen), expected, covered)
    weight = covered.astype(np.float32)
    total = _far(weight) + 1e-6
    mean1, mean2 = _far(one * weight) / total, _far(two * weight) / total
    spread = _far(two * two * weight) / total - mean2**2
    shared = _far(one * two * weight) / total - mean1 * mean2
    # the gain of each neighbourhood, drawn towards the picture's where there is little print
    lit = np.clip((shared + 18 * gain) / (spread + 18), 0.25 * gain, 2 * gain).astype(np.float32)
    glare, lost = _glare(seen, one, gain * two, covered)
    one = np.where(lost, mean1 + lit * (two - mean2), one).astype(np.float32)
    left, fine = _left(one, lit * two), covered & ~lost
    slope = cv2.Sobel(two, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(two, cv2.CV_32F, 0, 1) ** 2
    noise = max(1.5, 2 * float(np.median(left[fine]))) if fine.any() else 1.5
    bound = noise + _OFF**2 * _mean(slope / 64 * lit**2) + _GAIN**2 * _energy(lit * two)
    # at the pack's edge what lies behind it shines through
    inner = cv2.erode(covered.astype(np.uint8), np.ones((2 * _WINDOW - 1,) * 2, np.uint8), borderValue=0) > 0
    known = inner & (_mean(fine.astype(np.float32)) > 0.6)
    return OddPlaces(np.where(known, np.sqrt(np.maximum(left, 0) / bound), 0).astype(np.float32), glare)


def _same_pixels(reference: Image, photo: Image, matrix: _Matrix) -> tuple[Image, Floats, Bools]:
    """Return the photo laid over the reference, the reference in grey as the photo's pixels show it, where both are."""
    height, width = reference.shape[:2]
    size, other = (width, height), (photo.shape[1], photo.shape[0])
    back = np.linalg.inv(matrix)
    middle = np.array([[[width / 2, height / 2], [width / 2 + 1, height / 2], [width / 2, height / 2 + 1]]])
    at = cv2.perspectiveTransform(middle, back)[0]
    scale = float(np.sqrt(abs(np.linalg.det(np.array([at[1] - at[0], at[2] - at[0]])))))
    soft = cv2.GaussianBlur(_grey(reference), (0, 0), 0.45 / scale) if 0.02 < scale < 1 else _grey(reference)
    shown = cv2.warpPerspective(soft, back, other, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    expected = cv2.warpPerspective(shown, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpPerspective(np.full(other[::-1], 255, np.uint8), matrix, size) > 254
    covered = cv2.erode(there.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    return np.asarray(seen, np.uint8), np.asarray(expected, np.float32), np.asarray(covered, bool)


def _unbent(seen: Image, grey: Floats, expected: Floats, covered: Bools) -> Image:
    """Take out a smooth field of shifts: a quadratic in x and y, fitted robustly to the shifts of tiles."""
    height, width = covered.shape
    side = float(max(height, width))
    (one, two, inside), at = zip(*(_tiles(x) for x in (grey, expected, covered.astype(np.float32))), strict=True)
    window = np.outer(*(np.hanning(_TILE + 2)[1:-1],) * 2).astype(np.float32)
    one, two = ((x - x.mean(axis=(1, 2), keepdims=True)) * window for x in (one, two))
    cross = np.fft.rfft2(one) * np.conj(np.fft.rfft2(two))
    peaks = np.fft.irfft2(cross / np.sqrt(np.maximum(np.abs(cross), 1e-3)), s=(_TILE, _TILE))
    near = np.fft.fftshift(peaks, axes=(1, 2))[
        (slice(None), *(slice(_TILE // 2 - _REACH, _TILE // 2 + _REACH + 1),) * 2)
    ]
    y, x = np.divmod(near.reshape(len(near), -1).argmax(axis=1), 2 * _REACH + 1)
    shifts = np.stack([x, y], axis=1).astype(np.float64) - _REACH
    down, across = np.gradient(two, axis=(1, 2))
    a, b, c = ((p * q).mean(axis=(1, 2)) for p, q in ((across, across), (down, down), (across, down)))
    corner = (a + b) / 2 - np.sqrt(
        ((a - b) / 2) ** 2 + c**2
    )  # the weaker of two directions: along a line nothing is known
    weight = np.where((inside.min(axis=(1, 2)) > 0) & (corner > 4), np.sqrt(np.minimum(corner, 400)), 0)
    if (weight > 0).sum() < 12:
        return seen
    table = _quadratic(at[0][:, 0] / side, at[0][:, 1] / side)
    now = weight
    for _ in range(8):
        found = np.linalg.lstsq(table * now[:, None], shifts * now[:, None], rcond=None)[0]
        off = np.linalg.norm(shifts - table @ found, axis=1)
        now = weight / (1 + (off / 0.5) ** 2)
    xs, ys = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    field = (_quadratic(xs.ravel() / side, ys.ravel() / side) @ found.astype(np.float32)).reshape(height, width, 2)
    bent = cv2.remap(seen, xs + field[..., 0], ys + field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(bent, np.uint8)


def _tiles(values: Floats) -> tuple[Floats, Floats]:
    view = np.lib.stride_tricks.sliding_window_view(values, (_TILE, _TILE))[::_STEP, ::_STEP]
    rows, columns = view.shape[:2]
    ys, xs = np.mgrid[:rows, :columns] * _STEP + _TILE / 2
    return view.reshape(-1, _TILE, _TILE), np.stack([xs.ravel(), ys.ravel()], axis=1).astype(np.float32)


def _quadratic(x: Floats, y: Floats) -> Floats:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _same_blur(one: Floats, two: Floats, covered: Bools) -> tuple[Floats, Floats, float]:
    """Blur the reference until its detail is the photo's; return both, and the photo's gain."""
    height, width = one.shape
    part = np.s_[height // 4 : height - height // 4, width // 4 : width - width // 4]
    inside = covered[part] if covered[part].any() else np.ones(covered[part].shape, bool)
    fine = (one[part] - cv2.GaussianBlur(one[part], (0, 0), 6))[inside]
    best = (np.inf, 0.0, 1.0)
    for sigma in _BLURS:
        soft = cv2.GaussianBlur(two[part], (0, 0), sigma) if sigma else two[part]
        detail = (soft - cv2.GaussianBlur(soft, (0, 0), 6))[inside]
        gain = float(np.clip((fine * detail).sum() / max(float((detail * detail).sum()), 1e-6), 0.2, 3))
        best = min(best, (float(np.abs(fine - gain * detail).mean()), sigma, gain))
    return one, np.asarray(cv2.GaussianBlur(two, (0, 0), best[1]) if best[1] else two, np.float32), best[2]


def _glare(seen: Image, one: Floats, expected: Floats, covered: Bools) -> tuple[Bools, Bools]:
    """Return where light was added, and where it is so much that nothing is left to compare.

    A saturated place is lost where the reference is bright as well, or where light was added around it; else it may be
    print that is missing.
    """
    full = cv2.dilate(np.asarray((seen > 249).any(axis=2), np.uint8), np.ones((3, 3), np.uint8)) > 0
    known = (covered & ~full).astype(np.float32)
    added = cv2.blur((one - expected) * known, (41, 41)) / (cv2.blur(known, (41, 41)) + 1e-4)
    lost = full & ((expected > 200) | (added > 25))
    return np.asarray((added > 45) | lost, bool), np.asarray(lost, bool)


def _left(one: Floats, two: Floats) -> Floats:
    """Return the energy that differs in each window, a slope of light and a shift of a pixel forgiven."""
    best = np.full(one.shape, np.inf, np.float32)
    height, width = one.shape
    for dx, dy in _SHIFTS:
        moved = cv2.warpAffine(
            one, np.array([[1.0, 0, dx], [0, 1.0, dy]]), (width, height), borderMode=cv2.BORDER_REPLICATE
        )
        np.minimum(best, _energy(np.asarray(moved, np.float32) - two), out=best)
    return best


def _energy(values: Floats) -> Floats:
    return np.maximum(_mean((values - _mean(values)) ** 2), 0)


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
