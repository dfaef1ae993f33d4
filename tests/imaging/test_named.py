"""What the command line and the service share: methods by name, kernels and tiles as text."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright import imaging
from eyebright.core.errors import InputError


@pytest.fixture
def photo(pictures):
    return pictures["cat"]


@pytest.mark.parametrize(
    ("method", "twin"),
    [
        ("sobel", imaging.sobel),
        ("scharr", imaging.scharr),
        ("log", lambda image: imaging.laplacian_of_gaussian(image, 2.0)),
        ("zero-crossings", lambda image: imaging.zero_crossings(image, 2.0)),
        ("canny", lambda image: imaging.canny(image, sigma=1.4)),
    ],
)
def test_edges_by_name_are_those_of_the_function(photo, method, twin):
    np.testing.assert_array_equal(imaging.edges(photo, method), twin(photo))


def test_edges_pass_their_parameters_on(photo):
    np.testing.assert_array_equal(
        imaging.edges(photo, "canny", low=20, high=60, sigma=1.0), imaging.canny(photo, 20, 60, sigma=1.0)
    )
    with pytest.raises(InputError, match="expected sobel, scharr, log, zero-crossings or canny, got 'prewitt'"):
        imaging.edges(photo, "prewitt")


@pytest.mark.parametrize("operator", ["sobel", "scharr"])
def test_strength_does_not_depend_on_where_the_picture_lies_in_memory(operator):
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (61, 83), np.uint8)
    seen = imaging.edges(picture, operator)
    for offset in range(1, 8):
        moved = np.empty(picture.size + offset, np.uint8)[offset:].reshape(picture.shape)
        moved[:] = picture
        np.testing.assert_array_equal(imaging.edges(moved, operator), seen)


def test_a_kernel_is_a_name_or_rows_of_numbers():
    assert imaging.parse_kernel("sharpen") == "sharpen"
    assert imaging.parse_kernel("0,1,0; 1,-4,1;0,1,0") == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    with pytest.raises(InputError, match="expected rows such as"):
        imaging.parse_kernel("0,1;two,3")


def test_a_tile_knows_its_place_from_its_name():
    pixels = np.zeros((4, 4, 3), np.uint8)
    name, tile = imaging.tile_from_file("folder/my_photo_640_32.png", pixels)
    assert (name, tile.x, tile.y) == ("my_photo", 640, 32)
    for wrong in ("photo.png", "photo_1.png", "photo_a_1.png", "photo_-1_2.png"):
        with pytest.raises(InputError, match="NAME_X_Y"):
            imaging.tile_from_file(wrong, pixels)


def test_the_missing_side_keeps_the_proportions():
    picture = np.zeros((300, 451, 3), np.uint8)
    assert imaging.proportional_size(picture, 100, None) == (100, 67)
    assert imaging.proportional_size(picture, None, 150) == (226, 150)
    assert imaging.proportional_size(picture, 7, 9) == (7, 9)
    assert imaging.proportional_size(np.zeros((1, 500), np.uint8), 10, None) == (10, 1)


def test_a_laplacian_pyramid_is_shown_around_grey(photo):
    shown = imaging.shown_pyramid(photo, 3, "laplacian")
    residuals, rest = imaging.laplacian_pyramid(photo, 3)
    assert all(level.dtype == np.uint8 for level in shown)
    np.testing.assert_array_equal(shown[-1], rest)
    np.testing.assert_array_equal(shown[0], np.clip(residuals[0] + 128, 0, 255).astype(np.uint8))
    for one, two in zip(imaging.shown_pyramid(photo, 3, "gaussian"), imaging.gaussian_pyramid(photo, 3), strict=True):
        np.testing.assert_array_equal(one, two)
