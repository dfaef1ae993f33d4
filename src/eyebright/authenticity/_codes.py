"""Reading QR, DataMatrix, EAN/UPC and Code 128, and what the numbers in them mean.

zxing-cpp reads first; where it finds nothing the picture is tried larger, sharper and turned, and OpenCV's readers
last. Every symbology here carries a check (check digit or Reed-Solomon), and a linear code from a changed picture
counts only when two attempts agree, as their single check digit lets one misread in ten through.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from eyebright.core.errors import ModelError
from eyebright.core.types import Image, check_image

_NAMES = {"EAN13": "EAN-13", "EAN8": "EAN-8", "UPCA": "UPC-A", "UPCE": "UPC-E", "Code128": "Code 128"}
_MATRIX = {"QR", "DataMatrix"}
_LARGEST = 2000  # pixels a side beyond which a picture is not enlarged for reading


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A code that was read.

    Attributes:
        symbology: `QR`, `DataMatrix`, `EAN-13`, `EAN-8`, `UPC-A`, `UPC-E` or `Code 128`.
        text: what it says; GS1's separator is the character 29.
        corners: four x, y in pixels of the picture.
        reader: `zxing-cpp` or `OpenCV`.
        gtin: 14 digits with a right check digit, empty when it holds none.
        serial: GS1's application identifier 21, else empty.
        lot: identifier 10, else empty.
        expiry: identifier 17 or 15, ISO 8601, else empty.
        problems: what is wrong with it, in words.
    """

    symbology: str
    text: str
    corners: tuple[tuple[float, float], ...]
    reader: str
    gtin: str = ""
    serial: str = ""
    lot: str = ""
    expiry: str = ""
    problems: tuple[str, ...] = ()


def check_digit(digits: str) -> int:
    """Return GS1's check digit of a number without it: weights 3, 1, 3 ... from the right, to the next ten."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -total % 10


def gtin14(text: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits as 14, empty when it is none or its check digit is wrong."""
    if len(text) not in {8, 12, 13, 14} or not (text.isascii() and text.isdigit()):
        return ""
    return text.zfill(14) if check_digit(text[:-1]) == int(text[-1]) else ""


def read_codes(image: Image) -> list[Code]:
    """Return every code in a picture, from the top down, each text once.

    Raises:
        InputError: not a picture.
        ModelError: zxing-cpp is not installed.
    """
    check_image(image, "codes")
    try:
        import zxingcpp
    except ImportError as error:
        raise ModelError("codes: need zxing-cpp; install it with: pip install 'eyebright[authenticity]'") from error
    grey = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    found = _zxing(zxingcpp, grey, np.eye(3))
    if not found:
        votes: dict[tuple[str, str], list[Code]] = collections.defaultdict(list)
        for changed, matrix in _attempts(grey):
            for code in _zxing(zxingcpp, changed, matrix):
                votes[code.symbology, code.text].append(code)
            found = [same[0] for (kind, _), same in votes.items() if kind in _MATRIX or len(same) > 1]
            if found:
                break
    if not found:
        found = _opencv(grey)
    single: dict[str, Code] = {}
    for code in sorted(found, key=lambda code: code.corners[0][1]):
        single.setdefault(code.text, code)
    return [_understood(code) for code in single.values()]


def _attempts(grey: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the picture changed, and the matrix back to its own pixels: enlarged, sharpened, turned."""
    height, width = grey.shape
    factors = [f for f in (2.0, 3.0) if max(height, width) * f <= _LARGEST] or [1.0]
    for factor in factors:
        large = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC) if factor > 1 else grey
        back = np.diag([1 / factor, 1 / factor, 1.0])
        yield large, back
        for sigma in (1.0 * factor, 1.8 * factor, 2.6 * factor):  # unsharp masking undoes a blur of about that width
            soft = cv2.GaussianBlur(large, (0, 0), sigma)
            yield cv2.addWeighted(large, 3.5, soft, -2.5, 0), back
    for degrees in (45, 22, -22):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        reach = np.abs(turn[:, :2]) @ (width, height)
        turn[:, 2] += reach / 2 - (width / 2, height / 2)
        size = (int(np.ceil(reach[0])), int(np.ceil(reach[1])))
        yield (
            cv2.warpAffine(grey, turn, size, flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255)),
            np.linalg.inv(np.vstack([turn, [0, 0, 1]])),
        )


def _zxing(zxingcpp: Any, grey: Any, back: Any) -> list[Code]:
    formats = [
        getattr(zxingcpp.BarcodeFormat, name)
        for name in ("QRCode", "DataMatrix", "EAN13", "EAN8", "UPCA", "UPCE", "Code128")
    ]
    codes = []
    for one in zxingcpp.read_barcodes(grey, formats=formats, text_mode=zxingcpp.TextMode.Plain):
        at = one.position
        corners = np.array([[(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]], float)
        places = cv2.perspectiveTransform(corners, back)[0]
        name = str(one.format).rsplit(".", 1)[-1].replace(" ", "").replace("-", "")
        name = "QR" if name.startswith("QR") else _NAMES.get(name, name)
        codes.append(Code(name, one.text, tuple((float(x), float(y)) for x, y in places), "zxing-cpp"))
    return codes


def _opencv(grey: Any) -> list[Code]:
    codes = []
    sound, texts, points, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
    if sound:
        codes += [Code("QR", text, _corners(at), "OpenCV") for text, at in zip(texts, points, strict=True) if text]
    sound, texts, kinds, points = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
    if sound:
        for text, kind, at in zip(texts, kinds, points, strict=True):
            name = {"EAN_13": "EAN-13", "EAN_8": "EAN-8", "UPC_A": "UPC-A", "UPC_E": "UPC-E"}.get(kind)
            if text and name:
                codes.append(Code(name, text, _corners(at), "OpenCV"))
    return codes


def _corners(points: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in np.asarray(points).reshape(-1, 2))


def _understood(code: Code) -> Code:
    """Fill in what GS1 says about the text."""
    import biip

    if code.symbology in {"EAN-13", "EAN-8", "UPC-A"}:
        gtin = gtin14(code.text)
        return dataclasses.replace(code, gtin=gtin, problems=() if gtin else ("the check digit is wrong",))
    try:
        parsed = biip.parse(code.text)
    except biip.ParseError:
        return code
    link = parsed.gs1_digital_link_uri
    message = link or (parsed.gs1_message if code.text[:2] == "01" or "\x1d" in code.text else None)
    if message is None:
        claimed = code.text[:2] == "01" and code.text[2:16].isdigit() and len(code.text) >= 16
        return dataclasses.replace(code, problems=("GS1 element strings that cannot be parsed",)) if claimed else code
    values = {item.ai.ai: item for item in message.element_strings}
    problems, expiry, gtin = [], "", ""
    if "01" in values:
        gtin = gtin14(values["01"].value)
        if not gtin:
            problems.append("the check digit of its GTIN is wrong")
    for ai in ("15", "17"):
        if ai in values and values[ai].date is not None:
            expiry = values[ai].date.isoformat()
    if expiry and dt.date.fromisoformat(expiry) < dt.datetime.now(dt.UTC).date():
        problems.append(f"expired on {expiry}")
    serial, lot = (values[ai].value if ai in values else "" for ai in ("21", "10"))
    return dataclasses.replace(code, gtin=gtin, serial=serial, lot=lot, expiry=expiry, problems=tuple(problems))
