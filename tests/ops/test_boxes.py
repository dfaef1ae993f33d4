import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright import ops
from eyebright.core.errors import InputError

corner = st.floats(-1e4, 1e4, allow_nan=False, width=32)


@st.composite
def boxes(draw, most=12):
    """Boxes xyxy of positive or no size."""
    count = draw(st.integers(0, most))
    xy = draw(hnp.arrays(np.float32, (count, 2), elements=corner))
    wh = draw(hnp.arrays(np.float32, (count, 2), elements=st.floats(0, 1e3, width=32)))
    return np.concatenate([xy, xy + wh], axis=1)


def slow_iou(a, b):
    across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = across * down
    area = lambda box: max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])  # noqa: E731  (one line is clearer)
    return shared / (area(a) + area(b) - shared) if shared > 0 else 0.0


@given(boxes())
def test_conversions_come_back(xyxy):
    wide = xyxy.astype(np.float64)
    np.testing.assert_allclose(ops.xywh_to_xyxy(ops.xyxy_to_xywh(wide)), wide, atol=1e-8)
    np.testing.assert_allclose(ops.cxcywh_to_xyxy(ops.xyxy_to_cxcywh(wide)), wide, atol=1e-8)


def test_conversions_by_hand_and_dtypes():
    box = np.array([[10, 20, 40, 80]])
    assert ops.xyxy_to_xywh(box).tolist() == [[10, 20, 30, 60]]
    assert ops.xyxy_to_cxcywh(box).tolist() == [[25, 50, 30, 60]]
    assert ops.xyxy_to_xywh(box).dtype == np.float64
    assert ops.xyxy_to_xywh(box.astype(np.float32)).dtype == np.float32
    assert ops.area(box).tolist() == [1800]
    assert ops.scale(box, 2, 0.5).tolist() == [[20, 10, 80, 40]]
    assert ops.clip(np.float32([[-5, -5, 500, 30], [600, 600, 700, 700]]), (100, 200)).tolist() == [
        [0, 0, 200, 30],
        [200, 100, 200, 100],
    ]
    assert box.tolist() == [[10, 20, 40, 80]]  # inputs are never changed


@given(boxes(), boxes())
def test_iou_agrees_with_its_twin_and_is_symmetric(a, b):
    got = ops.iou(a, b)
    assert got.shape == (len(a), len(b))
    assert got.dtype == np.float64
    assert ((got >= 0) & (got <= 1 + 1e-12)).all()
    np.testing.assert_array_equal(got, ops.iou(b, a).T)
    want = np.array([[slow_iou(x, y) for y in b.tolist()] for x in a.tolist()]).reshape(len(a), len(b))
    np.testing.assert_allclose(got, want, atol=1e-12)


@given(boxes(), st.randoms(use_true_random=False))
def test_iou_follows_a_permutation(a, random):
    order = list(range(len(a)))
    random.shuffle(order)
    np.testing.assert_array_equal(ops.iou(a, a)[np.ix_(order, order)], ops.iou(a[order], a[order]))


@given(boxes())
def test_iou_with_itself_is_one_unless_empty(a):
    own = np.diag(ops.iou(a, a))
    np.testing.assert_allclose(own, (ops.area(a) > 0).astype(float), atol=1e-12)


@given(boxes(), st.integers(1, 300), st.integers(1, 300))
def test_clip_is_idempotent_and_stays_inside(a, height, width):
    once = ops.clip(a, (height, width))
    np.testing.assert_array_equal(ops.clip(once, (height, width)), once)
    assert ((once >= 0) & (once <= [width, height, width, height])).all()
    assert (ops.area(once) <= ops.area(a) + 1e-6).all()


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros((2, 5)), [["a", "b", "c", "d"]], [[1, 2, 3, 4], [5]]])
def test_wrong_boxes_are_one_clear_error(wrong):
    with pytest.raises(InputError, match=r"expected (shape|numbers)"):
        ops.area(wrong)
    assert len(ops.as_boxes([])) == 0
