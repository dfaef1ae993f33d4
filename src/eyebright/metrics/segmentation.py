"""How well pixels are named and objects cut out: mean IoU, panoptic quality, COCO's average precision of masks.

Panoptic quality: Kirillov, He, Girshick, Rother and Dollár, Panoptic Segmentation, CVPR 2019. The matching of masks for
average precision is hotcoco's (extra `eval`), which follows COCO's own pycocotools.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.interop import AnnotatedImage, Annotations
from eyebright.metrics.detection import _check, _figures
from eyebright.metrics.pixels import confusion_of, drawn_anew, pixel_figures

Counts = npt.NDArray[np.float64]


def panoptic_quality(
    truth: Annotations, predicted: Annotations, *, confidence: float = 0.5, resamples: int = 0, seed: int = 0
) -> dict[str, Any]:
    """Compare objects with masks: a pair of one class matches when its IoU is above 0.5.

    Args:
        truth: with masks; crowds count neither as found nor as missed, and what lies mostly in one is not wrong.
        predicted: of the same pictures and classes, with masks.
        confidence: the least score of what counts as predicted.
        resamples: how often the pictures are drawn anew for the intervals; 0: none.
        seed: of the resampling.

    Returns:
        `PQ`, `SQ` (mean IoU of matches) and `RQ` (F1), each the mean over classes that occur on either side;
        `per_class` by name with the same and `tp`, `fp`, `fn`; `intervals` (95 %) of the first three. A pixel belongs
        to one object: of predictions to the surest, of the truth to the first.

    Raises:
        InputError: pictures or classes differ, objects without masks, or nothing to compare.
    """
    _check(truth, predicted)
    count = len(truth.labels)
    tables = np.zeros((len(truth.images), count, 4))  # sum of IoU, found, wrong, missed
    for row, (want, got) in enumerate(zip(truth.images, predicted.images, strict=True)):
        tables[row] = _matched(want, got, confidence, count)
    if not tables.sum():
        raise InputError("panoptic quality: expected at least one object, got none")
    whole = tables.sum(axis=0)
    each = _qualities(whole)
    names = ("PQ", "SQ", "RQ")
    out: dict[str, Any] = dict(zip(names, (round(v, 6) for v in _mean_qualities(whole)), strict=True))
    out["per_class"] = {
        label: {
            **{name: None if np.isnan(v) else round(float(v), 6) for name, v in zip(names, each[row], strict=True)},
            **{name: int(v) for name, v in zip(("tp", "fp", "fn"), whole[row, 1:], strict=True)},
        }
        for row, label in enumerate(truth.labels)
    }
    if resamples:
        out["intervals"] = drawn_anew(tables, _mean_qualities, names, resamples, seed)
    return out


def evaluate_masks(
    truth: Annotations, predicted: Annotations, *, resamples: int = 200, confidence: float = 0.5, seed: int = 0
) -> dict[str, Any]:
    """Compare objects with masks in every way: average precision, panoptic quality, mean IoU of their classes.

    Args:
        truth: with masks; crowds count neither as found nor as missed.
        predicted: of the same pictures and classes, with masks.
        resamples: how often the pictures are drawn anew for the intervals; 0: none.
        confidence: the least score of what counts for PQ, mIoU, the confusion and the worst; average precision looks
            at all.
        seed: of the resampling.

    Returns:
        Everything of `evaluate_detections`, with the overlap of masks: `AP`, `AP50`, `AP75`, `AR`, those by size,
        `pr_curve`, `confusion`, `errors`, `worst`; besides `PQ`, `SQ`, `RQ` of `panoptic_quality`, and `mIoU` of the
        classes' pixels, those of no object being a class of their own, `background`; `per_class` by name with `PQ`,
        `SQ`, `RQ`, `tp`, `fp`, `fn`, `IoU` too; `intervals` (95 %) of AP, AP50, AR, PQ and mIoU.

    Raises:
        InputError: pictures or classes differ, objects without masks, or nothing to find at all.
        EyebrightError: hotcoco is not installed.
    """
    try:
        import hotcoco
    except ImportError as error:
        raise EyebrightError("mask metrics need hotcoco; pip install 'eyebright[eval]'") from error
    panoptic = panoptic_quality(truth, predicted, confidence=confidence, resamples=resamples, seed=seed)
    # one picture's maps at a time: those of a whole set would not fit in memory
    tables = [
        confusion_of(_class_map(want, 0.0), _class_map(got, confidence), len(truth.labels) + 1, -1, want.name)
        for want, got in zip(truth.images, predicted.images, strict=True)
    ]
    pixels = pixel_figures(tables, ["background", *truth.labels], resamples, seed)
    out = _figures(hotcoco, truth, predicted, "segm", resamples, confidence, seed)
    out |= {name: panoptic[name] for name in ("PQ", "SQ", "RQ")} | {"mIoU": pixels["mIoU"]}
    for name in truth.labels:
        out["per_class"][name] |= {**panoptic["per_class"][name], "IoU": pixels["per_class"][name]["IoU"]}
    if resamples:
        out["intervals"] |= {"PQ": panoptic["intervals"]["PQ"], "mIoU": pixels["intervals"]["mIoU"]}
    return out


def _qualities(table: Counts) -> Counts:
    """Return PQ, SQ and RQ of each class `(C, 3)`, NaN where it occurs on neither side (equations 1 and 2)."""
    overlap, found, wrong, missed = table.T
    total = found + wrong / 2 + missed / 2
    nothing = np.full(len(table), np.nan)
    recognition = np.divide(found, total, out=nothing.copy(), where=total > 0)
    shape = np.divide(overlap, found, out=np.where(total > 0, 0.0, np.nan), where=found > 0)
    return np.stack([recognition * shape, shape, recognition], axis=1)


def _mean_qualities(table: Counts) -> tuple[float, ...]:
    return tuple(float(v) for v in np.nanmean(_qualities(table), axis=0))


def _painted(image: AnnotatedImage, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return `int64 (H, W)`: 1 + the row of the object a pixel belongs to, 0 for none; the first of `rows` on top."""
    masks = image.objects.masks
    if masks is None and len(image.objects):
        raise InputError(f"{image.name}: expected objects with masks, got boxes alone; `detect eval` compares boxes")
    out = np.zeros(image.size, dtype=np.int64)
    for row in rows[::-1].tolist() if masks is not None else ():
        assert masks is not None
        crop, (x, y) = masks.crops[row], masks.origins[row]
        out[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = row + 1
    return out


def _chosen(image: AnnotatedImage, confidence: float) -> npt.NDArray[np.int64]:
    """Return the rows of what is sure enough, the surest first."""
    order = np.argsort(-image.objects.confidence, kind="stable")
    return np.asarray(order[image.objects.confidence[order] >= confidence], dtype=np.int64)


def _class_map(image: AnnotatedImage, confidence: float) -> npt.NDArray[np.int64]:
    """Return 1 + the class of each pixel, 0 for none, and -1 where a crowd is."""
    owner = _painted(image, _chosen(image, confidence))
    numbers = np.concatenate([[0], np.where(image.crowd, -1, image.objects.class_id + 1)])
    return np.asarray(numbers[owner], dtype=np.int64)


def _matched(want: AnnotatedImage, got: AnnotatedImage, confidence: float, count: int) -> Counts:
    """Return the sum of IoU, and how many are found, wrong and missed, of each class of one picture `(C, 4)`."""
    mine, theirs = _painted(want, np.arange(len(want.objects))), _painted(got, _chosen(got, confidence))
    if mine.shape != theirs.shape:
        raise InputError(f"{want.name}: expected masks of one size, got {mine.shape} and {theirs.shape}")
    width = len(got.objects) + 1
    shared = np.bincount((mine * width + theirs).reshape(-1), minlength=(len(want.objects) + 1) * width)
    table = shared.reshape(-1, width).astype(np.float64)
    sizes, others = table.sum(axis=1), table.sum(axis=0)
    out = np.zeros((count, 4))
    crowd = np.concatenate([[False], want.crowd])
    same = want.objects.class_id[:, None] == got.objects.class_id[None]
    # pixels of crowds belong to no comparison: a prediction is as large as what lies outside them
    outside = others - table[crowd].sum(axis=0)
    either = sizes[1:, None] + outside[None, 1:] - table[1:, 1:]
    iou = np.divide(table[1:, 1:], either, out=np.zeros_like(either), where=either > 0)
    iou *= same * ~want.crowd[:, None]
    rows, columns = np.nonzero(iou > 0.5)  # above one half a pair excludes every other
    np.add.at(out[:, 0], want.objects.class_id[rows], iou[rows, columns])
    np.add.at(out[:, 1], want.objects.class_id[rows], 1)
    missed = np.setdiff1d(np.flatnonzero(~want.crowd & (sizes[1:] > 0)), rows)
    np.add.at(out[:, 3], want.objects.class_id[missed], 1)
    within = (table[1:, 1:] * (want.crowd[:, None] & same)).sum(axis=0)
    wrong = np.flatnonzero((others[1:] > 0) & (within <= others[1:] / 2))
    wrong = np.setdiff1d(wrong, columns)
    np.add.at(out[:, 2], got.objects.class_id[wrong], 1)
    return out
