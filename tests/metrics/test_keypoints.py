"""Average precision of keypoints, held to pycocotools."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.interop import AnnotatedImage, Annotations, annotated, to_coco
from eyebright.metrics import evaluate_keypoints


def bodies(seed: int, count: int = 10) -> tuple[Annotations, Annotations]:
    """People of 17 points, some unlabelled, some crowds; predictions near, far, doubled, or of nobody."""
    random = np.random.default_rng(seed)
    truth, found = [], []
    for number in range(1, count + 1):
        many = int(random.integers(0, 5))
        corner, side = random.uniform(0, 300, (many, 1, 2)), random.uniform(40, 160, (many, 1, 1))
        points = corner + side * random.random((many, 17, 2))
        boxes = np.concatenate([corner[:, 0], corner[:, 0] + side[:, 0]], axis=1)
        again = np.concatenate([points, points[: many // 2], random.uniform(0, 300, (1, 17, 2))])
        again += random.normal(0, 1, again.shape) * random.uniform(0, 12, (len(again), 1, 1))
        points[random.random((many, 17)) < 0.3] = np.nan
        points[random.random(many) < 0.15] = np.nan
        areas, crowd = side[:, 0, 0] ** 2 * 0.6, random.random(many) < 0.1
        objects = Detections(boxes, np.ones(many), np.zeros(many), None, points)
        truth.append(AnnotatedImage(f"{number}.jpg", (500, 500), objects, crowd, number, areas))
        ends = np.concatenate([again.min(axis=1), again.max(axis=1)], axis=1)
        scores = random.permutation(len(again)) / 100 + 0.3 + number / 10_000  # no ties
        shown = Detections(ends, scores, np.zeros(len(again)), None, again)
        found.append(AnnotatedImage(f"{number}.jpg", (500, 500), shown, np.zeros(len(again), bool), number))
    return Annotations(("person",), tuple(truth), (1,)), Annotations(("person",), tuple(found), (1,))


@pytest.mark.parametrize("seed", [1, 2])
def test_keypoint_ap_is_that_of_pycocotools(seed: int):
    truth, found = bodies(seed)
    out = evaluate_keypoints(truth, found, resamples=10)
    gold, rows = to_coco(truth, scores=False), to_coco(found, scores=True)["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = json.loads(json.dumps(gold))
        data.createIndex()
        keys = ("image_id", "category_id", "keypoints", "score")
        run = COCOeval(data, data.loadRes([{k: r[k] for k in keys} for r in rows]), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    names = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR")
    assert [out[name] for name in names] == pytest.approx(run.stats[:6].tolist(), abs=1e-6)
    assert 0.1 < out["AP"] < 0.9
    for name in ("AP", "AP50", "AR"):
        assert out["intervals"][name][0] <= out["intervals"][name][1]
    assert out["worst"][0]["missed"] + out["worst"][0]["wrong"] > 0
    assert len(out["per_point"]) == 17
    exact = []
    for image in truth.images:
        known = np.isfinite(image.objects.keypoints).all(axis=2).any(axis=1) & ~image.crowd
        objects = image.objects[known]
        objects = dataclasses.replace(objects, keypoints=np.nan_to_num(objects.keypoints))
        exact.append(annotated(image.name, image.size, objects, image.number))
    same = evaluate_keypoints(truth, dataclasses.replace(truth, images=tuple(exact)), resamples=0)
    assert same["AP50"] == pytest.approx(1)
    assert same["per_point"] == [1] * 17
    assert all(each["missed"] == 0 for each in same["worst"])


def test_no_predictions_miss_everybody():
    truth, _ = bodies(3)
    nobody = tuple(annotated(image.name, image.size, Detections.empty(), image.number) for image in truth.images)
    out = evaluate_keypoints(truth, dataclasses.replace(truth, images=nobody), resamples=3)
    assert out["AP"] == out["AR"] == 0
    assert sum(each["missed"] for each in out["worst"]) == out["bodies"]
    assert out["per_point"] == [None] * 17


def test_other_points_than_cocos_need_sigmas_and_bodies_need_points():
    def of(points, confidence=1.0, areas=None):
        objects = Detections([[0, 0, 10, 10]], [confidence], [0], None, points)
        return Annotations(("hand",), (AnnotatedImage("a", (20, 20), objects, np.zeros(1, bool), 1, areas),))

    two, near = of([[[1, 1], [9, 9]]], areas=np.array([2000.0])), of([[[1, 1], [9, 12]]], 0.9)
    with pytest.raises(InputError, match="these bodies have 2; give sigmas"):
        evaluate_keypoints(two, near)
    out = evaluate_keypoints(two, near, sigmas=0.05, resamples=0)
    assert out["per_point"] == pytest.approx([1, np.exp(-9 / (8 * 2000 * 0.05**2))], abs=1e-6)
    assert out["AP50"] == pytest.approx(1)
    assert evaluate_keypoints(two, near, sigmas=[0.05, 0.001], resamples=0)["worst"][0]["found"] == 1
    with pytest.raises(InputError, match="one sigma or 2"):
        evaluate_keypoints(two, near, sigmas=[0.1, 0.1, 0.1])
    with pytest.raises(InputError, match=r"as many keypoints of every body, got \[1, 2\]"):
        evaluate_keypoints(two, of([[[1, 1]]]), sigmas=0.1)
    with pytest.raises(InputError, match="expected bodies with keypoints"):
        evaluate_keypoints(two, of(None), sigmas=0.1)
    with pytest.raises(InputError, match="at least one body"):
        evaluate_keypoints(of([[[np.nan, 1], [np.nan, 1]]]), near, sigmas=0.1)
