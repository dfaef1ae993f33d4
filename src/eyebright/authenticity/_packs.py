"""Drawn packs: pictures of made-up products with text, logo and codes, of which every place is known.

For tests, benches and the handbook: counterfeits of a drawn pack can be made and judged without anybody's trade mark.
"""

from __future__ import annotations

import colorsys
import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from eyebright.authenticity._codes import check_digit
from eyebright.authenticity._printing import PrintedCode, code_image, emblem
from eyebright.authenticity._text import Line
from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Image

Box = tuple[float, float, float, float]
_Colour = tuple[int, int, int]

_HEADS = ("DejaVuSans-Bold", "DejaVuSerif-Bold", "DejaVuSans-BoldOblique", "STIXGeneralBol", "DejaVuSerif-BoldItalic")
_BODIES = ("DejaVuSans", "DejaVuSerif", "STIXGeneral", "DejaVuSansMono", "cmss10")
_BRANDS = (
    "NORDAL",
    "Vesterhus",
    "KORNBAKK",
    "Solgard",
    "ALVA",
    "Brisling",
    "MERIDIAN",
    "Hollow Oak",
    "TINDRA",
    "Quell",
)
_GOODS = (
    "Golden Oats", "Dark Rye", "Apple Juice", "Green Lentils", "Black Tea", "Ground Coffee", "Wild Honey", "Sea Salt",
    "Corn Flakes", "Oat Biscuits", "Plum Jam", "Brown Rice",
)  # fmt: skip
_CLAIMS = ("No added sugar", "Stone ground", "Best of the north", "Slowly roasted", "From small farms", "Rich in fibre")
_SMALL = (
    "Ingredients: whole grain, water, sea salt, barley malt.", "Store in a cool and dry place after opening.",
    "May contain traces of nuts, milk and sesame seeds.", "Packed under protective atmosphere, keep upright.",
    "Best before: see the side of the pack. Lot L2419.", "Energy 1540 kJ / 368 kcal, protein 13 g, fat 7 g.",
    "Carbohydrate 59 g, of which sugars 0.9 g, salt 0.02 g.", "Made for Meridian Foods, Harbour Street 14, Bergen.",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pack:
    """A drawn pack.

    Attributes:
        image: RGB `uint8 (H, W, 3)`.
        name: brand and product.
        gtin: 13 digits.
        serial: what its matrix code says.
        lines: the text, from the top down.
        logo: where the logo is.
        codes: an EAN-13, and a DataMatrix or QR code with GTIN and serial.
    """

    image: Image
    name: str
    gtin: str
    serial: str
    lines: tuple[Line, ...]
    logo: Box
    codes: tuple[PrintedCode, ...]


def draw_pack(seed: int, *, side: int = 1280, serial: str = "") -> Pack:
    """Draw the front of a made-up pack.

    Colours, layout, fonts, logo, words and numbers follow from the seed.

    Args:
        seed: another one, another product.
        side: pixels of the longer side, at least 480; the shorter is three quarters of it.
        serial: of this item, letters and digits; empty: one that follows from the seed. Nothing else depends on it.

    Raises:
        InputError: too small, or a serial that cannot be printed.
        ModelError: the fonts (of the package matplotlib) or zxing-cpp are missing.
    """
    if side < 480:
        raise InputError(f"pack: expected a side of at least 480 pixels, got {side}")
    if not (serial.isascii() and serial.isalnum() and len(serial) <= 20) and serial:
        raise InputError(f"pack: expected a serial of at most 20 letters and digits, got {serial!r}")
    rng = np.random.default_rng((seed, 7))
    width, height = (side * 3 // 4, side) if rng.random() < 0.6 else (side, side * 3 // 4)
    return _Drawing(width, height, rng).pack(serial or f"N{seed % 100_000:05d}")


class _Drawing:
    """One pack while it is drawn."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self._rng, self._width, self._height = rng, width, height
        self._unit = max(width, height) / 1280
        hue = float(rng.random())
        self._ground = _hsv(hue, rng.uniform(0.12, 0.45), rng.uniform(0.86, 0.98))
        self._band = _hsv(hue + rng.uniform(0.35, 0.65), rng.uniform(0.6, 0.9), rng.uniform(0.3, 0.6))
        self._accent = _hsv(hue + rng.uniform(0.1, 0.25), rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9))
        self._ink = _hsv(hue + 0.5, 0.5, 0.15)
        self._head, self._body = str(rng.choice(_HEADS)), str(rng.choice(_BODIES))
        self._picture = Pictures.fromarray(self._paper())
        self._pen = ImageDraw.Draw(self._picture)
        self._lines: list[Line] = []

    def pack(self, serial: str) -> Pack:
        rng, width, height = self._rng, self._width, self._height
        brand, goods = str(rng.choice(_BRANDS)), str(rng.choice(_GOODS))
        claims, small = rng.permutation(_CLAIMS)[:2].tolist(), rng.permutation(_SMALL)[:5].tolist()
        margin, band = round(0.06 * min(width, height)), round(0.19 * height)
        digits = "70" + "".join(str(d) for d in rng.integers(0, 10, 10))
        gtin = digits + str(check_digit(digits))
        self._pen.rectangle((0, 0, width, band), self._band)
        self._pen.rectangle((0, band, width, band + round(8 * self._unit)), self._accent)
        logo_side = round(0.72 * band)
        left = bool(rng.random() < 0.5)
        top = (band - logo_side) // 2
        x = margin if left else width - margin - logo_side
        self._logo(x, top, logo_side)
        room = width - 3 * margin - logo_side
        self._text(
            brand, margin * 2 + logo_side if left else margin, 0.25 * band, room, 0.48 * band, _PAPER, self._head
        )
        self._text(goods, margin, band + 0.06 * height, width - 2 * margin, 0.085 * height, self._ink, self._head)
        self._text(claims[0], margin, band + 0.165 * height, 0.5 * width, 0.035 * height, self._band, self._body)
        foot = height - margin
        # what is printed at the foot: codes on one side, small print on the other; the illustration above them
        code_side = round((190 if height > width else 235) * self._unit)
        codes_left = bool(rng.random() < 0.5)
        self._illustration((margin, band + 0.24 * height, width - margin, foot - code_side - 0.04 * height), claims[1])
        codes = self._codes(gtin, serial, codes_left, margin, foot, code_side)
        reach = max(c.box[2] for c in codes) if codes_left else min(c.box[0] for c in codes)
        x1, x2 = (reach + margin * 0.6, width - margin) if codes_left else (margin, reach - margin * 0.6)
        step = code_side / 6
        for number, line in enumerate((*small, f"{rng.integers(2, 20) * 50} g net")):
            last = number == len(small)
            y, size, font = (
                step * (number + 0.15 * last),
                step * (0.9 if last else 0.62),
                (self._body, self._head)[last],
            )
            self._text(line, x1, foot - code_side + y, x2 - x1, size, self._ink, font)
        lines = tuple(sorted(self._lines, key=lambda line: (line.box[1], line.box[0])))
        image = np.asarray(self._picture, np.uint8)
        box = (float(x), float(top), float(x + logo_side), float(top + logo_side))
        return Pack(image, f"{brand} {goods}", gtin, serial, lines, box, codes)

    def _paper(self) -> Image:
        """Return the ground: a slope of light, and one of three faint patterns."""
        rng = self._rng
        ys, xs = np.mgrid[: self._height, : self._width].astype(np.float32)
        turn, period = rng.uniform(0, np.pi), rng.uniform(36, 90) * self._unit
        along = xs * np.cos(turn) + ys * np.sin(turn)
        across = ys * np.cos(turn) - xs * np.sin(turn)
        wave = (
            np.sin(2 * np.pi * along / period),
            np.sin(2 * np.pi * along / period) * np.sin(2 * np.pi * across / period),
            np.sin(2 * np.pi * (along + 0.3 * period * np.sin(2 * np.pi * across / (3 * period))) / period),
        )[int(rng.integers(3))]
        shade = 1 - 0.1 * ys / self._height + 0.03 * np.clip(3 * wave, -1, 1)
        return np.asarray(np.clip(np.array(self._ground) * shade[..., None], 0, 255), np.uint8)

    def _text(self, text: str, x: float, y: float, room: float, size: float, ink: _Colour, font: str) -> None:
        """Draw a line whose letters fit into a height and a width."""
        pixels = max(6, round(size))
        while True:
            face = _font(font, pixels)
            box = self._pen.textbbox((round(x), round(y)), text, font=face)
            if box[2] - box[0] <= room or pixels <= 6:
                break
            pixels = max(6, min(pixels - 1, int(pixels * room / (box[2] - box[0]))))
        self._pen.text((round(x), round(y)), text, font=face, fill=ink)
        self._lines.append(Line(text, (float(box[0]), float(box[1]), float(box[2]), float(box[3])), 1.0))

    def _logo(self, x: int, y: int, side: int) -> None:
        paper = _hsv(self._rng.random(), 0.15, 0.97)
        for cover, ink in zip(emblem(self._rng, side, side), (paper, self._accent), strict=True):
            mask = Pictures.fromarray(np.asarray(255 * cover + 0.5, np.uint8))
            self._picture.paste(Pictures.new("RGB", (side, side), ink), (x, y), mask)

    def _illustration(self, place: Box, claim: str) -> None:
        """Draw overlapping fruit with light and shade, and a badge with a claim."""
        rng = self._rng
        x1, y1, x2, y2 = (round(v) for v in place)
        part = np.array(self._picture.crop((x1, y1, x2, y2)), np.float32)
        height, width = part.shape[:2]
        for _ in range(int(rng.integers(14, 24))):
            r = rng.uniform(0.12, 0.28) * height
            cx, cy = rng.uniform(r, max(width - r, r + 1)), rng.uniform(r, max(height - r, r + 1))
            squash, turn, ribs = rng.uniform(0.6, 1.0), rng.uniform(0, np.pi), rng.integers(5, 14)
            colour = np.array(_hsv(rng.random() * 0.35, rng.uniform(0.5, 0.95), rng.uniform(0.6, 0.95)), np.float32)
            top, left = max(0, int(cy - r)), max(0, int(cx - r))
            under = part[top : int(cy + r) + 1, left : int(cx + r) + 1]
            ys, xs = np.indices(under.shape[:2], dtype=np.float32)
            xs, ys = xs + left - cx, ys + top - cy
            u = (xs * np.cos(turn) + ys * np.sin(turn)) / r
            v = (ys * np.cos(turn) - xs * np.sin(turn)) / (r * squash)
            far = np.hypot(u, v)
            light = np.clip(1.15 - 0.45 * np.hypot(u + 0.35, v + 0.35), 0.4, 1.2)
            light *= 1 + 0.1 * np.sin(ribs * np.arctan2(v, u) + 4 * far)
            cover = np.clip((1 - far) * r / 1.5, 0, 1)[..., None]
            under += cover * (np.clip(colour * light[..., None], 0, 255) - under)
        self._picture.paste(Pictures.fromarray(np.asarray(np.clip(part, 0, 255), np.uint8)), (x1, y1))
        badge_h = round(max(0.17 * height, 66 * self._unit))
        badge_w = round(4.4 * badge_h)
        bx = x1 + round(rng.uniform(0.03, 0.6) * width)
        by = y1 + round(rng.uniform(0.05, 0.65) * height)
        self._pen.rounded_rectangle((bx, by, bx + badge_w, by + badge_h), badge_h // 3, self._accent)
        self._text(claim, bx + 0.08 * badge_w, by + 0.24 * badge_h, 0.84 * badge_w, 0.42 * badge_h, _PAPER, self._head)

    def _codes(self, gtin: str, serial: str, left: bool, margin: int, foot: int, side: int) -> tuple[PrintedCode, ...]:
        matrix = str(self._rng.choice(["DataMatrix", "QR"]))
        text = (
            f"010{gtin}17290630" + f"10L2419\x1d21{serial}"
            if matrix == "DataMatrix"
            else f"https://id.gs1.org/01/0{gtin}/21/{serial}"
        )
        tiles = [("EAN-13", gtin, code_image("EAN-13", gtin, side)), (matrix, text, code_image(matrix, text, side))]
        wide = sum(tile.shape[1] for _, _, tile in tiles) + margin // 3
        x = margin if left else self._width - margin - wide
        found = []
        for kind, says, tile in tiles:
            y = foot - tile.shape[0]
            self._picture.paste(Pictures.fromarray(tile), (x, y))
            box = (float(x), float(y), float(x + tile.shape[1]), float(foot))
            found.append(PrintedCode(kind, says, box))  # type: ignore[arg-type]  # one of the two names above
            x += tile.shape[1] + margin // 3
        return tuple(found)


_PAPER: _Colour = (252, 250, 244)


def _hsv(hue: float, saturation: float, value: float) -> _Colour:
    r, g, b = colorsys.hsv_to_rgb(float(hue) % 1, float(saturation), float(value))
    return round(255 * r), round(255 * g), round(255 * b)


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModelError("packs: need the fonts of matplotlib; install them with: pip install 'eyebright[demo]'")
    return ImageFont.truetype(str(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"), size)


__all__ = ["Pack", "draw_pack"]
