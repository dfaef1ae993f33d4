"""Codes as they are printed: the other way round from reading them."""

from __future__ import annotations

import dataclasses
from typing import Literal

import cv2
import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Image


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


def code_image(symbology: str, text: str, side: int) -> Image:
    """Draw a code of whole pixels a module, black on white, at most so many pixels a side (an EAN-13: so high).

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
    plain = np.array(zxingcpp.write_barcode_to_image(code, scale=1), np.uint8)
    height, width = plain.shape
    if symbology in {"QR", "DataMatrix"}:
        scale = max(1, side // max(height, width))
        grey = np.repeat(np.repeat(plain, scale, axis=0), scale, axis=1)
    else:
        scale = max(1, round(1.3 * side / width))
        grey = np.repeat(cv2.resize(plain, (width, side), interpolation=cv2.INTER_NEAREST), scale, axis=1)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))
