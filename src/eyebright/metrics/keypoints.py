"""How well keypoints lie: COCO's object keypoint similarity, and average precision by it.

The matching for average precision is hotcoco's (extra `eval`), which follows COCO's own pycocotools.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import EyebrightError, InputError
from eyebright.core.types import Detections
from eyebright.interop import AnnotatedImage, Annotations, to_coco
from eyebright.metrics.detection import _check, _intervals, _numbered, _plain, _run, worst_images

_PAIRS = [0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089]
COCO_SIGMAS = np.array([0.026, *np.repeat(_PAIRS, 2)])
"""How far people who label a body stray, by point: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
(https://cocodataset.org/#keypoints-eval)."""


def object_keypoint_similarity(
    truth: npt.ArrayLike,
    visible: npt.ArrayLike,
    areas: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    sigmas: npt.ArrayLike = COCO_SIGMAS,
) -> npt.NDArray[np.float64]:
    """Return how alike every body of the truth is to every predicted one.

    Args:
        truth: `(N, K, 2)` pixels.
        visible: `bool (N, K)`: which points are labelled; the others are not looked at.
        areas: `(N,)` square pixels of the bodies.
        predicted: `(M, K, 2)` pixels.
        sigmas: `(K,)`, how far labels of each point stray as a part of the root of the area; COCO's 17 when not given.

    Returns:
        `float64 (N, M)` from 0 to 1: the mean over labelled points of exp(-d² / (8 area sigma²)). A body without
        labelled points has NaN.

    Raises:
        InputError: shapes that do not fit, numbers that are not finite, areas or sigmas not above 0.
    """
    want, got = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    seen, size = np.asarray(visible, dtype=np.bool_), np.asarray(areas, dtype=np.float64)
    spread = np.asarray(sigmas, dtype=np.float64)
    points = (len(spread), 2)
    if want.ndim != 3 or got.ndim != 3 or want.shape[1:] != points or got.shape[1:] != points:
        raise InputError(f"OKS: expected points (N, {len(spread)}, 2) on both sides, got {want.shape} and {got.shape}")
    if seen.shape != want.shape[:2] or size.shape != want.shape[:1]:
        raise InputError(
            f"OKS: expected visible {want.shape[:2]} and areas {want.shape[:1]}, got {seen.shape}, {size.shape}"
        )
    if not (np.isfinite(want[seen]).all() and np.isfinite(got).all() and (size > 0).all() and (spread > 0).all()):
        raise InputError("OKS: expected finite points, and areas and sigmas above 0")
    squared = ((np.where(seen[..., None], want, 0)[:, None] - got[None]) ** 2).sum(axis=-1)
    near = np.exp(-squared / (8 * size[:, None, None] * spread**2)) * seen[:, None]
    count = seen.sum(axis=1)[:, None].astype(np.float64)
    out: npt.NDArray[np.float64] = np.divide(
        near.sum(axis=-1), count, out=np.full(near.shape[:2], np.nan), where=count > 0
    )
    return out


def evaluate_keypoints(
    truth: Annotations,
    predicted: Annotations,
    *,
    sigmas: npt.ArrayLike | None = None,
    resamples: int = 200,
    confidence: float = 0.25,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare bodies by their keypoints.

    Args:
        truth: with keypoints, NaN where nobody said where one is; crowds and bodies without any count neither as found
            nor as missed.
        predicted: of the same pictures and classes, with as many keypoints.
        sigmas: `(K,)`, or one number for all points; see `object_keypoint_similarity`. None: COCO's, for its 17 points.
        resamples: how often the pictures are drawn anew for the intervals; 0: none.
        confidence: what counts as found for `per_point` and the worst images.
        seed: of the resampling.

    Returns:
        `AP` (mean over OKS 0.5 to 0.95), `AP50`, `AP75`, `AR` (20 bodies a picture), `AP_medium`, `AP_large` (None
        where nothing is of that size); `per_point`: the mean similarity of each point over bodies that were found
        (None where it was never labelled); `bodies`, how many there are to find; `intervals` (95 %) of AP, AP50 and AR;
        `worst`, the pictures with most errors at OKS 0.5.

    Raises:
        InputError: pictures, classes or numbers of points differ, bodies without keypoints, no sigmas for other than 17
            points, or nothing to find at all.
        EyebrightError: hotcoco is not installed.
    """
    try:
        import hotcoco
    except ImportError as error:
        raise EyebrightError("keypoint metrics need hotcoco; pip install 'eyebright[eval]'") from error
    _check(truth, predicted)
    count = _points(truth, predicted)
    spread = _sigmas(sigmas, count)
    images = tuple(_without_lost(image) for image in truth.images)
    wanted = dataclasses.replace(truth, images=images)
    bodies = sum(int((~image.crowd).sum()) for image in images)
    if not bodies:
        raise InputError("evaluation: expected at least one body with keypoints in the ground truth, got none")
    # what has no labelled point is left to COCO's own rule, by its original flags
    gold = to_coco(_numbered(truth), scores=False)
    rows = to_coco(_numbered(predicted), scores=True)["annotations"]
    figures = _run(hotcoco, gold, rows, "keypoints", spread.tolist()).get_results()
    names = {"AP": "AP", "AP50": "AP50", "AP75": "AP75", "AR": "AR", "APm": "AP_medium", "APl": "AP_large"}
    out: dict[str, Any] = {ours: _plain(figures[theirs]) for theirs, ours in names.items()}
    out["bodies"] = bodies
    out["per_point"] = _per_point(wanted, predicted, spread, confidence)
    if resamples:
        out["intervals"] = _intervals(hotcoco, gold, rows, resamples, seed, "keypoints", spread.tolist())
    out["worst"] = worst_images(
        wanted, predicted, confidence=confidence, overlap_of=lambda found, want: _alike(found, want, spread)
    )
    return out


def _points(truth: Annotations, predicted: Annotations) -> int:
    """Return how many keypoints a body has, on both sides."""
    counts = set()
    for image in (*truth.images, *predicted.images):
        if not len(image.objects):
            continue
        if image.objects.keypoints is None:
            raise InputError(f"{image.name}: expected bodies with keypoints, got boxes alone")
        counts.add(image.objects.keypoints.shape[1])
    if len(counts) > 1:
        raise InputError(f"evaluation: expected as many keypoints of every body, got {sorted(counts)}")
    return counts.pop() if counts else len(COCO_SIGMAS)


def _sigmas(given: npt.ArrayLike | None, count: int) -> npt.NDArray[np.float64]:
    if given is None and count != len(COCO_SIGMAS):
        raise InputError(
            f"OKS: COCO's sigmas are for 17 points, these bodies have {count}; give sigmas, one for all or {count}"
        )
    spread = np.asarray(COCO_SIGMAS if given is None else given, dtype=np.float64)
    spread = np.full(count, spread) if spread.ndim == 0 else spread
    if spread.shape != (count,) or not (np.isfinite(spread).all() and (spread > 0).all()):
        raise InputError(f"OKS: expected one sigma or {count}, all above 0, got {spread.tolist()!r:.80}")
    return spread


def _without_lost(image: AnnotatedImage) -> AnnotatedImage:
    """Return the picture with bodies of no labelled point and no area counted as crowds."""
    if image.objects.keypoints is None:
        return image
    seen = np.isfinite(image.objects.keypoints).all(axis=2)
    lost = (seen.sum(axis=1) == 0) | (_sizes(image) <= 0)
    return dataclasses.replace(image, crowd=image.crowd | lost)


def _sizes(image: AnnotatedImage) -> npt.NDArray[np.float64]:
    from eyebright.ops import area

    return np.asarray(area(image.objects.xyxy) if image.areas is None else image.areas, dtype=np.float64)


def _alike(found: Detections, want: AnnotatedImage, spread: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how alike found bodies are to true ones `(found, true)`; crowds are compared by boxes."""
    from eyebright.ops import iou

    out: npt.NDArray[np.float64] = iou(found.xyxy, want.objects.xyxy)
    if not out.size or found.keypoints is None or want.objects.keypoints is None:
        return out
    for row in np.flatnonzero(~want.crowd):
        points = want.objects.keypoints[row : row + 1]
        seen = np.isfinite(points).all(axis=2)
        size = _sizes(want)[row : row + 1]
        out[:, row] = object_keypoint_similarity(points, seen, size, found.keypoints, sigmas=spread)[0]
    return out


def _per_point(
    truth: Annotations, predicted: Annotations, spread: npt.NDArray[np.float64], confidence: float
) -> list[float | None]:
    """Return the mean similarity of each point, over bodies whose best match is above 0.5."""
    total, count = np.zeros(len(spread)), np.zeros(len(spread))
    for want, got in zip(truth.images, predicted.images, strict=True):
        sure = got.objects[got.objects.confidence >= confidence]
        if not len(sure) or want.objects.keypoints is None or sure.keypoints is None:
            continue
        alike = _alike(sure, want, spread)
        for row in np.flatnonzero(~want.crowd):
            best = int(alike[:, row].argmax())
            if alike[best, row] < 0.5:
                continue
            points = want.objects.keypoints[row].astype(np.float64)
            seen = np.isfinite(points).all(axis=1)
            squared = ((points[seen] - sure.keypoints[best][seen]) ** 2).sum(axis=1)
            total[seen] += np.exp(-squared / (8 * _sizes(want)[row] * spread[seen] ** 2))
            count += seen
    return [round(float(t / c), 6) if c else None for t, c in zip(total, count, strict=True)]
