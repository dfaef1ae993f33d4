"""Moving detections from a part of a picture to the whole."""

from __future__ import annotations

import dataclasses

import numpy as np

from eyebright.core.types import Detections, Masks


def shift_detections(found: Detections, x: float, y: float, size: tuple[int, int]) -> Detections:
    """Return detections of a part in pixels of the whole.

    Args:
        found: in pixels of the part.
        x: left edge of the part in the whole; a whole number when there are masks.
        y: top edge, likewise.
        size: `(height, width)` of the whole.
    """
    by = np.array([x, y], dtype=np.float32)
    masks = found.masks
    if masks is not None:
        masks = Masks(masks.crops, masks.origins + np.array([x, y], dtype=np.int64), size)
    points = None if found.keypoints is None else found.keypoints + by
    return dataclasses.replace(found, xyxy=found.xyxy + np.tile(by, 2), masks=masks, keypoints=points)
