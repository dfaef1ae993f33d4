"""`Rows`: frozen dataclasses whose columns share one first axis.

Indexing with a slice, a boolean mask or an index array filters every column at once; a scalar index keeps the first
axis (one row). Empty means zero rows of the same columns, so code after a filter needs no special case.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

Index = slice | int | npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]] | Sequence[int] | Sequence[bool]


def column(owner: str, name: str, value: Any, dtype: Any, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
    """Return `value` as an array of `dtype` whose shape fits `shape`.

    Args:
        owner: name of the type, for the message.
        name: name of the column, for the message.
        value: anything `numpy.asarray` takes; it is not copied when it fits already.
        dtype: wanted dtype.
        shape: wanted shape; None stands for any length.

    Raises:
        InputError: the value is not of that shape or cannot be of that dtype.
    """
    try:
        array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{owner}.{name}: expected {np.dtype(dtype)} values, got {value!r:.80}: {error}") from error
    if array.size == 0 and array.ndim != len(shape):
        array = array.reshape(tuple(0 if length is None else length for length in shape))
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("N" if length is None else str(length) for length in shape)
        raise InputError(f"{owner}.{name}: expected shape ({wanted}), got {array.shape}")
    return array


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Base of all row types. Every field that is an array, a tuple or another `Rows` is a column.

    Fields that describe all rows (a name, a size) are marked with ``field(metadata={"row": False})``.
    """

    def __len__(self) -> int:
        for name in self._columns():
            value = getattr(self, name)
            if value is not None:
                return len(value)
        return 0

    def __getitem__(self, index: Index) -> Self:
        if isinstance(index, int | np.integer):
            length = len(self)
            if not -length <= index < length:
                raise IndexError(f"row {index} of {length}")
            index = slice(index % length, index % length + 1)
        changes = {}
        for name in self._columns():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, tuple):
                positions = np.arange(len(value))[np.asarray(index) if isinstance(index, list | tuple) else index]
                changes[name] = tuple(value[i] for i in positions)
            elif isinstance(index, list | tuple) and len(index) == 0:
                changes[name] = value[:0]
            else:
                changes[name] = value[list(index) if isinstance(index, tuple) else index]
        return dataclasses.replace(self, **changes)

    @classmethod
    @functools.cache
    def _columns(cls) -> tuple[str, ...]:
        return tuple(field.name for field in dataclasses.fields(cls) if field.metadata.get("row", True))

    def _check_lengths(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in self._columns() if getattr(self, name) is not None}
        if len(set(lengths.values())) > 1:
            listing = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(f"{type(self).__name__}: columns of different length: {listing}")

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join rows of the same kind, in order.

        Args:
            parts: at least one; all with the same optional columns.

        Raises:
            InputError: no parts, or an optional column that only some of the parts have.
        """
        if not parts:
            raise InputError(f"{cls.__name__}.concatenate: expected at least one part, got none")
        changes: dict[str, Any] = {}
        for name in cls._columns():
            values = [getattr(part, name) for part in parts]
            missing = sum(value is None for value in values)
            if missing == len(values):
                continue
            if missing:
                raise InputError(
                    f"{cls.__name__}.concatenate: column {name!r} is missing in {missing} of {len(values)}"
                )
            if isinstance(values[0], tuple):
                changes[name] = tuple(item for value in values for item in value)
            elif isinstance(values[0], Rows):
                changes[name] = type(values[0]).concatenate(values)
            else:
                changes[name] = np.concatenate(values)
        return dataclasses.replace(parts[0], **changes)
