"""The columns that the system keeps beside the user's own; their names begin with an underscore."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from eyebright.core.protocols import Store
from eyebright.core.types import Metadata, MetadataValue

PATH, ROOT, SHA256, HASH, SIZE, MTIME_NS, WIDTH, HEIGHT = (
    "_path",
    "_root",
    "_sha256",
    "_hash",
    "_bytes",
    "_mtime_ns",
    "_width",
    "_height",
)
_RAW_BYTES = "bytes:"


def path_to_text(path: Path) -> str:
    """Return a path as text that a database keeps; names that are not UTF-8 are kept as their bytes."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return _RAW_BYTES + os.fsencode(path).hex()
    return text


def text_to_path(text: MetadataValue) -> Path | None:
    """Return the path that `path_to_text` wrote, None where there is none."""
    if not isinstance(text, str):
        return None
    if text.startswith(_RAW_BYTES):
        return Path(os.fsdecode(bytes.fromhex(text.removeprefix(_RAW_BYTES))))
    return Path(text)


def values(store: Store, name: str) -> tuple[list[str], list[MetadataValue]]:
    """Return all ids and their values in a column, also before any record has one."""
    if name in store.columns():
        return store.values(name)
    ids = store.ids()
    return ids, [None] * len(ids)


def rows(store: Store, *names: str) -> list[tuple[Any, ...]]:
    """Return id and values of each record that was there during every reading; another writer may work meanwhile."""
    readings = [dict(zip(*values(store, name), strict=True)) for name in names]
    common = [i for i in readings[0] if all(i in reading for reading in readings)]
    return [(i, *(reading[i] for reading in readings)) for i in common]


def own(metadata: Metadata) -> Metadata:
    """Return the user's part of a record's metadata."""
    return {name: value for name, value in metadata.items() if not name.startswith("_")}


def system(metadata: Metadata) -> Metadata:
    """Return the system's part of a record's metadata."""
    return {name: value for name, value in metadata.items() if name.startswith("_")}
