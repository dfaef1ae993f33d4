"""Made photos: recaptures of a genuine picture, and counterfeits of named kinds that are then recaptured likewise."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from eyebright.authenticity._counterfeits import FORGERIES, Box, Original
from eyebright.authenticity._text import Line
from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Image, check_image
from eyebright.media import decode_image, encode_image, write_image
from eyebright.ops import transform_boxes


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


KINDS = tuple(FORGERIES)
"""Kinds of made counterfeits, in the order in which they are made."""


def make_photos(
    image: Image,
    genuine: int,
    fake: int,
    *,
    seed: int = 0,
    kinds: Sequence[str] | None = None,
    logo: Box | None = None,
    lines: Sequence[Line] | None = None,
) -> list[MadePhoto]:
    """Make recaptures of a picture and of counterfeits of it.

    Args:
        image: the genuine picture, RGB `uint8 (H, W, 3)`, at least 64 pixels a side.
        genuine: recaptures of it.
        fake: counterfeits, the kinds in turn.
        seed: another seed gives other photos; use different ones for fitting and testing.
        kinds: of `KINDS`; None: all that this picture allows, so without text nothing is made of `font` and `letter`,
            and without a code that can be read nothing of `wrong_code` and `copied_code`.
        logo: x1, y1, x2, y2 of the logo in pixels; None: a place full of print takes its part.
        lines: its text; None: read when a kind needs it.

    Raises:
        InputError: too small a picture, an unknown kind, a kind that the picture does not allow, a negative number.
        ModelError: rapidocr or zxing-cpp is not installed and a kind that was named needs it.
    """
    check_image(image, "simulate")
    if min(image.shape[:2]) < 64:
        raise InputError(f"simulate: expected at least 64 pixels a side, got {image.shape[1]}x{image.shape[0]}")
    if genuine < 0 or fake < 0:
        raise InputError(f"simulate: expected numbers of at least 0, got {genuine} genuine and {fake} fake")
    names = KINDS if kinds is None else tuple(kinds)
    unknown = [kind for kind in names if kind not in FORGERIES]
    if unknown or (fake and not names):
        raise InputError(
            f"simulate: unknown kind {unknown[0] if unknown else ''!r}; expected one of {', '.join(KINDS)}"
        )
    if logo is not None:
        _check_logo(logo, image)
    made = []
    for number in range(genuine):
        photo, _ = recapture(image, np.random.default_rng((seed, 0, number)))
        made.append(MadePhoto(photo, "genuine", ()))
    original = Original(image, logo, None if lines is None else tuple(lines))
    left = itertools.cycle(names)
    impossible: set[str] = set()
    while len(made) < genuine + fake:
        kind = next(kind for kind in left if kind not in impossible)
        rng = np.random.default_rng((seed, 1, len(made) - genuine))
        try:
            changed, places = FORGERIES[kind](original, rng)
        except (InputError, ModelError):
            if kinds is not None:
                raise
            impossible.add(kind)
            continue
        photo, matrix = recapture(changed, rng)
        boxes = transform_boxes(matrix, np.array(places, float).reshape(-1, 4)).tolist()
        made.append(MadePhoto(photo, kind, tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes)))
    return made


def _check_logo(logo: Box, image: Image) -> None:
    x1, y1, x2, y2 = logo
    if not (x1 >= 0 and y1 >= 0 and x2 <= image.shape[1] and y2 <= image.shape[0] and min(x2 - x1, y2 - y1) >= 8):
        raise InputError(
            f"simulate: expected a logo of at least 8x8 pixels inside {image.shape[1]}x{image.shape[0]}, got {logo}"
        )


def save_photos(folder: Path | str, product: str, reference: Image, photos: Sequence[MadePhoto]) -> Path:
    """Write made photos as PNG files, with a table of labels that `evaluate` takes as its manifest.

    Args:
        folder: made when it is not there.
        product: its name, which the names of the files begin with.
        reference: the picture that they were made of; it becomes the reference in the table.
        photos: what `make_photos` returned.

    Returns:
        The table, `labels.csv`: the columns `path, product, role, kind, boxes`.

    Raises:
        InputError: the table cannot be written.
        MediaError: a picture cannot be written.
    """
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    write_image(home / f"{product}_reference.png", reference)
    rows = [(f"{product}_reference.png", product, "reference", "", "")]
    for number, photo in enumerate(photos):
        name = f"{product}_{number:04d}_{photo.kind}.png"
        write_image(home / name, photo.image)
        boxes = ";".join(" ".join(f"{v:.1f}" for v in box) for box in photo.boxes)
        genuine = photo.kind == "genuine"
        rows.append((name, product, "genuine" if genuine else "counterfeit", "" if genuine else photo.kind, boxes))
    table = home / "labels.csv"
    try:
        with table.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("path", "product", "role", "kind", "boxes"), *rows])
    except OSError as error:
        raise InputError(f"{table}: cannot write the table: {error.strerror}") from error
    return table
