"""Keeping a filled index on disk. The file is derived: whatever is wrong with it, it can be made again from SQLite.

A header line of JSON, padded to a fixed size, says whose index this is and what it has seen; then come the rowids,
which of them are alive, and the FAISS index. Checksums guard all of it, because FAISS trusts what it reads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from eyebright.core.types import Bools, Ints, Space
from eyebright.store._index import VectorIndex
from eyebright.store._metric import faiss

FORMAT = 1
NAME = "vectors.index"
_HEADER = 4096
_CHUNK = 1 << 20
_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Stamp:
    """What an index has seen: all rows up to `row`, all entries of the log up to `change`."""

    row: int
    change: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """An index with the rowid of each of its rows and whether it is still alive."""

    index: VectorIndex
    rowids: Ints
    alive: Bools
    stamp: Stamp


def write(folder: Path, store: str, saved: Saved) -> None:
    """Write the file beside the store `store` (its unique name) so that it is there whole, or not at all.

    Raises:
        OSError: there is no room, or no permission.
    """
    index = saved.index
    header = {
        "format": FORMAT, "store": store, "kind": index.kind, "rows": len(index), "probes": index.probes,
        "margin": index.margin, "trained_for": index.trained_for, "row": saved.stamp.row, "change": saved.stamp.change,
    }  # fmt: skip
    handle, name = tempfile.mkstemp(prefix=NAME + "-", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b" " * _HEADER)
            body = _Summed(file)
            body.write(saved.rowids.tobytes())
            body.write(saved.alive.tobytes())
            faiss.write_index(index.index, faiss.PyCallbackIOWriter(body.write, _CHUNK))
            line = json.dumps(header | {"sum": body.sum, "size": body.size}).encode()
            file.seek(0)
            file.write(b"%08x " % zlib.crc32(line) + line)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(folder / NAME)
    except BaseException as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        if isinstance(error, RuntimeError):  # FAISS's way to say that a write failed
            raise OSError(str(error)) from error
        raise


def read(folder: Path, store: str, space: Space, at_most: Stamp) -> Saved | None:
    """Return the saved index, or None when there is none that can be used; the log says why.

    Args:
        folder: the store's folder.
        store: the store's unique name.
        space: its space.
        at_most: what the database has; an index that has seen more belongs to another history of it.
    """
    try:
        with (folder / NAME).open("rb") as file:
            header = _header(file, store, at_most)
            # the sum first: FAISS may crash on a damaged index, and this also brings the file into memory
            total = 0
            for chunk in _chunks(file):
                total = zlib.crc32(chunk, total)
            _require(total == header["sum"], "its checksum is wrong")
            file.seek(_HEADER)
            rows = int(header["rows"])
            rowids = np.frombuffer(file.read(8 * rows), np.int64).copy()
            alive = np.frombuffer(file.read(rows), np.bool_).copy()
            raw = faiss.read_index(faiss.PyCallbackIOReader(file.read, _CHUNK))
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        _logger.warning("store %s: %s cannot be used (%s); it is made again from the records", folder, NAME, error)
        return None
    index = VectorIndex(
        raw, header["kind"], space.metric, int(header["probes"]), float(header["margin"]), int(header["trained_for"])
    )
    return Saved(index, rowids, alive, Stamp(int(header["row"]), int(header["change"])))


def _header(file: BinaryIO, store: str, at_most: Stamp) -> dict[str, Any]:
    block = file.read(_HEADER).rstrip()
    _require(len(block) > 9 and zlib.crc32(block[9:]) == int(block[:8], 16), "its header is damaged")
    header: dict[str, Any] = json.loads(block[9:])
    _require(header["format"] == FORMAT, f"its format is {header['format']}")
    _require(header["store"] == store, "it belongs to another store")
    _require(header["row"] <= at_most.row and header["change"] <= at_most.change, "it is ahead of the records")
    size = os.fstat(file.fileno()).st_size - _HEADER
    _require(size == header["size"], f"it has {size} bytes, expected {header['size']}")
    return header


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


class _Summed:
    """Counts and sums what passes into a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sum = 0
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sum = zlib.crc32(data, self.sum)
        self.size += len(data)
        return self._file.write(data)
