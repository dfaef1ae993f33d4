"""`detr`: queries of RT-DETR, D-FINE and RF-DETR.

Two outputs: boxes `(Q, 4)`, centre and sides as parts of the input, and class scores `(Q, C)` before the sigmoid. A
query may stand for several classes (Zhao et al., RT-DETR, arXiv:2304.08069), and nothing is suppressed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.models.decoders.head import Decoded, HeadInput, Shape, as_probabilities, corners

EXPECTS = "two outputs: boxes (queries, 4) as parts of the input, and class scores (queries, classes)"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there are boxes and scores of the same number of queries."""
    if len(shapes) != 2 or any(len(shape) != 2 for shape in shapes.values()):
        return False
    (queries, one), (others, other) = shapes.values()
    wide = other if one == 4 else one
    return queries == others and 4 in (one, other) and (not classes or wide >= classes)


def decode(given: HeadInput) -> Decoded:
    """Return every query and class whose score reaches the confidence."""
    first, second = given.outputs.values()
    boxes, logits = (second, first) if second.shape[1] == 4 and first.shape[1] != 4 else (first, second)
    if first.shape[1] == second.shape[1] == 4:  # four classes: the boxes are those whose name says so
        names = [name.lower() for name in given.outputs]
        boxes, logits = (second, first) if "box" in names[1] or "det" in names[1] else (first, second)
    scores = as_probabilities(logits)
    queries, class_ids = np.nonzero(scores >= given.confidence)
    height, width = given.size
    pixels = corners(boxes[queries]) * np.array([width, height, width, height], dtype=np.float32)
    return Decoded(pixels, scores[queries, class_ids], class_ids.astype(np.int64))
