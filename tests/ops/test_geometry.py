import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright import ops
from eyebright.core.errors import InputError

size = st.tuples(st.integers(1, 2000), st.integers(1, 2000))
points = hnp.arrays(np.float64, st.tuples(st.integers(2, 12), st.just(2)), elements=st.floats(-500, 500))


@given(size, size, st.booleans(), st.booleans(), points)
def test_letterbox_lies_inside_and_comes_back(source, canvas, centre, enlarge, some):
    fit = ops.letterbox(source, canvas, centre=centre, enlarge=enlarge)
    for axis in (0, 1):
        assert fit.offset[axis] >= 0
        assert fit.offset[axis] + fit.resized[axis] <= canvas[axis]
    np.testing.assert_allclose(fit.points_to_source(fit.points_to_canvas(some)), some, atol=1e-6)
    np.testing.assert_allclose(fit.points_to_canvas(some), ops.transform_points(fit.matrix, some), atol=1e-6)
    if enlarge:
        assert fit.resized[0] == canvas[0] or fit.resized[1] == canvas[1]
    else:
        assert fit.resized[0] <= source[0]
        assert fit.resized[1] <= source[1]


def test_letterbox_by_hand():
    fit = ops.letterbox((480, 640), (416, 416))
    assert fit.resized == (312, 416)
    assert fit.offset == (52, 0)
    assert fit.boxes_to_canvas([[0, 0, 640, 480]]).tolist() == [[0, 52, 416, 364]]
    assert fit.boxes_to_source([[-10, 52, 416, 500]]).tolist() == [[0, 0, 640, 480]]
    assert ops.letterbox((480, 640), (416, 416), centre=False).offset == (0, 0)
    with pytest.raises(InputError, match="positive sizes"):
        ops.letterbox((0, 5), (4, 4))


@given(points, st.integers(0, 10_000))
def test_transforms_agree_with_opencv_and_come_back(some, seed):
    random = np.random.default_rng(seed)
    homography = np.eye(3) + random.uniform(-0.1, 0.1, (3, 3)) * [[1, 1, 20], [1, 1, 20], [1e-3, 1e-3, 0]]
    oracle = cv2.perspectiveTransform(some[None], homography)[0]
    np.testing.assert_allclose(ops.transform_points(homography, some), oracle, rtol=1e-9, atol=1e-7)
    back = ops.transform_points(ops.invert(homography), ops.transform_points(homography, some))
    np.testing.assert_allclose(back, some, atol=1e-5)
    affine = homography[:2]
    oracle = cv2.transform(some[None], affine)[0]
    np.testing.assert_allclose(ops.transform_points(affine, some), oracle, atol=1e-7)
    assert ops.invert(affine).shape == (2, 3)


def test_boxes_become_the_hull_of_their_corners():
    turned = ops.transform_boxes([[0, -1, 0], [1, 0, 0]], [[1, 2, 4, 10]])  # a quarter turn
    assert turned.tolist() == [[-10, 1, -2, 4]]
    assert ops.transform_boxes(np.eye(3), np.zeros((0, 4))).shape == (0, 4)


@given(points, st.floats(-3.1, 3.1), st.floats(0.05, 20), st.floats(-99, 99), st.floats(-99, 99))
def test_similarity_is_found_again(some, angle, factor, x, y):
    assume(np.ptp(some, axis=0).max() > 1)
    cos, sin = factor * np.cos(angle), factor * np.sin(angle)
    truth = np.array([[cos, -sin, x], [sin, cos, y]])
    found = ops.similarity_from_points(some, ops.transform_points(truth, some))
    np.testing.assert_allclose(ops.transform_points(found, some), ops.transform_points(truth, some), atol=1e-4)


def test_similarity_on_umeyamas_own_example():
    # Umeyama 1991, section II; published: R = [[0.832, 0.555], [-0.555, 0.832]], c = 0.721, t = [-0.800, 0.400]
    found = ops.similarity_from_points([[0, 0], [1, 0], [0, 2]], [[0, 0], [-1, 0], [0, 2]])
    want = np.array([[0.832 * 0.721, 0.555 * 0.721, -0.8], [-0.555 * 0.721, 0.832 * 0.721, 0.4]])
    np.testing.assert_allclose(found, want, atol=1e-3)


def test_similarity_beats_every_neighbour():
    random = np.random.default_rng(4)
    source, target = random.normal(size=(7, 2)), random.normal(size=(7, 2))
    best = ops.similarity_from_points(source, target)
    (a, b), (x, y) = best[:, 0], best[:, 2]

    def loss(p):
        matrix = np.array([[p[0], -p[1], p[2]], [p[1], p[0], p[3]]])
        return ((ops.transform_points(matrix, source) - target) ** 2).sum()

    start = np.array([a, b, x, y])
    assert all(loss(start) <= loss(start + step) for step in random.normal(size=(200, 4)) * 0.01)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.zeros((3, 2)), np.zeros((3, 2))),
        (np.eye(2), np.eye(3)),
        ([[1, 2]], [[1, 2]]),
        ([[0, 0], [np.nan, 1]], np.eye(2)),
    ],
)
def test_similarity_refuses_what_it_cannot_solve(source, target):
    with pytest.raises(InputError, match="similarity: expected"):
        ops.similarity_from_points(source, target)


def test_wrong_shapes_are_one_clear_error():
    with pytest.raises(InputError, match="matrix: expected shape"):
        ops.transform_points(np.eye(4), [[0, 0]])
    with pytest.raises(InputError, match="points: expected shape"):
        ops.transform_points(np.eye(3), [[0, 0, 0]])
    with pytest.raises(InputError, match="cannot be inverted"):
        ops.invert(np.zeros((3, 3)))
