"""How well objects are found: COCO's average precision and recall, errors by kind, and intervals.

The matching and the means are those of hotcoco (extra `eval`), which follows COCO's own pycocotools; the kinds of error
are TIDE's (Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, arXiv:2008.08115).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Detections
from eyebright.interop import AnnotatedImage, Annotations, to_coco

_NAMES = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "AR100": "AR"}
_SIZES = {"APs": "AP_small", "APm": "AP_medium", "APl": "AP_large"}


def evaluate_detections(
    truth: Annotations, predicted: Annotations, *, resamples: int = 200, confidence: float = 0.25, seed: int = 0
) -> dict[str, Any]:
    """Compare predictions with the ground truth.

    Args:
        truth: crowds count neither as found nor as missed.
        predicted: of the same pictures and classes (see `eyebright.interop.read_predictions`).
        resamples: how often the pictures are drawn anew for the intervals; 0: no intervals.
        confidence: what counts as found in the confusion matrix and for the worst images.
        seed: of the resampling.

    Returns:
        `AP` (mean over IoU 0.5 to 0.95), `AP50`, `AP75`, `AR` (100 boxes a picture), `AP_small`, `AP_medium`,
        `AP_large` (None where nothing is of that size); `per_class` by name with `AP`, `AP50`, `AR` and `objects`;
        `pr_curve` by name with `recall` and `precision` at IoU 0.5; `confusion` with `labels` and `matrix` (rows are
        the truth, the last of each is the background); `errors` with the AP50 that each kind costs; `intervals`
        (95 %) of AP, AP50 and AR; `worst`, the pictures with most errors.

    Raises:
        InputError: pictures or classes differ, or there is nothing to find at all.
        EyebrightError: hotcoco is not installed.
    """
    try:
        import hotcoco
    except ImportError as error:
        raise EyebrightError("detection metrics need hotcoco; pip install 'eyebright[eval]'") from error
    return _figures(hotcoco, truth, predicted, "bbox", resamples, confidence, seed)


def _figures(
    hotcoco: Any,
    truth: Annotations,
    predicted: Annotations,
    kind: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Return the figures of `evaluate_detections`; `kind` is `bbox` or `segm`, by which overlaps are measured."""
    _check(truth, predicted)
    gold, rows = to_coco(_numbered(truth), scores=False), to_coco(_numbered(predicted), scores=True)["annotations"]
    if not gold["annotations"]:
        raise InputError("evaluation: expected at least one object in the ground truth, got none")
    run = _run(hotcoco, gold, rows, kind)
    figures, errors = run.get_results(), run.tide_errors()
    matrix = np.asarray(run.confusion_matrix(iou_thr=0.5, min_score=confidence)["matrix"], dtype=np.int64)
    out: dict[str, Any] = {ours: _plain(figures[theirs]) for theirs, ours in (_NAMES | _SIZES).items()}
    precision, recall = np.asarray(run.eval["precision"]), np.asarray(run.eval["recall"])
    out |= _by_class(truth, precision, recall)
    out["confusion"] = {"labels": [*truth.labels, "background"], "matrix": matrix.tolist(), "confidence": confidence}
    out["errors"] = {
        "delta_AP50": {name: _plain(value) for name, value in errors["delta_ap"].items()},
        "counts": {name: int(value) for name, value in errors["counts"].items()},
    }
    if resamples:
        out["intervals"] = _intervals(hotcoco, gold, rows, resamples, seed, kind)
    out["worst"] = worst_images(truth, predicted, confidence=confidence, masks=kind == "segm")
    return out


def worst_images(
    truth: Annotations,
    predicted: Annotations,
    *,
    confidence: float = 0.25,
    masks: bool = False,
    overlap_of: Callable[[Detections, AnnotatedImage], npt.NDArray[np.float64]] | None = None,
) -> list[dict[str, Any]]:
    """Return the pictures with most errors first: `image`, `missed`, `wrong` and `found`, by IoU 0.5 and class.

    Args:
        truth: crowds are neither found nor missed.
        predicted: of the same pictures.
        confidence: the least score of what counts as found.
        masks: measure the overlap of masks, not of boxes.
        overlap_of: or measure this: `float64 (found, true)` from 0 to 1, of what was found in a picture of the truth.
    """
    out = []
    for want, got in zip(truth.images, predicted.images, strict=True):
        sure = got.objects[got.objects.confidence >= confidence]
        order = np.argsort(-sure.confidence, kind="stable")
        overlap = (
            _overlap(sure[order], want.objects, masks=masks) if overlap_of is None else overlap_of(sure[order], want)
        )
        overlap *= sure.class_id[order][:, None] == want.objects.class_id[None]
        open_ = np.ones(len(want.objects), dtype=bool)
        found = wrong = 0
        for row in overlap:
            free = np.where(open_ | want.crowd, row, 0)
            best = int((free + (free >= 0.5) * ~want.crowd).argmax()) if len(row) else -1
            if best < 0 or free[best] < 0.5:
                wrong += 1
            elif not want.crowd[best]:
                open_[best] = False
                found += 1
        missed = int((open_ & ~want.crowd).sum())
        out.append({"image": want.name, "missed": missed, "wrong": wrong, "found": found})
    out.sort(key=lambda each: -(each["missed"] + each["wrong"]))  # type: ignore[operator]  # the counts are numbers
    return out[:10]


