"""Answers drawn into a picture: a box a face, the name below it, green for known and grey for unknown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from eyebright.core.types import Image, check_image
from eyebright.faces.types import Identification

_KNOWN, _UNKNOWN = (22, 128, 61), (82, 82, 91)


def draw_identities(image: Image, found: Sequence[Identification]) -> Image:
    """Return a copy of a picture with who is in it.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        found: as `FaceRecognizer.identify` gives it.
    """
    picture = Pictures.fromarray(check_image(image))
    draw = ImageDraw.Draw(picture)
    thick = max(2, round(min(picture.size) / 300))
    font = ImageFont.load_default(size=max(13, round(min(picture.size) / 32)))
    for face, match in found:
        colour = _UNKNOWN if match.person is None else _KNOWN
        left, top, right, bottom = (float(value) for value in face.box)
        draw.rectangle((left, top, right, bottom), outline=colour, width=thick)
        text = "unknown" if match.person is None else f"{match.person}  {match.probability:.2f}"
        width, height = draw.textbbox((0, 0), text, font=font)[2:]
        across = min(max(0.0, left), max(0.0, picture.width - width - 8))
        down = bottom if bottom + height + 8 <= picture.height else max(0.0, top - height - 8)
        draw.rectangle((across, down, across + width + 8, down + height + 8), fill=colour)
        draw.text((across + 4, down + 3), text, fill="white", font=font)
    return np.asarray(picture, dtype=np.uint8)
