"""Refining a rank with metadata: `in_stock = true:1.2`."""

from __future__ import annotations

import math
from typing import NamedTuple

from eyebright.core.errors import QueryError


class Boost(NamedTuple):
    """Records that fulfil `where` count `factor` times."""

    where: str
    factor: float

    def apply(self, score: float) -> float:
        """Return the boosted score: a factor above 1 always helps, also below zero."""
        return score * self.factor if score >= 0 else score / self.factor


def parse_boost(text: str) -> Boost:
    """Read `EXPRESSION:FACTOR`.

    Raises:
        QueryError: no factor, or one that is not a positive number.
    """
    where, colon, number = text.rpartition(":")
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not colon or not where.strip() or not math.isfinite(factor) or factor <= 0:
        raise QueryError(f"boost: expected EXPRESSION:FACTOR such as 'in_stock = true:1.2', got {text!r}")
    return Boost(where.strip(), factor)
