"""What every store refuses, with the same words."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from eyebright.core.errors import InputError, MetadataError, QueryError
from eyebright.core.types import Embeddings, Floats, Metadata, MetadataValue, Records, Space

INT64_MAX = 2**63 - 1
# the squared length of a longer vector leaves float32's range, and every score with it becomes infinite
LONGEST = 1e18


def column_type(value: MetadataValue) -> str | None:
    """Return `text`, `integer`, `real` or `boolean`; None for None and for what no column can hold."""
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "real"
    return None


def check_ids(ids: Iterable[str], where: str) -> list[str]:
    """Return the ids as a list.

    Raises:
        InputError: an id is not a non-empty string of valid Unicode, or comes twice.
    """
    if isinstance(ids, str):
        raise InputError(f"{where}: expected a sequence of ids, got the single string {ids!r}; pass [{ids!r}]")
    out = list(ids)
    seen: set[str] = set()
    for row, one in enumerate(out):
        if not isinstance(one, str) or not one:
            raise InputError(f"{where}: row {row}: expected a non-empty string as id, got {one!r}")
        _check_unicode(one, f"{where}: row {row}: id")
        if one in seen:
            raise InputError(f"{where}: row {row}: id {one!r} comes twice; give each record once")
        seen.add(one)
    return out


def check_vectors(vectors: Floats, space: Space, where: str) -> None:
    """Raise `InputError` unless the vectors are finite `float32 (N, D)` of this space's dimension."""
    if len(vectors) and vectors.shape[1] != space.dimension:
        raise InputError(f"{where}: expected vectors of {space.dimension} dimensions ({space}), got {vectors.shape[1]}")
    # one pass for the usual case: NaN and infinity both fail the comparison
    if not float(np.abs(vectors).max(initial=0.0)) <= LONGEST / math.sqrt(space.dimension):
        bad = ~np.isfinite(vectors).all(axis=1)
        if bad.any():
            raise InputError(f"{where}: row {int(np.argmax(bad))}: the vector holds NaN or infinity; check its source")
        raise InputError(f"{where}: a vector is longer than {LONGEST:g}, too long to compute scores of; scale it down")


def check_records(records: Records, space: Space, where: str) -> None:
    """Raise `InputError` unless ids and vectors can be stored (metadata is checked by `merge_columns`)."""
    check_ids(records.ids, where)
    check_vectors(records.vectors, space, where)
    for row, payload in enumerate(records.payloads):
        if payload is not None and not isinstance(payload, bytes):
            raise InputError(f"{where}: row {row}: expected bytes or None as payload, got {type(payload).__name__}")


def check_queries(queries: Embeddings, space: Space, k: int, where: str) -> None:
    """Raise `SpaceMismatchError`, `InputError` or `QueryError` unless this space can be asked these."""
    space.require(queries.space, where)
    check_vectors(queries.vectors, space, f"{where}: query")
    check_k(k, where)


def check_k(k: int, where: str) -> None:
    """Raise `QueryError` unless k is a positive whole number."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k <= 0:
        raise QueryError(f"{where}: k must be a whole number of at least 1, got {k!r}")


def merge_columns(
    columns: Mapping[str, str], ids: Sequence[str], metadata: Sequence[Metadata], where: str
) -> dict[str, str]:
    """Return the columns and their types after these rows.

    A column takes the type of its first value that is not None; `integer` becomes `real` when a real comes, and any
    other conflict is refused.

    Raises:
        MetadataError: a key or a value that cannot be kept, or a value that conflicts with its column.
    """
    merged = dict(columns)
    for one, row in zip(ids, metadata, strict=True):
        if not isinstance(row, dict):
            raise MetadataError(f"{where}: {one!r}: expected a dictionary of metadata, got {type(row).__name__}")
        for key, value in row.items():
            if not isinstance(key, str) or not key:
                raise MetadataError(f"{where}: {one!r}: expected a non-empty string as column name, got {key!r}")
            _check_unicode(key, f"{where}: {one!r}: column name")
            if value is None:
                continue
            kind = _check_value(value, f"{where}: {one!r}, column {key!r}")
            known = merged.setdefault(key, kind)
            if known == kind or (known, kind) == ("real", "integer"):
                continue
            if (known, kind) == ("integer", "real"):
                merged[key] = "real"
                continue
            raise MetadataError(
                f"{where}: {one!r}, column {key!r}: the column is {known}, got the {kind} {value!r:.60}; "
                "nothing was written"
            )
    return merged


def unknown_column(name: str, columns: Iterable[str]) -> str:
    """Return a message about an unknown column that names near ones."""
    known = sorted(columns)
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"no column {name!r}; did you mean {' or '.join(repr(one) for one in near)}?"
    if not known:
        return f"no column {name!r}: no record has metadata"
    listed = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"no column {name!r}; there are: {listed}"


def _check_value(value: MetadataValue, where: str) -> str:
    kind = column_type(value)
    if kind is None:
        raise MetadataError(f"{where}: expected text, a number, true/false or None, got {type(value).__name__}")
    if isinstance(value, str):
        _check_unicode(value, where)
    elif isinstance(value, int) and not -INT64_MAX - 1 <= value <= INT64_MAX:
        raise MetadataError(f"{where}: the integer {value} does not fit 64 bits; store it as text or real")
    elif isinstance(value, float) and not math.isfinite(value):
        raise MetadataError(f"{where}: expected a finite number, got {value}; use None where there is no value")
    return kind


def _check_unicode(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise MetadataError(f"{where}: {text!r:.80} is not valid Unicode ({error.reason}); encode it first") from error
