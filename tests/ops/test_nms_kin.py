"""Soft NMS, DIoU NMS and weighted boxes fusion, each held to a plain twin; hard NMS beyond one block."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright import ops
from eyebright.core.errors import InputError


def scene(seed, count, spread=100.0):
    random = np.random.default_rng(seed)
    xy = random.uniform(0, spread, (count, 2))
    boxes = np.concatenate([xy, xy + random.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)
    return boxes, random.permutation(count).astype(np.float32) / max(count, 1), random.integers(0, 3, count)


def one_iou(a, b):
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def soft_plain(boxes, scores, classes, decay):
    left, now, kept = [r for r in range(len(boxes)) if scores[r] >= 0.001], [float(s) for s in scores], []
    while left:
        best = max(left, key=lambda row: now[row])
        kept.append(best)
        left.remove(best)
        for row in left:
            overlap = (
                one_iou(boxes[best].astype(float), boxes[row].astype(float)) if classes[row] == classes[best] else 0
            )
            if decay == "gaussian":
                now[row] *= np.exp(-(overlap**2) / 0.5)
            elif overlap >= 0.3:
                now[row] *= 1 - overlap
        left = [row for row in left if now[row] >= 0.001]
    return kept, [now[row] for row in kept]


@given(st.integers(0, 10_000), st.integers(0, 30), st.sampled_from(["linear", "gaussian"]))
@settings(max_examples=40, deadline=None)
def test_soft_agrees_with_its_twin(seed, count, decay):
    boxes, scores, classes = scene(seed, count)
    rows, values = ops.soft_nms(boxes, scores, decay=decay, class_ids=classes)
    want_rows, want_values = soft_plain(boxes, scores, classes, decay)
    assert rows.tolist() == want_rows
    np.testing.assert_allclose(values, want_values, rtol=1e-9)


def test_soft_agrees_with_opencv():
    boxes, scores, _ = scene(4, 200)
    boxes = np.rint(boxes)
    xywh = [list(map(int, row)) for row in ops.xyxy_to_xywh(boxes)]
    values, rows = cv2.dnn.softNMSBoxes(xywh, scores.tolist(), 0.01, 1.0, sigma=0.5)
    mine, mine_values = ops.soft_nms(boxes, scores, min_score=0.01)
    assert mine[:100].tolist() == np.ravel(rows)[:100].tolist()
    np.testing.assert_allclose(mine_values[:100], np.ravel(values)[:100], atol=1e-5)


def diou_plain(boxes, scores, threshold, classes):
    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        for other in kept:
            a, b = boxes[row].astype(float), boxes[other].astype(float)
            apart = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
            around = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
            if classes[row] == classes[other] and one_iou(a, b) - apart / around > threshold:
                break
        else:
            kept.append(row)
    return kept


@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.5]))
@settings(max_examples=40, deadline=None)
def test_diou_agrees_with_its_twin_and_keeps_no_less_than_hard(seed, count, threshold):
    boxes, scores, classes = scene(seed, count)
    kept = ops.diou_nms(boxes, scores, threshold, classes)
    assert kept.tolist() == diou_plain(boxes, scores, threshold, classes)


def fusion_plain(boxes, scores, classes, weights):
    rows = [
        (s * w, b.astype(float), c)
        for model, w in zip(zip(boxes, scores, classes, strict=True), weights, strict=True)
        for b, s, c in zip(*model, strict=True)
    ]
    clusters = []
    for score, box, kind in sorted(rows, key=lambda row: -row[0]):
        best, reached = None, 0.55
        for cluster in clusters:
            if cluster["kind"] == kind and (overlap := one_iou(box, cluster["box"])) > reached:
                best, reached = cluster, overlap
        if best is None:
            best = {"kind": kind, "rows": []}
            clusters.append(best)
        best["rows"].append((score, box))
        total = sum(s for s, _ in best["rows"])
        best["box"] = sum(s * b for s, b in best["rows"]) / total
    out = []
    for cluster in clusters:
        mean = sum(s for s, _ in cluster["rows"]) / len(cluster["rows"])
        out.append((mean * min(len(cluster["rows"]), len(boxes)) / sum(weights), cluster["box"], cluster["kind"]))
    return sorted(out, key=lambda row: -row[0])


@given(st.integers(0, 10_000), st.integers(0, 20), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_fusion_agrees_with_its_twin(seed, first, second):
    models = [scene(seed, first), scene(seed + 1, second)]
    boxes, scores, classes = zip(*[(b, np.float32(s + 0.001), c) for b, s, c in models], strict=True)
    fused = ops.weighted_boxes_fusion(boxes, scores, classes, weights=[2, 1])
    want = fusion_plain(boxes, scores, classes, [2, 1])
    np.testing.assert_allclose(fused.scores, [row[0] for row in want], rtol=1e-6)
    np.testing.assert_allclose(np.sort(fused.xyxy.sum(axis=1)), np.sort([row[1].sum() for row in want]), rtol=1e-6)


def test_two_models_that_agree_make_one_surer_box():
    fused = ops.weighted_boxes_fusion([[[0, 0, 10, 10]], [[0, 0, 10, 12]]], [[0.9], [0.3]])
    np.testing.assert_allclose(fused.xyxy, [[0, 0, 10, 10.5]])
    np.testing.assert_allclose(fused.scores, [0.6])
    alone = ops.weighted_boxes_fusion([[[0, 0, 10, 10]], []], [[0.9], []])
    np.testing.assert_allclose(alone.scores, [0.45])


@pytest.mark.parametrize(("spread", "threshold"), [(60, 0.3), (400, 0.5), (400, 0.0), (2000, 0.7), (2000, 1.0)])
def test_hard_agrees_with_all_pairs_beyond_one_block(spread, threshold):
    boxes, scores, _ = scene(spread, 900, spread)
    boxes[::50] += np.float32([0, 0, 300, 0])  # some are far wider than the rest
    overlap = ops.iou(boxes, boxes)
    kept = []
    for row in np.argsort(-scores, kind="stable"):
        if not kept or overlap[row, kept].max() <= threshold:
            kept.append(int(row))
    assert ops.nms(boxes, scores, threshold).tolist() == kept


@pytest.mark.parametrize(
    "call",
    [
        lambda b, s: ops.soft_nms(b, s), lambda b, s: ops.diou_nms(b, s, 0.5),
        lambda b, s: ops.weighted_boxes_fusion([b], [s]).scores,
    ],
)  # fmt: skip
def test_odd_input(call):
    assert len(call([], [])[0] if isinstance(call([], []), tuple) else call([], [])) == 0
    with pytest.raises(InputError, match="finite"):
        call([[0, 0, np.nan, 1]], [0.5])
    with pytest.raises(InputError, match="expected 1 numbers as scores"):
        call([[0, 0, 1, 1]], [0.5, 0.6])


def test_wrong_options_are_refused():
    with pytest.raises(InputError, match="linear or gaussian"):
        ops.soft_nms([[0, 0, 1, 1]], [1], decay="hard")
    with pytest.raises(InputError, match="weights above 0"):
        ops.weighted_boxes_fusion([[[0, 0, 1, 1]]], [[1]], weights=[0])
    with pytest.raises(InputError, match="same models"):
        ops.weighted_boxes_fusion([[[0, 0, 1, 1]]], [])
