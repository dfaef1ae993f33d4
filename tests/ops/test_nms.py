import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright import ops
from eyebright.core.errors import InputError


def _nms_plain(boxes, scores, threshold, class_ids=None):
    """The slow twin: one pair at a time."""
    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: -scores[row]):
        if all(
            ops.iou(boxes[row : row + 1], boxes[other : other + 1])[0, 0] <= threshold
            or (class_ids is not None and class_ids[row] != class_ids[other])
            for other in kept
        ):
            kept.append(row)
    return kept


def scene(seed, count, spread=100.0):
    random = np.random.default_rng(seed)
    xy = random.uniform(0, spread, (count, 2))
    boxes = np.concatenate([xy, xy + random.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)
    return boxes, random.permutation(count).astype(np.float32) / max(count, 1), random.integers(0, 3, count)


@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_agrees_with_its_twin(seed, count, threshold, with_classes):
    boxes, scores, classes = scene(seed, count)
    got = ops.nms(boxes, scores, threshold, classes if with_classes else None)
    assert got.dtype == np.int64
    assert got.tolist() == _nms_plain(boxes, scores, threshold, classes if with_classes else None)


@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_is_idempotent_and_follows_a_permutation(seed, count):
    boxes, scores, classes = scene(seed, count)
    kept = ops.nms(boxes, scores, 0.4, classes)
    assert ops.nms(boxes[kept], scores[kept], 0.4, classes[kept]).tolist() == list(range(len(kept)))
    order = np.random.default_rng(seed).permutation(count)
    assert order[ops.nms(boxes[order], scores[order], 0.4, classes[order])].tolist() == kept.tolist()


@pytest.mark.parametrize(("seed", "threshold"), [(1, 0.3), (2, 0.5), (3, 0.7)])
def test_agrees_with_opencv(seed, threshold):
    boxes, scores, _ = scene(seed, 500)
    integers = np.rint(boxes).astype(np.float32)  # whole numbers: float32 and float64 agree
    rects = [tuple(map(float, row)) for row in ops.xyxy_to_xywh(integers)]
    oracle = cv2.dnn.NMSBoxes(rects, (scores + 1).tolist(), 0.0, threshold)
    assert ops.nms(integers, scores, threshold).tolist() == np.asarray(oracle).ravel().tolist()


def test_equal_scores_keep_the_earlier_row():
    assert ops.nms([[0, 0, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]], [0.5, 0.5, 0.9], 0.5).tolist() == [2, 0]


def test_ten_thousand_boxes_of_one_heap_and_of_none():
    boxes, scores, _ = scene(0, 10_000, spread=20)
    kept = ops.nms(boxes, scores, 0.3)
    overlap = ops.iou(boxes[kept], boxes[kept])
    np.fill_diagonal(overlap, 0)
    assert overlap.max() <= 0.3
    apart = np.arange(10_000, dtype=np.float32)[:, None] * 50 + np.float32([0, 0, 10, 10])
    assert len(ops.nms(apart, scores, 0.3)) == 10_000


@pytest.mark.parametrize(
    ("boxes", "scores", "threshold"),
    [
        ([[0, 0, 1, 1]], [0.1, 0.2], 0.5),
        ([[0, 0, np.nan, 1]], [0.1], 0.5),
        ([[0, 0, 1, 1]], [np.inf], 0.5),
        ([[0, 0, 1, 1]], [0.5], 1.5),
        ([[0, 0, 1, 1]], ["high"], 0.5),
    ],
)
def test_wrong_input_is_one_clear_error(boxes, scores, threshold):
    with pytest.raises(InputError, match="nms: expected"):
        ops.nms(boxes, scores, threshold)
