"""Small and shown versions of stored pictures, with validators for caches."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from eyebright.core.errors import MediaError
from eyebright.core.types import Floats, Image
from eyebright.imaging import fit_within
from eyebright.media import display_path, encode_image, read_image
from eyebright.service.problems import Refusal
from eyebright.service.settings import Settings
from eyebright.service.uploads import Remembered
from eyebright.viz import heat_overlay

LONGEST = 1600
"""Longest side of a picture that is shown whole."""
_OVERLAY = 640
_AGE_S = 300


class Pictures:
    """Makes and remembers what the pages show of pictures on disk. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._small: Remembered[bytes] = Remembered(512)

    def answer(self, request: Request, path: Path, longest: int, version: str) -> Response:
        """Return a JPEG of at most `longest` pixels a side, or 304 when the client has it.

        Args:
            request: its `If-None-Match` is honoured.
            path: the file.
            longest: pixels.
            version: changes with the content of the file; empty: its time and size are used.

        Raises:
            Refusal: the file is gone, or cannot be read as a picture any more (404).
        """
        try:
            stat = path.stat()
        except OSError as error:
            raise Refusal(404, "picture-gone", f"{display_path(path.name)}: the file is no longer there") from error
        key = f"{version} {stat.st_mtime_ns} {stat.st_size} {longest}"
        tag = f'"{hashlib.sha256(f"{path} {key}".encode(errors="surrogateescape")).hexdigest()[:24]}"'
        headers = {"ETag": tag, "Cache-Control": f"private, max-age={_AGE_S}"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if longest > LONGEST // 2:
            data = self._made(path, longest)  # large ones are not worth the memory
        else:
            data = self._small.get((path, key), lambda: self._made(path, longest))
        return Response(data, headers=headers, media_type="image/jpeg")

    def _made(self, path: Path, longest: int) -> bytes:
        try:
            image = read_image(path, max_pixels=max(self._settings.max_pixels, 200_000_000), min_size=longest)
        except MediaError as error:
            raise Refusal(404, "picture-gone", f"{display_path(path.name)}: cannot be read any more") from error
        return encode_image(fit_within(image, longest), "jpeg", 85)


def overlay(image: Image, heat: Floats) -> str:
    """Return a picture with its hot regions coloured, as a PNG in base64."""
    return base64.b64encode(encode_image(heat_overlay(fit_within(image, _OVERLAY), heat), "png")).decode()
