"""Small pictures. `viz` stands beside `imaging`, so it asks Pillow itself."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image

from eyebright.core.types import Image, check_image


def thumbnail(image: Image, width: int, height: int) -> PIL.Image.Image:
    """Return `image` shrunk into `width` x `height`, keeping its proportions; small pictures stay as they are."""
    small = PIL.Image.fromarray(np.ascontiguousarray(check_image(image)))
    small.thumbnail((width, height), PIL.Image.Resampling.LANCZOS, reducing_gap=3.0)
    return small


def thumbnail_bytes(image: Image, longest: int) -> bytes:
    """Return a JPEG of at most `longest` pixels a side."""
    stream = io.BytesIO()
    thumbnail(image, longest, longest).save(stream, "JPEG", quality=85)
    return stream.getvalue()
