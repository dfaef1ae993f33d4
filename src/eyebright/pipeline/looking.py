"""Segments, poses and depth of one picture: the facts as plain values, and the picture with them drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Image
from eyebright.models import DepthEstimator, ObjectDetector, PoseEstimator, SemanticMap, SemanticSegmenter
from eyebright.pipeline.finders import plain_detections
from eyebright.viz import class_colour, draw_detections


def segment_picture(model: Any, image: Image) -> tuple[dict[str, Any], Image, SemanticMap | None]:
    """Segment a picture with a semantic or an instance model.

    Returns:
        Facts (`kind` is `semantic` with `parts`, or `instance` with `detections`), the picture with a tint a class or
        object, and the class map of a semantic model.

    Raises:
        InputError: the model does not segment.
    """
    if isinstance(model, ObjectDetector):
        [found] = model.segment([image])
        facts = {"kind": "instance", "detections": plain_detections(found, model.labels)}
        return facts, draw_detections(image, found, model.labels), None
    if not isinstance(model, SemanticSegmenter):
        raise InputError(f"--model: {model.card.name} does not segment; its card says task {model.card.task!r}")
    [answer] = model.segment([image])
    parts = {name: round(part, 6) for name, part in answer.parts().items()}
    return {"kind": "semantic", "parts": parts}, _coloured(image, answer), answer


def pose_picture(model: Any, image: Image) -> tuple[dict[str, Any], Image]:
    """Find the keypoints of bodies; return `{"poses": [...]}` and the picture with them.

    Raises:
        InputError: the model finds no poses.
    """
    found, poses = find_poses(model, image)
    return {"poses": poses}, draw_detections(image, found, names=False)


def find_poses(model: Any, image: Image) -> tuple[Detections, list[dict[str, Any]]]:
    """Return the bodies of a picture, with keypoints, and the same as plain values.

    Raises:
        InputError: the model finds no poses.
    """
    if isinstance(model, ObjectDetector):
        [found] = model.predict([image])
        return found, plain_detections(found, model.labels)
    if not isinstance(model, PoseEstimator):
        raise InputError(f"--model: {model.card.name} finds no poses; its card says task {model.card.task!r}")
    [one] = model.pose([image])
    box = np.concatenate([one.points.min(axis=0), one.points.max(axis=0)])[None]
    found = Detections(box, one.scores.mean(keepdims=True), np.zeros(1, np.int64), None, one.points[None])
    points = [[round(float(v), 2) for v in point] for point in one.points]
    return found, [{"keypoints": points, "scores": [round(float(s), 6) for s in one.scores]}]


def depth_picture(model: Any, image: Image) -> tuple[dict[str, Any], Image]:
    """Estimate depth; return `least`, `median` and `most`, and the map from dark (least) to bright (most).

    Raises:
        InputError: the model estimates no depth.
    """
    if not isinstance(model, DepthEstimator):
        raise InputError(f"--model: {model.card.name} estimates no depth; its card says task {model.card.task!r}")
    [found] = model.depth([image])
    low, middle, high = (round(float(v), 6) for v in np.percentile(found, [0, 50, 100]))
    grey = ((found - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8)
    return {"least": low, "median": middle, "most": high}, np.repeat(grey[:, :, None], 3, axis=2)


def _coloured(image: Image, answer: SemanticMap) -> Image:
    """Return the picture with a tint a class; the first class, mostly the background, stays as it is."""
    drawn = image.copy()
    for number in np.unique(answer.class_ids[answer.class_ids > 0]):
        where = answer.class_ids == number
        drawn[where] = (drawn[where] * 0.5 + np.array(class_colour(int(number))) * 0.5).astype(np.uint8)
    return drawn