def _overlap(found: Detections, wanted: Detections, *, masks: bool) -> npt.NDArray[np.float64]:
    from eyebright.ops import iou, mask_iou

    if masks and found.masks is not None and wanted.masks is not None:
        return mask_iou(found.masks, wanted.masks)
    return iou(found.xyxy, wanted.xyxy)


def _run(
    hotcoco: Any, gold: dict[str, Any], rows: list[dict[str, Any]], kind: str = "bbox", sigmas: Sequence[float] = ()
) -> Any:
    """Return the finished evaluation; unlike `run` and `summarize` nothing is printed."""
    data = hotcoco.COCO(gold)
    column = {"bbox": "bbox", "segm": "segmentation", "keypoints": "keypoints"}[kind]
    keys = ("image_id", "category_id", column, "score")
    found = (
        data.load_res([{k: r[k] for k in keys} for r in rows]) if rows else hotcoco.COCO({**gold, "annotations": []})
    )
    run = hotcoco.COCOeval(data, found, kind)
    if len(sigmas):
        run.params.kpt_oks_sigmas = list(sigmas)
    run.evaluate()
    run.accumulate()
    run.summary_lines()
    return run


def _by_class(truth: Annotations, precision: Any, recall: Any) -> dict[str, Any]:
    """Split COCO's tables: precision (T, R, K, A, M) and recall (T, K, A, M), -1 where there is nothing to find."""
    objects = np.zeros(len(truth.labels), dtype=np.int64)
    for image in truth.images:
        np.add.at(objects, image.objects.class_id[~image.crowd], 1)
    per_class, curves = {}, {}
    grid = np.linspace(0, 1, precision.shape[1])
    for row, name in enumerate(truth.labels):
        at = precision[:, :, row, 0, -1]
        per_class[name] = {
            "AP": _plain(at.mean()), "AP50": _plain(at[0].mean()), "AR": _plain(recall[:, row, 0, -1].mean()),
            "objects": int(objects[row]),
        }  # fmt: skip
        if objects[row]:
            curves[name] = {"recall": grid.round(2).tolist(), "precision": at[0].round(6).tolist()}
    return {"per_class": per_class, "pr_curve": curves}


def _intervals(
    hotcoco: Any,
    gold: dict[str, Any],
    rows: list[dict[str, Any]],
    count: int,
    seed: int,
    kind: str = "bbox",
    sigmas: Sequence[float] = (),
) -> dict[str, Any]:
    """Return 95 % percentile intervals over pictures drawn with replacement; a picture drawn twice counts twice."""
    random = np.random.default_rng(seed)
    sizes = {image["id"]: image for image in gold["images"]}
    numbers = list(sizes)
    truth_of: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    found_of: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for row in gold["annotations"]:
        truth_of[row["image_id"]].append(row)
    for row in rows:
        found_of[row["image_id"]].append(row)
    sample: dict[str, list[float]] = {name: [] for name in ("AP", "AP50", "AR")}
    for _ in range(count):
        drawn = random.choice(numbers, len(numbers))
        images = [{**sizes[number], "id": place} for place, number in enumerate(drawn.tolist(), start=1)]
        truth = [{**r, "image_id": p} for p, number in enumerate(drawn, start=1) for r in truth_of[number]]
        found = [{**r, "image_id": p} for p, number in enumerate(drawn, start=1) for r in found_of[number]]
        if not truth:
            continue
        truth = [{**r, "id": place} for place, r in enumerate(truth, start=1)]
        figures = _run(hotcoco, {**gold, "images": images, "annotations": truth}, found, kind, sigmas).get_results()
        for theirs, ours in ((_NAMES | {"AR": "AR"}) if kind == "keypoints" else _NAMES).items():
            if ours in sample and theirs in figures and math.isfinite(figures[theirs]) and figures[theirs] >= 0:
                sample[ours].append(float(figures[theirs]))
    return {
        name: [round(float(v), 6) for v in np.percentile(values, [2.5, 97.5])]
        for name, values in sample.items()
        if values
    }


def _numbered(given: Annotations) -> Annotations:
    """Return the set with pictures and classes numbered from 1, as both sides must have them."""
    images = tuple(dataclasses.replace(image, number=place) for place, image in enumerate(given.images, start=1))
    return Annotations(given.labels, images, tuple(range(1, len(given.labels) + 1)))


def _check(truth: Annotations, predicted: Annotations) -> None:
    if truth.labels != predicted.labels:
        raise InputError(f"evaluation: classes differ: {_some(truth.labels)} and {_some(predicted.labels)}")
    names, others = [i.name for i in truth.images], [i.name for i in predicted.images]
    if names != others:
        raise InputError(f"evaluation: pictures differ: {_some(names)} and {_some(others)}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _plain(value: Any) -> float | None:
    """Return a figure, None where COCO says -1: nothing to find."""
    number = float(value)
    return round(number, 6) if math.isfinite(number) and number > -1 else None
