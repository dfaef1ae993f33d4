"""Weighted boxes fusion: several models' boxes of one object become one box.

Solovyev et al., Weighted boxes fusion: ensembling boxes from different object detection models, arXiv:1910.13302.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.ops.boxes import iou
from eyebright.ops.nms import checked


class Fused(NamedTuple):
    """What the models say together, best first.

    Attributes:
        xyxy: `float64 (K, 4)`, means weighted by score.
        scores: `float64 (K,)`; lower where some of the models saw nothing.
        class_ids: `int64 (K,)`.
    """

    xyxy: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    class_ids: npt.NDArray[np.int64]


def weighted_boxes_fusion(
    boxes: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    class_ids: Sequence[npt.ArrayLike] | None = None,
    *,
    weights: Sequence[float] | None = None,
    iou_threshold: float = 0.55,
    min_score: float = 0.0,
) -> Fused:
    """Fuse the boxes of several models.

    Args:
        boxes: one `(N, 4)` xyxy a model.
        scores: one `(N,)` a model, 0 to 1.
        class_ids: one `(N,)` a model; boxes of different classes are never fused. None: all are of one class.
        weights: trust in each model, above 0; None: all alike.
        iou_threshold: 0 to 1; a box joins the cluster whose box it overlaps most, when by more than this.
        min_score: boxes with less are left out before.

    Raises:
        InputError: as `nms`; sequences of different length, or a weight that is not positive.
    """
    trust = [1.0] * len(boxes) if weights is None else [float(weight) for weight in weights]
    kinds = [None] * len(boxes) if class_ids is None else list(class_ids)
    if not len(boxes) == len(scores) == len(kinds) == len(trust) or not boxes:
        raise InputError(
            f"weighted_boxes_fusion: expected boxes, scores, classes and weights of the same models, "
            f"got {len(boxes)}, {len(scores)}, {len(kinds)} and {len(trust)}"
        )
    if min(trust) <= 0 or not np.isfinite(trust).all():
        raise InputError(f"weighted_boxes_fusion: expected weights above 0, got {trust}")
    parts = [
        checked("weighted_boxes_fusion", each, points, iou_threshold, kind)
        for each, points, kind in zip(boxes, scores, kinds, strict=True)
    ]
    rows = np.concatenate([part[0].astype(np.float64) for part in parts])
    plain = np.concatenate([part[1] for part in parts])
    points = np.concatenate([part[1] * weight for part, weight in zip(parts, trust, strict=True)])
    classes = np.concatenate([part[2] for part in parts]).astype(np.int64)
    order = np.argsort(-points, kind="stable")
    order = order[plain[order] >= min_score]
    members: list[list[int]] = []
    fused = np.zeros((len(order), 4))
    kind = np.zeros(len(order), dtype=np.int64)
    for row in order:
        count = len(members)
        overlap = iou(rows[row : row + 1], fused[:count])[0] * (kind[:count] == classes[row])
        best = int(overlap.argmax()) if count else -1
        if best < 0 or overlap[best] <= iou_threshold:
            best = count
            members.append([])
            kind[best] = classes[row]
        members[best].append(int(row))
        share = np.maximum(points[members[best]], 1e-12)
        fused[best] = (rows[members[best]] * share[:, None]).sum(axis=0) / share.sum()
    together = [points[group].mean() * min(len(group), len(boxes)) / sum(trust) for group in members]
    totals = np.array(together, dtype=np.float64)
    best_first = np.argsort(-totals, kind="stable")
    return Fused(fused[: len(members)][best_first], totals[best_first], kind[: len(members)][best_first])
