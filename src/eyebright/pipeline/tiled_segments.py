"""Class maps of large pictures, tile by tile, without seams in the middle of what a tile sees."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Image, check_image
from eyebright.imaging import tile_boxes

if TYPE_CHECKING:
    from eyebright.models import SemanticMap


class NamesPixels(Protocol):
    """What says of each pixel what it shows, such as `eyebright.models.SemanticSegmenter`."""

    def segment(self, images: Sequence[Image]) -> list[SemanticMap]:
        """Return one class map a picture."""
        ...


class TiledSegmenter:
    """Names the pixels of large pictures by overlapping tiles.

    Two tiles meet in the middle of what they share, so that nothing is decided at the edge of a tile, where a network
    sees least around it.

    Args:
        segmenter: what looks at each tile.
        side: of a tile, in pixels.
        overlap: part of a tile that neighbours share, 0 to 0.5.

    Raises:
        InputError: a number out of range.
    """

    def __init__(self, segmenter: NamesPixels, *, side: int = 640, overlap: float = 0.2) -> None:
        if side < 16:
            raise InputError(f"tiles: expected a side of at least 16 pixels, got {side}")
        if not 0 <= overlap <= 0.5:
            raise InputError(f"tiles: expected an overlap from 0 to 0.5, got {overlap}")
        self.segmenter, self.side, self.overlap = segmenter, side, overlap

    def segment(self, images: Sequence[Image]) -> list[SemanticMap]:
        """Return one class map a picture, of bytes where the numbers fit; beside it only one tile is in memory.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0.

        Raises:
            InputError: something in `images` is not such a picture.
        """
        return [self._one(check_image(image, f"tiles: image {row}")) for row, image in enumerate(images)]

    def _one(self, image: Image) -> SemanticMap:
        from eyebright.models import SemanticMap  # ONNX Runtime comes with it

        height, width = image.shape[:2]
        if max(height, width) <= self.side:
            return self.segmenter.segment([image])[0]
        views = tile_boxes((height, width), (self.side, self.side), int(self.side * self.overlap))
        down, across = _ranges(views[:, [1, 3]].tolist(), height), _ranges(views[:, [0, 2]].tolist(), width)
        out = np.zeros((height, width), dtype=np.uint8)
        labels: tuple[str, ...] = ()
        for x1, y1, x2, y2 in views.tolist():
            [part] = self.segmenter.segment([np.ascontiguousarray(image[y1:y2, x1:x2])])
            labels, ids = part.labels, part.class_ids
            if ids.max(initial=0) > np.iinfo(out.dtype).max:
                out = out.astype(np.int64)
            (top, bottom), (left, right) = down[y1], across[x1]
            out[top:bottom, left:right] = ids[top - y1 : bottom - y1, left - x1 : right - x1]
        return SemanticMap(out, labels)


def _ranges(spans: list[list[int]], length: int) -> dict[int, tuple[int, int]]:
    """Return, by the start of each tile along one axis, the pixels that it decides: to the middle of what is shared."""
    ordered = sorted({(start, stop) for start, stop in spans})
    middles = [(stop + following) // 2 for (_, stop), (following, _) in pairwise(ordered)]
    edges = [0, *middles, length]
    return {start: (edges[k], edges[k + 1]) for k, (start, _) in enumerate(ordered)}
