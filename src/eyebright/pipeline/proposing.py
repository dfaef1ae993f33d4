"""Boxes that may hold an object, by the name of a method, and the picture with the best drawn."""

from __future__ import annotations

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Floats, Image

METHODS = ("selective", "windows")
DRAWN = 50
"""How many are drawn."""


def propose_boxes(image: Image, method: str, *, mode: str = "fast", count: int = 2000, seed: int = 0) -> Floats:
    """Return at most `count` boxes as `float32 (N, 4)` xyxy in pixels, best first.

    Args:
        image: RGB `uint8 (H, W, 3)`.
        method: `selective` (see `eyebright.imaging.selective_search`) or `windows` (see `sliding_windows` there).
        mode: of selective search.
        count: how many.
        seed: of the random part of its ranking.

    Raises:
        InputError: no such method or mode, or a number out of range.
    """
    from eyebright.imaging import selective_search, sliding_windows

    if method not in METHODS:
        raise InputError(f"--method: expected {' or '.join(METHODS)}, got {method!r:.80}")
    if method == "windows":
        return sliding_windows(image.shape[:2], count=count)
    return selective_search(image, mode=mode, count=count, seed=seed)  # type: ignore[arg-type]  # it checks the mode itself


def draw_proposals(image: Image, found: Floats) -> Image:
    """Return a copy of the picture with the best `DRAWN` boxes, each in a colour of its own."""
    from eyebright.viz import class_colour, draw_detections

    best = found[:DRAWN]
    shown = Detections(best, np.linspace(1, 0.5, len(best), dtype=np.float32), np.zeros(len(best), np.int64))
    return draw_detections(image, shown, names=False, colours=[class_colour(row) for row in range(len(best))])
