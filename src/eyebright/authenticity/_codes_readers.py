"""The readers of codes: zxing-cpp and OpenCV on a picture as it is, and our own on places that neither can read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np

from eyebright.authenticity._codes_areas import Area, find_areas, upright
from eyebright.authenticity._codes_linear import read_bars
from eyebright.authenticity._codes_modules import read_modules
from eyebright.authenticity._codes_restore import restored
from eyebright.core.errors import ModelError

Corners = tuple[tuple[float, float], ...]
_KINDS = {
    "QRCode": "QR", "DataMatrix": "DataMatrix", "EAN13": "EAN-13", "EAN8": "EAN-8", "UPCA": "UPC-A", "UPCE": "UPC-E",
    "Code128": "Code 128",
}  # fmt: skip
_LARGE = 700  # pixels a side beyond which a blur of some pixels hides no module
_FINE = 320  # pixels a side beyond which a place is not enlarged, and modules are large enough for zxing-cpp
_BARS, _GRID = 0.4, 0.7  # coherence above which edges may be bars, below which modules


class Reading(NamedTuple):
    """A code as one reader reads it; see `Code`."""

    symbology: str
    text: str
    corners: Corners
    reader: str
    others: tuple[str, ...] = ()


def read_plain(grey: Any, back: Any = None, *, matrices: bool = False) -> list[Reading]:
    """Return what zxing-cpp reads in `uint8 (H, W)`.

    Args:
        grey: the picture.
        back: 3x3 matrix from its pixels to those that the corners are wanted in.
        matrices: look for QR and DataMatrix only.

    Raises:
        ModelError: zxing-cpp is not installed.
    """
    try:
        import zxingcpp
    except ImportError as error:
        raise ModelError("codes: need zxing-cpp; install it with: pip install 'eyebright[authenticity]'") from error
    formats = [getattr(zxingcpp.BarcodeFormat, name) for name in (list(_KINDS)[:2] if matrices else _KINDS)]
    found = []
    for one in zxingcpp.read_barcodes(grey, formats=formats, text_mode=zxingcpp.TextMode.Plain):
        at = one.position
        corners = np.array([(p.x, p.y) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)], float)
        name = str(one.format).rsplit(".", 1)[-1].replace(" ", "").replace("-", "")
        name = "QR" if name.startswith("QR") else _KINDS.get(name, "")
        if not name:  # of its variants (Micro QR), which noise passes for too easily
            continue
        found.append(Reading(name, one.text, _moved(corners, back), "zxing-cpp"))
    return found


def read_opencv(grey: Any) -> list[Reading]:
    """Return what OpenCV reads: QR, EAN and UPC."""
    found = []
    sound, texts, points, _ = cv2.QRCodeDetector().detectAndDecodeMulti(grey)
    if sound:
        found += [Reading("QR", text, _moved(at), "OpenCV") for text, at in zip(texts, points, strict=True) if text]
    sound, texts, kinds, points = cv2.barcode.BarcodeDetector().detectAndDecodeWithType(grey)
    if sound:
        for text, kind, at in zip(texts, kinds, points, strict=True):
            name = _KINDS.get(kind.replace("_", ""))
            if text and name:
                found.append(Reading(name, text, _moved(at), "OpenCV"))
    return found


def read_hard(grey: Any, until: float) -> list[Reading]:
    """Return what can be read through blur, bend and noise, a reading a place.

    Args:
        grey: `uint8 (H, W)`.
        until: `time.thread_time()` after which no further place is tried.
    """
    found: dict[str, Reading] = {}
    for area in find_areas(grey):
        if time.thread_time() > until:
            break
        one = _bars(grey, area, until) if area.coherence > _BARS else None
        if one is None and area.coherence < _GRID:
            one = _modules(grey, area, until)
        if one is not None:
            found.setdefault(one.text, one)
    return list(found.values())


def read_hard_bars(grey: Any, until: float) -> Iterator[Reading]:
    """Yield the codes of bars that `read_hard` would find, one as soon as it is read."""
    for area in find_areas(grey):
        if time.thread_time() > until:
            break
        one = _bars(grey, area, until) if area.coherence > _BARS else None
        if one is not None:
            yield one


def _bars(grey: Any, area: Area, until: float) -> Reading | None:
    cut, matrix = upright(grey, area, 1.0)
    bars = read_bars(cut, until)
    if bars is None:
        return None
    read = read_plain(_clean(np.tile(bars.modules, (20, 1)), 3))
    return Reading(read[0].symbology, read[0].text, _moved(bars.corners, matrix), "eyebright") if read else None


def _modules(grey: Any, area: Area, until: float) -> Reading | None:
    factor = 2.0 if max(area.size) < _FINE else 1.0
    cut, matrix = upright(grey, area, factor)
    for attempt in restored(cut, factor) if max(area.size) < _LARGE else (cut,):
        if time.thread_time() > until:
            return None
        read = read_plain(attempt, matrix, matrices=True)
        if read:
            return read[0]._replace(reader="eyebright")
    if max(area.size) > _FINE:
        return None
    cut, matrix = upright(grey, area, 1.0)
    for modules, corners in read_modules(cut, area.size, until):
        read = read_plain(_clean(modules, 4), matrices=True)
        if read:
            return Reading(read[0].symbology, read[0].text, _moved(corners, matrix), "eyebright")
    return None


def _clean(modules: Any, scale: int) -> Any:
    """Draw modules (1 dark) with their quiet zone: letters, digits and their checks are zxing-cpp's business."""
    return np.kron(255 - 255 * np.pad(modules, 12).astype(np.uint8), np.ones((scale, scale), np.uint8))


def _moved(points: Any, matrix: Any = None) -> Corners:
    points = np.asarray(points, float).reshape(1, -1, 2)
    moved = points[0] if matrix is None else cv2.perspectiveTransform(points, matrix)[0]
    return tuple((float(x), float(y)) for x, y in moved)
