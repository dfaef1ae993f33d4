"""Contact sheets: many pictures with captions on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from eyebright.core.errors import InputError
from eyebright.core.types import Image
from eyebright.viz._thumbnail import thumbnail

_INK, _SOFT, _PAPER, _PANEL = (27, 31, 36), (89, 98, 110), (255, 255, 255), (240, 242, 245)
_COLOURS = {"": None, "query": (29, 95, 209), "good": (20, 113, 61), "bad": (179, 38, 30)}
_GAP, _LINE = 12, 18


class Tile(NamedTuple):
    """One picture of a sheet: RGB `uint8 (H, W, 3)`, its caption lines, and `query`, `good`, `bad` or nothing."""

    image: Image
    caption: str
    accent: str = ""


def contact_sheet(rows: Sequence[tuple[str, Sequence[Tile]]], *, columns: int = 6, side: int = 180) -> Image:
    """Return one picture with headed rows of tiles; long rows wrap.

    Args:
        rows: a heading (empty for none) and its tiles.
        columns: tiles side by side.
        side: of a tile's picture, in pixels.

    Raises:
        InputError: no rows, or a size below 1.
    """
    if not rows or columns < 1 or side < 16:
        raise InputError("contact_sheet: expected at least one row, one column and 16 pixels a tile")
    font, bold = PIL.ImageFont.load_default(14), PIL.ImageFont.load_default(17)
    blocks = []
    for heading, tiles in rows:
        lines = max((len(_wrap(tile.caption, font, side)) for tile in tiles), default=0)
        blocks.append((heading, tiles, side + 8 + lines * _LINE + _GAP))
    used = min(columns, max((len(tiles) for _, tiles in rows), default=1)) or 1
    widest = max((bold.getlength(heading) for heading, _ in rows), default=0)
    width = max(_GAP + used * (side + _GAP), min(int(widest) + 2 * _GAP, _GAP + columns * (side + _GAP)))
    height = _GAP + sum((30 if h else 0) + -(-max(len(t), 1) // columns) * tall for h, t, tall in blocks)
    sheet = PIL.Image.new("RGB", (width, height), _PAPER)
    draw = PIL.ImageDraw.Draw(sheet)
    y = _GAP
    for heading, tiles, tall in blocks:
        if heading:
            draw.text((_GAP, y), _wrap(heading, bold, width - 2 * _GAP)[0], _INK, font=bold)
            y += 30
        for start in range(0, max(len(tiles), 1), columns):
            for place, tile in enumerate(tiles[start : start + columns]):
                _draw_tile(sheet, draw, tile, (_GAP + place * (side + _GAP), y), side, font)
            y += tall
    return np.asarray(sheet, dtype=np.uint8)


def _draw_tile(
    sheet: PIL.Image.Image,
    draw: PIL.ImageDraw.ImageDraw,
    tile: Tile,
    at: tuple[int, int],
    side: int,
    font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont,
) -> None:
    x, y = at
    draw.rectangle((x, y, x + side - 1, y + side - 1), fill=_PANEL)
    small = thumbnail(tile.image, side, side)
    sheet.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2))
    colour = _COLOURS.get(tile.accent)
    if colour:
        draw.rectangle((x, y, x + side - 1, y + side - 1), outline=colour, width=3)
    for row, line in enumerate(_wrap(tile.caption, font, side)):
        draw.text((x, y + side + 6 + row * _LINE), line, colour or (_INK if row == 0 else _SOFT), font=font)


def _wrap(caption: str, font: PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont, width: float) -> list[str]:
    """Cut every line of the caption to the width, with an ellipsis in the middle so that file endings stay."""
    lines = []
    for line in caption.split("\n")[:3]:
        shown, keep = line, len(line)
        while keep > 4 and font.getlength(shown) > width:
            keep -= 1
            shown = f"{line[: keep - keep // 2]}…{line[len(line) - keep // 2 :]}"
        lines.append(shown)
    return lines
