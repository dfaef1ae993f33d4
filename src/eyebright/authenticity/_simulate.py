"""Made photos: recaptures of a genuine picture, and counterfeits of named kinds that are then recaptured likewise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Image, check_image
from eyebright.media import decode_image, encode_image
from eyebright.ops import transform_boxes

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MadePhoto:
    """A made photo.

    Attributes:
        image: RGB `uint8 (H, W, 3)`.
        kind: `genuine`, or what kind of counterfeit.
        boxes: what was changed, in pixels of this photo; empty where all of it was.
    """

    image: Image
    kind: str
    boxes: tuple[Box, ...]


def recapture(image: Image, rng: np.random.Generator, *, degrees: float = 25.0) -> tuple[Image, np.ndarray]:
    """Photograph a flat picture again: perspective, light, glare, blur, noise, JPEG of quality 60 to 95.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        rng: where chance comes from.
        degrees: largest tilt in each direction; the turn in the plane is at most a third of it.

    Returns:
        The photo, of the same size, and the matrix `float64 (3, 3)` from the picture to it.
    """
    check_image(image, "recapture")
    height, width = image.shape[:2]
    pitch, yaw = np.deg2rad(rng.uniform(-degrees, degrees, 2))
    roll = np.deg2rad(rng.uniform(-degrees, degrees) / 3)
    focal = 1.6 * max(height, width)
    x_axis = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    y_axis = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    z_axis = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    turn = z_axis @ y_axis @ x_axis
    camera = np.diag([focal, focal, 1.0])
    camera[:2, 2] = width / 2, height / 2
    centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    plane = np.column_stack([turn[:, 0], turn[:, 1], [0, 0, focal * rng.uniform(1.05, 1.3)]])
    matrix = camera @ plane @ centre
    matrix /= matrix[2, 2]
    table = tuple(float(v) for v in rng.uniform(60, 200, 3))
    seen = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=table).astype(
        np.float32
    )
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    way = rng.uniform(0, 2 * np.pi)
    slope = (xs / width - 0.5) * np.cos(way) + (ys / height - 0.5) * np.sin(way)
    light = rng.uniform(0.75, 1.1) * (1 + rng.uniform(0, 0.35) * slope)
    seen *= light[..., None] * rng.uniform(0.94, 1.06, 3).astype(np.float32)
    if rng.random() < 0.3:
        at, reach = rng.uniform(0.1, 0.9, 2) * (width, height), rng.uniform(0.03, 0.08) * max(height, width)
        seen += 130 * np.exp(-((xs - at[0]) ** 2 + (ys - at[1]) ** 2) / (2 * reach**2))[..., None]
    seen = cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.3, 0.9)) + rng.normal(0, rng.uniform(1, 4), seen.shape)
    photo = np.asarray(np.clip(seen + 0.5, 0, 255), np.uint8)
    return decode_image(encode_image(photo, "jpeg", int(rng.integers(60, 96)))), matrix


def _place(image: Image, rng: np.random.Generator, share: float) -> tuple[int, int, int, int]:
    """Choose a printed place of about `share` of the picture: where its edges are, not on plain ground."""
    height, width = image.shape[:2]
    side = np.sqrt(share)
    w, h = max(6, round(width * side)), max(6, round(height * side))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    print_ = cv2.boxFilter(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), -1, (w, h))
    places = [(int(rng.integers(0, width - w)), int(rng.integers(0, height - h))) for _ in range(40)]
    x, y = max(places, key=lambda p: print_[p[1] + h // 2, p[0] + w // 2])
    return x, y, x + w, y + h


_Fake = Callable[[Image, np.random.Generator], tuple[Image, list[tuple[int, int, int, int]]]]


def _rescan(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Print with a halftone screen of about 150 lines an inch, on a pack of about eight inches, and scan it."""
    height, width = image.shape[:2]
    period = max(height, width) / rng.uniform(190, 260)
    ys, xs = np.mgrid[:height, :width] * (2 * np.pi / period)
    out = np.empty(image.shape, np.float32)
    for channel, degrees in enumerate((15, 75, 45)):
        angle = np.deg2rad(degrees)
        u, v = xs * np.cos(angle) + ys * np.sin(angle), -xs * np.sin(angle) + ys * np.cos(angle)
        screen = (np.cos(u) + np.cos(v)) / 4 + 0.5
        out[..., channel] = 255 / (1 + np.exp(-(image[..., channel] / 255.0 - screen) * 6))
    mixed = cv2.GaussianBlur(0.45 * out + 0.55 * image, (0, 0), 1.0)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8), []


