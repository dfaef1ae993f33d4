"""`detr` and `detr_softmax`: queries of the DETR family.

Two outputs: boxes `(Q, 4)`, centre and sides as parts of the input, and class scores `(Q, C)` before the sigmoid; or
both in one, `(Q, 4 + C)`. A query may stand for several classes (Zhao et al., RT-DETR, arXiv:2304.08069), and nothing
is suppressed. A third output `(Q, h, w)` holds masks of the whole input, before the sigmoid. RT-DETR's and D-FINE's own
exports go further: labels `(Q,)` from 0, boxes `(Q, 4)` xyxy in pixels, scores `(Q,)`.

The first DETR (Carion et al., arXiv:2005.12872) has one class more, the last, for "no object", and scores before the
softmax; that is `detr_softmax`. Whether the last column is a class or none cannot be seen from a shape.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Floats, Ints
from eyebright.models.decoders import labelled
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, as_probabilities, corners

_MOST = 1000  # queries: more rows than that are cells of a grid
EXPECTS = (
    "two outputs: boxes (queries, 4) as parts of the input, and class scores (queries, classes), or both in one, and "
    "(queries, h, w) for masks; or labels (queries,) from 0, boxes (queries, 4), scores (queries,)"
)
EXPECTS_SOFTMAX = (
    "two outputs: boxes (queries, 4) as parts of the input, and class scores (queries, classes + 1), the last for "
    "no object, and (queries, h, w) for masks"
)


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there are boxes and scores of the same number of queries."""
    wide = _width(shapes)
    if wide:
        return not classes or wide >= classes
    if len(shapes) == 1:
        [shape] = shapes.values()
        return len(shape) == 2 and shape[0] <= _MOST and (shape[1] == 4 + classes if classes else shape[1] > 4)
    return len(shapes) == 3 and labelled.fits(shapes, size, classes)


def fits_softmax(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there are boxes, and scores of one class more than there are labels."""
    wide = _width(shapes)
    return wide > 1 and (not classes or wide == classes + 1)


def decode(given: HeadInput) -> Decoded:
    """Return every query and class whose score reaches the confidence."""
    if any(value.ndim == 1 for value in given.outputs.values()):
        return labelled.decode_rows(given, first=0)
    boxes, logits, masks = _split(given.outputs)
    scores = as_probabilities(logits)
    queries, class_ids = np.nonzero(scores >= given.confidence)
    return _decoded(given, boxes, scores[queries, class_ids], queries, class_ids.astype(np.int64), masks)


def decode_softmax(given: HeadInput) -> Decoded:
    """Return the queries whose likeliest class reaches the confidence."""
    boxes, logits, masks = _split(given.outputs)
    scores = logits
    if len(logits) and not (logits.min() >= 0 and np.allclose(logits.sum(axis=1), 1, atol=1e-3)):
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = raised / raised.sum(axis=1, keepdims=True)
    class_ids = scores[:, :-1].argmax(axis=1)
    best = scores[np.arange(len(scores)), class_ids]
    sure = np.flatnonzero(best >= given.confidence)
    return _decoded(given, boxes, best[sure], sure, class_ids[sure].astype(np.int64), masks)


def _decoded(
    given: HeadInput,
    boxes: Floats,
    scores: Floats,
    queries: npt.NDArray[np.intp],
    class_ids: Ints,
    masks: Floats | None,
) -> Decoded:
    height, width = given.size
    pixels = corners(boxes[queries]) * np.array([width, height, width, height], dtype=np.float32)
    if masks is None:
        return Decoded(pixels, scores, class_ids)
    # each query's map is a prototype of its own
    alone = np.eye(len(queries), dtype=np.float32)
    return Decoded(pixels, scores, class_ids, coefficients=alone, prototypes=masks[queries])


def _width(shapes: Mapping[str, Shape]) -> int:
    """Return how many class scores a query has, 0 when these are no boxes and scores, and masks if there are any."""
    plain = [shape for shape in shapes.values() if len(shape) == 2]
    masks = [shape for shape in shapes.values() if len(shape) == 3]
    if len(plain) != 2 or len(masks) > 1 or len(plain) + len(masks) != len(shapes):
        return 0
    (queries, one), (others, other) = plain
    same = queries == others and all(shape[0] == queries for shape in masks)
    return (other if one == 4 else one) if same and 4 in (one, other) else 0


def _split(outputs: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats | None]:
    """Return boxes, class scores, and masks if there are any."""
    masks = next((value for value in outputs.values() if value.ndim == 3), None)
    plain = {name: value for name, value in outputs.items() if value.ndim == 2}
    if len(plain) == 1:
        [rows] = plain.values()
        return rows[:, :4], rows[:, 4:], masks
    first, second = plain.values()
    boxes, logits = (second, first) if second.shape[1] == 4 and first.shape[1] != 4 else (first, second)
    if first.shape[1] == second.shape[1] == 4:  # as many classes: the boxes are those whose name says so
        names = [name.lower() for name in plain]
        boxes, logits = (second, first) if "box" in names[1] or "det" in names[1] else (first, second)
    return boxes, logits, masks
