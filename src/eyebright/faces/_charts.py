"""An evaluation as pictures: the curve of errors, and the pairs that went wrong."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from eyebright.core.types import Image
from eyebright.faces.evaluate import Evaluation
from eyebright.viz import Tile, contact_sheet

_WIDE, _HIGH = 720, 560
_LEFT, _TOP, _RIGHT, _BOTTOM = 90, 70, 40, 80
_LEAST = 1e-4
_INK, _GRID, _CURVE, _POINT = (32, 38, 36), (216, 222, 219), (22, 110, 86), (190, 70, 30)


def det_chart(found: Evaluation) -> Image:
    """Draw the detection error trade-off: false non-match rate over false match rate, both logarithmic.

    Martin et al. 1997, "The DET curve in assessment of detection task performance", here with logarithms for both axes.
    """
    picture = Pictures.new("RGB", (_WIDE, _HIGH), "white")
    draw = ImageDraw.Draw(picture)
    small, large = ImageFont.load_default(14), ImageFont.load_default(18)
    draw.text((_LEFT, 14), "Detection error trade-off", fill=_INK, font=large)
    decades = range(round(math.log10(_LEAST)), 1)
    for power in decades:
        x, y = _place(10.0**power, _LEAST)[0], _place(_LEAST, 10.0**power)[1]
        draw.line((x, _TOP, x, _HIGH - _BOTTOM), fill=_GRID)
        draw.line((_LEFT, y, _WIDE - _RIGHT, y), fill=_GRID)
        draw.text((x, _HIGH - _BOTTOM + 8), _rate(power), fill=_INK, font=small, anchor="mt")
        draw.text((_LEFT - 8, y), _rate(power), fill=_INK, font=small, anchor="rm")
    draw.rectangle((_LEFT, _TOP, _WIDE - _RIGHT, _HIGH - _BOTTOM), outline=_INK)
    if len(found.det) > 1:
        draw.line([_place(float(x), float(y)) for x, y in found.det], fill=_CURVE, width=3, joint="curve")
    x, y = _place(found.figures.get("fmr", math.nan), found.figures.get("fnmr", math.nan))
    draw.ellipse((x - 6, y - 6, x + 6, y + 6), outline=_POINT, width=3)
    draw.text(
        (_LEFT + (_WIDE - _LEFT - _RIGHT) / 2, _HIGH - 34), "false match rate", fill=_INK, font=small, anchor="mt"
    )
    draw.text((_LEFT, 54), "false non-match rate", fill=_INK, font=small, anchor="lm")
    draw.text(
        (_WIDE - _RIGHT, 54), f"ring: threshold {found.figures['threshold']:.3f}", fill=_POINT, font=small, anchor="rm"
    )
    return np.asarray(picture, dtype=np.uint8)


def worst_pairs(found: Evaluation) -> Image | None:
    """Draw the pairs furthest on the wrong side of the threshold, as the network saw them; None: there are none."""
    rows = []
    for same, heading in ((True, "One person, taken for two"), (False, "Two people, taken for one")):
        tiles = []
        for pair in found.worst:
            if pair.same == same:
                for path in (pair.first, pair.second):
                    caption = f"{path.parent.name}/{path.name}\nscore {pair.score:.3f}"
                    tiles.append(Tile(found.chips[path], caption, "bad"))
        if tiles:
            rows.append((heading, tiles))
    return contact_sheet(rows, columns=4) if rows else None


def _place(across: float, up: float) -> tuple[float, float]:
    def share(rate: float) -> float:
        return 1 - math.log10(max(rate if math.isfinite(rate) else _LEAST, _LEAST)) / math.log10(_LEAST)

    return (
        _LEFT + share(across) * (_WIDE - _LEFT - _RIGHT),
        _HIGH - _BOTTOM - share(up) * (_HIGH - _TOP - _BOTTOM),
    )


def _rate(power: int) -> str:
    return f"{100 * 10.0**power:g} %"
