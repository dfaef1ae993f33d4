"""Cutting a picture into tiles of one size, and putting it together again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Ints
from eyebright.imaging._pixels import Picture, check_picture


class ImageTile(NamedTuple):
    """A part of a picture: the place of its top left corner in pixels, and its pixels (a copy)."""

    x: int
    y: int
    image: Picture


def tile_from_file(name: str, image: Picture) -> tuple[str, ImageTile]:
    """Return the name of the whole picture, and the tile that a file called `NAME_X_Y.png` holds.

    Raises:
        InputError: the name says no place.
    """
    words = PurePath(name).stem.split("_")
    if len(words) < 3 or not all(word.isascii() and word.isdigit() and len(word) < 7 for word in words[-2:]):
        raise InputError(f"{name!r:.200}: expected a tile named NAME_X_Y, such as photo_640_0.png")
    return "_".join(words[:-2]), ImageTile(int(words[-2]), int(words[-1]), image)


def tile_boxes(shape: tuple[int, int], size: tuple[int, int], overlap: int = 0) -> Ints:
    """Return the boxes of tiles that cover a picture, row by row.

    All have the same size: the last of a row or column is moved back to end with the picture, so it overlaps its
    neighbour by more. Only a picture smaller than a tile makes smaller tiles.

    Args:
        shape: `(height, width)` of the picture.
        size: `(height, width)` of a tile.
        overlap: pixels that neighbours share at least, 0 to below the smaller side of a tile.

    Returns:
        `int64 (N, 4)`: xyxy in pixels, right and bottom exclusive.

    Raises:
        InputError: a size below 1, or an overlap out of range.
    """
    if min(*shape, *size) < 1 or not 0 <= overlap < min(size):
        raise InputError(
            f"tiles: expected sizes of at least 1 and an overlap of 0 to below {max(min(size), 1)}, "
            f"got a picture of {shape[1]} x {shape[0]}, tiles of {size[1]} x {size[0]}, overlap {overlap}"
        )
    ys, xs = (_starts(length, side, overlap) for length, side in zip(shape, size, strict=True))
    boxes = [(x, y, min(x + size[1], shape[1]), min(y + size[0], shape[0])) for y in ys for x in xs]
    return np.array(boxes, dtype=np.int64)


def cut_tiles(image: Picture, size: tuple[int, int], overlap: int = 0) -> list[ImageTile]:
    """Cut a picture, RGB `uint8 (H, W, 3)` or grey `(H, W)`, into the tiles of `tile_boxes`.

    Raises:
        InputError: not a picture, and as `tile_boxes`.
    """
    image = check_picture(image, "tiles")
    boxes = tile_boxes((image.shape[0], image.shape[1]), size, overlap).tolist()
    return [ImageTile(x1, y1, image[y1:y2, x1:x2].copy()) for x1, y1, x2, y2 in boxes]


def join_tiles(tiles: Sequence[ImageTile]) -> Picture:
    """Put a picture together again; where tiles overlap, the later one is seen.

    Args:
        tiles: in any order, all grey or all in colour; together they must cover a rectangle from (0, 0).

    Raises:
        InputError: no tiles, a mixture of grey and colour, a negative place, or a gap.
    """
    if not tiles:
        raise InputError("join: expected at least one tile, got none")
    for tile in tiles:
        check_picture(tile.image, f"join: tile at ({tile.x}, {tile.y})")
        if tile.x < 0 or tile.y < 0 or tile.image.ndim != tiles[0].image.ndim:
            raise InputError(f"join: the tile at ({tile.x}, {tile.y}) is of another kind or lies outside the picture")
    height = max(tile.y + tile.image.shape[0] for tile in tiles)
    width = max(tile.x + tile.image.shape[1] for tile in tiles)
    whole = np.zeros((height, width, *tiles[0].image.shape[2:]), np.uint8)
    missing = np.ones((height, width), dtype=bool)
    for x, y, part in tiles:
        whole[y : y + part.shape[0], x : x + part.shape[1]] = part
        missing[y : y + part.shape[0], x : x + part.shape[1]] = False
    if missing.any():
        row, column = divmod(int(missing.argmax()), width)
        raise InputError(f"join: {int(missing.sum())} pixels are covered by no tile, the first at ({column}, {row})")
    return whole


def _starts(length: int, side: int, overlap: int) -> list[int]:
    last = max(length - side, 0)
    return [*range(0, last, side - overlap), last]
