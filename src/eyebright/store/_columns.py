"""Metadata columns as arrays, so that a filter over many records is a few vector operations.

Text is dictionary-encoded: a comparison looks at each different text once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Bools, Ints, Metadata, MetadataValue
from eyebright.store._where_rows import compare, exact_bound, like
from eyebright.store.where import And, Compare, Condition, Constant, IsNull, Like, Member, Not, Or

_DTYPES: dict[str, Any] = {"text": np.int32, "integer": np.int64, "real": np.float64, "boolean": np.bool_}


class Growing:
    """An array that grows at its end; room is doubled when it runs out."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._room = np.zeros(64, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> npt.NDArray[Any]:
        """The values so far; a view that is good until the next `extend`."""
        return self._room[: self._count]

    def extend(self, values: npt.ArrayLike) -> None:
        """Append values."""
        new = np.asarray(values, self._room.dtype)
        end = self._count + len(new)
        if end > len(self._room):
            room = np.zeros(max(end, 2 * len(self._room)), self._room.dtype)
            room[: self._count] = self.array
            self._room = room
        self._room[self._count : end] = new
        self._count = end


class Names:
    """Many short texts in little memory: their bytes one after the other, and where each ends."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = Growing(np.int64)
        self._ends.extend([0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def extend(self, texts: Sequence[str]) -> None:
        """Append texts."""
        encoded = [text.encode() for text in texts]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64) + len(self._bytes)
        self._bytes += b"".join(encoded)
        self._ends.extend(ends)

    def pick(self, rows: Ints) -> list[str]:
        """Return the texts of these rows."""
        every, ends = self._bytes, self._ends.array
        spans = zip(ends[rows].tolist(), ends[rows + 1].tolist(), strict=True)
        return [every[start:end].decode() for start, end in spans]


class Column:
    """One column: values, which of them there are, and the dictionary of a text column."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.values = Growing(_DTYPES[kind])
        self.present = Growing(np.bool_)
        self.codes: dict[str, int] = {}

    def extend(self, values: Sequence[MetadataValue]) -> None:
        """Append one value a record; None where there is none."""
        self.values.extend(self._encoded(values))
        self.present.extend([value is not None for value in values])

    def assign(self, rows: Ints, values: Sequence[MetadataValue]) -> None:
        """Replace the values of some records."""
        self.values.array[rows] = self._encoded(values)
        self.present.array[rows] = [value is not None for value in values]

    def test(self, holds: Callable[[Any], Any]) -> tuple[Bools, Bools]:
        """Return where `holds` is true and where it is false; `holds` takes an array, or one text."""
        present = self.present.array
        if self.kind == "text":
            table = np.fromiter((holds(text) for text in self.codes), np.bool_, len(self.codes))
            truth = table[self.values.array] if len(table) else np.zeros(len(present), np.bool_)
        else:
            truth = np.broadcast_to(np.asarray(holds(self.values.array), np.bool_), present.shape)
        return truth & present, ~truth & present

    def _encoded(self, values: Iterable[MetadataValue]) -> list[Any]:
        if self.kind != "text":
            return [0 if value is None else value for value in values]
        return [0 if value is None else self.codes.setdefault(str(value), len(self.codes)) for value in values]


def evaluate(condition: Condition, columns: Mapping[str, Column], count: int) -> tuple[Bools, Bools]:
    """Return where the condition is true and where it is false, `bool (count,)` each; elsewhere it is unknown."""
    match condition:
        case Constant(value):
            return np.full(count, value), np.full(count, not value)
        case Compare(name, _, None) | Like(name, None):
            return np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        case Compare(name, operator, value):
            return _compared(columns[name], operator, value)
        case Member(name, values):
            return _member(columns[name], values, count)
        case Like(name, pattern):
            return columns[name].test(like(str(pattern)))
        case IsNull(name):
            present = columns[name].present.array
            return ~present, present.copy()
        case Not(part):
            true, false = evaluate(part, columns, count)
            return false, true
        case And(parts) | Or(parts):
            every = isinstance(condition, And)
            true, false = evaluate(parts[0], columns, count)
            for part in parts[1:]:
                more_true, more_false = evaluate(part, columns, count)
                true = true & more_true if every else true | more_true
                false = false | more_false if every else false & more_false
            return true, false


def needed(condition: Condition) -> set[str]:
    """Return the names of the columns that a condition reads."""
    match condition:
        case Constant():
            return set()
        case Not(part):
            return needed(part)
        case And(parts) | Or(parts):
            return set().union(*(needed(part) for part in parts))
        case _:
            return {condition.column}


def picked(rows: Sequence[Metadata], name: str) -> list[MetadataValue]:
    """Return one column of some records' metadata."""
    return [row.get(name) for row in rows]


def _compared(column: Column, operator: str, value: MetadataValue) -> tuple[Bools, Bools]:
    if column.kind == "integer" and isinstance(value, float):
        bound = exact_bound(operator, value)
        if not isinstance(bound, tuple):
            return column.test(lambda _: bound)
        operator, value = bound
    wanted, literal = operator, value
    return column.test(lambda values: compare(values, wanted, literal))


def _member(column: Column, values: Sequence[MetadataValue], count: int) -> tuple[Bools, Bools]:
    known = [value for value in values if value is not None]
    if column.kind == "text":
        texts = set(known)
        true, false = column.test(lambda text: text in texts)
    else:
        true = np.zeros(count, np.bool_)
        for value in known:
            true |= _compared(column, "=", value)[0]
        false = column.present.array & ~true
    # `x NOT IN (1, NULL)` is never true, since x might be the NULL; `x IN ()` is false for every x, even NULL
    if len(known) < len(values):
        false = np.zeros(count, np.bool_)
    return true, false if values else np.ones(count, np.bool_)
