"""Tracks, lines and zones drawn into pictures."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from eyebright.core.types import Floats, Image, Tracks

Colour = tuple[int, int, int]
_WHITE, _DARK, _LINE, _ZONE = (255, 255, 255), (24, 24, 28), (255, 214, 10), (64, 200, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def track_colour(track_id: int) -> Colour:
    """Return the RGB colour of an id: neighbours differ much (steps of the golden ratio round the hues)."""
    red, green, blue = colorsys.hsv_to_rgb(track_id * 0.618034 % 1, 0.72, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_tracks(image: Image, tracks: Tracks, names: Sequence[str], speeds: Floats | None = None) -> None:
    """Draw boxes with id, class and speed (metres a second, NaN: unknown) into `image`, RGB `uint8 (H, W, 3)`."""
    scale, width = _text_scale(image), max(1, round(min(image.shape[:2]) / 300))
    for row, (x1, y1, x2, y2) in enumerate(tracks.xyxy.tolist()):
        track_id = int(tracks.track_id[row])
        colour = track_colour(track_id)
        corners = [(round(x1 * 8), round(y1 * 8)), (round(x2 * 8), round(y2 * 8))]
        cv2.rectangle(image, corners[0], corners[1], colour, width, cv2.LINE_AA, 3)
        words = f"{names[row]} {track_id}" if names[row] != "moving" else str(track_id)
        if speeds is not None and np.isfinite(speeds[row]):
            words += f" {speeds[row]:.1f} m/s"
        tag(image, words, (round(x1), round(y1)), scale, colour, _DARK, above=True)


def draw_line(image: Image, start: Sequence[float], end: Sequence[float], words: str) -> None:
    """Draw a line to be crossed, an arrow that shows the way in, and `words` at its start."""
    width = max(2, round(min(image.shape[:2]) / 240))
    a, b = np.asarray(start, float), np.asarray(end, float)
    cv2.line(image, _at(a), _at(b), _LINE, width, cv2.LINE_AA)
    along = (b - a) / np.linalg.norm(b - a)
    middle, inwards = (a + b) / 2, np.array([-along[1], along[0]])
    reach = 0.05 * min(image.shape[:2])
    cv2.arrowedLine(image, _at(middle), _at(middle + reach * inwards), _LINE, width, cv2.LINE_AA, 0, 0.35)
    for point in (a, b):
        cv2.circle(image, _at(point), width + 2, _LINE, -1, cv2.LINE_AA)
    tag(image, words, _at(a + 8 * along), _text_scale(image), _LINE, _DARK, above=True)


def draw_zone(image: Image, corners: Sequence[Sequence[float]], words: str) -> None:
    """Draw a zone, lightly filled, and `words` at its topmost corner."""
    outline = np.rint(np.asarray(corners, float)).astype(np.int32)
    layer = image.copy()
    cv2.fillPoly(layer, [outline], _ZONE)
    cv2.addWeighted(layer, 0.18, image, 0.82, 0, dst=image)
    cv2.polylines(image, [outline], True, _ZONE, max(1, round(min(image.shape[:2]) / 300)), cv2.LINE_AA)
    top = outline[outline[:, 1].argmin()]
    tag(image, words, (int(top[0]), int(top[1])), _text_scale(image), _ZONE, _DARK, above=False)


def tag(
    image: Image, words: str, at: tuple[int, int], scale: float, back: Colour, front: Colour, *, above: bool
) -> None:
    """Write words on a coloured plate whose left edge is at `at`, above or below it, moved to lie in the picture."""
    (width, height), base = cv2.getTextSize(words, _FONT, scale, 1)
    pad = max(2, round(height * 0.3))
    tall = height + base + pad
    x = min(max(0, at[0]), max(0, image.shape[1] - width - 2 * pad))
    y = min(max(0, at[1] - tall if above else at[1]), max(0, image.shape[0] - tall))
    cv2.rectangle(image, (x, y), (x + width + 2 * pad, y + tall), back, -1)
    cv2.putText(image, words, (x + pad, y + tall - base), _FONT, scale, front, 1, cv2.LINE_AA)


def _text_scale(image: Image) -> float:
    return max(0.35, float(min(image.shape[0], image.shape[1])) / 1300)


def _at(point: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
