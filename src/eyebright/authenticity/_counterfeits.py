"""Counterfeits of a picture, of named kinds: what a forger's print shop gets wrong, one thing at a time."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import cv2
import numpy as np

from eyebright.authenticity._codes import Code, check_digit, read_codes
from eyebright.authenticity._forged_text import change_font, change_letter, printable
from eyebright.authenticity._printing import code_image, emblem
from eyebright.authenticity._text import Line, read_lines
from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Image

Box = tuple[float, float, float, float]
Places = list[tuple[int, int, int, int]]
Made = tuple[Image, Places]
_MATRIX = ("QR", "DataMatrix")


@dataclasses.dataclass(frozen=True, eq=False)
class Original:
    """A genuine picture and where things stand on it; what is not given is looked for when a kind needs it.

    Attributes:
        image: RGB `uint8 (H, W, 3)`.
        logo: where the logo is; None: a place full of print takes its part.
        given: its lines of text, None when they are to be read.
    """

    image: Image
    logo: Box | None = None
    given: tuple[Line, ...] | None = None

    @functools.cached_property
    def lines(self) -> tuple[Line, ...]:
        """Lines whose letters are large enough that a change of one can be seen."""
        lines = read_lines(self.image) if self.given is None else self.given
        return tuple(printable(lines, max(self.image.shape[:2])))

    @functools.cached_property
    def codes(self) -> tuple[Code, ...]:
        """Codes that can be read on it."""
        return tuple(read_codes(self.image, seconds=1.0))


def _place(image: Image, rng: np.random.Generator, share: float) -> tuple[int, int, int, int]:
    """Choose a printed place of about `share` of the picture: where its edges are, not on plain ground."""
    height, width = image.shape[:2]
    side = np.sqrt(share)
    w, h = max(6, int(np.ceil(width * side))), max(6, int(np.ceil(height * side)))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    print_ = cv2.boxFilter(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), -1, (w, h))
    places = [(int(rng.integers(0, width - w)), int(rng.integers(0, height - h))) for _ in range(40)]
    x, y = max(places, key=lambda p: print_[p[1] + h // 2, p[0] + w // 2])
    return x, y, x + w, y + h


def _logo(original: Original, rng: np.random.Generator) -> tuple[int, int, int, int]:
    if original.logo is None:
        return _place(original.image, rng, 0.02)
    height, width = original.image.shape[:2]
    x1, y1, x2, y2 = (round(v) for v in original.logo)
    return max(0, x1), max(0, y1), min(width, x2), min(height, y2)


def _without(image: Image, box: tuple[int, int, int, int]) -> Image:
    """Fill a place from its surroundings."""
    x1, y1, x2, y2 = box
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[y1:y2, x1:x2] = 255
    return np.asarray(cv2.inpaint(image, mask, 3, cv2.INPAINT_TELEA), np.uint8)


def _rescan(original: Original, rng: np.random.Generator) -> Made:
    """Scan and print again with a screen of 150 lines an inch: four inks, turned screens, dots that grow.

    The picture is taken to show two to three inches of print; the screen is drawn finer than its pixels, and averaged
    as a camera would.
    """
    image = original.image
    height, width = image.shape[:2]
    period = max(height, width) / (150 * rng.uniform(2, 3))
    finer = max(2, int(np.ceil(5 / period)))
    soft = cv2.GaussianBlur(image, (0, 0), max(0.3, 0.25 * period))  # the scanner; it hides the first screen
    size = (finer * width, finer * height)
    ink = 1 - cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
    black = 0.8 * ink.min(axis=2)
    gain = rng.uniform(0.02, 0.05)
    paper = np.empty((height, width, 3), np.float32)
    key = 1 - 0.92 * _dots(black, finer * period, 45, gain)
    for channel, degrees in enumerate((15, 75, 0)):
        amount = (ink[..., channel] - black) / (1 - black + 1e-3)
        printed = key * (1 - 0.92 * _dots(amount, finer * period, degrees, gain))
        paper[..., channel] = cv2.resize(printed, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(255 * paper + 0.5, 0, 255), np.uint8), []


def _dots(amount: Floats, period: float, degrees: float, gain: float) -> Floats:
    """Return where a turned screen prints that amount of ink; printed dots are a little larger."""
    height, width = amount.shape
    step = 2 * np.pi / period
    cos, sin = step * np.cos(np.deg2rad(degrees)), step * np.sin(np.deg2rad(degrees))
    ys, xs = np.arange(height), np.arange(width)
    # cosines of sums, from sines and cosines of rows and columns
    one = np.outer(np.cos(ys * sin), np.cos(xs * cos)) - np.outer(np.sin(ys * sin), np.sin(xs * cos))
    two = np.outer(np.cos(ys * cos), np.cos(xs * sin)) + np.outer(np.sin(ys * cos), np.sin(xs * sin))
    screen = ((one + two) / 4 + 0.5).astype(np.float32)
    return np.asarray(1 / (1 + np.exp(-8 * (amount * (1 + gain) + gain - screen))), np.float32)


def _recolour(original: Original, rng: np.random.Generator) -> Made:
    """Turn the hue of all that is no grey, until half of it is at least 6 to 14 of CIELAB's units away."""
    image = original.image
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    a, b = lab[..., 1], lab[..., 2]
    chroma = np.hypot(a, b)
    coloured = chroma > 10
    if coloured.mean() < 0.02:
        coloured = np.ones(chroma.shape, bool)
    wanted, sign = rng.uniform(6, 14), float(rng.choice([-1, 1]))
    towards = rng.uniform(0, 2 * np.pi)
    out = image
    for step in range(1, 40):  # colours that cannot be printed are clipped, so the shift is measured, not computed
        turn, push = np.deg2rad(3.0 * step * sign), 0.5 * step * np.clip(chroma / 10, 0.1, 1)
        moved = np.dstack(
            [
                lab[..., 0],
                np.cos(turn) * a - np.sin(turn) * b + push * np.cos(towards),
                np.sin(turn) * a + np.cos(turn) * b + push * np.sin(towards),
            ]
        )
        out = np.asarray(
            np.clip(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB) * 255 + 0.5, 0, 255), np.uint8
        )
        now = cv2.cvtColor(out.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        if np.median(np.linalg.norm(now - lab, axis=2)[coloured]) >= wanted:
            break
    return out, []


def _moved(original: Original, rng: np.random.Generator) -> Made:
    """Move the logo by 3 to 12 per cent of its width, at least two pixels, and fill what it leaves."""
    image = original.image
    x1, y1, x2, y2 = box = _logo(original, rng)
    height, width = image.shape[:2]
    far, way = max(2.0, (x2 - x1) * rng.uniform(0.03, 0.12)), rng.uniform(0, 2 * np.pi)
    dx, dy = (int(np.copysign(np.ceil(abs(v)), v)) for v in (far * np.cos(way), far * np.sin(way)))
    dx = -dx if x1 + dx < 0 or x2 + dx > width else dx
    dy = -dy if y1 + dy < 0 or y2 + dy > height else dy
    ground = _without(image, box)
    apart = np.abs(image.astype(np.float32) - ground).max(axis=2)[y1:y2, x1:x2]
    cover = np.clip((apart - 6) / 24, 0, 1)[..., None]  # the logo itself, without the ground around it
    a1, b1, a2, b2 = max(0, x1 + dx), max(0, y1 + dy), min(width, x2 + dx), min(height, y2 + dy)
    out = ground.astype(np.float32)
    part = slice(b1 - y1 - dy, b2 - y1 - dy), slice(a1 - x1 - dx, a2 - x1 - dx)
    out[b1:b2, a1:a2] += cover[part] * (image[y1:y2, x1:x2][part] - out[b1:b2, a1:a2])
    return np.asarray(out + 0.5, np.uint8), [(min(x1, a1), min(y1, b1), max(x2, a2), max(y2, b2))]


def _swapped(original: Original, rng: np.random.Generator) -> Made:
    """Put another emblem in the logo's place, in its two strongest colours."""
    x1, y1, x2, y2 = box = _logo(original, rng)
    inks = _two_colours(original.image[y1:y2, x1:x2])
    out = _without(original.image, box).astype(np.float32)
    for mask, ink in zip(emblem(rng, x2 - x1, y2 - y1), inks, strict=True):
        out[y1:y2, x1:x2] += mask[..., None] * (ink - out[y1:y2, x1:x2])
    return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8), [box]


