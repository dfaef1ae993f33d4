"""Codes as they are printed: the other way round from reading them."""

from __future__ import annotations

import dataclasses
from typing import Literal

import cv2
import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Floats, Image


@dataclasses.dataclass(frozen=True, slots=True)
class PrintedCode:
    """A code on a pack.

    Attributes:
        symbology: as in `Code`.
        text: what it says.
        box: x1, y1, x2, y2 in pixels, its quiet zone included.
    """

    symbology: Literal["EAN-13", "DataMatrix", "QR"]
    text: str
    box: tuple[float, float, float, float]


def code_image(symbology: str, text: str, side: int, *, quiet: bool = True) -> Image:
    """Draw a code of whole pixels a module, black on white.

    Args:
        symbology: as in `Code`.
        text: what it says.
        side: at most so many pixels a side, at least one a module; linear codes are so high, and 1.3 times as wide.
        quiet: with the quiet zone around it.

    Raises:
        InputError: zxing-cpp cannot write the text in that symbology.
        ModelError: zxing-cpp is not installed.
    """
    try:
        import zxingcpp
    except ImportError as error:
        raise ModelError("codes: need zxing-cpp; install it with: pip install 'eyebright[authenticity]'") from error
    names = {
        "EAN-13": "EAN13",
        "EAN-8": "EAN8",
        "UPC-A": "UPCA",
        "UPC-E": "UPCE",
        "Code 128": "Code128",
        "QR": "QRCode",
    }
    try:
        code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, names.get(symbology, symbology)))
    except (AttributeError, ValueError) as error:
        raise InputError(f"codes: cannot write {text!r} as {symbology}: {error}") from error
    plain = np.array(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=quiet), np.uint8)
    height, width = plain.shape
    if symbology in {"QR", "DataMatrix"}:
        scale = max(1, side // max(height, width))
        grey = np.repeat(np.repeat(plain, scale, axis=0), scale, axis=1)
    else:
        scale = max(1, round(1.3 * side / width))
        grey = np.repeat(cv2.resize(plain, (width, side), interpolation=cv2.INTER_NEAREST), scale, axis=1)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


def emblem(rng: np.random.Generator, width: int, height: int) -> tuple[Floats, Floats]:
    """Draw a logo: a disc, polygon or rounded square, and a star or a wheel of spokes in it.

    Returns:
        How much the ground and the figure cover, 0 to 1, `float32 (height, width)`.
    """
    large = 4 * max(width, height)
    outer, inner = Pictures.new("L", (large, large), 0), Pictures.new("L", (large, large), 0)
    pen, fine = ImageDraw.Draw(outer), ImageDraw.Draw(inner)
    kind, corners, centre = int(rng.integers(3)), int(rng.integers(5, 9)), large / 2
    if kind == 0:
        pen.ellipse((0, 0, large - 1, large - 1), 255)
    elif kind == 1:
        pen.regular_polygon((centre, centre, centre), corners, rotation=int(rng.integers(360)), fill=255)
    else:
        pen.rounded_rectangle((0, 0, large - 1, large - 1), large // 5, 255)
    points, start = int(rng.integers(4, 9)), rng.uniform(0, 2 * np.pi)
    far, near = large * rng.uniform(0.32, 0.4), large * rng.uniform(0.1, 0.2)
    turns = start + np.arange(2 * points) * np.pi / points
    reach = np.where(np.arange(2 * points) % 2 == 0, far, near)
    star = [
        (float(x), float(y))
        for x, y in zip(centre + reach * np.cos(turns), centre + reach * np.sin(turns), strict=True)
    ]
    if rng.random() < 0.5:
        fine.polygon(star, fill=255)
    else:
        for x, y in star[::2]:
            fine.line([(centre, centre), (x, y)], fill=255, width=large // 16)
            fine.circle((x, y), large * 0.07, fill=255)
    fine.circle((centre, centre), large * rng.uniform(0.06, 0.12), fill=0)
    size = (width, height)
    small = [np.asarray(mask.resize(size, Pictures.Resampling.LANCZOS), np.float32) for mask in (outer, inner)]
    return np.asarray(small[0] / 255, np.float32), np.asarray(small[1] / 255, np.float32)