def _recolour(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Shift every colour that is no grey by at least 6 of CIELAB's units."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    turn = np.deg2rad(rng.uniform(25, 45) * rng.choice([-1, 1]))
    a, b = lab[..., 1].copy(), lab[..., 2].copy()
    shift = rng.uniform(6, 10) * np.array([np.cos(turn * 5), np.sin(turn * 5)])
    weight = np.clip(np.hypot(a, b) / 10, 0, 1)
    lab[..., 1] = np.cos(turn) * a - np.sin(turn) * b + weight * shift[0]
    lab[..., 2] = np.sin(turn) * a + np.cos(turn) * b + weight * shift[1]
    return np.asarray(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255 + 0.5, 0, 255), np.uint8), []


def _moved(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Move a printed place by 3 to 6 per cent of the picture's width."""
    x1, y1, x2, y2 = _place(image, rng, 0.02)
    step = round(image.shape[1] * rng.uniform(0.03, 0.06)) * int(rng.choice([-1, 1]))
    to = int(np.clip(x1 + step, 0, image.shape[1] - (x2 - x1)))
    if abs(to - x1) < 0.03 * image.shape[1]:
        to = int(np.clip(x1 - step, 0, image.shape[1] - (x2 - x1)))
    out, piece = _missing_at(image, (x1, y1, x2, y2)), image[y1:y2, x1:x2]
    out[y1:y2, to : to + x2 - x1] = piece
    return out, [(min(x1, to), y1, max(x2, to + x2 - x1), y2)]


def _missing(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Leave out a printed place of 1 to 2 per cent."""
    box = _place(image, rng, rng.uniform(0.01, 0.02))
    return _missing_at(image, box), [box]


def _missing_at(image: Image, box: tuple[int, int, int, int]) -> Image:
    x1, y1, x2, y2 = box
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[y1:y2, x1:x2] = 255
    return np.asarray(cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _swapped(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Print another part of the picture in a printed place, as a wrong logo would be."""
    x1, y1, x2, y2 = _place(image, rng, 0.015)
    a1, b1, a2, b2 = _place(image, rng, 0.015)
    out = image.copy()
    out[y1:y2, x1:x2] = image[b1:b2, a1:a2][::-1, ::-1]
    return out, [(x1, y1, x2, y2)]


def _copied(image: Image, rng: np.random.Generator) -> tuple[Image, list[tuple[int, int, int, int]]]:
    """Copy the copy: fine detail is lost everywhere."""
    sigma = rng.uniform(1.6, 2.4) * max(image.shape[:2]) / 1024
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(1.2, sigma)), np.uint8), []


_KINDS: dict[str, _Fake] = {
    "copied": _copied,
    "missing": _missing,
    "moved": _moved,
    "recolour": _recolour,
    "rescan": _rescan,
    "swapped": _swapped,
}
KINDS = tuple(_KINDS)
"""Kinds of made counterfeits."""


def make_photos(
    image: Image, genuine: int, fake: int, *, seed: int = 0, kinds: tuple[str, ...] = KINDS
) -> list[MadePhoto]:
    """Make recaptures of a picture and of counterfeits of it.

    Args:
        image: the genuine picture, RGB `uint8 (H, W, 3)`, at least 64 pixels a side.
        genuine: recaptures of it.
        fake: counterfeits, the kinds in turn.
        seed: another seed gives other photos; use different ones for fitting and testing.
        kinds: of `KINDS`.

    Raises:
        InputError: too small a picture, an unknown kind, a negative number.
    """
    check_image(image, "simulate")
    if min(image.shape[:2]) < 64:
        raise InputError(f"simulate: expected at least 64 pixels a side, got {image.shape[1]}x{image.shape[0]}")
    if genuine < 0 or fake < 0:
        raise InputError(f"simulate: expected numbers of at least 0, got {genuine} genuine and {fake} fake")
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown or (fake and not kinds):
        raise InputError(
            f"simulate: unknown kind {unknown[0] if unknown else ''!r}; expected one of {', '.join(KINDS)}"
        )
    made = []
    for number in range(genuine):
        photo, _ = recapture(image, np.random.default_rng((seed, 0, number)))
        made.append(MadePhoto(photo, "genuine", ()))
    for number in range(fake):
        rng = np.random.default_rng((seed, 1, number))
        kind = kinds[number % len(kinds)]
        changed, places = _KINDS[kind](image, rng)
        photo, matrix = recapture(changed, rng)
        boxes = transform_boxes(matrix, np.array(places, float).reshape(-1, 4)).tolist()
        made.append(MadePhoto(photo, kind, tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes)))
    return made
