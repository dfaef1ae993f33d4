"""Text that was printed wrongly: another font, another letter. Ink is told from its ground by colour."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from eyebright.authenticity._text import Line
from eyebright.core.types import Image

_FONTS = ("DejaVuSans.ttf", "DejaVuSerif-Bold.ttf", "DejaVuSansMono-Bold.ttf", "STIXGeneralItalic.ttf", "cmss10.ttf")
_ALIKE = 0.6  # overlap from which two letters, or two settings of a line, count as the same

_Mask = npt.NDArray[np.bool_]
_Made = tuple[Image, list[tuple[int, int, int, int]]]


def printable(lines: Iterable[Line], side: int) -> list[Line]:
    """Return the lines of at least three letters that are at least 1.5 % of the picture, and 14 pixels, high."""
    least = max(14.0, 0.015 * side)
    return [
        line
        for line in lines
        if sum(sign.isalnum() for sign in line.text) >= 3
        and line.box[3] - line.box[1] >= least
        and line.box[2] - line.box[0] > line.box[3] - line.box[1]
    ]


def change_font(image: Image, line: Line, rng: np.random.Generator) -> _Made | None:
    """Set a line in another font of the same size and ink; None when its letters cannot be told from the ground."""
    found = _ink(image, line)
    if found is None:
        return None
    (x1, y1, x2, y2), ink, colour = found
    ys, xs = np.nonzero(ink)
    left, top, right, bottom = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    old = ink[top:bottom, left:right]
    settings = [_set(line.text, path, right - left, bottom - top) for path in _fonts()]
    other = [new for new in settings if _overlap(new > 0.5, old) < _ALIKE]
    if not other:
        return None
    new = other[int(rng.integers(len(other)))]
    out = _erased(image, (x1, y1, x2, y2), ink).astype(np.float32)
    part = out[y1 + top : y1 + bottom, x1 + left : x1 + right]
    part += new[..., None] * (colour - part)
    return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8), [
        (int(x1 + left), int(y1 + top), int(x1 + right), int(y1 + bottom))
    ]


def change_letter(image: Image, line: Line, rng: np.random.Generator) -> _Made | None:
    """Print one letter of a line in the place of another; None when no two can be told apart."""
    found = _ink(image, line)
    if found is None:
        return None
    (x1, y1, x2, y2), ink, _ = found
    count, found_labels, found_stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    labels, stats = np.asarray(found_labels, np.int32), np.asarray(found_stats, np.int32)
    tall = np.asarray(stats[:, cv2.CC_STAT_HEIGHT] >= 0.4 * (y2 - y1 - 2 * _MARGIN), np.bool_)
    # what touches the rim is cut off
    whole = np.all(stats[:, :2] > 0, axis=1) & np.all(stats[:, :2] + stats[:, 2:4] < (x2 - x1, y2 - y1), axis=1)
    narrow = np.asarray(stats[:, cv2.CC_STAT_WIDTH] < 1.3 * (y2 - y1), np.bool_)
    letters = [n for n in range(1, count) if tall[n] and narrow[n] and whole[n]]
    pairs = [
        (a, b)
        for a in letters
        for b in letters
        if a != b
        and abs(int(stats[a, 3]) - int(stats[b, 3])) <= 0.35 * stats[a, 3]
        and stats[b, 2] <= 1.35 * stats[a, 2]
        and _overlap(_shape(labels, stats, a), _shape(labels, stats, b)) < _ALIKE
    ]
    if not pairs:
        return None
    gone, new = pairs[int(rng.integers(len(pairs)))]
    ground = _erased(image, (x1, y1, x2, y2), ink)
    out = _erased(image, (x1, y1, x2, y2), labels == gone).astype(np.float32)
    gx, gy, gw, gh = (int(v) for v in stats[gone, :4])
    nx, ny, nw, nh = (int(v) for v in stats[new, :4])
    soft = 1  # the edge of a letter is mixed with the ground
    source = np.s_[y1 + ny - soft : y1 + ny + nh + soft, x1 + nx - soft : x1 + nx + nw + soft]
    tx, ty = x1 + gx + (gw - nw) // 2 - soft, y1 + gy + gh - nh - soft
    if min(tx, ty) < 0:
        return None
    target = out[ty : ty + nh + 2 * soft, tx : tx + nw + 2 * soft]
    piece = image[source].astype(np.float32)
    if piece.shape != target.shape:
        return None
    alone = labels[ny - soft : ny + nh + soft, nx - soft : nx + nw + soft]
    near = cv2.dilate((alone == new).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    cover = near & ((alone == new) | (alone == 0))
    target += np.where(cover[..., None], piece - ground[source].astype(np.float32), 0)
    box = (min(x1 + gx, tx), min(y1 + gy, ty), max(x1 + gx + gw, tx + nw + 2), max(y1 + gy + gh, ty + nh + 2))
    return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8), [box]


_MARGIN = 3


def _ink(image: Image, line: Line) -> tuple[tuple[int, int, int, int], _Mask, npt.NDArray[np.float32]] | None:
    """Return the place of a line with a margin, which of its pixels are ink, and the ink's colour."""
    height, width = image.shape[:2]
    x1, y1 = max(0, int(line.box[0]) - _MARGIN), max(0, int(line.box[1]) - _MARGIN)
    x2, y2 = min(width, int(line.box[2]) + _MARGIN + 1), min(height, int(line.box[3]) + _MARGIN + 1)
    part = image[y1:y2, x1:x2].astype(np.float32)
    if min(part.shape[:2]) < 8:
        return None
    rim = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    far = np.linalg.norm(part - np.median(rim, axis=0), axis=2)
    level, _ = cv2.threshold(np.clip(far, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    ink = np.asarray(far > max(level, 30), np.bool_)
    if not 0.05 < ink.mean() < 0.7:
        return None
    return (x1, y1, x2, y2), ink, np.median(part[far >= np.percentile(far[ink], 50)], axis=0).astype(np.float32)


def _erased(image: Image, place: tuple[int, int, int, int], ink: _Mask) -> Image:
    x1, y1, x2, y2 = place
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[y1:y2, x1:x2] = cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _set(text: str, path: Path | None, width: int, height: int) -> npt.NDArray[np.float32]:
    """Set a text so that it fills a place."""
    size = 96
    font = ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)
    left, top, right, bottom = (int(v) for v in font.getbbox(text))
    tile = Pictures.new("L", (max(1, right - left), max(1, bottom - top)), 0)
    ImageDraw.Draw(tile).text((-left, -top), text, fill=255, font=font)
    small = tile.resize((int(width), int(height)), Pictures.Resampling.BOX)
    return np.asarray(np.asarray(small, np.float32) / 255, np.float32)


def _fonts() -> list[Path | None]:
    """Return Pillow's own font, and those of matplotlib where it is installed."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return [None]
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return [None, *(path for name in _FONTS if (path := folder / name).is_file())]


def _shape(labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], number: int) -> _Mask:
    x, y, w, h = (int(v) for v in stats[number, :4])
    return np.asarray(labels[y : y + h, x : x + w] == number)


def _overlap(one: _Mask, two: _Mask) -> float:
    """Return intersection over union of two masks, the second brought to the first one's size."""
    same = cv2.resize(two.astype(np.float32), (one.shape[1], one.shape[0]), interpolation=cv2.INTER_AREA) > 0.5
    union = int((one | same).sum())
    return float((one & same).sum()) / union if union else 1.0
