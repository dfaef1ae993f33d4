"""Detection metrics, with pycocotools as the oracle."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.interop import AnnotatedImage, Annotations, annotated, to_coco
from eyebright.metrics import evaluate_detections


def made(seed: int, images: int = 12) -> tuple[Annotations, Annotations]:
    """Random objects, and predictions that are near, doubled, of the wrong class, or of nothing."""
    random = np.random.default_rng(seed)
    truth, found = [], []
    for number in range(1, images + 1):
        count = int(random.integers(0, 8))
        corner = random.uniform(0, 500, (count, 2))
        boxes = np.concatenate([corner, corner + random.uniform(8, 200, (count, 2))], axis=1)
        kinds = random.integers(0, 3, count)
        crowd = random.random(count) < 0.1
        truth.append(
            AnnotatedImage(f"{number}.jpg", (700, 700), Detections(boxes, np.ones(count), kinds), crowd, number)
        )
        again = np.concatenate([boxes, boxes[: count // 2], random.uniform(0, 300, (2, 4))])
        again[:, 2:] = np.maximum(again[:, 2:], again[:, :2] + 1)
        again += random.normal(0, 6, again.shape) * [1, 1, 0, 0]
        again[:, 2:] = np.maximum(again[:, 2:], again[:, :2] + 1)
        labels = np.concatenate([kinds, kinds[: count // 2], [0, 1]])
        labels[random.random(len(labels)) < 0.2] = 2
        scores = random.permutation(len(again)) / 100 + number / 10_000  # no ties
        found.append(annotated(f"{number}.jpg", (700, 700), Detections(again, scores, labels), number))
    names, numbers = ("car", "bus", "cat"), (1, 2, 3)
    return Annotations(names, tuple(truth), numbers), Annotations(names, tuple(found), numbers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_agrees_with_pycocotools(seed: int):
    truth, found = made(seed)
    with contextlib.redirect_stdout(io.StringIO()):
        gold = COCO()
        gold.dataset = {**to_coco(truth, scores=False), "info": {}}
        gold.createIndex()
        rows = to_coco(found, scores=True)["annotations"]
        oracle = COCOeval(
            gold, gold.loadRes([{k: r[k] for k in ("image_id", "category_id", "bbox", "score")} for r in rows]), "bbox"
        )
        oracle.evaluate()
        oracle.accumulate()
        oracle.summarize()
    figures = evaluate_detections(truth, found, resamples=0)
    mine = [figures[k] for k in ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR")]
    want = [None if v == -1 else v for v in oracle.stats[[0, 1, 2, 3, 4, 5, 8]]]
    assert [v is None for v in mine] == [v is None for v in want]
    np.testing.assert_allclose([v or 0 for v in mine], [v or 0 for v in want], atol=1e-6)
    for row, name in enumerate(truth.labels):
        precision = oracle.eval["precision"][:, :, row, 0, -1]
        assert figures["per_class"][name]["AP"] == pytest.approx(precision.mean(), abs=1e-6)
        np.testing.assert_allclose(figures["pr_curve"][name]["precision"], precision[0], atol=1e-6)


def test_a_case_worked_by_hand():
    """Two objects; one found exactly, one missed, and one box of nothing with more confidence."""
    want = Detections([[0, 0, 40, 40], [100, 100, 140, 140]], [1, 1], [0, 0])
    got = Detections([[0, 0, 40, 40], [200, 0, 240, 40]], [0.8, 0.9], [0, 0])
    truth = Annotations(("cup",), (annotated("a.jpg", (300, 300), want),))
    figures = evaluate_detections(truth, Annotations(("cup",), (annotated("a.jpg", (300, 300), got),)))
    # precision 1/2 up to recall 1/2: 51 of COCO's 101 steps
    assert figures["AP"] == figures["AP50"] == pytest.approx(51 / 101 / 2, abs=1e-6)
    assert figures["AR"] == pytest.approx(0.5)
    assert figures["confusion"]["matrix"] == [[1, 1], [1, 0]]
    assert figures["errors"]["counts"]["Miss"] == 1
    assert figures["errors"]["counts"]["Bkg"] == 1
    assert figures["worst"] == [{"image": "a.jpg", "missed": 1, "wrong": 1, "found": 1}]
    assert figures["intervals"]["AP"] == [figures["AP"]] * 2  # one picture, drawn again and again
    assert figures["AP_large"] is None


def test_perfect_and_empty_predictions():
    truth, _ = made(5)
    same = Annotations(
        truth.labels, tuple(annotated(i.name, i.size, i.objects[~i.crowd], i.number) for i in truth.images), (1, 2, 3)
    )
    best = evaluate_detections(truth, same, resamples=20)
    assert best["AP"] == best["AR"] == pytest.approx(1)
    assert best["intervals"]["AP50"] == [1, 1]
    assert all(each["missed"] == each["wrong"] == 0 for each in best["worst"])
    none = Annotations(
        truth.labels, tuple(annotated(i.name, i.size, Detections.empty(), i.number) for i in truth.images)
    )
    worst = evaluate_detections(truth, none, resamples=3)
    assert worst["AP"] == worst["AR"] == 0


def test_the_interval_holds_the_figure_and_repeats():
    truth, found = made(6, images=20)
    figures = evaluate_detections(truth, found, resamples=60)
    assert figures == evaluate_detections(truth, found, resamples=60)
    for name in ("AP", "AP50", "AR"):
        low, high = figures["intervals"][name]
        assert low < high
        assert low - 0.05 <= figures[name] <= high + 0.05


def test_sets_that_do_not_fit_are_refused():
    truth, found = made(7)
    with pytest.raises(InputError, match="classes differ"):
        evaluate_detections(truth, Annotations(("a",), found.images))
    with pytest.raises(InputError, match="pictures differ"):
        evaluate_detections(truth, Annotations(found.labels, found.images[1:]))
    nothing = Annotations((), (annotated("a", (1, 1), Detections.empty()),))
    with pytest.raises(InputError, match="at least one object"):
        evaluate_detections(nothing, nothing)


def test_ten_thousand_predictions_and_boxes_outside_the_picture():
    """COCO looks at the best hundred of a picture; a box that lies outside overlaps nothing and counts as wrong."""
    random = np.random.default_rng(8)
    corner = random.uniform(0, 600, (9999, 2))
    boxes = np.concatenate([[[100, 100, 200, 200]], np.concatenate([corner, corner + 5], axis=1)])
    boxes[-1] = [-500, -500, -400, -400]
    many = Detections(boxes, np.linspace(0.9, 0.3, 10_000), np.zeros(10_000))
    want = Detections([[90, 100, 200, 200], [650, 650, 800, 800]], [1, 1], [0, 0])
    truth = Annotations(("cup",), (annotated("a.jpg", (700, 700), want),))
    figures = evaluate_detections(truth, Annotations(("cup",), (annotated("a.jpg", (700, 700), many),)), resamples=0)
    assert figures["AP50"] == pytest.approx(51 / 101, abs=1e-6)
    assert figures["worst"] == [{"image": "a.jpg", "missed": 1, "wrong": 9999, "found": 1}]
