"""A gallery as one zip file, for another machine or another key."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from eyebright.core.errors import EyebrightError, InputError, StoreError
from eyebright.core.types import Embeddings, Image, Space
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.media import decode_image, display_path, encode_image

_VERSION = 1
_MOST_BYTES = 4 << 20  # of one member; a chip has 70 kB
_MOST_MEMBERS = 2_000_000


class _Embeds(Protocol):
    def embed(self, images: list[Image]) -> Embeddings: ...


def write(gallery: Gallery, path: Path) -> int:
    """Write all people; the file is whole or not there.

    Raises:
        StoreError: it cannot be written.
        SpaceMismatchError: the vectors come from another embedder.
    """
    gallery.loaded()
    listed = []
    try:
        handle, name = tempfile.mkstemp(dir=path.parent or Path(), prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as file:
                for person in gallery.people():
                    for face in gallery.faces(person.name):
                        file.writestr(f"{face.id}.png", encode_image(gallery.chip(face.id), "png"))
                        vector = gallery.vector(face.id).astype(float).tolist()
                        listed.append({"id": face.id, "person": person.name, "source": face.source, "vector": vector})
                facts = {"version": _VERSION, "space": dataclasses.asdict(gallery.space), "faces": listed}
                file.writestr("faces.json", json.dumps(facts))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{display_path(path)}: cannot be written: {error.strerror or error}") from error
    return len(listed)


def read(path: Path, space: Space, embedder: _Embeds) -> Iterator[tuple[str, NewFace]]:
    """Yield names and faces; vectors of another space are made anew from the chips.

    Raises:
        InputError: not a file that `write` made, or a damaged one; nothing was yielded then.
    """
    where = display_path(path)
    try:
        with zipfile.ZipFile(path) as file:
            if len(file.namelist()) > _MOST_MEMBERS:
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
                chip = decode_image(file.read(info), where=f"{where}: {info.filename}")
                vector = np.asarray(item["vector"], np.float32)
                if same and vector.shape != (space.dimension,):
                    raise InputError(f"{where}: {item['id']}: expected {space.dimension} numbers, got {vector.size}")
                found.append((str(item["person"]), str(item["source"]), chip, vector))
    except EyebrightError:
        raise
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError, io.UnsupportedOperation) as error:
        raise InputError(
            f"{where}: expected a file of `eyebright faces export`, got something else ({error})"
        ) from error
    for person, source, chip, vector in found:
        made = vector if same else embedder.embed([chip]).vectors[0]
        yield person, NewFace(made, chip, source)
