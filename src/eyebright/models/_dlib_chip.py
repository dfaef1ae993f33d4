"""Upright face chips, cut as dlib cuts them, so that its face network sees what it was trained on.

A similarity lays the chip's mean shape on the landmarks. A chip that is much smaller than its place in the picture is
cut from a level of a Gaussian pyramid (5x5 binomial filter, every other pixel), then bilinear. Held to dlib pixel by
pixel in the tests.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Image
from eyebright.ops import similarity_from_points, transform_points

PADDING = 0.25
"""Of the mean face's width, added on each side."""

DLIB_FIVE = np.array(
    [
        [0.8595674595992, 0.2134981538014],
        [0.6460604764104, 0.2289674387677],
        [0.1205750620789, 0.2137274526848],
        [0.3340850613712, 0.2290642403242],
        [0.4901123135679, 0.6277975316475],
    ]
)
"""Mean place of dlib's five landmarks in a face of side 1: outer and inner corner of the right eye in the picture, then
of the left one, and the base of the nose."""

_Points = npt.NDArray[np.float64]
_EPSILON = 1e-9
"""A mean of equal pixels must not lose one level to rounding down."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChipPlace:
    """A turned square in a picture.

    Attributes:
        centre: x and y in pixels.
        side: in pixels.
        angle: in radians, from the x axis towards the y axis.
    """

    centre: tuple[float, float]
    side: float
    angle: float


def chip_place(points: npt.ArrayLike, template: npt.ArrayLike, size: int, padding: float = PADDING) -> ChipPlace:
    """Return where the chip lies in the picture whose landmarks are `points`.

    Args:
        points: `(K, 2)` pixels, in the order of the template.
        template: `(K, 2)` in a face of side 1.
        size: side of the chip in pixels.
        padding: see `PADDING`.

    Raises:
        InputError: wrong shapes, or all points in one place.
    """
    chip_points = (padding + np.asarray(template, dtype=np.float64)) / (2 * padding + 1) * size
    matrix = similarity_from_points(chip_points, points)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    centre = transform_points(matrix, [size / 2, size / 2])
    return ChipPlace((float(centre[0]), float(centre[1])), size * scale, math.atan2(matrix[1, 0], matrix[0, 0]))


def cut_chip(image: Image, place: ChipPlace, size: int, *, fill: tuple[int, int, int] = (0, 0, 0)) -> Image:
    """Return the chip, RGB `uint8 (size, size, 3)`.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        place: see `chip_place`.
        size: side of the chip in pixels.
        fill: colour outside the picture; dlib's is black.
    """
    half = (place.side - 1) / 2  # from the middle of the first pixel to the middle of the last
    corners = _turned(_square(place.centre, half), place)
    levels, grow, span = 0, 2, _down(np.array([[-half, -half], [half, half]]))
    while np.prod(span[1] - span[0] + 1) > size * size:
        span, levels, grow = _down(span), levels + 1, grow * 2 + 2
    low = np.maximum(np.floor(corners.min(axis=0) - grow + 0.5), 0).astype(int)
    high = np.minimum(np.floor(corners.max(axis=0) + grow + 0.5) + 1, [image.shape[1], image.shape[0]]).astype(int)
    if (low >= high).any():
        return _plain(size, fill)
    pixels = image[low[1] : high[1], low[0] : high[0]]
    square = _square(place.centre, half) - low
    for _ in range(levels):
        pixels, square = _halved(pixels), _down(square)
    corners = _turned(square, place)
    across, down = (corners[1] - corners[0]) / (size - 1), (corners[2] - corners[0]) / (size - 1)
    return _bilinear(pixels, corners[0], across, down, size, fill)


def _square(centre: tuple[float, float], half: float) -> _Points:
    """Return top left, top right and bottom left, and bottom right, of an upright square."""
    return np.array(centre) + half * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], dtype=np.float64)


def _turned(square: _Points, place: ChipPlace) -> _Points:
    centre = (square[0] + square[3]) / 2
    cosine, sine = math.cos(place.angle), math.sin(place.angle)
    turned: _Points = (square - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    return turned


def _down(points: _Points) -> _Points:
    """Move points one level of the pyramid down; the shifts are dlib's."""
    moved: _Points = points / 2 - np.array([1.25, 0.75])
    return moved


def _halved(pixels: Image) -> Image:
    """Return the next level: binomial filter (1 4 6 4 1) both ways, every other pixel, rounded down.

    OpenCV filters the same way, exactly so on floats, but begins two pixels earlier.
    """
    height, width = ((side - 3) // 2 for side in pixels.shape[:2])
    if min(pixels.shape[:2]) <= 8:
        return np.zeros((0, 0, 3), dtype=np.uint8)
    return cv2.pyrDown(pixels.astype(np.float32))[1 : height + 1, 1 : width + 1].astype(np.uint8)


def _bilinear(
    pixels: Image, origin: _Points, across: _Points, down: _Points, size: int, fill: tuple[int, int, int]
) -> Image:
    height, width = pixels.shape[:2]
    steps = np.arange(size, dtype=np.float64)
    x = origin[0] + steps * across[0] + steps[:, None] * down[0]
    y = origin[1] + steps * across[1] + steps[:, None] * down[1]
    left, top = np.floor(x), np.floor(y)
    inside = (left >= 0) & (top >= 0) & (left < width - 1) & (top < height - 1)
    if not inside.any():
        return _plain(size, fill)
    right, low = x - left, y - top
    places = np.empty((size, size, 2), dtype=np.int16)
    places[:, :, 0], places[:, :, 1] = np.clip(left, -1, width), np.clip(top, -1, height)
    # OpenCV only fetches the four neighbours: its own interpolation rounds the shares to 1/32
    none = np.zeros(0, dtype=np.uint16)
    corners = [cv2.remap(pixels[dy:, dx:], places, none, cv2.INTER_NEAREST) for dy in (0, 1) for dx in (0, 1)]
    chip = np.empty((size, size, 3), dtype=np.uint8)
    for channel in range(3):  # one plane at a time stays within the cache
        above, beside, below, diagonal = (corner[:, :, channel] for corner in corners)
        value = above.astype(np.float64)
        value += right * (beside - value)
        lower = below.astype(np.float64)
        lower += right * (diagonal - lower)
        lower -= value
        lower *= low
        value += lower
        value += _EPSILON
        chip[:, :, channel] = value
    if not inside.all():
        chip[~inside] = fill
    return chip


def _plain(size: int, colour: tuple[int, int, int]) -> Image:
    return np.broadcast_to(np.array(colour, dtype=np.uint8), (size, size, 3)).copy()
