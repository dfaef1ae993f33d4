"""Segments, poses and depth of one picture: the facts as plain values, and the picture with them drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Detections, Image
from eyebright.models import DepthEstimator, ObjectDetector, PoseEstimator, SemanticMap, SemanticSegmenter
from eyebright.ops import shift_detections
from eyebright.pipeline.finders import Box, part_of, plain_detections
from eyebright.pipeline.tiled import TiledDetector
from eyebright.pipeline.tiled_segments import TiledSegmenter
from eyebright.viz import class_colour, draw_detections


def segment_picture(
    model: Any,
    image: Image,
    *,
    roi: Box | None = None,
    wanted: Collection[int] | None = None,
    tiles: int | None = None,
    overlap: float = 0.2,
    draw: bool = True,
) -> tuple[dict[str, Any], Image, SemanticMap | Detections]:
    """Segment a picture with a semantic or an instance model.

    Args:
        model: one of these.
        image: RGB `uint8 (H, W, 3)`.
        roi: look at this part only; objects come out in pixels of the whole, a class map is of the part.
        wanted: tell and draw these classes only; None: all.
        tiles: look at overlapping tiles of so many pixels.
        overlap: part of a tile that neighbours share.
        draw: False: the picture comes back as it is, which saves a copy.

    Returns:
        Facts (`kind` is `semantic` with `parts`, or `instance` with `detections`), the picture with a tint a class or
        object, and the class map, with all classes, or the objects with their masks.

    Raises:
        InputError: the model does not segment, or the part lies outside the picture.
    """
    part = part_of(image, roi)
    left, top = (0, 0) if roi is None else roi[:2]
    if isinstance(model, ObjectDetector):
        found = _cut_out(model, part, tiles, overlap)
        found = shift_detections(found, left, top, (image.shape[0], image.shape[1]))
        found = found if wanted is None else found[np.isin(found.class_id, sorted(wanted))]
        facts = {"kind": "instance", "detections": plain_detections(found, model.labels)}
        return facts, draw_detections(image, found, model.labels) if draw else image, found
    if not isinstance(model, SemanticSegmenter):
        raise InputError(f"--model: {model.card.name} does not segment; its card says task {model.card.task!r}")
    looking = model if tiles is None else TiledSegmenter(model, side=tiles, overlap=overlap)
    [answer] = looking.segment([part])
    names = answer.labels
    shown = None if wanted is None else {names[n] if n < len(names) else f"class {n}" for n in wanted}
    parts = {name: round(share, 6) for name, share in answer.parts().items() if shown is None or name in shown}
    if not draw:
        return {"kind": "semantic", "parts": parts}, image, answer
    drawn = image.copy()
    drawn[top : top + part.shape[0], left : left + part.shape[1]] = _coloured(part, answer, wanted)
    return {"kind": "semantic", "parts": parts}, drawn, answer


def _cut_out(model: ObjectDetector, image: Image, tiles: int | None, overlap: float) -> Detections:
    """Return the objects of a picture with their masks."""
    if tiles is None:
        return model.segment([image])[0]
    [found] = TiledDetector(model, side=tiles, overlap=overlap).predict([image])
    if len(found) and found.masks is None:
        raise ModelError(f"{model.card.name}: its outputs hold boxes without masks; use detect run")
    return found


def pose_picture(model: Any, image: Image) -> tuple[dict[str, Any], Image]:
    """Find the keypoints of bodies; return `{"poses": [...]}` and the picture with them.

    Raises:
        InputError: the model finds no poses.
    """
    found, poses = find_poses(model, image)
    return {"poses": poses}, draw_detections(image, found, names=False)


def find_poses(
    model: Any, image: Image, *, roi: Box | None = None, wanted: Collection[int] | None = None
) -> tuple[Detections, list[dict[str, Any]]]:
    """Return the bodies of a picture, with keypoints, and the same as plain values.

    Args:
        model: a `PoseEstimator`, or an `ObjectDetector` whose head has keypoints.
        image: RGB `uint8 (H, W, 3)`.
        roi: look at this part only; points come out in pixels of the whole.
        wanted: bodies of these classes only; None: all.

    Raises:
        InputError: the model finds no poses, or the part lies outside the picture.
    """
    part = part_of(image, roi)
    left, top = (0, 0) if roi is None else roi[:2]
    if isinstance(model, ObjectDetector):
        found = shift_detections(model.predict([part])[0], left, top, (image.shape[0], image.shape[1]))
        found = found if wanted is None else found[np.isin(found.class_id, sorted(wanted))]
        return found, plain_detections(found, model.labels)
    if not isinstance(model, PoseEstimator):
        raise InputError(f"--model: {model.card.name} finds no poses; its card says task {model.card.task!r}")
    [one] = model.pose([part])
    one = dataclasses.replace(one, points=one.points + np.array([left, top], dtype=np.float32))
    box = np.concatenate([one.points.min(axis=0), one.points.max(axis=0)])[None]
    found = Detections(box, one.scores.mean(keepdims=True), np.zeros(1, np.int64), None, one.points[None])
    points = [[round(float(v), 2) for v in point] for point in one.points]
    return found, [{"keypoints": points, "scores": [round(float(s), 6) for s in one.scores]}]


def depth_picture(model: Any, image: Image, *, roi: Box | None = None) -> tuple[dict[str, Any], Image]:
    """Estimate depth; return `least`, `median` and `most`, and the map from dark (least) to bright (most).

    Args:
        model: a `DepthEstimator`.
        image: RGB `uint8 (H, W, 3)`.
        roi: look at this part only, which is what the map shows.

    Raises:
        InputError: the model estimates no depth, or the part lies outside the picture.
    """
    if not isinstance(model, DepthEstimator):
        raise InputError(f"--model: {model.card.name} estimates no depth; its card says task {model.card.task!r}")
    [found] = model.depth([part_of(image, roi)])
    low, middle, high = (round(float(v), 6) for v in np.percentile(found, [0, 50, 100]))
    grey = ((found - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8)
    return {"least": low, "median": middle, "most": high}, np.repeat(grey[:, :, None], 3, axis=2)


def _coloured(image: Image, answer: SemanticMap, wanted: Collection[int] | None) -> Image:
    """Return the picture with a tint a class; the first class, mostly the background, stays as it is."""
    drawn = image.copy()
    for number in np.unique(answer.class_ids[answer.class_ids > 0]):
        if wanted is not None and int(number) not in wanted:
            continue
        where = answer.class_ids == number
        drawn[where] = (drawn[where] * 0.5 + np.array(class_colour(int(number))) * 0.5).astype(np.uint8)
    return drawn
