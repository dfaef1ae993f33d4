"""`end2end`: boxes after suppression, as YOLOv10, YOLO26 and exports with NMS inside give them.

One output of at most a few hundred rows: left, top, right, bottom in pixels of the input, score, class; behind these
the coefficients of masks, or three numbers a keypoint. Wang et al., YOLOv10, arXiv:2405.14458.
"""

from __future__ import annotations

from collections.abc import Mapping

from eyebright.models.decoders.head import Decoded, HeadInput, Shape, class_numbers

EXPECTS = "one output (boxes, 6): x1, y1, x2, y2, score, class; and (prototypes, h, w) for masks"


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there is one output of six numbers a row, or more with prototypes or keypoints behind them."""
    rows = [shape for shape in shapes.values() if len(shape) == 2]
    prototypes = [shape for shape in shapes.values() if len(shape) == 3]
    if len(rows) != 1 or len(prototypes) > 1 or len(rows) + len(prototypes) != len(shapes):
        return False
    rest = rows[0][1] - 6
    return rows[0][0] <= 1000 and (rest == prototypes[0][0] if prototypes else rest >= 0 and rest % 3 == 0)


def decode(given: HeadInput) -> Decoded:
    """Return the rows whose score reaches the confidence."""
    [rows] = (value for value in given.outputs.values() if value.ndim == 2)
    prototypes = next((value for value in given.outputs.values() if value.ndim == 3), None)
    rows = rows[rows[:, 4] >= given.confidence]
    rest = rows[:, 6:]
    points = rest.reshape(len(rest), rest.shape[1] // 3, 3)[:, :, :2] if prototypes is None and rest.shape[1] else None
    return Decoded(
        rows[:, :4],
        rows[:, 4],
        class_numbers(rows[:, 5]),
        keypoints=points,
        coefficients=None if prototypes is None else rest,
        prototypes=prototypes,
    )
