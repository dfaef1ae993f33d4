"""Convolution, pooling, pyramids, letterbox and tiles against plain twins and laws."""

import itertools

import numpy as np
import pytest
import scipy.ndimage
import skimage.measure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright.core.errors import InputError
from eyebright.imaging import (
    KERNELS,
    ImageTile,
    collapse,
    convolve,
    cut_tiles,
    gaussian_pyramid,
    join_tiles,
    laplacian_pyramid,
    letterboxed,
    pool,
    tile_boxes,
)

shapes = st.one_of(
    st.tuples(st.integers(1, 17), st.integers(1, 17)),
    st.tuples(st.integers(1, 17), st.integers(1, 17), st.just(3)),
)
any_picture = hnp.arrays(np.uint8, shapes)
odd = st.sampled_from([1, 3, 5])


@given(any_picture, st.tuples(odd, odd).flatmap(lambda size: hnp.arrays(np.int8, size, elements=st.integers(-9, 9))))
def test_convolution_is_scipys(image, kernel):
    # SciPy mirrors pictures of one pixel otherwise, so what lies beyond the border is laid out first
    ring = [(side // 2, side // 2) for side in kernel.shape] + [(0, 0)] * (image.ndim - 2)
    wide = np.pad(image.astype(float), ring, mode="reflect")
    weights = (kernel / 8.0).reshape(*kernel.shape, *(1,) * (image.ndim - 2))
    whole = scipy.ndimage.convolve(wide, weights, mode="constant")
    inside = tuple(slice(before, before + side) for (before, _), side in zip(ring, image.shape, strict=True))
    plain = np.clip(whole[inside], 0, 255)
    assert np.abs(convolve(image, kernel / 8.0) - plain).max() <= 0.5 + 1e-6


def test_named_kernels_keep_or_remove_brightness():
    flat = np.full((9, 9, 3), 100, np.uint8)
    for name, kernel in KERNELS.items():
        total = round(float(kernel.sum()), 9)
        assert total in (0, 1)
        assert (convolve(flat, name) == 100 * total).all()
        assert (convolve(flat, name, offset=50) == 100 * total + 50).all()


@given(any_picture, st.integers(1, 20), st.sampled_from(["max", "mean", "min"]))
def test_pooling_is_the_plain_one(image, size, method):
    rows, columns = (-(-side // size) for side in image.shape[:2])
    out = pool(image, size, method)
    assert out.shape == (rows, columns, *image.shape[2:])
    for row in range(rows):
        for column in range(columns):
            block = image[row * size : (row + 1) * size, column * size : (column + 1) * size].astype(float)
            plain = getattr(np, method)(block, axis=(0, 1))
            assert np.abs(out[row, column] - plain).max() <= (0.5 if method == "mean" else 0) + 1e-9


def test_pooling_is_scikit_images(pictures):
    image = pictures["coffee"]
    for method in ("max", "min"):
        plain = skimage.measure.block_reduce(image, (4, 4, 1), getattr(np, method))
        np.testing.assert_array_equal(pool(image, 4, method), plain)


@given(any_picture, st.integers(1, 6))
def test_laplacian_pyramids_lose_nothing(image, levels):
    residuals, rest = laplacian_pyramid(image, levels)
    np.testing.assert_array_equal(collapse(residuals, rest), image)
    sizes = [level.shape[:2] for level in gaussian_pyramid(image, levels)]
    assert sizes[0] == image.shape[:2]
    assert all(after == tuple((side + 1) // 2 for side in before) for before, after in itertools.pairwise(sizes))
    assert len(sizes) == len(residuals) + 1 <= levels


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 25), st.integers(1, 25), st.data())
def test_tiles_cover_exactly_and_rejoin_exactly(height, width, rows, columns, data):
    overlap = data.draw(st.integers(0, min(rows, columns) - 1))
    shape = (height, width, 3) if data.draw(st.booleans()) else (height, width)
    image = np.random.default_rng(height * 61 + width).integers(0, 256, shape).astype(np.uint8)
    tiles = cut_tiles(image, (rows, columns), overlap)
    np.testing.assert_array_equal(join_tiles(tiles), image)
    np.testing.assert_array_equal(join_tiles(tiles[::-1]), image)
    boxes = tile_boxes((height, width), (rows, columns), overlap)
    assert {tile.image.shape[:2] for tile in tiles} == {(min(rows, height), min(columns, width))}
    assert len({tuple(box) for box in boxes.tolist()}) == len(boxes)
    for left, right in itertools.pairwise(boxes):
        if left[1] == right[1]:
            assert left[2] - right[0] >= overlap
    expected = [
        1 if side <= tile else -(-(side - overlap) // (tile - overlap))
        for side, tile in ((height, rows), (width, columns))
    ]
    assert len(boxes) == expected[0] * expected[1]


def test_tiles_that_do_not_make_a_picture():
    part = np.zeros((4, 4), np.uint8)
    with pytest.raises(InputError, match=r"16 pixels are covered by no tile, the first at \(4, 0\)"):
        join_tiles([ImageTile(0, 0, part), ImageTile(8, 0, part)])
    with pytest.raises(InputError, match="at least one tile"):
        join_tiles([])
    with pytest.raises(InputError, match="of another kind"):
        join_tiles([ImageTile(0, 0, part), ImageTile(4, 0, np.zeros((4, 4, 3), np.uint8))])


@given(any_picture, st.integers(1, 40), st.integers(1, 40))
def test_letterbox_keeps_shape_and_canvas(image, width, height):
    out = letterboxed(image, width, height, fill=7)
    assert out.shape == (height, width, *image.shape[2:])
    flat = letterboxed(np.full_like(image, 200), width, height, fill=7)
    rows, columns = (np.unique(axis) for axis in np.nonzero((flat if flat.ndim == 2 else flat[..., 0]) == 200))
    assert len(rows) == height or len(columns) == width
    assert abs((rows[0]) - (height - 1 - rows[-1])) <= 1
    assert abs((columns[0]) - (width - 1 - columns[-1])) <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: convolve(x, "swirl"), "no kernel named 'swirl'; there are box"),
        (lambda x: convolve(x, np.ones((2, 3))), r"odd height and width, got shape \(2, 3\)"),
        (lambda x: convolve(x, [[1, 2, 3], [1]]), "rows of one length"),
        (lambda x: convolve(x, [[np.nan]]), "finite"),
        (lambda x: pool(x, 0), "at least 1"),
        (lambda x: pool(x, 2, "sum"), "got 'sum'"),
        (lambda x: gaussian_pyramid(x, 0), "at least 1 level"),
        (lambda x: collapse([np.zeros((9, 9), np.int16)], x), "does not follow"),
        (lambda x: tile_boxes((9, 9), (4, 4), 4), "overlap of 0 to below 4"),
        (lambda x: cut_tiles(x, (0, 4)), "at least 1"),
        (lambda x: letterboxed(x, 9, 9, fill=300), "fill of 0 to 255"),
        (lambda x: letterboxed(x, 0, 9), "positive sizes"),
    ],
)
def test_wrong_options_are_told(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((9, 9), np.uint8))
