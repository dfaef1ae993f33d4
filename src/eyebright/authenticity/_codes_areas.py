"""Where codes may stand in a picture: places full of edges of one direction (bars) or of two at right angles (modules).

The directions come from the structure tensor: the mean of squared complex gradients has the angle of the bars, that of
their fourth powers the angle of a square grid (Bigün and Granlund, 1987).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np

_CELL = 4  # pixels a side of what is weighed together
_SMALLEST = 24  # pixels a side


@dataclasses.dataclass(frozen=True, slots=True)
class Area:
    """A place that may hold a code.

    Attributes:
        centre: x, y in pixels.
        size: width and height in pixels, along and across `degrees`.
        degrees: how far the rows of the code are turned, clockwise in the picture; of a grid up to a quarter turn, of
            bars up to half a turn.
        coherence: 0 where edges have every direction, 1 where all have one.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    degrees: float
    coherence: float


def find_areas(grey: Any, most: int = 4) -> list[Area]:
    """Return the places that may hold codes, the one with most edges first; bars give a place, a grid another."""
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    energy = dx * dx + dy * dy
    height, width = grey.shape
    if min(height, width) < _SMALLEST:
        return []
    small = cv2.resize(energy, (width // _CELL, height // _CELL), interpolation=cv2.INTER_AREA)
    dense = cv2.blur(small, (9, 9))
    top = float(np.quantile(dense, 0.995))
    found: list[tuple[float, Area]] = []
    for share in (0.12, 0.4):
        mask = (dense > max(share * top, 200.0)).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
        for label in range(1, count):
            x, y, w, h, cells = stats[label]
            if min(w, h) * _CELL < _SMALLEST:
                continue
            part = np.s_[y : y + h, x : x + w]
            inside = labels[part] == label
            weight = float((small[part] * inside).sum())
            fine = np.s_[y * _CELL : (y + h) * _CELL, x * _CELL : (x + w) * _CELL]
            z = (dx[fine] + 1j * dy[fine]) * np.kron(inside, np.ones((_CELL, _CELL), bool))
            found += [(weight * (cells / (w * h)), area) for area in _areas(z, x * _CELL, y * _CELL)]
    found.sort(key=lambda one: -one[0])
    kept: list[Area] = []
    for _, area in found:
        if all(not _alike(area, other) for other in kept):
            kept.append(area)
    return kept[:most]


def _areas(z: Any, left: int, top: int) -> list[Area]:
    """Return the place as bars where one direction rules, else as a grid; as both where it is not clear."""
    power = np.abs(z) ** 2
    total = float(power.sum())
    if not total:
        return []
    second, fourth = np.sum(z**2), np.sum(z**4 / np.maximum(power, 1e-6))
    coherence = float(abs(second) / total)
    rows, columns = np.nonzero(power > 0.1 * total / power.size)
    angles = []
    if coherence > 0.4:
        angles.append(np.rad2deg(np.angle(second)) / 2)
    if coherence < 0.7:
        angles.append(np.rad2deg(np.angle(fourth)) / 4)
    areas = []
    for angle in angles:
        cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        along, across = cosine * columns + sine * rows, -sine * columns + cosine * rows
        u, v = np.quantile(along, (0.002, 0.998)), np.quantile(across, (0.002, 0.998))
        centre = (cosine * u.mean() - sine * v.mean() + left, sine * u.mean() + cosine * v.mean() + top)
        areas.append(Area(centre, (float(np.ptp(u)), float(np.ptp(v))), float(angle), coherence))
    return areas


def _alike(one: Area, other: Area) -> bool:
    near = np.hypot(one.centre[0] - other.centre[0], one.centre[1] - other.centre[1]) < 0.2 * max(one.size)
    turned = abs((one.degrees - other.degrees + 45) % 90 - 45) < 3
    return bool(near and turned and 0.8 < max(one.size) / max(*other.size, 1.0) < 1.25)


def upright(grey: Any, area: Area, factor: float, margin: float = 0.15) -> tuple[Any, Any]:
    """Cut an area out with its rows level, enlarged by `factor`, with a margin round it.

    Returns:
        `uint8 (h, w)`, and the 3x3 matrix from its pixels back to those of the picture.
    """
    reach = margin * max(area.size) + 8
    width, height = (int(np.ceil((side + 2 * reach) * factor)) for side in area.size)
    cosine, sine = np.cos(np.deg2rad(area.degrees)), np.sin(np.deg2rad(area.degrees))
    back = np.array([[cosine, -sine, area.centre[0]], [sine, cosine, area.centre[1]], [0, 0, 1]])
    centre = np.array([[1 / factor, 0, -width / 2 / factor], [0, 1 / factor, -height / 2 / factor], [0, 0, 1]])
    # pixel centres: the middle of pixel 0 is at 0.5
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    matrix = np.linalg.inv(half) @ back @ centre @ half
    cut = cv2.warpAffine(
        grey,
        matrix[:2],
        (width, height),
        flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return cut, matrix
