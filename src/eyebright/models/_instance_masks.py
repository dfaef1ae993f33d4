"""Masks of objects from prototypes or from small maps in boxes, each kept inside its own box."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Bools, Floats, Masks
from eyebright.models.decoders.head import Decoded, sigmoid
from eyebright.ops import Letterbox
from eyebright.ops.boxes import Boxes

_PIXELS = 1_000_000
"""Of a mask that are made together: an object may fill a huge picture, and its numbers take far more than the mask."""
Places = npt.NDArray[np.float64]


def instance_masks(raw: Decoded, boxes: Boxes, placed: Letterbox, size: tuple[int, int]) -> Masks:
    """Return one mask a row, cut to its box.

    Args:
        raw: what the head said, with prototypes and coefficients, or with masks that fill their boxes.
        boxes: `(M, 4)` xyxy of the same rows in the picture, cut to it.
        placed: how the picture lies in the input.
        size: height and width of the input.
    """
    height, width = placed.source
    low = np.floor(boxes[:, :2]).astype(np.int64)
    high = np.minimum(np.ceil(boxes[:, 2:]).astype(np.int64), [width, height])
    crops = []
    for row, ((left, top), (right, bottom)) in enumerate(zip(low, high, strict=True)):
        x, y = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
        # middles of the picture's pixels, as places in the input
        across = placed.points_to_canvas(np.stack([x, np.zeros_like(x)], axis=1))[:, 0]
        down = placed.points_to_canvas(np.stack([np.zeros_like(y), y], axis=1))[:, 1]
        crops.append(_crop(raw, row, across, down, size))
    return Masks(tuple(crops), low, (height, width))


def _crop(raw: Decoded, row: int, across: Places, down: Places, size: tuple[int, int]) -> Bools:
    if raw.box_masks is not None:
        values, (x1, y1, x2, y2) = raw.box_masks[row], raw.boxes[row]
    else:
        assert raw.coefficients is not None
        assert raw.prototypes is not None
        values = sigmoid(np.tensordot(raw.coefficients[row], raw.prototypes, axes=1))
        x1, y1, x2, y2 = 0.0, 0.0, float(size[1]), float(size[0])
    height, width = values.shape
    columns = (across - x1) / max(x2 - x1, 1e-6) * width - 0.5
    rows = (down - y1) / max(y2 - y1, 1e-6) * height - 0.5
    out = np.empty((len(rows), len(columns)), dtype=np.bool_)
    step = max(1, _PIXELS // max(len(columns), 1))
    for start in range(0, len(rows), step):
        out[start : start + step] = _bilinear(_bilinear(values, rows[start : start + step]).T, columns).T > 0.5
    return out


def _bilinear(values: Floats, places: Places) -> Floats:
    """Return the rows of `values` at fractional places, held at both ends."""
    held = np.clip(places, 0, len(values) - 1)
    low = np.minimum(held.astype(np.int64), max(len(values) - 2, 0))
    part = (held - low)[:, None].astype(np.float32)
    high = np.minimum(low + 1, len(values) - 1)
    out: Floats = values[low] * (1 - part) + values[high] * part
    return out
