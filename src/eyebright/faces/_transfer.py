"""A gallery as one zip file, for another machine or another key."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from eyebright.core.errors import EyebrightError, InputError, StoreError
from eyebright.core.types import Embeddings, Image, Space
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.media import decode_image, display_path, encode_image

_VERSION = 1
_MOST_BYTES = 4 << 20  # of one member; a chip has 70 kB
_MOST_MEMBERS = 2_000_000
_MOST_LISTED = 1 << 30  # bytes of the list, which has 3 kB a face
_MOST_PIXELS = 1 << 20  # of a chip, which has 22 500
_WRONG = (
    zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, RecursionError, NotImplementedError,
    RuntimeError, zlib.error, EOFError, io.UnsupportedOperation,
)  # fmt: skip
"""What reading a file raises that `write` did not make."""


class _Embeds(Protocol):
    def embed_carefully(self, chips: list[Image]) -> Embeddings: ...


def write(gallery: Gallery, path: Path) -> int:
    """Write all people; the file is whole or not there.

    Raises:
        StoreError: it cannot be written.
        SpaceMismatchError: the vectors come from another embedder.
    """
    gallery.loaded()
    count = 0
    try:
        handle, name = tempfile.mkstemp(dir=path.parent or Path(), prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
                for count in _filled(gallery, file):  # noqa: B007  (the last one is wanted)
                    pass
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{display_path(path)}: cannot be written: {error.strerror or error}") from error
    return count


def pieces(gallery: Gallery) -> Iterator[bytes]:
    """Yield what `write` writes, piece by piece: a sealed gallery then lies nowhere in the clear.

    Raises:
        SpaceMismatchError: the vectors come from another embedder.
    """
    gallery.loaded()
    stream = _Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:  # type: ignore[call-overload]  # `write` is enough
        for _ in _filled(gallery, file):
            yield stream.taken()
    yield stream.taken()


class _Stream:
    """Holds what was written since it was last asked."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        taken, self._held = bytes(self._held), bytearray()
        return taken


def _filled(gallery: Gallery, file: zipfile.ZipFile) -> Iterator[int]:
    """Write face by face, and yield how many there are so far."""
    listed = []
    for person in gallery.people():
        for face in gallery.faces(person.name):
            file.writestr(f"{face.id}.png", encode_image(gallery.chip(face.id), "png"))
            vector = gallery.vector(face.id).astype(float).tolist()
            listed.append({"id": face.id, "person": person.name, "source": face.source, "vector": vector})
            yield len(listed)
    facts = {"version": _VERSION, "space": dataclasses.asdict(gallery.space), "faces": listed}
    file.writestr("faces.json", json.dumps(facts))


def read(path: Path | BinaryIO, space: Space, embedder: _Embeds) -> Iterator[tuple[str, NewFace]]:
    """Yield names and faces; vectors of another space are made anew from the chips.

    Args:
        path: the file, or one that is open and can be sought in.
        space: of the vectors that are wanted.
        embedder: makes them.

    Raises:
        InputError: not a file that `write` made, or a damaged one; nothing was yielded then.
    """
    where = display_path(path) if isinstance(path, Path) else "the file"
    try:
        with zipfile.ZipFile(path) as file:
            if len(file.namelist()) > _MOST_MEMBERS or file.getinfo("faces.json").file_size > _MOST_LISTED:
                raise InputError(f"{where}: too many members")
            facts = json.loads(file.read("faces.json"))
            if facts["version"] > _VERSION:
                raise InputError(f"{where}: written by a newer version; update eyebright")
            same = Space(**facts["space"]) == space
            found = []
            for item in facts["faces"]:
                info = file.getinfo(f"{item['id']}.png")
                if info.file_size > _MOST_BYTES:
                    raise InputError(f"{where}: {info.filename} is too large for a face")
                data = file.read(info)
                _chip(data, f"{where}: {info.filename}")  # all are good before the first is given
                vector = np.asarray(item["vector"], np.float32)
                if same and (vector.shape != (space.dimension,) or not np.isfinite(vector).all()):
                    raise InputError(
                        f"{where}: {item['id']}: expected {space.dimension} finite numbers, got {vector.size}"
                    )
                found.append((str(item["person"]), str(item["source"]), data, vector))
    except EyebrightError:
        raise
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror or error}") from error
    except _WRONG as error:
        raise InputError(
            f"{where}: expected a file of `eyebright faces export`, got something else ({error})"
        ) from error
    for person, source, data, vector in found:
        chip = _chip(data, where)
        made = vector if same else embedder.embed_carefully([chip]).vectors[0]
        yield person, NewFace(made, chip, source)


def _chip(data: bytes, where: str) -> Image:
    return decode_image(data, where=where, max_pixels=_MOST_PIXELS)
