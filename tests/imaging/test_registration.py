"""Registration and differences: known motions are found, light is forgiven, changes are told and placed."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eyebright.core.errors import InputError
from eyebright.imaging import differences, registration
from eyebright.media.images import read_image


@pytest.fixture(scope="module")
def picture(photos):
    return read_image(photos["coffee"])


def moved(image, degrees=7.0):
    height, width = image.shape[:2]
    matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.9), [0, 0, 1]])
    matrix[2, 0] = 2e-4
    matrix[:2, 2] += (14, -9)
    return cv2.warpPerspective(image, matrix, (width, height)), matrix


def test_a_known_motion_is_found(picture):
    photo, matrix = moved(picture)
    found = registration.register(photo, picture, local=False)
    points = np.array([[[80, 60], [500, 70], [300, 350], [90, 330]]], float)
    back = cv2.perspectiveTransform(cv2.perspectiveTransform(points, matrix), found.matrix)
    assert np.abs(back - points).max() < 1.0
    assert found.inliers > 100
    assert found.correlation > 0.97
    assert found.warped.shape == picture.shape


def test_a_reference_larger_than_the_refinement_is_met_within_a_third_of_a_pixel(photos):
    large = cv2.resize(read_image(photos["coffee"]), (1200, 800), interpolation=cv2.INTER_CUBIC)
    photo, matrix = moved(large)
    found = registration.register(photo, large, local=False)
    points = np.array([[[160, 120], [1000, 140], [600, 700], [180, 660]]], float)
    back = cv2.perspectiveTransform(cv2.perspectiveTransform(points, matrix), found.matrix)
    assert np.abs(back - points).mean() < 0.3  # half a pixel off everywhere if centres are taken for corners


def test_a_photo_that_lies_right_already_stays(picture):
    noise = np.random.default_rng(0).normal(0, 6, picture.shape)
    photo = np.clip(picture + noise, 0, 255).astype(np.uint8)
    found = registration.register(photo, picture, local=False)
    corners = np.array([[[0, 0], [599, 0], [599, 399], [0, 399]]], float)
    assert np.abs(cv2.perspectiveTransform(corners, found.matrix) - corners).max() < 0.5
    assert found.correlation > 0.99


def test_pictures_without_keypoints_are_turned_back_by_correlation():
    board = np.full((320, 320, 3), 255, np.uint8)
    cv2.rectangle(board, (60, 70), (250, 110), (0, 0, 0), -1)
    cv2.rectangle(board, (60, 110), (100, 260), (0, 0, 0), -1)
    cv2.circle(board, (200, 210), 34, (0, 0, 0), -1)
    turn = cv2.getRotationMatrix2D((160, 160), 8, 1.0)
    photo = cv2.warpAffine(board, turn, (320, 320), borderValue=(255, 255, 255))
    found = registration.register(photo, board)
    corner = np.array([[[60.0, 70.0], [250.0, 110.0], [100.0, 260.0]]])
    back = cv2.perspectiveTransform(cv2.transform(corner, turn), found.matrix)
    assert np.abs(back - corner).max() < 1.5


def test_strangers_and_mirror_images_do_not_register(picture, photos):
    cat = read_image(photos["cat"])
    assert registration.register(cat[:, :300], picture) is None
    mirrored = registration.register(np.ascontiguousarray(picture[:, ::-1]), picture)
    assert mirrored is None or mirrored.correlation < 0.8


def test_light_is_evened_and_a_patch_is_placed(picture):
    height, width = picture.shape[:2]
    light = np.linspace(0.6, 1.0, width)[None, :, None] * np.linspace(1.0, 0.8, height)[:, None, None]
    photo = np.clip(picture * light, 0, 255).astype(np.uint8)
    assert not differences.find_regions(differences.difference_maps(photo, picture).heat)
    photo[200:230, 300:340] = (20, 200, 40)
    regions = differences.find_regions(differences.difference_maps(photo, picture).heat)
    x1, y1, x2, y2 = regions[0].box
    assert 295 <= x1 < x2 <= 345
    assert 195 <= y1 < y2 <= 235


def test_what_the_photo_does_not_show_is_no_difference(picture):
    covered = np.ones(picture.shape[:2], bool)
    covered[:, :200] = False
    photo = picture.copy()
    photo[:, :200] = 0
    maps = differences.difference_maps(photo, picture, covered)
    assert maps.heat[:, :200].max() == 0
    assert not differences.find_regions(maps.heat)


maps_of = arrays.arrays(np.float32, (9, 11), elements=st.floats(0, 100, width=32))


@given(maps_of, maps_of, st.integers(0, 3))
def test_a_larger_shift_forgives_no_less(one, two, radius):
    near, far = (differences.tolerant_difference(one, two, r) for r in (radius, radius + 1))
    assert (far <= near).all()
    assert (near == differences.tolerant_difference(two, one, radius)).all()
    assert np.array_equal(differences.tolerant_difference(one, two, 0), np.abs(one - two))


@given(maps_of, st.integers(-2, 2), st.integers(-2, 2))
def test_a_shift_within_the_radius_is_no_difference(one, dx, dy):
    padded = np.pad(one, 6, mode="edge")
    shifted = np.roll(padded, (dy, dx), axis=(0, 1))
    inner = differences.tolerant_difference(padded, shifted, 3)[4:-4, 4:-4]
    assert inner.max() == 0


def test_odd_input_is_named(picture):
    with pytest.raises(InputError, match="one size"):
        differences.difference_maps(picture[:-1], picture)
    with pytest.raises(InputError, match="RGB uint8"):
        registration.register(picture[..., 0], picture)
    with pytest.raises(InputError, match="mask"):
        differences.difference_maps(picture, picture, np.ones((2, 2), bool))
    with pytest.raises(InputError, match="map"):
        differences.find_regions(picture)
    with pytest.raises(InputError, match=r"matrix \(3, 3\)"):
        registration.warp(picture, np.eye(2), (5, 5))
    flat = np.full((50, 50, 3), 128, np.uint8)
    assert registration.register(flat, picture) is None
    assert registration.register(flat[:1, :1], flat[:1, :1]) is None


def test_other_light_is_evened_and_what_was_painted_over_is_not(picture):
    width = picture.shape[1]
    ramp = np.linspace(0.6, 1.0, width)[None, :, None] * np.array([1.0, 0.9, 0.8])
    photo = np.clip(picture * ramp, 0, 255).astype(np.uint8)
    evened = differences.even_light(photo, picture)
    assert evened.dtype == np.uint8
    before = np.abs(photo.astype(int) - picture).mean()
    after = np.abs(evened.astype(int) - picture).mean()
    assert after < before / 3
    photo[40:80, 60:120] = 255
    painted = differences.even_light(photo, picture)[45:75, 65:115].astype(int)
    assert np.abs(painted - picture[45:75, 65:115]).mean() > 40
    with pytest.raises(InputError):
        differences.even_light(photo[:-1], picture)


def test_keypoints_of_a_large_picture_lie_in_its_own_pixels(picture):
    large = cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    small = registration.working_keypoints(picture, 300, longest=400)
    found = registration.working_keypoints(large, 300, longest=400)
    assert found.xy[:, 0].max() > 1.5 * picture.shape[1]
    # pixel i of the small picture covers 3 i to 3 i + 2 of the large one
    expected = (small.xy + 0.5) * 3 - 0.5
    distance = np.linalg.norm(expected[:, None] - found.xy[None], axis=2).min(axis=1)
    assert np.median(distance) < 6
    with pytest.raises(InputError):
        registration.working_keypoints(picture[..., 0])
