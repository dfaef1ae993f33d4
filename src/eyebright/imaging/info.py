"""What a picture file says about itself, and what its pixels are like."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags
from PIL import Image as PILImage

from eyebright.core.types import Floats, Ints
from eyebright.imaging._pixels import histogram
from eyebright.media import ImageInfo, image_info, read_image

_LONGEST = 200  # characters or bytes of one EXIF value


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PictureInfo:
    """Facts about a picture file.

    Attributes:
        header: format, size, mode, depth, orientation, frames; see `eyebright.media.ImageInfo`.
        file_bytes: size of the file.
        channels: in the file: 1 is grey or a palette, 3 colour, 4 colour with transparency (or CMYK), 2 grey with it.
        exif: EXIF and GPS values by name: text, numbers, or lists of numbers; long binary ones are left out.
        histogram: `int64 (3, 256)`, how often each 8-bit value of red, green and blue occurs in the upright picture.
        mean: `float32 (3,)`, of the 8-bit samples.
        std: `float32 (3,)`.
        least: `int64 (3,)`.
        greatest: `int64 (3,)`.
    """

    header: ImageInfo
    file_bytes: int
    channels: int
    exif: dict[str, Any]
    histogram: Ints
    mean: Floats
    std: Floats
    least: Ints
    greatest: Ints


def picture_info(path: str | os.PathLike[str]) -> PictureInfo:
    """Read a picture file of any supported format.

    Raises:
        MediaError: it cannot be read, or is damaged.
    """
    header = image_info(path)
    counts = histogram(read_image(path))
    levels = np.arange(256)
    total = counts[0].sum()
    mean = counts @ levels / total
    std = np.sqrt(np.maximum(counts @ levels**2 / total - mean**2, 0))
    seen = counts > 0
    return PictureInfo(
        header=header,
        file_bytes=Path(path).stat().st_size,
        channels=1 if header.mode.startswith("I;") else PILImage.getmodebands(header.mode),
        exif=_exif(Path(path), header.format),
        histogram=counts,
        mean=mean.astype(np.float32),
        std=std.astype(np.float32),
        least=seen.argmax(axis=1),
        greatest=255 - seen[:, ::-1].argmax(axis=1),
    )


def _exif(path: Path, kind: str) -> dict[str, Any]:
    """Return the EXIF values by name; a broken block gives what could be read of it."""
    found: dict[str, Any] = {}
    try:
        if kind == "HEIC":
            import pillow_heif

            exif = PILImage.Exif()
            exif.load(pillow_heif.open_heif(path).info.get("exif") or b"")
            _collect(exif, found)
        else:
            with PILImage.open(path, formats=[kind]) as picture:
                _collect(picture.getexif(), found)
    except Exception:  # noqa: BLE001  (damaged EXIF makes Pillow raise nearly anything, and the picture is whole)
        return found
    return found


def _collect(exif: PILImage.Exif, found: dict[str, Any]) -> None:
    sections = (
        (dict(exif), ExifTags.TAGS),
        (exif.get_ifd(ExifTags.IFD.Exif), ExifTags.TAGS),
        (exif.get_ifd(ExifTags.IFD.GPSInfo), ExifTags.GPSTAGS),
    )
    for values, names in sections:
        for tag, value in values.items():
            plain = _plain(value)
            if plain is not None and tag not in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
                found[names.get(tag, f"tag {tag}")] = plain


def _plain(value: Any) -> Any:
    """Return a value that JSON knows, or None for long or odd ones."""
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").removeprefix(b"ASCII\0\0\0")
        return (
            text.decode("ascii") if len(text) <= _LONGEST and text.isascii() and text.decode().isprintable() else None
        )
    if isinstance(value, str):
        return value.strip("\0 ")[:_LONGEST]
    if isinstance(value, tuple | list):
        parts = [_plain(part) for part in value[:_LONGEST]]
        return None if None in parts else parts
    if isinstance(value, int):
        return value
    try:
        real = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return real if np.isfinite(real) else None