def _two_colours(part: Image) -> Floats:
    rows = part.reshape(-1, 3).astype(np.float32)[:: max(1, part.shape[0] * part.shape[1] // 4000)]
    end = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    cv2.setRNGSeed(1)
    _, labels, centres = cv2.kmeans(rows, 2, np.zeros((len(rows), 1), np.int32), end, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(centres[np.argsort(-np.bincount(labels[:, 0], minlength=2))], np.float32)


def _missing(original: Original, rng: np.random.Generator) -> Made:
    """Leave out a printed place of 1 to 2 per cent: the commonest colour around it shows."""
    x1, y1, x2, y2 = box = _place(original.image, rng, rng.uniform(0.01, 0.02))
    w, h = (x2 - x1) // 4, (y2 - y1) // 4
    rows = original.image[max(0, y1 - h) : y2 + h, max(0, x1 - w) : x2 + w].reshape(-1, 3)
    coarse = (rows >> 4).astype(np.int64) @ (256, 16, 1)
    ground = np.median(rows[coarse == np.bincount(coarse).argmax()], axis=0)
    cover = np.zeros(original.image.shape[:2], np.float32)
    cover[y1:y2, x1:x2] = 1
    soft = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.8), np.float32)[..., None]
    return np.asarray(original.image + soft * (ground - original.image) + 0.5, np.uint8), [box]


def _copied(original: Original, rng: np.random.Generator) -> Made:
    """Copy the copy: fine detail is lost everywhere."""
    sigma = rng.uniform(1.6, 2.4) * max(original.image.shape[:2]) / 1024
    return np.asarray(cv2.GaussianBlur(original.image, (0, 0), max(1.2, sigma)), np.uint8), []


def _line(original: Original, rng: np.random.Generator, change: Callable[..., Made | None], kind: str) -> Made:
    for number in rng.permutation(len(original.lines)).tolist():
        made = change(original.image, original.lines[number], rng)
        if made is not None:
            return made
    raise InputError(f"simulate: {kind} needs a line of text that can be read, and none was found on the picture")


def _font(original: Original, rng: np.random.Generator) -> Made:
    """Set one line in another font."""
    return _line(original, rng, change_font, "font")


def _letter(original: Original, rng: np.random.Generator) -> Made:
    """Change one letter of one line."""
    return _line(original, rng, change_letter, "letter")


def _wrong_code(original: Original, rng: np.random.Generator) -> Made:
    """Print a code that says something else: another article, or another serial."""
    code = _some_code(original, rng, "wrong_code")
    tile = code_image(code.symbology, _other(code, rng), 400, quiet=False)
    if code.symbology not in _MATRIX:
        tile = np.ascontiguousarray(np.broadcast_to(tile[:1], tile.shape))  # where longer bars end is left as it is
    return _laid(original.image, tile, _grown(code))


def _copied_code(original: Original, rng: np.random.Generator) -> Made:
    """Copy a code on a photocopier: what it says is right, its dark modules have grown and their corners are round."""
    code = _some_code(original, rng, "copied_code")
    corners = _grown(code)
    modules = code_image(code.symbology, code.text, 1, quiet=False).shape[1]
    width, height = 8 * modules, 8 * (modules if code.symbology in _MATRIX else modules // 2)
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    flat = cv2.warpPerspective(original.image, cv2.getPerspectiveTransform(corners, square), (width, height))
    soft = cv2.GaussianBlur(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY), (0, 0), 8 * rng.uniform(0.4, 0.5))
    grain = np.asarray(rng.normal(0, 30, soft.shape), np.float32)
    grey = soft.astype(np.float32) + cv2.GaussianBlur(grain, (0, 0), 2)
    low, high = np.percentile(grey, (5, 95))
    level = low + (high - low) * rng.uniform(0.58, 0.68)
    copy = 25 + 215 / (1 + np.exp(-(grey - level) / (0.04 * (high - low) + 1e-3)))
    tile = np.repeat(np.asarray(copy, np.uint8)[..., None], 3, axis=2)
    return _laid(original.image, np.ascontiguousarray(tile), corners)


def _grown(code: Code) -> Floats:
    """Return a code's corners; readers see linear codes a little lower than they are."""
    a, b, c, d = np.array(code.corners, np.float32)
    if code.symbology in _MATRIX:
        return np.array([a, b, c, d], np.float32)
    return np.array([a + 0.03 * (a - d), b + 0.03 * (b - c), c + 0.03 * (c - b), d + 0.03 * (d - a)], np.float32)


def _some_code(original: Original, rng: np.random.Generator, kind: str) -> Code:
    if not original.codes:
        raise InputError(f"simulate: {kind} needs a code that can be read, and none was found on the picture")
    return original.codes[int(rng.integers(len(original.codes)))]


def _other(code: Code, rng: np.random.Generator) -> str:
    """Return another text of the same length that could stand in the same code."""
    if code.symbology in {"EAN-13", "EAN-8", "UPC-A"}:
        body = list(code.text[:-1])
        for place in rng.choice(np.arange(3, len(body)), 3, replace=False).tolist():
            body[place] = str((int(body[place]) + int(rng.integers(1, 10))) % 10)
        return "".join(body) + str(check_digit("".join(body)))
    if code.gtin and code.gtin in code.text:
        body = list(code.gtin[:-1])
        for place in rng.choice(np.arange(5, len(body)), 3, replace=False).tolist():
            body[place] = str((int(body[place]) + int(rng.integers(1, 10))) % 10)
        return code.text.replace(code.gtin, "".join(body) + str(check_digit("".join(body))))
    signs = list(code.text)
    places = [n for n, sign in enumerate(signs) if sign.isascii() and sign.isalnum()] or list(range(len(signs)))
    for place in places[-3:]:
        signs[place] = str((ord(signs[place]) + int(rng.integers(1, 10))) % 10)
    return "".join(signs)


def _laid(image: Image, tile: Image, corners: Floats) -> Made:
    """Lay a tile over the quadrilateral of a code, in the ink and on the paper that are there."""
    height, width = tile.shape[:2]
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(square, corners)
    size = (image.shape[1], image.shape[0])
    x1, y1 = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0).tolist()
    x2, y2 = np.minimum(np.ceil(corners.max(axis=0)).astype(int), size).tolist()
    rows = np.sort(image[y1:y2, x1:x2].reshape(-1, 3), axis=0).astype(np.float32)
    dark, light = rows[len(rows) // 25], rows[len(rows) * 24 // 25]
    # several pixels of the tile fall into one of the picture: averaged, as ink on paper would be
    shrink = max(1.0, 0.5 * width / max(1.0, float(np.linalg.norm(corners[1] - corners[0]))))
    soft = cv2.GaussianBlur(tile, (0, 0), 0.5 * shrink)
    printed = cv2.warpPerspective(soft, matrix, size, flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    cover = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size).astype(np.float32)[..., None]
    out = image + cover / 255 * (dark + printed * (light - dark) - image)
    return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8), [(x1, y1, x2, y2)]


FORGERIES: dict[str, Callable[[Original, np.random.Generator], Made]] = {
    "copied": _copied,
    "missing": _missing,
    "moved": _moved,
    "recolour": _recolour,
    "rescan": _rescan,
    "swapped": _swapped,
    "font": _font,
    "letter": _letter,
    "wrong_code": _wrong_code,
    "copied_code": _copied_code,
}
"""From the name of a kind to its maker; those that must find text or codes stand last."""
