"""A shop's table of products: one CSV row a picture."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from eyebright.core.errors import MetadataError
from eyebright.core.types import Metadata, MetadataValue
from eyebright.media import display_path

KEY_COLUMNS = ("path", "file", "filename", "image", "image_path", "id")
_TRUE, _FALSE = {"true", "yes"}, {"false", "no"}
_TYPES = ("text", "integer", "real", "boolean")


@dataclasses.dataclass(frozen=True, slots=True)
class MetadataTable:
    """The rows of a table by the name of their file.

    Attributes:
        rows: metadata by key, as the key stands in the file.
        lines: line number by key, for messages.
        source: the table's own path.
    """

    rows: Mapping[str, Metadata]
    lines: Mapping[str, int]
    source: Path

    def match(self, names: Iterable[str]) -> tuple[dict[str, Metadata], list[str]]:
        """Give rows to pictures.

        A key is a path relative to the indexed folder, or a file name, or a name without its ending, as long as only
        one picture has it.

        Args:
            names: pictures as POSIX paths relative to the folder.

        Returns:
            Metadata by picture, and the keys that fit none.

        Raises:
            MetadataError: a key fits several pictures, or two keys fit one.
        """
        listed = list(names)
        exact = set(listed)
        shorter: dict[str, list[str]] = {}
        for name in listed:
            path = PurePosixPath(name)
            for short in {path.name, path.stem}:
                shorter.setdefault(short, []).append(name)
        found: dict[str, Metadata] = {}
        taken: dict[str, str] = {}
        spare = []
        for key, metadata in self.rows.items():
            plain = key.replace("\\", "/").removeprefix("./")
            fitting = [plain] if plain in exact else shorter.get(plain, [])
            if not fitting:
                spare.append(key)
                continue
            if len(fitting) > 1:
                raise MetadataError(
                    f"{self.source}, line {self.lines[key]}: {key!r} fits {len(fitting)} pictures "
                    f"({display_path(fitting[0])}, {display_path(fitting[1])}); write the path within the folder"
                )
            if fitting[0] in taken:
                raise MetadataError(
                    f"{self.source}, line {self.lines[key]}: {key!r} and {taken[fitting[0]]!r} (line "
                    f"{self.lines[taken[fitting[0]]]}) name the same picture; keep one row"
                )
            taken[fitting[0]] = key
            found[fitting[0]] = metadata
        return found, spare


def read_metadata(path: Path, types: Mapping[str, str] | None = None) -> MetadataTable:
    """Read a CSV file of metadata.

    The first column named `path`, `file`, `filename`, `image`, `image_path` or `id` is the key. Commas, semicolons or
    tabs separate; UTF-8. A column is `boolean` when all its values are true/false/yes/no, `integer` or `real` when
    they are numbers, else `text`; empty cells are missing values. A column in which more than half of the values are
    numbers and some are not is an error, because a filter like `price < 20` would fail on it.

    Args:
        path: the file.
        types: types that are not to be guessed, by column.

    Raises:
        MetadataError: no such file, no key column, repeated columns or keys, rows of another length, wrong types.
    """
    header, rows = _read_rows(path)
    key = next((name for name in KEY_COLUMNS if name in header), None)
    if key is None:
        raise MetadataError(
            f"{path}: expected a column that names the picture ({', '.join(KEY_COLUMNS)}), got {', '.join(header)}"
        )
    for name in types or {}:
        if name not in header:
            raise MetadataError(f"{path}: no column {name!r} to give a type; it has {', '.join(header)}")
    at = header.index(key)
    lines: dict[str, int] = {}
    for line, row in rows:
        if not row[at].strip():
            raise MetadataError(f"{path}, line {line}: the column {key!r} is empty; name the picture")
        if row[at] in lines:
            raise MetadataError(f"{path}: {row[at]!r} stands in line {lines[row[at]]} and in line {line}; keep one")
        lines[row[at]] = line
    table: dict[str, Metadata] = {name: {} for name in lines}
    for column, name in enumerate(header):
        if column == at:
            continue
        parse = _parser(path, name, [(line, row[column].strip()) for line, row in rows], (types or {}).get(name))
        for _, row in rows:
            cell = row[column].strip()
            table[row[at]][name] = parse(cell) if cell else None
    return MetadataTable(table, lines, path)


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MetadataError(f"{path}: cannot read the metadata: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MetadataError(f"{path}: expected UTF-8 text, got other bytes at offset {error.start}") from error
    first = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
        table = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MetadataError(f"{path}, line {reader.line_num}: not a CSV table: {error}") from error
    if not table:
        raise MetadataError(f"{path}: expected a header and rows, got an empty file")
    header = [name.strip() for name in table[0][1]]
    lowered = [name.lower() for name in header]
    for name in header:
        if not name or name.startswith("_"):
            raise MetadataError(f"{path}: a column is named {name!r}; names must not be empty or begin with '_'")
        if lowered.count(name.lower()) > 1:
            raise MetadataError(f"{path}: two columns are named {name!r} (upper or lower case alike); rename one")
    for line, row in table[1:]:
        if len(row) != len(header):
            raise MetadataError(f"{path}, line {line}: expected {len(header)} cells, got {len(row)}")
    return header, table[1:]


def _parser(path: Path, name: str, cells: list[tuple[int, str]], wanted: str | None) -> Callable[[str], MetadataValue]:
    if wanted is not None and wanted not in _TYPES:
        raise MetadataError(f"{path}: type of {name!r}: expected one of {', '.join(_TYPES)}, got {wanted!r}")
    if wanted == "text":
        return str
    filled = [(line, cell) for line, cell in cells if cell]
    candidates: dict[str, Callable[[str], MetadataValue]] = {"boolean": _boolean, "integer": _integer, "real": _real}
    if wanted is not None:
        candidates = {wanted: candidates[wanted]}
    most: tuple[int, str, tuple[int, str]] | None = None
    for kind, parse in candidates.items():
        wrong = [(line, cell) for line, cell in filled if not _fits(parse, cell)]
        if not wrong and filled:
            return parse
        if wrong and (most is None or len(wrong) < most[0]):
            most = len(wrong), kind, wrong[0]
    if most is not None and (wanted is not None or most[0] * 2 < len(filled)):
        count, kind, (line, cell) = most
        raise MetadataError(
            f"{path}, line {line}: {name!r}: expected a value of type {kind} as in the other rows, got {cell!r} "
            f"({count} such rows); correct them, or declare the column: --type {name}=text"
        )
    return str


def _fits(parse: Callable[[str], MetadataValue], cell: str) -> bool:
    try:
        parse(cell)
    except ValueError:
        return False
    return True


def _boolean(cell: str) -> bool:
    if cell.lower() in _TRUE:
        return True
    if cell.lower() in _FALSE:
        return False
    raise ValueError(cell)


def _integer(cell: str) -> int:
    # leading zeros are codes (GTIN, postcode), not quantities; SQLite's integers have 64 bits
    digits = cell.removeprefix("-").removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or (len(digits) > 1 and digits[0] == "0") or len(digits) > 18:
        raise ValueError(cell)
    return int(cell)


def _real(cell: str) -> float:
    digits = cell.removeprefix("-").removeprefix("+")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        raise ValueError(cell)
    value = float(cell)
    if not math.isfinite(value) or "_" in cell:
        raise ValueError(cell)
    return value


def parse_value(text: str) -> MetadataValue:
    """Return one value given on its own (`--set price=3`): number, true/false, empty for missing, else text."""
    for parse in (_boolean, _integer, _real):
        if _fits(parse, text.strip()):
            return parse(text.strip())
    return text if text else None
