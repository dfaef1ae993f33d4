"""Drawing what was found on the picture it was found in."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from eyebright.core.types import Detections, Image, check_image

_GOLDEN = 0.618034
Colour = tuple[int, int, int]


def class_colour(number: int) -> Colour:
    """Return the RGB colour of a class; neighbouring numbers get colours far apart."""
    hue = (0.58 + number * _GOLDEN) % 1
    red, green, blue = colorsys.hls_to_rgb(hue, 0.42 if number % 2 else 0.5, 0.85)
    return round(red * 255), round(green * 255), round(blue * 255)


def draw_detections(
    image: Image,
    found: Detections,
    labels: Sequence[str] = (),
    *,
    names: bool = True,
    colours: Sequence[Colour] | None = None,
) -> Image:
    """Return the picture with boxes, masks and points, and above each box its class and score.

    Args:
        image: RGB `uint8 (H, W, 3)`; it is not changed.
        found: drawn worst first, so that the best lie on top.
        labels: class names by `class_id`; a class without one is shown by its number.
        names: whether class and score are written.
        colours: RGB of each row; None: by class.

    Raises:
        InputError: `image` is not such a picture.
    """
    canvas = np.array(check_image(image, "draw_detections"))
    order = np.argsort(found.confidence, kind="stable")
    tones = [class_colour(int(number)) for number in found.class_id] if colours is None else list(colours)
    if found.masks is not None:
        for row in order:
            _tint(canvas, found.masks.crops[row], found.masks.origins[row], tones[row])
    longest = max(canvas.shape[:2])
    thick = max(1, round(longest / 400))
    sheet = PIL.Image.fromarray(canvas)
    draw = PIL.ImageDraw.Draw(sheet)
    font = PIL.ImageFont.load_default(int(np.clip(longest / 55, 10, 40)))
    for row in order:
        left, top, right, bottom = (float(v) for v in found.xyxy[row])
        draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=tones[row], width=thick)
    if found.keypoints is not None:
        for row in order:
            for x, y in found.keypoints[row][np.isfinite(found.keypoints[row]).all(axis=1)]:
                r = thick + 1
                draw.ellipse((x - r, y - r, x + r, y + r), fill=tones[row], outline=(255, 255, 255))
    taken: list[tuple[float, float, float, float]] = []
    for row in order[::-1] if names else ():
        _label(draw, found.xyxy[row], _words(found, row, labels), tones[row], font, taken, sheet.size)
    return np.asarray(sheet, dtype=np.uint8)


def _words(found: Detections, row: int, labels: Sequence[str]) -> str:
    number = int(found.class_id[row])
    name = labels[number] if 0 <= number < len(labels) else f"class {number}"
    return f"{name} {found.confidence[row]:.2f}"


def _tint(canvas: Image, crop: np.ndarray, origin: np.ndarray, colour: Colour) -> None:
    x, y = (int(v) for v in origin)
    part = canvas[y : y + crop.shape[0], x : x + crop.shape[1]]
    part[crop] = (part[crop] * 0.55 + np.array(colour) * 0.45).astype(np.uint8)
    outline, _ = cv2.findContours(crop.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for line in outline:
        part[line[:, 0, 1], line[:, 0, 0]] = colour


def _label(
    draw: PIL.ImageDraw.ImageDraw,
    box: np.ndarray,
    words: str,
    colour: Colour,
    font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont,
    taken: list[tuple[float, float, float, float]],
    size: tuple[int, int],
) -> None:
    """Write above the box, or inside it at the top of the picture; a label that would hide a better one is left out."""
    _, _, wide, tall = font.getbbox(words)
    wide, tall = wide + 6, tall + 4
    x = min(max(float(box[0]), 0), max(size[0] - wide, 0))
    for y in (float(box[1]) - tall, float(box[1]), float(box[3])):
        place = (x, y, x + wide, y + tall)
        hidden = any(a[0] < place[2] and place[0] < a[2] and a[1] < place[3] and place[1] < a[3] for a in taken)
        if 0 <= y <= size[1] - tall and not hidden:
            taken.append(place)
            draw.rectangle(place, fill=colour)
            draw.text((x + 3, y + 1), words, fill=(255, 255, 255), font=font)
            return
