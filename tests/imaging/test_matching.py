"""Keypoints, matching, homographies: a plain twin, a known homography, and pictures that have nothing in common."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright.core.errors import InputError
from eyebright.imaging import (
    draw_keypoints,
    draw_matches,
    find_keypoints,
    fit_homography,
    match_descriptors,
    match_pictures,
)
from eyebright.ops import transform_points

METHODS = ("sift", "orb", "akaze")
# published with the Oxford affine covariant regions data set as H1to3p of "graf"
GRAF_1_TO_3 = [
    [7.6285898e-01, -2.9922929e-01, 2.2567123e02],
    [3.3443473e-01, 1.0143901e00, -7.6999973e01],
    [3.4663091e-04, -1.4364524e-05, 1.0],
]


def corners(image):
    height, width = image.shape[:2]
    return np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], float)


def plain_matches(first, second, ratio, mutual):
    if first.dtype == np.uint8:
        table = np.array([[np.bitwise_count(a ^ b).sum() for b in second] for a in first], float)
    else:
        table = np.array([[np.linalg.norm(a.astype(float) - b) for b in second] for a in first], float)
    table = table.reshape(len(first), len(second))
    found = []
    for i, row in enumerate(table):
        if not len(row):
            continue
        j = int(row.argmin())
        others = np.delete(row, j)
        distinct = ratio >= 1 or not len(others) or row[j] < ratio * others.min()
        if distinct and (not mutual or table[:, j].argmin() == i):
            found.append((i, j))
    return found


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(0, 9), st.just(4)), elements=st.integers(0, 15)),
    hnp.arrays(np.uint8, st.tuples(st.integers(0, 9), st.just(4)), elements=st.integers(0, 15)),
    st.sampled_from([0.5, 0.8, 1.0]),
    st.booleans(),
)
def test_bits_match_like_the_plain_twin(first, second, ratio, mutual):
    found = match_descriptors(first, second, ratio=ratio, mutual=mutual)
    assert [tuple(pair) for pair in found.tolist()] == plain_matches(first, second, ratio, mutual)


@given(
    st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.7, 0.9, 1.0]), st.booleans()
)
def test_vectors_match_like_the_plain_twin(seed, n, m, ratio, mutual):
    rng = np.random.default_rng(seed)
    first, second = (rng.normal(size=(count, 8)).astype(np.float32) for count in (n, m))
    found = match_descriptors(first, second, ratio=ratio, mutual=mutual)
    assert [tuple(pair) for pair in found.tolist()] == plain_matches(first, second, ratio, mutual)


def test_more_rows_than_fit_one_table():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(2500, 16)).astype(np.float32)
    order = rng.permutation(2500)
    found = match_descriptors(first, first[order])
    np.testing.assert_array_equal(found[:, 0], np.arange(2500))
    np.testing.assert_array_equal(order[found[:, 1]], found[:, 0])


def test_descriptors_of_two_kinds_are_refused():
    with pytest.raises(InputError, match="with the same method"):
        match_descriptors(np.zeros((2, 32), np.uint8), np.zeros((2, 128), np.float32))
    with pytest.raises(InputError, match="ratio above 0"):
        match_descriptors(np.zeros((2, 32), np.uint8), np.zeros((2, 32), np.uint8), ratio=0)


@pytest.mark.parametrize("method", METHODS)
def test_keypoints_come_back_on_a_turned_picture(pictures, method):
    image = pictures["astronaut"]
    turned = np.rot90(image)
    match = match_pictures(image, np.ascontiguousarray(turned), method)
    assert match.inliers.sum() > 300
    expected = np.array([[0, 1, 0], [-1, 0, image.shape[1] - 1], [0, 0, 1]])
    away = transform_points(match.matrix, corners(image)) - transform_points(expected, corners(image))
    assert np.abs(away).max() < 0.7
    points = find_keypoints(image, method, 50)
    assert len(points) == 50
    assert (np.diff(points.response) <= 0).all()
    assert len(find_keypoints(np.zeros((300, 300), np.uint8), method)) == 0


@given(st.integers(0, 2**32 - 1))
def test_a_known_homography_is_found_among_outliers(seed):
    rng = np.random.default_rng(seed)
    matrix = np.array([[1, 0.1, 20], [-0.1, 0.9, 10], [1e-4, -5e-5, 1]]) + rng.normal(0, 1e-5, (3, 3))
    source = rng.uniform(0, 600, (150, 2))
    target = transform_points(matrix, source) + rng.normal(0, 0.3, (150, 2))
    target[100:] = rng.uniform(0, 600, (50, 2))
    found, inliers = fit_homography(source, target)
    assert inliers[:100].mean() > 0.97
    assert inliers[100:].mean() < 0.1
    square = np.array([(0, 0), (600, 0), (600, 600), (0, 600)], float)
    assert np.abs(transform_points(found, square) - transform_points(matrix, square)).max() < 1.5


def test_too_few_points_are_no_homography():
    for count in range(4):
        matrix, inliers = fit_homography(np.zeros((count, 2)), np.zeros((count, 2)))
        assert matrix is None
        assert inliers.shape == (count,)
    line = np.stack([np.arange(30.0), np.arange(30.0)], axis=1)
    matrix, inliers = fit_homography(line, line)
    assert matrix is None or np.isfinite(matrix).all()
    with pytest.raises(InputError, match="one length"):
        fit_homography(np.zeros((4, 2)), np.zeros((5, 2)))
    with pytest.raises(InputError, match="threshold above 0"):
        fit_homography(np.zeros((4, 2)), np.zeros((4, 2)), 0)


@pytest.mark.data
@pytest.mark.parametrize("method", METHODS)
def test_graf_has_its_published_homography(media, method):
    one, two = media("graf1.png"), media("graf3.png")
    match = match_pictures(one, two, method)
    away = transform_points(match.matrix, corners(one)) - transform_points(GRAF_1_TO_3, corners(one))
    assert np.linalg.norm(away, axis=1).max() < 3
    starts, ends = match.first.xy[match.pairs[:, 0]], match.second.xy[match.pairs[:, 1]]
    right = np.linalg.norm(transform_points(GRAF_1_TO_3, starts) - ends, axis=1) < 3
    assert (right == match.inliers).mean() > 0.95


@pytest.mark.data
@pytest.mark.parametrize("method", METHODS)
def test_the_box_is_found_in_its_scene(media, method):
    box, scene = media("box.png"), media("box_in_scene.png")
    match = match_pictures(box, scene, method)
    assert match.inliers.sum() >= 20
    seen = transform_points(match.matrix, corners(box))
    # read off the picture by eye
    assert np.linalg.norm(seen - [(118, 160), (284, 175), (267, 298), (90, 272)], axis=1).max() < 6
    drawn = draw_matches(box, scene, match)
    assert drawn.shape == (384, 324 + 8 + 512, 3)
    assert (drawn[:, -512:] != scene).any(axis=2).mean() > 0.005


@pytest.mark.parametrize("method", METHODS)
def test_other_pictures_have_nothing_in_common(pictures, method):
    match = match_pictures(pictures["cat"], pictures["china"], method)
    assert match.matrix is None
    assert not match.inliers.any()
    assert draw_matches(pictures["cat"], pictures["china"], match).shape[2] == 3


def test_surf_says_why_it_is_not_there():
    for name in ("surf", "SURF"):
        with pytest.raises(InputError, match=r"patented.*use sift"):
            find_keypoints(np.zeros((20, 20), np.uint8), name)
    with pytest.raises(InputError, match="expected the method akaze, orb, sift, got 'brisk'"):
        find_keypoints(np.zeros((20, 20), np.uint8), "brisk")
    with pytest.raises(InputError, match="limit of at least 1"):
        find_keypoints(np.zeros((20, 20), np.uint8), "sift", 0)


def test_drawings_leave_their_input_alone(pictures):
    image = pictures["cat"].copy()
    before = image.copy()
    out = draw_keypoints(image, find_keypoints(image, "orb", 100))
    np.testing.assert_array_equal(image, before)
    assert 0.005 < (out != image).any(axis=2).mean() < 0.6
    assert cv2.countNonZero(cv2.absdiff(out, image).max(axis=2)) > 0
