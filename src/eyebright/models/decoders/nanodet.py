"""`nanodet`: NanoDet's distances to the four sides, each as a distribution.

At strides 8, 16, 32 and 64 each cell gives class probabilities and, for each side, the weights of whole distances in
strides, whose mean counts (Li et al., Generalized Focal Loss, arXiv:2006.04388). One output
`(cells, classes + 4 * bins)`, or a pair (classes, distances) a stride, as OpenCV's model zoo has it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, as_probabilities, cells, grid

_STRIDES = (8, 16, 32, 64)
_BINS = 8
EXPECTS = "one output (cells of strides 8, 16, 32 and 64, classes + 32), or a pair (classes), (32) a stride"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether the outputs have a row a cell, together or by strides."""
    if any(len(shape) != 2 for shape in shapes.values()):
        return False
    wide = 4 * _BINS
    if len(shapes) == 1:
        [(rows, columns)] = shapes.values()
        counted = rows in [cells(size, _STRIDES, whole=whole) for whole in (False, True)]
        return counted and (columns == classes + wide if classes else columns > wide)
    wanted = [sorted(cells(size, (stride,), whole=whole) for stride in _STRIDES) for whole in (False, True)]
    distances = sorted(shape[0] for shape in shapes.values() if shape[1] == wide)
    likely = sorted(shape[0] for shape in shapes.values() if shape[1] != wide)
    return len(shapes) == 2 * len(_STRIDES) and distances in wanted and distances == likely


def decode(given: HeadInput) -> Decoded:
    """Return the boxes of all cells whose best class reaches the confidence."""
    likely, distances = _columns(list(given.outputs.values()))
    scores = as_probabilities(likely)
    class_ids = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), class_ids]
    sure = np.flatnonzero(best >= given.confidence)
    # exporters differ in whether a stride that does not divide the input has a cell at the cut edge
    place, stride = grid(given.size, _STRIDES, whole=len(scores) != cells(given.size, _STRIDES))
    middle = place[sure] * stride[sure] + (stride[sure] - 1) / 2
    weights = distances[sure].reshape(len(sure), 4, _BINS)
    weights = np.exp(weights - weights.max(axis=2, keepdims=True))
    mean = (weights @ np.arange(_BINS, dtype=np.float32)) / weights.sum(axis=2) * stride[sure]
    boxes = np.concatenate([middle - mean[:, :2], middle + mean[:, 2:]], axis=1)
    return Decoded(boxes.astype(np.float32), best[sure], class_ids[sure].astype(np.int64))


def _columns(values: list[Floats]) -> tuple[Floats, Floats]:
    """Return class scores and distances of all cells, finest stride first."""
    if len(values) == 1:
        return values[0][:, : -4 * _BINS], values[0][:, -4 * _BINS :]
    distances = sorted((v for v in values if v.shape[1] == 4 * _BINS), key=len, reverse=True)
    likely = sorted((v for v in values if v.shape[1] != 4 * _BINS), key=len, reverse=True)
    return np.concatenate(likely), np.concatenate(distances)
