"""Showing what was found: keypoints, matches, flow, disparities."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Image
from eyebright.imaging._pixels import Picture, check_picture, u8
from eyebright.imaging.flow import SparseFlow
from eyebright.imaging.homography import PictureMatch
from eyebright.imaging.keypoints import Keypoints
from eyebright.ops import transform_points

_GREEN, _YELLOW, _RED, _INK = (38, 194, 106), (255, 200, 40), (235, 64, 52), (24, 27, 31)
_GAP = 8
_MOST_LINES = 150  # more than these hide the picture
_FRACTION, _UNIT = 4, 16  # bits of sub-pixel places in OpenCV's drawing, and what they make of a pixel


def draw_keypoints(image: Picture, keypoints: Keypoints, limit: int = 500) -> Image:
    """Return the picture, RGB `uint8 (H, W, 3)`, with a circle and a direction for each of the strongest keypoints.

    Raises:
        InputError: not a picture.
    """
    out = _colour(image, "draw")
    thick = _thickness(out)
    for x, y, size, angle in zip(*keypoints.xy[:limit].T, keypoints.size[:limit], keypoints.angle[:limit], strict=True):
        radius = max(float(size) / 2, 2.0)
        tip = (x + radius * np.cos(np.radians(angle)), y + radius * np.sin(np.radians(angle)))
        cv2.circle(out, _place(x, y), _fixed(radius), _GREEN, thick, cv2.LINE_AA, _FRACTION)
        cv2.line(out, _place(x, y), _place(*tip), _GREEN, thick, cv2.LINE_AA, _FRACTION)
    return out


def draw_matches(first: Picture, second: Picture, match: PictureMatch) -> Image:
    """Return both pictures side by side, RGB `uint8`, with lines between agreeing keypoints.

    When there is a homography, the outline of the first picture is drawn where it lies in the second.

    Raises:
        InputError: not pictures.
    """
    one, two = _colour(first, "draw"), _colour(second, "draw")
    shift = one.shape[1] + _GAP
    out = np.full((max(one.shape[0], two.shape[0]), shift + two.shape[1], 3), 255, np.uint8)
    out[: one.shape[0], : one.shape[1]] = one
    thick = _thickness(out)
    if match.matrix is not None:
        height, width = one.shape[:2]
        corners = transform_points(match.matrix, [(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)])
        # OpenCV's coordinates are 32-bit: a wild homography is not drawn to the moon
        if np.isfinite(corners).all() and np.abs(corners).max() < 1e5:
            outline = np.rint(corners * _UNIT).astype(np.int32)
            cv2.polylines(two, [outline], True, _YELLOW, 2 * thick, cv2.LINE_AA, _FRACTION)
    out[: two.shape[0], shift:] = two
    agreeing = match.pairs[match.inliers]
    step = max(1, -(-len(agreeing) // _MOST_LINES))
    for a, b in agreeing[::step]:
        start, end = match.first.xy[a], match.second.xy[b] + np.array([shift, 0])
        cv2.line(out, _place(*start), _place(*end), _GREEN, thick, cv2.LINE_AA, _FRACTION)
        for point in (start, end):
            cv2.circle(out, _place(*point), _fixed(2.5 * thick), _INK, -1, cv2.LINE_AA, _FRACTION)
            cv2.circle(out, _place(*point), _fixed(1.7 * thick), _GREEN, -1, cv2.LINE_AA, _FRACTION)
    return out


def draw_flow(image: Picture, flow: SparseFlow, resting: npt.NDArray[np.bool_] | None = None) -> Image:
    """Return the later picture, RGB `uint8 (H, W, 3)`, with an arrow from where each point was to where it is.

    Args:
        image: the later picture.
        flow: of N points.
        resting: `bool (N,)`: these arrows are green, the others red; None: all are green.

    Raises:
        InputError: not a picture.
    """
    out = _colour(image, "draw")
    thick = _thickness(out)
    for row, (start, end) in enumerate(zip(flow.start, flow.end, strict=True)):
        colour = _GREEN if resting is None or resting[row] else _RED
        cv2.line(out, _place(*start), _place(*end), colour, thick, cv2.LINE_AA, _FRACTION)
        cv2.circle(out, _place(*end), _fixed(1.5 * thick), colour, -1, cv2.LINE_AA, _FRACTION)
    return out


def draw_disparity(disparities: Floats) -> Image:
    """Return disparities `float32 (H, W)` in colours, RGB `uint8 (H, W, 3)`: warm is near, black is unknown."""
    known = np.isfinite(disparities)
    out = np.zeros((*disparities.shape, 3), np.uint8)
    if known.any():
        low, high = np.percentile(disparities[known], [1, 99])
        share = np.clip((np.where(known, disparities, low) - low) / max(high - low, 1e-6), 0, 1)
        colours = cv2.cvtColor(
            cv2.applyColorMap(np.rint(255 * share).astype(np.uint8), cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB
        )
        out[known] = colours[known]
    return out


def _colour(image: Picture, where: str) -> Image:
    image = check_picture(image, where)
    return image.copy() if image.ndim == 3 else u8(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))


def _thickness(image: Image) -> int:
    return int(max(1, *(side // 1000 for side in image.shape[:2])))


def _fixed(value: float) -> int:
    return round(float(value) * _UNIT)


def _place(x: float, y: float) -> tuple[int, int]:
    return _fixed(x), _fixed(y)
