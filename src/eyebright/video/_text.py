"""Shapes as a person types them: numbers with commas, corners one after the other."""

from __future__ import annotations

import math
import re

from eyebright.core.errors import InputError

Point = tuple[float, float]


def points_of(text: str, what: str, fewest: int, most: int | None = None) -> tuple[Point, ...]:
    """Return the points in `x1,y1,x2,y2,...` (spaces and semicolons may stand between them).

    Raises:
        InputError: not pairs of finite numbers, or too few or too many of them.
    """
    parts = [part for part in re.split(r"[\s,;]+", text.strip()) if part]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    count = len(numbers) // 2
    wrong = not numbers or len(numbers) % 2 or not all(map(math.isfinite, numbers))
    if wrong or count < fewest or (most is not None and count > most):
        wanted = f"{fewest} points" if most == fewest else f"at least {fewest} points"
        raise InputError(f"{what}: expected {wanted} as x1,y1,x2,y2,... in pixels, got {text!r}")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
