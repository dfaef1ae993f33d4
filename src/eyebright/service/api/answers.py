"""What was found in a picture as the files that people take away: data sets of one picture, maps, drawings."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from starlette.responses import Response

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Image
from eyebright.interop import annotated
from eyebright.media import encode_image
from eyebright.pipeline.batches import Numbers, map_bytes, write_formats
from eyebright.service.folders import safe_names

FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/zip", "application/xml", "image/jpeg", "image/png")
        }
    }
}
"""For the reference of a route that may answer with a file."""


def data_set(
    kind: str, name: str, size: tuple[int, int], found: Detections | None, labels: tuple[str, ...]
) -> Response:
    """Return the objects of one picture as `coco` (JSON), `voc` (XML) or `yolo` (ZIP).

    Args:
        kind: one of these.
        name: what the client calls the picture.
        size: its height and width.
        found: None: there are no objects, only pixels with names.
        labels: names of the classes.

    Raises:
        InputError: there are no objects.
    """
    if found is None:
        raise InputError(f"answer: {kind} holds objects, and this names pixels or regions; take json, picture or mask")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        place = folder / "coco.json" if kind == "coco" else folder
        write_formats([annotated(safe_names([name])[0], size, found, 1)], labels, **{kind: place})
        if kind == "coco":
            return Response(place.read_bytes(), media_type="application/json")
        if kind == "voc":
            return Response(next(folder.rglob("*.xml")).read_bytes(), media_type="application/xml")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*.txt")):
                archive.write(path, path.relative_to(folder))
        return Response(packed.getvalue(), media_type="application/zip")


def drawing(picture: Image) -> Response:
    """Return a drawn picture as JPEG."""
    return Response(encode_image(picture, "jpeg", 92), media_type="image/jpeg")


def grey_map(numbers: Numbers | None) -> Response:
    """Return a number a pixel as a grey PNG, of bytes where they fit, else of 16 bits.

    Raises:
        InputError: there is no such map.
    """
    if numbers is None:
        raise InputError("answer: there is no map of numbers here; take another answer")
    return Response(map_bytes(numbers), media_type="image/png")
