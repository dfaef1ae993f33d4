"""COCO's `segmentation`: run lengths down the columns, packed into text or not, and polygons.

The format is described at https://cocodataset.org/#format-data and, for the packed text, in the API's `maskApi`: each
length is told as its difference to the one before last, five bits a character from the lowest, with a bit that says
whether more follow, from character 48 on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Bools


def pack_mask(crop: Bools, origin: tuple[int, int], size: tuple[int, int]) -> dict[str, Any]:
    """Return a mask as packed run lengths, `{"size": [H, W], "counts": TEXT}`.

    Args:
        crop: `bool (h, w)`.
        origin: x and y of its top left corner.
        size: height and width of the picture, which it must fit.
    """
    height, width = size
    x, y = origin
    # only the columns of the crop are laid out: a hundred objects of a huge picture must not cost it a hundred times
    columns = np.zeros((crop.shape[1], height), dtype=np.bool_)
    columns[:, y : y + crop.shape[0]] = crop.T
    flat = columns.reshape(-1)
    turns = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]])).astype(bool)) + x * height
    marks = [0, *turns.tolist()]
    if marks[-1] != height * width:
        marks.append(height * width)
    return {"size": [height, width], "counts": _to_text(np.diff(marks).tolist())}


def unpack_mask(given: Any, size: tuple[int, int], where: str) -> tuple[Bools, tuple[int, int]]:
    """Return the crop of a `segmentation` and the x and y of its top left corner; an empty one is `(0, 0)`.

    Args:
        given: run lengths (packed or a list), or a list of polygons, which need the extra `eval` (hotcoco draws them as
            pycocotools does).
        size: height and width of the picture.
        where: for errors.

    Raises:
        InputError: none of these, of another size, or runs that do not fill the picture.
        EyebrightError: hotcoco is not installed.
    """
    height, width = size
    if isinstance(given, list):
        given = _drawn(given, size, where)
    if not isinstance(given, dict) or list(given.get("size", ())) != [height, width]:
        raise InputError(f"{where}: expected a segmentation of polygons, or of run lengths of size [{height}, {width}]")
    counts = given.get("counts")
    try:
        runs = _from_text(counts) if isinstance(counts, str) else [int(n) for n in counts or ()]
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(f"{where}: cannot read the run lengths: {error}") from error
    if min(runs, default=-1) < 0 or sum(runs) != height * width:
        raise InputError(f"{where}: expected run lengths that sum to {height} x {width}, got {sum(runs)}")
    ends = np.cumsum(runs)
    starts, stops = ends[:-1:2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts):
        return np.zeros((0, 0), dtype=np.bool_), (0, 0)
    left, right = int(starts[0] // height), int((stops[-1] - 1) // height) + 1
    flat = np.zeros((right - left) * height + 1, dtype=np.int8)
    np.add.at(flat, starts - left * height, 1)
    np.add.at(flat, stops - left * height, -1)
    columns = np.cumsum(flat[:-1], dtype=np.int8).reshape(right - left, height).astype(np.bool_)
    rows = np.flatnonzero(columns.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return np.ascontiguousarray(columns[:, top:bottom].T), (left, top)


def _drawn(polygons: list[Any], size: tuple[int, int], where: str) -> Any:
    try:
        import hotcoco
    except ImportError as error:
        raise EyebrightError("polygons of COCO need hotcoco; pip install 'eyebright[eval]'") from error
    try:
        points = [[float(v) for v in polygon] for polygon in polygons]
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: expected polygons as lists of x, y, x, y, ...: {error}") from error
    if not points or any(len(p) < 6 or len(p) % 2 or not np.isfinite(p).all() for p in points):
        raise InputError(f"{where}: expected polygons of at least three points x, y, all finite")
    merged = hotcoco.mask.merge(hotcoco.mask.fr_py_objects(points, *size))
    counts = merged["counts"]
    return {"size": list(merged["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


def _to_text(runs: list[int]) -> str:
    out = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            out.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(out)


def _from_text(text: str) -> list[int]:
    runs: list[int] = []
    place = 0
    while place < len(text):
        value = shift = 0
        more = True
        while more:
            bits = ord(text[place]) - 48
            if not 0 <= bits < 64:
                raise ValueError(f"a character {text[place]!r}")
            value |= (bits & 0x1F) << shift
            more, shift, place = bool(bits & 0x20), shift + 5, place + 1
            if not more and bits & 0x10:
                value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs
