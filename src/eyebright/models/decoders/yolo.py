"""`yolo`: rows of YOLOv5, v8, v11 and their kin, with mask prototypes or keypoints.

Rows are centre x, centre y, width, height in pixels of the input, then the probabilities. v5 has a row a box, with the
probability of an object before those of the classes, `(A, 5 + C)`, and so have v6, v7 and YOLOX that decodes itself; v8
and v11 have a column a box, `(4 + C, A)`. Behind the classes follow the coefficients of the masks, whose prototypes are
a second output `(P, h, w)` (Bolya et al., YOLACT, arXiv:1904.02689), or three numbers a keypoint: x, y and how visible
it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, corners, in_pixels, levels

EXPECTS = "one output (4 + classes, boxes) or (boxes, 5 + classes), and (prototypes, h, w) for masks"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:
    """Say whether there is one output of rows whose width goes with the classes, and at most one of prototypes."""
    rows = [shape for shape in shapes.values() if len(shape) == 2]
    prototypes = [shape for shape in shapes.values() if len(shape) == 3]
    grids = [shape for shape in shapes.values() if len(shape) == 4]  # undecoded; v5 and v7 may export them beside
    if len(rows) != 1 or len(prototypes) > 1 or len(rows) + len(prototypes) + len(grids) != len(shapes):
        return False
    columns, boxes = min(rows[0]), max(rows[0])
    with_object = rows[0][0] > rows[0][1]
    # v5 has three anchors a cell, the others one
    three = with_object and boxes % 3 == 0 and levels(size, boxes // 3)
    if not (three or levels(size, boxes)) or columns < 5:
        return False
    extra = prototypes[0][0] if prototypes else 0
    base = 5 if with_object else 4
    rest = columns - base - (classes or 1) - extra
    return rest == 0 or (rest > 0 and not extra and (rest % 3 == 0 or not classes)) or (rest > 0 and not classes)


def looks(outputs: Mapping[str, Floats]) -> bool:
    """Say whether rows that may be one a cell are in pixels of the input; nothing but NaN is taken as it is named."""
    [rows] = (value for value in outputs.values() if value.ndim == 2)
    return rows.shape[0] <= rows.shape[1] or in_pixels(rows) or not np.isfinite(rows[:, :2]).any()


def decode(given: HeadInput) -> Decoded:
    """Return the boxes whose score reaches the confidence."""
    [rows] = (value for value in given.outputs.values() if value.ndim == 2)
    prototypes = next((value for value in given.outputs.values() if value.ndim == 3), None)
    with_object = rows.shape[0] > rows.shape[1]
    rows = rows if with_object else rows.T
    first = 5 if with_object else 4
    extra = 0 if prototypes is None else len(prototypes)
    classes = given.classes or (1 if given.pose else rows.shape[1] - first - extra)
    likely = rows[:, first : first + classes]
    class_ids = likely.argmax(axis=1)
    scores = likely[np.arange(len(rows)), class_ids] * (rows[:, 4] if with_object else np.float32(1))
    sure = np.flatnonzero(scores >= given.confidence)
    rest = rows[sure, first + classes :]
    points = rest.reshape(len(rest), rest.shape[1] // 3, 3)[:, :, :2] if prototypes is None and rest.shape[1] else None
    return Decoded(
        corners(rows[sure, :4]),
        scores[sure],
        class_ids[sure].astype(np.int64),
        keypoints=points,
        coefficients=None if prototypes is None else rest,
        prototypes=prototypes,
    )
