"""What looks at the pictures of a batch: a detector, a segmenter, a method without a model, poses, depth, proposals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.pipeline.batches import Answer, Looker, Shot
from eyebright.pipeline.finders import Finder, box_of, class_ids, find, plain_detections

Method = Literal["grabcut", "watershed", "slic"]
METHODS: tuple[Method, ...] = get_args(Method)
"""What segments without a model."""


def finding(finder: Finder, *, roi: str | None = None, classes: str | None = None, draw: bool = True) -> Looker:
    """Return what finds objects; see `eyebright.pipeline.finders` for the options.

    Raises:
        InputError: a wrong part or class.
    """
    from eyebright.viz import draw_detections

    part, wanted = None if roi is None else box_of(roi), class_ids(classes, finder.labels)

    def answer(shot: Shot) -> Answer:
        found, image = find(finder, shot.frame, part, wanted), shot.frame.image
        drawn = draw_detections(image, found, finder.labels) if draw else image
        return Answer({"detections": plain_detections(found, finder.labels)}, drawn, None, found)

    return Looker(finder.name, finder.labels, answer)


def segmenting(
    home: Path | None,
    finder: Callable[[], Finder],
    *,
    model: str | None = None,
    method: str | None = None,
    box: Sequence[str] | None = None,
    boxes: Path | None = None,
    count: int = 200,
    confidence: float | None = None,
    roi: str | None = None,
    classes: str | None = None,
    tiles: int | None = None,
    overlap: float = 0.2,
    draw: bool = True,
) -> Looker:
    """Return what segments: a model, or a method that needs none.

    Args:
        home: see `eyebright.media.home.home_dir`.
        finder: opens what finds the boxes for `grabcut`, where neither `box` nor `boxes` is given.
        model: a semantic or an instance model; None: `pphumanseg`. With `grabcut` it is the finder's.
        method: one of `METHODS`, in place of a segmenter.
        box: for `grabcut`.
        boxes: a COCO file with the boxes of each picture, by its name.
        count: about how many regions.
        confidence: least score of an object; None: the model's own.
        roi: look at this part only.
        classes: tell and draw these classes only.
        tiles: look at overlapping tiles of so many pixels.
        overlap: part of a tile that neighbours share.
        draw: False: pictures come back as they are, which saves a copy.

    Raises:
        InputError: options that do not go together.
        ModelError: no such model.
    """
    part = None if roi is None else box_of(roi)
    if method is None:
        if box or boxes:
            raise InputError("--box and --boxes are for --method grabcut")
        how = {"roi": part, "tiles": tiles, "overlap": overlap, "draw": draw}
        return _model(home, model or "pphumanseg", confidence, classes, how)
    if method not in METHODS:
        raise InputError(f"--method: expected {', '.join(METHODS)}, got {method!r:.80}")
    if tiles is not None:
        raise InputError("--tiles: is for models that segment; --method looks at the whole picture")
    if (roi or classes) and (method != "grabcut" or box or boxes):
        raise InputError("--roi and --classes choose among what a model finds; --method needs a --model with them")
    if method != "grabcut":
        if box or boxes or model is not None:
            raise InputError(f"--method {method}: cuts the whole picture; it takes no --box, --boxes and --model")
        return _cutter(method, (), count, None)
    if sum((bool(box), boxes is not None, model is not None)) > 1:
        raise InputError("--method grabcut: expected boxes from one of --box, --boxes and --model")
    if box:
        given = np.array([box_of(text) for text in box], dtype=np.float32)
        fixed = Detections(given, np.ones(len(given), np.float32), np.zeros(len(given), np.int64))
        return _cutter(method, ("object",), count, lambda _: fixed)
    if boxes is not None:
        from eyebright.interop import read_coco

        truth = read_coco(boxes)
        by_name = {image.name: image.objects for image in truth.images}
        return _cutter(method, truth.labels, count, lambda shot: by_name.get(shot.name, Detections.empty()))
    opened = finder()
    wanted = class_ids(classes, opened.labels)
    return _cutter(method, opened.labels, count, lambda shot: find(opened, shot.frame, part, wanted))


def posing(
    model: str,
    *,
    home: Path | None,
    confidence: float | None = None,
    roi: str | None = None,
    classes: str | None = None,
    draw: bool = True,
) -> Looker:
    """Return what finds the joints of bodies; see `segmenting` for the options.

    Raises:
        InputError: the model finds no poses, a wrong part or class.
        ModelError: no such model.
    """
    from eyebright.pipeline.looking import find_poses
    from eyebright.pipeline.measuring_poses import opened_pose
    from eyebright.viz import draw_detections

    loaded, labels = opened_pose(model, confidence, home)
    part, wanted = None if roi is None else box_of(roi), class_ids(classes, labels)

    def answer(shot: Shot) -> Answer:
        found, poses = find_poses(loaded, shot.frame.image, roi=part, wanted=wanted)
        drawn = draw_detections(shot.frame.image, found, names=False) if draw else shot.frame.image
        return Answer({"poses": poses}, drawn, None, found)

    return Looker(loaded.card.name, labels, answer)


def measuring_depth(model: str, *, home: Path | None, roi: str | None = None) -> Looker:
    """Return what says how far things are.

    Raises:
        InputError: the model estimates no depth, or a wrong part.
        ModelError: no such model.
    """
    from eyebright.models import DepthEstimator, load_model
    from eyebright.pipeline.looking import depth_picture

    loaded = load_model(model, home=home)
    if not isinstance(loaded, DepthEstimator):
        raise InputError(f"--model: {model} estimates no depth; its card says task {loaded.card.task!r}")
    part = None if roi is None else box_of(roi)
    return Looker(loaded.card.name, (), lambda shot: Answer(*depth_picture(loaded, shot.frame.image, roi=part)))


def proposing(
    method: str = "selective", *, mode: str = "fast", count: int = 2000, seed: int = 0, draw: bool = True
) -> Looker:
    """Return what proposes boxes; see `eyebright.pipeline.proposing.propose_boxes`."""
    from eyebright.pipeline.proposing import draw_proposals, propose_boxes

    def answer(shot: Shot) -> Answer:
        image = shot.frame.image
        found = propose_boxes(image, method, mode=mode, count=count, seed=seed)
        facts = {"proposals": [[round(float(v), 2) for v in box] for box in found]}
        return Answer(facts, draw_proposals(image, found) if draw else image)

    return Looker(method, (), answer)


def _model(home: Path | None, name: str, confidence: float | None, classes: str | None, how: dict[str, Any]) -> Looker:
    from eyebright.models import ObjectDetector, SemanticSegmenter, load_model

    loaded = load_model(name, home=home)
    if isinstance(loaded, ObjectDetector):
        if confidence is not None:
            loaded = ObjectDetector(loaded.card, home=home, confidence=confidence)
        wanted = class_ids(classes, loaded.labels)
        return Looker(loaded.card.name, loaded.labels, functools.partial(_segmented, loaded, wanted, how))
    if not isinstance(loaded, SemanticSegmenter):
        raise InputError(f"--model: {name} does not segment; its card says task {loaded.card.task!r}")
    if confidence is not None:
        raise InputError(f"--conf: {name} names each pixel and has no scores; leave it out")
    wanted = class_ids(classes, loaded.labels)
    return Looker(loaded.card.name, (), functools.partial(_segmented, loaded, wanted, how))


def _segmented(model: Any, wanted: Collection[int] | None, how: dict[str, Any], shot: Shot) -> Answer:
    from eyebright.pipeline.looking import segment_picture

    facts, drawn, answer = segment_picture(model, shot.frame.image, wanted=wanted, **how)
    if isinstance(answer, Detections):
        return Answer(facts, drawn, None, answer)
    return Answer(facts, drawn, answer.class_ids)


def _cutter(method: Any, labels: tuple[str, ...], count: int, boxes: Callable[[Shot], Detections] | None) -> Looker:
    from eyebright.pipeline.cutting import cut_picture

    def answer(shot: Shot) -> Answer:
        given = None if boxes is None else boxes(shot)
        cut = cut_picture(shot.frame.image, method, boxes=given, labels=labels, count=count)
        return Answer(cut.facts, cut.drawn, cut.labels, cut.found)

    return Looker(method, labels, answer)
