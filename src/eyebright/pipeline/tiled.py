"""Detectors on large pictures, tile by tile, with every object once and whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.protocols import Detector
from eyebright.core.types import Bools, Detections, Image, Ints, Masks, check_image
from eyebright.imaging import tile_boxes
from eyebright.ops import nms, shift_detections
from eyebright.ops.boxes import area, iou

_SHORT = 0.02
"""A network's box of a cut object may end this part of a tile before the edge; boxes so near are doubtful."""
_CLEAR = 32.0
"""Pixels of a tile (root of the area) from which an object is not small, as COCO has it: the whole picture shows it as
well as a tile does when it is shrunk to the size of a tile."""
_SAME = 0.3
"""Overlap (IoU) from which a tile's box is of an object that the whole picture has; tiles mostly see a part of it."""
_MOSTLY = 0.7
"""Part of a box that lies in another one, from which it is a piece of that."""
_PAIRS = 250_000
"""Pairs of a piece and a whole object that are looked at together."""


class TiledDetector:
    """Looks at overlapping tiles and at the whole picture; implements `eyebright.core.protocols.Detector`.

    Small objects become large to the network in a tile, large ones are whole in the whole picture, so what is large
    there is taken from there. An object that a tile's inner edge cuts is dropped when another view has it whole; what
    every view cuts is joined along the seam.

    Args:
        detector: what looks at each tile.
        side: of a tile, in pixels.
        overlap: part of a tile that neighbours share, 0 to 0.5. A narrower object is whole somewhere.
        whole: look at the whole picture too.
        iou_threshold: a box is dropped when it overlaps a better one of its class by more.

    Raises:
        InputError: a number out of range.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        side: int = 640,
        overlap: float = 0.2,
        whole: bool = True,
        iou_threshold: float = 0.5,
    ) -> None:
        if side < 16:
            raise InputError(f"tiles: expected a side of at least 16 pixels, got {side}")
        if not 0 <= overlap <= 0.5:
            raise InputError(f"tiles: expected an overlap from 0 to 0.5, got {overlap}")
        if not 0 <= iou_threshold <= 1:
            raise InputError(f"tiles: expected iou_threshold from 0 to 1, got {iou_threshold}")
        self.detector, self.side, self.overlap = detector, side, overlap
        self.whole, self.iou_threshold = whole, iou_threshold

    def predict(self, images: Sequence[Image]) -> list[Detections]:
        """Return the objects of each picture, best first.

        Args:
            images: N RGB pictures `uint8 (H, W, 3)` of any sizes; N may be 0. Beside each only one tile is in memory.

        Raises:
            InputError: something in `images` is not such a picture.
        """
        return [self._one(check_image(image, f"tiles: image {row}")) for row, image in enumerate(images)]

    def _one(self, image: Image) -> Detections:
        size = (image.shape[0], image.shape[1])
        if max(size) <= self.side:
            return self.detector.predict([image])[0]
        views = tile_boxes(size, (self.side, self.side), int(self.side * self.overlap)).tolist()
        if self.whole:
            views.append([0, 0, size[1], size[0]])
        parts, cuts, doubts, seen = [], [], [], []
        for number, (x1, y1, x2, y2) in enumerate(views):
            [found] = self.detector.predict([np.ascontiguousarray(image[y1:y2, x1:x2])])
            part = shift_detections(found, x1, y1, size)
            parts.append(part)
            cuts.append(_cut(part, (x1, y1, x2, y2), size, 1))
            doubts.append(_cut(part, (x1, y1, x2, y2), size, max(1, _SHORT * self.side)))
            seen.append(np.full(len(part), number))
        together, view = Detections.concatenate(_alike(parts)), np.concatenate(seen)
        cut, doubtful = np.concatenate(cuts), np.concatenate(doubts)
        if self.whole:
            large = _large(together, self.side / max(size))
            kept = ~_taken(together, large & (view < len(views) - 1), np.flatnonzero(view == len(views) - 1))
            together, view, cut, doubtful = together[kept], view[kept], cut[kept], doubtful[kept]
        return merge(together, cut, view, self.iou_threshold, doubtful=doubtful)


def merge(
    found: Detections, cut: Bools, view: Ints, iou_threshold: float = 0.5, *, doubtful: Bools | None = None
) -> Detections:
    """Return every object of several overlapping views once.

    Args:
        found: of all views together, in pixels of the whole picture.
        cut: `bool (N,)`, whether an inner edge of its view may have cut the object.
        view: `int (N,)`, which view it is of.
        iou_threshold: whole boxes of a class that overlap by more are one object.
        doubtful: `bool (N,)`, boxes that may be whole or cut: dropped where they mostly lie in a whole object of their
            class, whole otherwise. None: none.

    Returns:
        Whole objects, best first, and what is left of those that no view has whole: their pieces joined into one box.
        So are their masks.
    """
    unsure = np.zeros(len(found), dtype=bool) if doubtful is None else doubtful & ~cut
    whole = _suppressed(found, np.flatnonzero(~cut & ~unsure), iou_threshold)
    if unsure.any():
        rest = _outside(found, np.flatnonzero(unsure), whole)
        whole = _suppressed(found, np.concatenate([whole, rest]), iou_threshold)
    pieces = _outside(found, np.flatnonzero(cut), whole)
    kept, boxes, masks = list(whole), found.xyxy.copy(), found.masks
    for group in _joined(found, pieces, view):
        best = max(group, key=lambda row: found.confidence[row])
        boxes[best, :2] = found.xyxy[group, :2].min(axis=0)
        boxes[best, 2:] = found.xyxy[group, 2:].max(axis=0)
        if masks is not None and len(group) > 1:
            masks = _united(masks, group, best)
        kept.append(best)
    order = np.array(kept, dtype=np.int64)
    order = order[np.argsort(-found.confidence[order], kind="stable")]
    out = dataclasses.replace(found, masks=masks)[order]
    return Detections(boxes[order], out.confidence, out.class_id, out.masks, out.keypoints)


def _suppressed(found: Detections, rows: Ints, iou_threshold: float) -> Ints:
    """Return the rows of these that no better one of their class overlaps."""
    return rows[nms(found.xyxy[rows], found.confidence[rows], iou_threshold, found.class_id[rows])]


def _large(found: Detections, shrunk: float) -> Bools:
    """Say which objects are not small when the picture is shrunk so much."""
    large: Bools = np.sqrt(area(found.xyxy)) * shrunk >= _CLEAR
    return large


def _taken(found: Detections, asked: Bools, whole: Ints) -> Bools:
    """Say which of those asked about are, or lie in, one of the rows `whole` of their class."""
    out = np.zeros(len(found), dtype=bool)
    rows = np.flatnonzero(asked)
    step = max(1, _PAIRS // max(len(whole), 1))
    for start in range(0, len(rows) if len(whole) else 0, step):
        some = rows[start : start + step]
        same = found.class_id[some][:, None] == found.class_id[whole][None]
        boxes, others = found.xyxy[some], found.xyxy[whole]
        near = (iou(boxes, others) > _SAME) | (_inside(boxes, others) > _MOSTLY)
        out[some] = (near & same).any(axis=1)
    return out


def _outside(found: Detections, pieces: Ints, whole: Ints) -> Ints:
    """Return the pieces that do not mostly lie in a whole object of their class, and so are no part of it."""
    out = [pieces[:0]]
    step = max(1, _PAIRS // max(len(whole), 1))
    for start in range(0, len(pieces), step):  # huge pictures have ten thousands of objects
        some = pieces[start : start + step]
        covered = _inside(found.xyxy[some], found.xyxy[whole]) > _MOSTLY
        same = found.class_id[some][:, None] == found.class_id[whole][None]
        out.append(some[~(covered & same).any(axis=1)])
    return np.concatenate(out)


def _cut(found: Detections, view: tuple[int, int, int, int], size: tuple[int, int], short: float) -> Bools:
    """Say which boxes come nearer than `short` pixels to an edge of their view that is no edge of the picture."""
    x1, y1, x2, y2 = view
    box = found.xyxy
    out: Bools = np.zeros(len(box), dtype=bool)
    out |= (box[:, 0] < x1 + short) & (x1 > 0)
    out |= (box[:, 1] < y1 + short) & (y1 > 0)
    out |= (box[:, 2] > x2 - short) & (x2 < size[1])
    out |= (box[:, 3] > y2 - short) & (y2 < size[0])
    return out


def _inside(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which part of each box's area lies in each other, `(N, M)`."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    sides = np.maximum(high - low, 0)
    return np.asarray(sides[..., 0] * sides[..., 1] / np.maximum(area(boxes), 1e-9)[:, None])


def _joined(found: Detections, pieces: Ints, view: Ints) -> list[list[int]]:
    """Return groups of pieces of one class from different views that share a good part of the smaller one."""
    groups: list[list[int]] = []
    left = [int(row) for row in pieces]
    while left:
        group, front = [], [left.pop(0)]
        while front:
            row = front.pop()
            group.append(row)
            near = [
                other
                for other in left
                if view[other] != view[row]
                and found.class_id[other] == found.class_id[row]
                and _same(found.xyxy[row], found.xyxy[other])
            ]
            left = [other for other in left if other not in near]
            front += near
        groups.append(group)
    return groups


def _united(masks: Masks, group: list[int], best: int) -> Masks:
    """Return the masks with that of row `best` joined with those of its group."""
    crops, origins = list(masks.crops), masks.origins.copy()
    shapes = np.array([crops[row].shape[::-1] for row in group])
    low, high = origins[group].min(axis=0), (origins[group] + shapes).max(axis=0)
    joined = np.zeros((high[1] - low[1], high[0] - low[0]), dtype=np.bool_)
    for row in group:
        (x, y), crop = origins[row] - low, crops[row]
        joined[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
    crops[best], origins[best] = joined, low
    return Masks(tuple(crops), origins, masks.size)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Say whether two pieces overlap, or touch across a seam, over half of the shorter side that they share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if min(across, down) < -1:
        return False
    widths, heights = (min(one[k + 2] - one[k], other[k + 2] - other[k]) for k in (0, 1))
    return bool(across > 0.5 * widths or down > 0.5 * heights)


def _alike(parts: list[Detections]) -> list[Detections]:
    """Leave out empty parts that lack the columns of the others."""
    filled = [part for part in parts if len(part)]
    return filled or parts[:1]
