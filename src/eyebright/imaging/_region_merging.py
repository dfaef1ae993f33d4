"""The regions of selective search: what describes them, and how the most alike neighbours become one.

Uijlings, van de Sande, Gevers and Smeulders, Selective Search for Object Recognition, IJCV 2013, section 3.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

COLOUR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8
_REACH = 64.0
"""Where the last bin ends: derivatives of photographs with samples from 0 to 255 seldom reach half of their range."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """A segmentation as a graph.

    Attributes:
        sizes: `float64 (N,)` pixels.
        boxes: `int64 (N, 4)` xyxy.
        colour: `float32 (N, 3 * 25)`, the histogram of each channel, sum 1.
        texture: `float32 (N, 3 * 8 * 10)`, the histogram of each directed derivative of each channel, sum 1.
        pairs: `int64 (P, 2)`, neighbours, each pair once.
        area: pixels of the picture.
    """

    sizes: npt.NDArray[np.float64]
    boxes: npt.NDArray[np.int64]
    colour: npt.NDArray[np.float32]
    texture: npt.NDArray[np.float32]
    pairs: npt.NDArray[np.int64]
    area: int


def directions(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return Gaussian derivatives (sigma 1) in eight directions as bins, `uint8 (24, H, W)`.

    A derivative in a direction is the part of the gradient that points there; what points away counts as none.
    """
    out = []
    for channel in range(planes.shape[2]):
        smooth = cv2.GaussianBlur(planes[:, :, channel].astype(np.float32), (0, 0), 1.0)
        across, down = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5) for dx in (1, 0))
        for quarter in range(DIRECTIONS // 2):
            angle = np.pi * quarter / (DIRECTIONS // 2)
            along = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle))
            along *= np.float32(TEXTURE_BINS / _REACH)
            out += [np.maximum(along * sign, 0) for sign in (1, -1)]
    binned: npt.NDArray[np.uint8] = np.minimum(np.stack(out), TEXTURE_BINS - 1).astype(np.uint8)
    return binned


def regions_of(
    labels: npt.NDArray[np.int64], planes: npt.NDArray[np.uint8], textures: npt.NDArray[np.uint8]
) -> Regions:
    """Describe every region of `labels` `(H, W)`, numbered from 0 without gaps.

    Args:
        labels: one region a number.
        planes: `uint8 (H, W, 3)` in the colour space of this round.
        textures: of `directions`.
    """
    height, width = labels.shape
    flat, count = labels.reshape(-1), int(labels.max()) + 1
    sizes = np.bincount(flat, minlength=count).astype(np.float64)
    bins = (planes.astype(np.int64) * COLOUR_BINS) >> 8
    colour = _histograms(flat, [bins[:, :, c].reshape(-1) for c in range(planes.shape[2])], COLOUR_BINS, count)
    texture = _histograms(flat, [plane.reshape(-1) for plane in textures], TEXTURE_BINS, count)
    rows, columns = np.divmod(np.arange(flat.size), width)
    boxes = np.zeros((count, 4), dtype=np.int64)
    boxes[:, :2] = flat.size
    for place, values in ((0, columns), (1, rows)):
        np.minimum.at(boxes[:, place], flat, values)
        np.maximum.at(boxes[:, place + 2], flat, values + 1)
    return Regions(sizes, boxes, colour, texture, _neighbours(labels, count), height * width)


def merge(regions: Regions, measures: Sequence[str]) -> npt.NDArray[np.int64]:
    """Join the two most alike neighbours until one region is left.

    Args:
        regions: the start.
        measures: which likenesses are added up: `colour`, `texture`, `size` and `fill` (equations 1 to 4).

    Returns:
        `int64 (M, 4)`, boxes of all regions that ever were, the start first, the whole picture last; M = 2 N - 1 when
        the picture is connected.
    """
    count = len(regions.sizes)
    room = 2 * count
    sizes, boxes = np.zeros(room), np.zeros((room, 4), dtype=np.int64)
    sizes[:count], boxes[:count] = regions.sizes, regions.boxes
    parts = [getattr(regions, name) for name in ("colour", "texture") if name in measures]
    described = np.zeros((room, sum(part.shape[1] for part in parts)), dtype=np.float32)
    described[:count] = np.concatenate(parts, axis=1) if parts else 0
    area = float(regions.area)

    def likeness(one: Any, others: Any) -> Any:
        value = np.minimum(described[one], described[others]).sum(axis=1, dtype=np.float64)
        if "size" in measures:
            value += 1 - (sizes[one] + sizes[others]) / area
        if "fill" in measures:
            low = np.minimum(boxes[one][..., :2], boxes[others][..., :2])
            high = np.maximum(boxes[one][..., 2:], boxes[others][..., 2:])
            value += 1 - ((high - low).prod(axis=-1) - sizes[one] - sizes[others]) / area
        return value

    near: list[set[int]] = [set() for _ in range(room)]
    for one, other in regions.pairs.tolist():
        near[one].add(other)
        near[other].add(one)
    scores = likeness(regions.pairs[:, 0], regions.pairs[:, 1]) if len(regions.pairs) else np.zeros(0)
    heap = [(-score, one, other) for score, (one, other) in zip(scores.tolist(), regions.pairs.tolist(), strict=True)]
    heapq.heapify(heap)
    alive, new = np.ones(room, dtype=bool), count
    while heap:
        _, one, other = heapq.heappop(heap)
        if not (alive[one] and alive[other]):
            continue
        alive[one] = alive[other] = False
        total = sizes[one] + sizes[other]
        sizes[new] = total
        boxes[new, :2] = np.minimum(boxes[one, :2], boxes[other, :2])
        boxes[new, 2:] = np.maximum(boxes[one, 2:], boxes[other, 2:])
        described[new] = (described[one] * sizes[one] + described[other] * sizes[other]) / total
        around = (near[one] | near[other]) - {one, other}
        near[one], near[other], near[new] = set(), set(), around
        if around:
            rows = sorted(around)
            for row, score in zip(rows, likeness(new, np.array(rows)).tolist(), strict=True):
                near[row] -= {one, other}
                near[row].add(new)
                heapq.heappush(heap, (-score, row, new))
        new += 1
    return boxes[:new]


def _histograms(
    flat: npt.NDArray[np.int64], values: Sequence[npt.NDArray[Any]], bins: int, count: int
) -> npt.NDArray[np.float32]:
    """Return the histogram of every plane in every region side by side; each row sums to 1."""
    base = flat * bins
    out = [np.bincount(base + plane, minlength=count * bins).reshape(count, bins) for plane in values]
    joined = np.concatenate(out, axis=1).astype(np.float32)
    return np.asarray(joined / joined.sum(axis=1, keepdims=True), dtype=np.float32)


def _neighbours(labels: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Return pairs of regions that touch along a side, the smaller number first."""
    sides = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    found = []
    for one, other in sides:
        apart = one != other
        a, b = one[apart], other[apart]
        found.append(np.minimum(a, b) * count + np.maximum(a, b))
    keys = np.unique(np.concatenate(found))
    return np.stack(np.divmod(keys, count), axis=1)
