"""`ssd` and `rcnn`: boxes, scores and labels, with masks from Mask R-CNN.

Boxes `(M, 4)` xyxy in pixels of the input, or as parts of it when none is beyond 1; scores and labels `(M,)`; masks
`(M, 1, h, w)` or `(M, h, w)` fill their boxes (He et al., Mask R-CNN, arXiv:1703.06870). Label 0 is the background:
class ids are one less, unless the label map itself begins with a background. TensorFlow's `detection_boxes` are top,
left, bottom, right; its `num_detections` is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eyebright.core.types import Floats
from eyebright.models.decoders.head import Decoded, HeadInput, Shape, class_numbers

EXPECTS = "outputs boxes (M, 4), scores (M,) and labels (M,), and masks (M, 1, h, w) if there are any"
_BACKGROUND = ("background", "__background__", "bg", "n/a")


def fits(shapes: Mapping[str, Shape], size: tuple[int, int], classes: int) -> bool:  # noqa: ARG001  (one signature for all heads)
    """Say whether there are boxes, two columns of their length, and nothing but masks beside them."""
    plain = [shape for shape in _trimmed(shapes).values() if shape]
    boxes = [shape for shape in plain if len(shape) == 2 and shape[1] == 4]
    columns = [shape for shape in plain if len(shape) == 1]
    masks = [shape for shape in plain if len(shape) in (3, 4)]
    counts = {shape[0] for shape in plain}
    return len(boxes) == 1 and len(columns) == 2 and len(masks) == len(plain) - 3 <= 1 and len(counts) == 1


def decode(given: HeadInput) -> Decoded:
    """Return the rows whose score reaches the confidence."""
    shift = 0 if given.labels and given.labels[0].lower() in _BACKGROUND else 1
    return decode_rows(given, first=shift)


def decode_rows(given: HeadInput, *, first: int) -> Decoded:
    """Return the rows whose score reaches the confidence; class 0 is the label `first`, and lower labels are none."""
    shapes = _trimmed({name: value.shape for name, value in given.outputs.items()})
    values = {name: value.reshape(shapes[name]) for name, value in given.outputs.items()}
    [(name, boxes)] = ((name, value) for name, value in values.items() if value.ndim == 2)
    if "detection_boxes" in name:
        boxes = boxes[:, [1, 0, 3, 2]]
    scores, labels = _scores_and_labels({name: value for name, value in values.items() if value.ndim == 1})
    masks = next((value for value in values.values() if value.ndim > 2), None)
    if np.max(boxes, initial=0, where=np.isfinite(boxes)) <= 1:
        height, width = given.size
        boxes = boxes * np.array([width, height, width, height], dtype=np.float32)
    class_ids = class_numbers(labels) - first
    sure = np.flatnonzero((scores >= given.confidence) & (class_ids >= 0))
    if masks is not None:
        masks = masks.reshape(len(masks), *masks.shape[-2:])[sure]
    return Decoded(boxes[sure], scores[sure], class_ids[sure], box_masks=masks)


def _trimmed(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Leave out the axis of a batch of one, which the boxes show: `(1, M, 4)`, `(1, M)` and `(1, M, 1, h, w)`."""
    batched = any(len(shape) == 3 and shape[0] == 1 and shape[2] == 4 for shape in shapes.values())
    return {name: shape[1:] if batched else shape for name, shape in shapes.items()}


def _scores_and_labels(columns: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Tell scores from labels: by name, or else the labels are the whole numbers."""
    (one, first), (_, second) = columns.items()
    names = [name.lower() for name in columns]
    if any("label" in name or "class" in name for name in names):
        labels_first = "label" in one.lower() or "class" in one.lower()
    else:
        labels_first = bool(len(first)) and bool((first == np.rint(first)).all()) and first.max(initial=0) >= 1
    return (second, first) if labels_first else (first, second)
