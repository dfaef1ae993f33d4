"""mIoU and panoptic quality by hand; mask AP and OKS held to pycocotools."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from eyebright.core.errors import InputError
from eyebright.core.protocols import Metric
from eyebright.core.types import Detections, Masks
from eyebright.interop import AnnotatedImage, Annotations, to_coco
from eyebright.metrics import (
    ClassMapMetric,
    evaluate_detections,
    evaluate_masks,
    mean_iou,
    object_keypoint_similarity,
    panoptic_quality,
)


def test_mean_iou_by_hand():
    truth = np.array([[0, 0, 1, 1], [0, 0, 1, 255]])
    found = np.array([[0, 1, 1, 1], [0, 0, 1, 2]])
    out = mean_iou([truth], [found], ["ground", "cat", "dog"], resamples=20)
    # ground: 3 of 4; cat: 3 of 4; the dog lies where nothing is looked at
    assert out["mIoU"] == pytest.approx(0.75)
    assert out["pixel_accuracy"] == pytest.approx(6 / 7, abs=1e-6)
    assert out["per_class"]["dog"] == {"IoU": None, "pixels": 0}
    assert out["per_class"]["cat"] == {"IoU": 0.75, "pixels": 3}
    assert out["intervals"]["mIoU"] == [0.75, 0.75]  # one picture: drawn anew it is the same


def test_errors_of_class_maps_by_kind_and_by_picture():
    truth = np.zeros((100, 100), int)
    truth[:, 50:] = 1
    shifted, spotted = truth.copy(), truth.copy()
    shifted[:, 50:52] = 0  # two columns beside the edge; 2 % of the diagonal are three pixels
    spotted[40:60, 5:15] = 2  # far from it
    out = mean_iou([truth] * 3, [truth, shifted, spotted], ["ground", "cat", "dog"], names=["a", "b", "c"], resamples=0)
    assert (out["errors"]["edge"], out["errors"]["inside"]) == pytest.approx((200 / 30000, 200 / 30000), abs=1e-6)
    assert [(e["truth"], e["taken_for"]) for e in out["errors"]["confused"]] == [("ground", "dog"), ("cat", "ground")]
    assert out["confusion"] == {
        "labels": ["ground", "cat", "dog"],
        "matrix": [[14800, 0, 200], [200, 14800, 0], [0, 0, 0]],
    }
    assert [(each["image"], each["wrong"]) for each in out["worst"]] == [("b", 0.02), ("c", 0.02), ("a", 0)]
    assert out["worst"][2]["mIoU"] == 1
    assert out["worst"][0]["mIoU"] == pytest.approx((5000 / 5200 + 4800 / 5000) / 2, abs=1e-6)
    ignored = np.where(spotted == 2, 255, truth)
    assert mean_iou([ignored], [spotted], ["ground", "cat", "dog"], resamples=0)["worst"][0]["wrong"] == 0
    with pytest.raises(InputError, match="one name a picture, got 1 for 2"):
        mean_iou([truth] * 2, [truth] * 2, ["ground", "cat"], names=["a"])


def test_intervals_hold_the_figure_and_shrink_with_more_pictures():
    random = np.random.default_rng(0)
    truth = [random.integers(0, 2, (20, 20)) for _ in range(64)]
    found = [np.where(random.random((20, 20)) < random.uniform(0, 0.4), 1 - t, t) for t in truth]
    few, many = (mean_iou(truth[:n], found[:n], ["a", "b"], resamples=100) for n in (8, 64))
    for out in (few, many):
        low, high = out["intervals"]["mIoU"]
        assert low < out["mIoU"] < high
    assert np.ptp(many["intervals"]["mIoU"]) < np.ptp(few["intervals"]["mIoU"])


def test_one_picture_after_the_other_gives_what_all_at_once_do():
    random = np.random.default_rng(4)
    truth = [random.integers(0, 4, (9, 7 + n)) for n in range(12)]
    found = [random.integers(0, 4, one.shape) for one in truth]
    metric = ClassMapMetric(["a", "b", "c", "d"], resamples=50)
    assert isinstance(metric, Metric)
    metric.update(truth[0], found[0])
    metric.reset()
    for one, other in zip(truth, found, strict=True):
        metric.update(one, other)
    assert metric.compute() == mean_iou(truth, found, ["a", "b", "c", "d"], resamples=50)
    joined = [np.concatenate([one.ravel() for one in side])[None] for side in (truth, found)]
    assert metric.compute()["mIoU"] == mean_iou([joined[0]], [joined[1]], ["a", "b", "c", "d"], resamples=0)["mIoU"]


def test_classes_without_names_are_numbered_as_they_come():
    metric = ClassMapMetric(resamples=0)
    metric.update(np.array([[0, 1, 255]]), np.array([[0, 1, 3]]))
    metric.update(np.array([[0, 4]]), np.array([[0, 2]]))
    out = metric.compute()
    assert out["confusion"]["labels"] == [f"class {number}" for number in range(5)]
    assert out["mIoU"] == pytest.approx(2 / 4)
    assert out["worst"][0] == {"image": "1", "wrong": 0.5, "mIoU": pytest.approx(1 / 3)}
    for wrong, message in ((255, "'not looked at'"), (5000, "expected classes 0 to 1023")):
        with pytest.raises(InputError, match=message):
            metric.update(np.zeros((1, 1), int), np.full((1, 1), wrong))


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ([np.zeros((2, 2), int)], [], "one map a picture"),
        ([np.zeros((2, 2), int)], [np.zeros((2, 3), int)], "of one size"),
        ([np.zeros((2, 2))], [np.zeros((2, 2), int)], "two integer maps"),
        ([np.full((2, 2), 7)], [np.zeros((2, 2), int)], "expected classes 0 to 1"),
        ([np.full((2, 2), 255)], [np.zeros((2, 2), int)], "at least one pixel"),
        ([], [], "at least one pixel"),
    ],
)
def test_maps_that_do_not_fit_are_told(truth, found, message):
    with pytest.raises(InputError, match=message):
        mean_iou(truth, found, ["a", "b"])


def picture(name, masks, classes, confidence=None, crowd=None):
    dense = np.asarray(masks, dtype=bool).reshape(-1, 8, 10)
    packed = Masks.from_dense(dense)
    boxes = [[*o, o[0] + c.shape[1], o[1] + c.shape[0]] for c, o in zip(packed.crops, packed.origins, strict=True)]
    count = len(dense)
    objects = Detections(
        np.reshape(boxes, (-1, 4)), np.ones(count) if confidence is None else confidence, classes, packed
    )
    return AnnotatedImage(name, (8, 10), objects, np.zeros(count, bool) if crowd is None else np.array(crowd))


def part(rows, columns):
    mask = np.zeros((8, 10), bool)
    mask[rows, columns] = True
    return mask


def test_panoptic_quality_by_hand():
    top, low, side = part(slice(0, 4), slice(0, 5)), part(slice(4, 8), slice(0, 5)), part(slice(0, 8), slice(6, 10))
    truth = Annotations(("cat", "dog"), (picture("a", [top, low, side], [0, 0, 1]),))
    found = picture(
        "a",
        [part(slice(0, 3), slice(0, 5)), part(slice(0, 8), slice(6, 8)), part(slice(4, 8), slice(0, 5)), top],
        [0, 1, 0, 0],
        [0.9, 0.9, 0.4, 0.6],
    )
    out = panoptic_quality(truth, Annotations(("cat", "dog"), (found,)), resamples=10)
    # cat: 15 of 20 pixels found by the first; the third is not sure enough; the last keeps one row, which is wrong.
    # dog: 16 of 32 pixels is not above one half
    assert out["per_class"]["cat"] == {
        "PQ": pytest.approx(0.75 / 2), "SQ": 0.75, "RQ": 0.5, "tp": 1, "fp": 1, "fn": 1,
    }  # fmt: skip
    assert out["per_class"]["dog"] == {"PQ": 0, "SQ": 0, "RQ": 0, "tp": 0, "fp": 1, "fn": 1}
    assert out["PQ"] == pytest.approx(0.75 / 4)
    assert out["intervals"]["PQ"] == [pytest.approx(0.1875), pytest.approx(0.1875)]
    same = panoptic_quality(truth, truth)
    assert (same["PQ"], same["SQ"], same["RQ"]) == (1, 1, 1)


def test_crowds_are_neither_found_nor_missed():
    crowd, other = part(slice(0, 4), slice(0, 10)), part(slice(5, 8), slice(0, 4))
    truth = Annotations(("cat",), (picture("a", [crowd, other], [0, 0], crowd=[True, False]),))
    found = picture("a", [part(slice(0, 3), slice(2, 5)), other], [0, 0])
    out = panoptic_quality(truth, Annotations(("cat",), (found,)))
    assert (out["per_class"]["cat"]["tp"], out["per_class"]["cat"]["fp"], out["per_class"]["cat"]["fn"]) == (1, 0, 0)


def made(seed, count=6):
    random = np.random.default_rng(seed)
    truth, found = [], []
    for number in range(count):
        masks, classes, guesses = [], [], []
        for _ in range(random.integers(1, 4)):
            y, x = random.integers(0, 5), random.integers(0, 7)
            masks.append(part(slice(y, y + 3), slice(x, x + 3)))
            classes.append(int(random.integers(0, 2)))
            dy, dx = random.integers(0, 2, 2)
            guesses.append(part(slice(y + dy, y + dy + 3), slice(x + dx, x + dx + 2)))
        truth.append(picture(f"{number}", masks, classes))
        found.append(picture(f"{number}", guesses, classes, random.uniform(0.3, 1, len(guesses))))
    return Annotations(("cat", "dog"), tuple(truth)), Annotations(("cat", "dog"), tuple(found))


def test_mask_ap_is_that_of_pycocotools():
    truth, found = made(1)
    out = evaluate_masks(truth, found, resamples=10)
    gold, rows = to_coco(truth, scores=False), to_coco(found, scores=True)["annotations"]
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = json.loads(json.dumps(gold))
        data.createIndex()
        run = COCOeval(data, data.loadRes([{k: v for k, v in r.items() if k != "bbox"} for r in rows]), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    assert [out[name] for name in ("AP", "AP50", "AP75")] == pytest.approx(run.stats[:3].tolist(), abs=1e-6)
    assert out["AR"] == pytest.approx(run.stats[8], abs=1e-6)
    for name in ("AP", "AP50", "AR", "PQ", "mIoU"):
        assert 0 <= out["intervals"][name][0] <= out["intervals"][name][1] <= 1
    same = evaluate_masks(truth, truth, resamples=0)
    assert same["AP"] == same["mIoU"] == 1
    assert "intervals" not in same


def test_kinds_of_error_and_worst_pictures_look_at_masks_not_at_boxes():
    """Two triangles with one box and almost nothing in common, and one object found whole."""
    lower = np.tril(np.ones((8, 8), bool), -1)
    one, other = np.zeros((8, 10), bool), np.zeros((8, 10), bool)
    one[:, :8], other[:, :8] = lower, lower.T
    truth = Annotations(("cat",), (picture("a", [one], [0]), picture("b", [one], [0])))
    found = Annotations(("cat",), (picture("a", [one], [0], [0.9]), picture("b", [other], [0], [0.8])))
    out = evaluate_masks(truth, found, resamples=0)
    assert out["worst"] == [
        {"image": "b", "missed": 1, "wrong": 1, "found": 0},
        {"image": "a", "missed": 0, "wrong": 0, "found": 1},
    ]
    assert out["confusion"]["matrix"] == [[1, 1], [1, 0]]
    assert (out["errors"]["counts"]["Bkg"], out["errors"]["counts"]["Miss"]) == (1, 1)
    assert out["per_class"]["cat"]["objects"] == 2
    assert out["per_class"]["cat"]["AP50"] == pytest.approx(51 / 101, abs=1e-6)
    boxes = evaluate_detections(truth, found, resamples=0)
    assert (boxes["errors"]["counts"]["Bkg"], boxes["worst"][0]["missed"]) == (0, 0)


def test_objects_without_masks_or_of_other_sizes_are_refused():
    truth, found = made(2, 1)
    plain = found.images[0].objects
    bare = AnnotatedImage("0", (8, 10), Detections(plain.xyxy, plain.confidence, plain.class_id), found.images[0].crowd)
    with pytest.raises(InputError, match="expected objects with masks"):
        panoptic_quality(truth, Annotations(("cat", "dog"), (bare,)))
    nothing = Annotations(("cat", "dog"), (picture("0", [], []),))
    with pytest.raises(InputError, match="at least one object"):
        panoptic_quality(nothing, nothing)
    assert panoptic_quality(truth, nothing)["PQ"] == 0
    none = evaluate_masks(truth, nothing, resamples=3)
    assert none["AP"] == none["AR"] == none["PQ"] == 0
    assert none["worst"][0]["missed"] == len(truth.images[0].objects)


def test_keypoint_similarity_is_that_of_pycocotools():
    random = np.random.default_rng(3)
    want, got = random.uniform(0, 100, (2, 17, 2)), random.uniform(0, 100, (3, 17, 2))
    got[0] = want[0] + random.normal(0, 3, (17, 2))
    seen, areas = random.random((2, 17)) < 0.7, np.array([900.0, 2500.0])
    ours = object_keypoint_similarity(want, seen, areas, got)
    flat = lambda points, flags: np.concatenate([points, flags[:, None]], axis=1).reshape(-1).tolist()  # noqa: E731  (two calls)
    run = COCOeval(iouType="keypoints")
    run.params.imgIds, run.params.catIds = [1], [1]
    run._gts[1, 1] = [
        {"keypoints": flat(p, 2.0 * s), "area": a, "bbox": [0, 0, 1, 1]}
        for p, s, a in zip(want, seen, areas, strict=True)
    ]
    run._dts[1, 1] = [{"keypoints": flat(p, np.ones(17)), "score": 1 - k / 9} for k, p in enumerate(got)]
    np.testing.assert_allclose(ours, run.computeOks(1, 1).T, rtol=1e-9)
    assert ours[0, 0] > 0.3 > ours[0, 1]
    np.testing.assert_allclose(np.diag(object_keypoint_similarity(want, seen, areas, want)), 1)
    assert np.isnan(object_keypoint_similarity(want, np.zeros((2, 17), bool), areas, got)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted": np.zeros((1, 5, 2))}, r"expected points \(N, 17, 2\)"),
        ({"areas": np.zeros(3)}, r"areas \(2,\)"),
        ({"areas": np.zeros(2)}, "above 0"),
        ({"predicted": np.full((1, 17, 2), np.nan)}, "finite points"),
    ],
)
def test_points_that_do_not_fit_are_told(change, message):
    sound = {
        "truth": np.zeros((2, 17, 2)), "visible": np.ones((2, 17), bool), "areas": np.ones(2),
        "predicted": np.zeros((1, 17, 2)),
    }  # fmt: skip
    with pytest.raises(InputError, match=message):
        object_keypoint_similarity(**(sound | change))
