"""Reading QR, DataMatrix, EAN/UPC and Code 128, and what the numbers in them mean.

zxing-cpp reads first, and OpenCV is asked about the same place: a code that two readers read differently says so, and
is no evidence for anything. What zxing-cpp does not find is read by our own means (`_codes_readers.read_hard`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from typing import Any

import cv2
import numpy as np

from eyebright.authenticity._codes_readers import Reading, read_hard, read_hard_bars, read_opencv, read_plain
from eyebright.core.types import Image, check_image

_RETAIL = {"EAN-13", "EAN-8", "UPC-A", "UPC-E"}
_SHORT = ("EAN-8", "UPC-E")
_QUIET = 0.35  # how much of the change of grey inside a code there may be beside it


@dataclasses.dataclass(frozen=True, slots=True)
class Code:
    """A code that was read.

    Attributes:
        symbology: `QR`, `DataMatrix`, `EAN-13`, `EAN-8`, `UPC-A`, `UPC-E` or `Code 128`.
        text: what it says; GS1's separator is the character 29.
        corners: four x, y in pixels of the picture.
        reader: `zxing-cpp`, `OpenCV` or `eyebright` (bars by likelihood, modules from a picture with the blur undone).
        gtin: 14 digits with a right check digit, empty when it holds none.
        serial: GS1's application identifier 21, else empty.
        lot: identifier 10, else empty.
        expiry: identifier 17 or 15, ISO 8601, else empty.
        problems: what is wrong with it, in words.
        others: what another reader made of the same place; when there is any, nobody knows what the code says.
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
    others: tuple[str, ...] = ()


def check_digit(digits: str) -> int:
    """Return GS1's check digit of a number without it: weights 3, 1, 3 ... from the right, to the next ten."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -total % 10


def gtin14(text: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits as 14, empty when it is none or its check digit is wrong."""
    if len(text) not in {8, 12, 13, 14} or not (text.isascii() and text.isdigit()):
        return ""
    return text.zfill(14) if check_digit(text[:-1]) == int(text[-1]) else ""


def read_codes(image: Image, *, seconds: float = 3.0) -> list[Code]:
    """Return every code in a picture, from the top down, each text once.

    A picture that zxing-cpp reads as it is costs little more than that. Where it finds nothing, the likeliest places
    of codes are cut out, turned upright and read through blur and bend: bars by likelihood, modules from pictures with
    the blur undone.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        seconds: of processor time after which no further attempt is begun; a picture that is read at once takes none.

    Raises:
        InputError: not a picture.
        ModelError: zxing-cpp is not installed.
    """
    check_image(image, "codes")
    grey = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    plain = [one for one in read_plain(grey) if one.symbology not in _SHORT or _stands_alone(grey, one)]
    found = [sure for one in plain for sure in _second_opinion(grey, one)] or read_hard(
        grey, time.thread_time() + seconds
    )
    single: dict[str, Code] = {}
    found = [one for one in found if not any(_is_part(one, other) for other in found)]
    for one in sorted(found, key=lambda one: one.corners[0][1]):
        single.setdefault(one.text, Code(one.symbology, one.text, one.corners, one.reader, others=one.others))
    return [_understood(code) for code in single.values()]


def _is_part(one: Reading, other: Reading) -> bool:
    """Whether a short code lies over a longer one of bars, of which it then is a part."""
    if one.symbology not in _SHORT or other.symbology not in {"EAN-13", "UPC-A", "Code 128"}:
        return False
    short, long = (cv2.convexHull(np.asarray(each.corners, np.float32)) for each in (one, other))
    return cv2.intersectConvexConvex(short, long)[0] > 0


def _stands_alone(grey: Any, one: Reading) -> bool:
    """Whether nothing like bars goes on beyond the ends of a short code, which is otherwise a part of a longer one.

    UPC-E, whose check digit is in no bar of its own, counts only where our own means find no longer code.
    """
    if one.symbology == "UPC-E" and read_hard(grey, time.thread_time() + 1.0):
        return False
    corners = np.asarray(one.corners)
    first, last = (corners[0] + corners[3]) / 2, (corners[1] + corners[2]) / 2
    down = (corners[3] + corners[2] - corners[0] - corners[1]) / 2
    # a band along the code, from a third of its width before it to a third behind it
    along, across = np.meshgrid(np.linspace(-1 / 3, 4 / 3, 500), np.linspace(-0.25, 0.25, 9))
    places = (first + along[..., None] * (last - first) + across[..., None] * down).astype(np.float32)
    band = cv2.remap(grey, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(
        axis=0
    )
    change = np.abs(np.diff(band))
    inside = float(change[110:390].mean())
    # a few modules beyond each end are the ends themselves, where the corners are not exact
    return max(float(change[:80].mean()), float(change[-80:].mean())) < _QUIET * inside


def _second_opinion(grey: Any, one: Reading) -> list[Reading]:
    """Return what zxing-cpp has read when another reader agrees, or what that place says by likelihood, or nothing.

    One blurred EAN or UPC in fifty is misread, as their single check digit lets one error in ten through; Code 128 and
    DataMatrix have stronger checks and no second reader.
    """
    if one.symbology in {"Code 128", "DataMatrix"}:
        return [one]
    linear = one.symbology != "QR"
    part, (x, y) = _round(grey, one, 0.15)
    texts = {other.text for other in read_opencv(part) if (other.symbology != "QR") == linear}
    same = {text.zfill(13) for text in texts} == {one.text.zfill(13)} if linear else one.text in texts
    others = tuple(sorted(texts - {one.text}))
    if same:
        return [one]
    if not linear:
        return [one._replace(others=others)]
    part, (x, y) = _round(grey, one, 0.8)  # a misread may take a piece of a code for the whole
    sure = []
    for other in read_hard_bars(part, time.thread_time() + 1.0):
        if other.text.zfill(13) == one.text.zfill(13):
            return [one]
        sure += [other] if other.symbology in _RETAIL else []
    if sure:
        return [other._replace(corners=tuple((u + x, v + y) for u, v in other.corners)) for other in sure]
    again = _read_again(part)
    # a photocopied code is hard to read: of a long one, nothing read again is no contradiction
    kept = again == {one.text.zfill(13)} or (not again and one.symbology not in _SHORT)
    return [one._replace(others=others)] if kept else []


def _read_again(part: Any) -> set[str]:
    """Return what zxing-cpp reads from a picture enlarged, and turned a little besides, so that lines lie elsewhere."""
    read: set[str] = set()
    height, width = part.shape
    for degrees in (0.0, 7.0):
        move = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.5)
        move[:, 2] += 0.25 * width, 0.25 * height
        large = cv2.warpAffine(
            part,
            move,
            (int(1.5 * width), int(1.5 * height)),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        read |= {other.text.zfill(13) for other in read_plain(large) if other.symbology in _RETAIL}
    return read


def _round(grey: Any, one: Reading, share: float) -> tuple[Any, tuple[int, int]]:
    """Return the picture round a code with a margin of this share of its size, and where that begins."""
    (left, top), (right, bottom) = np.min(one.corners, axis=0), np.max(one.corners, axis=0)
    reach = share * max(right - left, bottom - top) + 8
    x, y = max(int(left - reach), 0), max(int(top - reach), 0)
    return np.ascontiguousarray(grey[y : int(bottom + reach) + 1, x : int(right + reach) + 1]), (x, y)


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
