"""Uploaded pictures: decoded within the limits, kept in folders that the server names, encoded once."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from fastapi import UploadFile

from eyebright.core.errors import InputError, MediaError, QueryError, StoreFullError
from eyebright.core.types import Image
from eyebright.media import decode_image, display_path
from eyebright.service.folders import new_upload_folder, safe_names
from eyebright.service.problems import Refusal
from eyebright.service.settings import Settings

Value = TypeVar("Value")
Box = tuple[float, float, float, float]


def check_count(files: Sequence[UploadFile], settings: Settings) -> None:
    """Raise `Refusal` (413) when a request brings more files than one may."""
    if len(files) > settings.max_files:
        raise Refusal(
            413, "too-many-files", f"expected at most {settings.max_files} files in a request, got {len(files)}"
        )


def shown_name(file: UploadFile) -> str:
    """Return what a client calls a file, as text that prints on one line."""
    return display_path(file.filename or "picture")[:200]


def decoded(file: UploadFile, settings: Settings, *, min_size: int | None = None) -> Image:
    """Return an uploaded picture as RGB `uint8 (H, W, 3)`, upright.

    Raises:
        MediaError: no picture, a damaged one, or one of too many pixels.
    """
    return decoded_bytes(contents(file), shown_name(file), settings, min_size=min_size)


def decoded_bytes(
    data: bytes, name: str, settings: Settings, *, min_size: int | None = None, max_pixels: int | None = None
) -> Image:
    """Like `decoded`, from the bytes of the file; `max_pixels` may be less than the settings say."""
    if not data:
        raise MediaError(f"{name}: expected a picture, got an empty file")
    most = min(settings.max_pixels, max_pixels or settings.max_pixels)
    return decode_image(data, where=name, max_pixels=most, min_size=min_size)


def contents(file: UploadFile) -> bytes:
    """Return all bytes of an uploaded file."""
    file.file.seek(0)
    return file.file.read()


@contextlib.contextmanager
def kept(files: Sequence[UploadFile], settings: Settings, folder: Path | None = None) -> Iterator[list[Path]]:
    """Write uploads into a folder of the server's choosing and yield their paths; an error removes them again.

    Raises:
        StoreFullError: there is no room, or less than the settings reserve would be left.
    """
    folder = new_upload_folder(settings) if folder is None else folder
    try:
        _check_room(folder, sum(file.size or 0 for file in files), settings.min_free_bytes)
        yield _written(files, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _check_room(folder: Path, needed: int, reserve: int) -> None:
    """Leave room to the stores, whose records matter more than further uploads."""
    free = shutil.disk_usage(folder).free
    if free - needed < reserve:
        raise StoreFullError(
            f"uploads cannot be kept: {needed} bytes would leave less than the {reserve} that stay free; "
            f"the disk has {free} left"
        )


def _written(files: Sequence[UploadFile], folder: Path) -> list[Path]:
    paths = []
    try:
        for file, name in zip(files, safe_names([file.filename or "picture" for file in files]), strict=True):
            path = folder / name
            file.file.seek(0)
            with path.open("xb") as target:
                shutil.copyfileobj(file.file, target, 1024 * 1024)
            paths.append(path)
    except OSError as error:
        raise StoreFullError(f"uploads cannot be kept: {error.strerror or error}") from error
    return paths


def parsed_crop(text: str | None) -> Box | None:
    """Return the box that `x1,y1,x2,y2` means.

    Raises:
        QueryError: something else.
    """
    if not text:
        return None
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError as error:
        raise QueryError(f"crop: expected four numbers x1,y1,x2,y2, got {text!r:.100}") from error
    return x1, y1, x2, y2


def sha256(data: bytes) -> str:
    """Return the hash by which an upload is known again."""
    return hashlib.sha256(data).hexdigest()


class Remembered(Generic[Value]):
    """The latest of what was expensive to make. Threads may share it.

    Args:
        size: values kept.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise InputError(f"expected a size of 1 or more, got {size}")
        self._size = size
        self._values: collections.OrderedDict[tuple[object, ...], Value] = collections.OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """Return the value of a key, made when it is not there; two threads may both make it."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value
