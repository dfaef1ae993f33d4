"""`detr` and `detr_softmax`: queries of the DETR family.

Two outputs: boxes `(Q, 4)`, centre and sides as parts of the input, and class scores `(Q, C)` before the sigmoid. A
query may stand for several classes (Zhao et al., RT-DETR, arXiv:2304.08069), and nothing is suppressed. RT-DETR's and
D-FINE's own exports go further: labels `(Q,)` from 0, boxes `(Q, 4)` xyxy in pixels, scores `(Q,)`.

The first DETR (Carion et al., arXiv:2005.12872) has one class more, the last, for "no object", and scores before the
softmax; that is `detr_softmax`. Whether the last column is a class or none cannot be seen from a shape.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders import labelled
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, as_probabilities, corners

EXPECTS = (
    "two outputs: boxes (queries, 4) as parts of the input, and class scores (queries, classes); or three: labels "
    "(queries,) from 0, boxes (queries, 4), scores (queries,)"
)
EXPECTS_SOFTMAX = (
    "two outputs: boxes (queries, 4) as parts of the input, and class scores (queries, classes + 1), the last for "
    "no object"
)


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there are boxes and scores of the same number of queries."""
    if len(shapes) == 3:
        return labelled.fits(shapes, size, classes)
    wide = _width(shapes)
    return wide > 0 and (not classes or wide >= classes)


def fits_softmax(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there are boxes, and scores of one class more than there are labels."""
    wide = _width(shapes)
    return wide > 1 and (not classes or wide == classes + 1)


def decode(given: HeadInput) -> Decoded:
    """Return every query and class whose score reaches the confidence."""
    if len(given.outputs) == 3:
        return labelled.decode_rows(given, first=0)
    boxes, logits = _boxes_and_logits(given.outputs)
    scores = as_probabilities(logits)
    queries, class_ids = np.nonzero(scores >= given.confidence)
    return Decoded(_pixels(boxes[queries], given.size), scores[queries, class_ids], class_ids.astype(np.int64))


def decode_softmax(given: HeadInput) -> Decoded:
    """Return the queries whose likeliest class reaches the confidence."""
    boxes, logits = _boxes_and_logits(given.outputs)
    scores = logits
    if len(logits) and not (logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-3)):
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = raised / raised.sum(axis=1, keepdims=True)
    class_ids = scores[:, :-1].argmax(axis=1)
    best = scores[np.arange(len(scores)), class_ids]
    sure = np.flatnonzero(best >= given.confidence)
    return Decoded(_pixels(boxes[sure], given.size), best[sure], class_ids[sure].astype(np.int64))


def _width(shapes: Mapping[str, Shape]) -> int:
    """Return how many class scores a query has, 0 when these are no boxes and scores."""
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes.values()):
        return 0
    (queries, one), (others, other) = shapes.values()
    return (other if one == 4 else one) if queries == others and 4 in (one, other) else 0


def _boxes_and_logits(outputs: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    first, second = outputs.values()
    boxes, logits = (second, first) if second.shape[1] == 4 and first.shape[1] != 4 else (first, second)
    if first.shape[1] == second.shape[1] == 4:  # as many classes: the boxes are those whose name says so
        names = [name.lower() for name in outputs]
        boxes, logits = (second, first) if "box" in names[1] or "det" in names[1] else (first, second)
    return boxes, logits


def _pixels(boxes: Floats, size: tuple[int, int]) -> Floats:
    height, width = size
    return corners(boxes) * np.array([width, height, width, height], dtype=np.float32)
