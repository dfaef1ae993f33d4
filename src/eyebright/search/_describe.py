"""Describe a picture for search without training: regions pooled to second order, colours, keypoints.

Three looks at a picture, each of which sees what the others miss:

- *Regions.* One pass of the network over the whole picture gives a vector for each region. Their second moment says
  which properties occur together in one place; its matrix square root keeps a few strong ones from drowning the rest
  (Lin, RoyChowdhury and Maji 2015, https://arxiv.org/abs/1504.07889; Li et al. 2017, https://arxiv.org/abs/1703.08050).
  It knows no positions, so a product may stand anywhere in the picture.
- *Colours.* A histogram of chroma: networks trained to tell classes apart forget colour, and shops sort by it.
- *Keypoints.* A few SIFT points, for the print on packages, which may be turned in a hand.

Flat margins, such as the white around a studio photo, are cut off first. A query is looked at a second time at a
smaller size (`Describer.query`), which makes up for objects that are larger or smaller than in the gallery, and each of
its four sides is described alone as well: what was asked for need not stand in the middle, nor fill the picture.

What is expensive (`Describer.raw`) needs nothing fitted. A `Projection`, learned once from a sample of the gallery
without labels, turns it into a short vector for the index and a payload for `eyebright.search._rerank`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Floats, Image, check_image
from eyebright.imaging import resize
from eyebright.search._keypoints import Keypoints, find_keypoints
from eyebright.search._projection import CHANNELS, Projection, fit_projection

VERSION = "3"
"""Changes whenever the same picture would get another description."""

LAYER = "reduction_5"
"""The feature map that is pooled."""

SIDE = 352
"""The picture is resized to about SIDE x SIDE pixels in area, keeping its proportions."""

_STRIDE = 32
_QUERY_SIDE = 256  # of the second look at a query
_FLAT = 1.5  # mean difference, in levels, up to which a column or row is the same as the outermost one
_LONGEST = 4  # a panorama is squeezed to 1:4, so that its short side keeps some regions
_COLOUR_STEP, _BINS = 8, 16  # a mean of whole pixels is ten times cheaper than one of parts
_SCALED = np.arange(256, dtype=np.float32) / np.float32(127.5) - 1
_CHROMA = [60.0, 220.0]  # of a* and b* in 8 bits; photos hold no stronger colours

Run = Callable[[Floats, Sequence[str]], dict[str, Floats]]
"""Runs the network on `float32 (1, 3, H, W)` and returns the named maps; threads may call it together."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """The expensive part of a description.

    Attributes:
        regions: `float16 (h, w, 320)`, the network's vectors of the regions.
        colours: `float32 (256,)`, square roots of a histogram; length 1.
        keypoints: at most 64.
        margins: left, top, right and bottom margin that was cut off, in regions.
        more: `float16 (h', w', 320)`, regions of a second look at a smaller size; none in a gallery.
    """

    regions: npt.NDArray[np.float16]
    colours: Floats
    keypoints: Keypoints
    margins: tuple[int, int, int, int]
    more: npt.NDArray[np.float16]


class Describer:
    """Describes pictures with a network. Threads may share one.

    Args:
        run: see `Run`; the network must have the layer `LAYER` and take RGB as `(x / 255 - 0.5) / 0.5` of any size.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def raw(self, image: Image) -> Raw:
        """Describe one picture.

        Args:
            image: RGB `uint8 (H, W, 3)` of any size.

        Raises:
            InputError: not such a picture.
            ModelError: the network's map is not as expected.
        """
        return self._look(_part(image))

    def query(self, image: Image) -> Raw:
        """Describe one picture with more care, at half as much cost again; see `raw`."""
        part = _part(image)
        small = resize(part.image, *input_size(part.image.shape[1], part.image.shape[0], _QUERY_SIDE))
        return dataclasses.replace(self._look(part), more=self._regions(small))

    def _look(self, part: _Part) -> Raw:
        height, width = part.image.shape[:2]
        small = resize(part.image, *input_size(width, height))
        regions = self._regions(small)
        across, down = regions.shape[1] / width, regions.shape[0] / height
        left, top, right, bottom = part.cut_off
        margins = round(left * across), round(top * down), round(right * across), round(bottom * down)
        return Raw(regions, _colours(small), find_keypoints(small), margins, np.zeros((0, 0, CHANNELS), np.float16))

    def _regions(self, image: Image) -> npt.NDArray[np.float16]:
        maps = self._run(_tensor(image), (LAYER,))[LAYER]
        if maps.shape[:2] != (1, CHANNELS):
            raise ModelError(f"{LAYER}: expected a map of shape (1, {CHANNELS}, h, w), got {maps.shape}")
        return np.ascontiguousarray(maps[0].astype(np.float16).transpose(1, 2, 0))

    def fit(self, raws: Sequence[Raw]) -> tuple[Projection, list[tuple[Floats, bytes]]]:
        """Learn the projection from a sample of the gallery, at least one picture; a thousand are plenty.

        Returns:
            the projection, and what its `project` gives for each picture of the sample, at hardly any cost.

        Raises:
            InputError: the sample is empty.
        """
        if not raws:
            raise InputError("fit: expected descriptions of at least one picture, got none")
        projection, wholes = fit_projection(raws)
        return projection, projection.of_wholes(wholes, [raw.keypoints for raw in raws])


