"""Whether one record fulfils a condition: the plain twin of the columnar evaluation, and what both share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eyebright.core.types import MetadataValue
from eyebright.store._checks import INT64_MAX
from eyebright.store.where import And, Compare, Condition, Constant, IsNull, Like, Member, Not, Or


def admits(condition: Condition, row: Mapping[str, MetadataValue]) -> bool | None:
    """Return whether one record's metadata fulfils the condition; None where that is unknown."""
    match condition:
        case Constant(value):
            return value
        case Compare(column, operator, value):
            return _compare(row.get(column), operator, value)
        case Member(column, values):
            return _any([_compare(row.get(column), "=", value) for value in values])
        case Like(column, pattern):
            text = row.get(column)
            return None if text is None or pattern is None else like(pattern)(str(text))
        case IsNull(column):
            return row.get(column) is None
        case Not(part):
            truth = admits(part, row)
            return None if truth is None else not truth
        case And(parts):
            opposite = _any([None if truth is None else not truth for truth in (admits(part, row) for part in parts)])
            return None if opposite is None else not opposite
        case Or(parts):
            return _any([admits(part, row) for part in parts])


def compare(value: Any, operator: str, literal: Any) -> Any:
    """Return `value operator literal`, for one value or an array of them."""
    match operator:
        case "=":
            return value == literal
        case "<>":
            return value != literal
        case "<":
            return value < literal
        case "<=":
            return value <= literal
        case ">":
            return value > literal
        case _:
            return value >= literal


def like(pattern: str) -> Callable[[str], bool]:
    """Return a test for LIKE: `%` stands for any text, `_` for one character, ASCII letters match in either case.

    Between two `%` the leftmost fit is always good enough, so no pattern can make this slow.
    """
    pieces = [_lower(piece) for piece in pattern.split("%")]

    def fits(piece: str, text: str, at: int) -> bool:
        return all(want in ("_", got) for want, got in zip(piece, text[at : at + len(piece)], strict=True))

    def test(text: str) -> bool:
        text = _lower(text)
        first, last = pieces[0], pieces[-1]
        if len(pieces) == 1:
            return len(text) == len(first) and fits(first, text, 0)
        end = len(text) - len(last)
        if end < len(first) or not fits(first, text, 0) or not fits(last, text, end):
            return False
        at = len(first)
        for piece in pieces[1:-1]:
            while at + len(piece) <= end and not fits(piece, text, at):
                at += 1
            if at + len(piece) > end:
                return False
            at += len(piece)
        return True

    return test


def exact_bound(operator: str, literal: float) -> tuple[str, int] | bool | None:
    """Return the comparison of integers that means the same as `integer operator literal`.

    Turning a 64-bit integer into a float can change it, so integers are compared with integers. The answer is a bool
    where it is the same for every integer.
    """
    if math.isinf(literal) or not -INT64_MAX - 1 <= math.floor(literal) <= INT64_MAX:
        return {"=": False, "<>": True}.get(operator, (literal > 0) == (operator[0] == "<"))
    floor = math.floor(literal)
    if floor == literal:
        return operator, floor
    return {"=": False, "<>": True}.get(operator, ("<=" if operator[0] == "<" else ">", floor))


def _compare(value: MetadataValue, operator: str, literal: MetadataValue) -> bool | None:
    return None if value is None or literal is None else bool(compare(value, operator, literal))


def _any(truths: Sequence[bool | None]) -> bool | None:
    if any(truths):
        return True
    return None if None in truths else False


_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def _lower(text: str) -> str:
    return text.translate(_ASCII_LOWER)