def input_size(width: int, height: int, side: int = SIDE) -> tuple[int, int]:
    """Return width and height of the network's input for a picture: multiples of 32, area about `side` squared."""
    stretch = float(np.clip(width / height, 1 / _LONGEST, _LONGEST)) ** 0.5
    return round(side * stretch / _STRIDE) * _STRIDE, round(side / stretch / _STRIDE) * _STRIDE


class _Part(NamedTuple):
    """What of a picture is looked at, and how many pixels were cut off at the left, top, right and bottom."""

    image: Image
    cut_off: tuple[int, int, int, int]


def _part(image: Image) -> _Part:
    whole = check_image(image)
    height, width = whole.shape[:2]
    left, right = _flat(whole.transpose(1, 0, 2))
    top, bottom = _flat(whole)
    return _Part(whole[top:bottom, left:right], (left, top, width - right, height - bottom))


def _flat(rows: Image) -> tuple[int, int]:
    """Return the first row, and the one behind the last, between flat margins at both ends; all when all are flat."""

    def like(row: int, edge: int) -> bool:
        return bool(cv2.norm(rows[row], rows[edge], cv2.NORM_L1) <= _FLAT * rows[row].size)

    first, last = 0, len(rows) - 1
    while first < last and like(first + 1, 0):
        first += 1
    if first == last:
        return 0, len(rows)
    while like(last - 1, len(rows) - 1):
        last -= 1
    return first, last + 1


def _tensor(image: Image) -> Floats:
    """Scale to [-1, 1], planes first; a table costs a fifth of the arithmetic."""
    planes = np.empty((1, 3, *image.shape[:2]), np.float32)
    for channel, plane in enumerate(cv2.split(image)):
        cv2.LUT(plane, _SCALED, planes[0, channel])
    return planes


def _colours(image: Image) -> Floats:
    """Return the softened histogram of a* and b* in CIELAB; square roots make the dot product Bhattacharyya's."""
    height, width = image.shape[:2]
    lab = cv2.cvtColor(resize(image, width // _COLOUR_STEP, height // _COLOUR_STEP), cv2.COLOR_RGB2LAB)
    clipped = np.clip(lab, _CHROMA[0], _CHROMA[1] - 1).astype(np.uint8)
    counts = cv2.calcHist([clipped], [1, 2], None, [_BINS, _BINS], _CHROMA + _CHROMA)
    soft = cv2.GaussianBlur(counts, (0, 0), 1.0)
    return np.asarray(np.sqrt(soft.ravel() / soft.sum()), np.float32)
