import pkgutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import eyebright.imaging
from eyebright.core.errors import InputError, QueryError
from eyebright.imaging import (
    HASH_BITS,
    NEAR_DUPLICATE_DISTANCE,
    crop,
    fit_within,
    groups,
    hamming,
    hash_to_text,
    hashes_from_text,
    near_pairs,
    perceptual_hash,
    resize,
)
from eyebright.media import decode_image, encode_image, read_image

codes = hnp.arrays(np.uint8, st.tuples(st.integers(0, 12), st.just(HASH_BITS // 8)), elements=st.integers(0, 3))


@given(codes, st.integers(0, 40))
def test_pairs_and_groups_agree_with_the_plain_definition(hashes, distance):
    bits = np.unpackbits(hashes, axis=1).astype(int)
    plain = [
        (i, j) for i in range(len(bits)) for j in range(i + 1, len(bits)) if np.abs(bits[i] - bits[j]).sum() <= distance
    ]
    pairs = near_pairs(hashes, distance)
    assert [tuple(pair) for pair in pairs.tolist()] == plain
    together: list[set[int]] = [{i} for i in range(len(bits))]
    for i, j in plain:
        joined = next(g for g in together if i in g) | next(g for g in together if j in g)
        together = [g for g in together if not g & joined] + [joined]
    assert groups(len(bits), pairs) == sorted(sorted(g) for g in together if len(g) > 1)


@given(codes)
def test_hashes_survive_as_text(hashes):
    np.testing.assert_array_equal(hashes_from_text([hash_to_text(code) for code in hashes]), hashes)


def test_copies_are_near_and_others_far(photos: dict[str, Path]):
    pictures = {name: read_image(path) for name, path in photos.items()}
    hashes = {name: perceptual_hash(picture) for name, picture in pictures.items()}
    for name, picture in pictures.items():
        half = resize(picture, picture.shape[1] // 2, picture.shape[0] // 2)
        copy = decode_image(encode_image(half, "JPEG", 40), where=name)
        assert hamming(perceptual_hash(copy)[None], hashes[name])[0] <= NEAR_DUPLICATE_DISTANCE
        others = [hamming(code[None], hashes[name])[0] for other, code in hashes.items() if other != name]
        assert min(others) > 2 * NEAR_DUPLICATE_DISTANCE


def test_resize_averages_and_keeps_its_input():
    image = np.zeros((4, 4, 3), np.uint8)
    image[::2] = 200
    assert (resize(image, 2, 2) == 100).all()
    assert image.max() == 200
    same = resize(image, 4, 4)
    same[:] = 9
    assert image.max() == 200
    assert fit_within(image, 2).shape == (2, 2, 3)
    assert fit_within(image, 50) is image
    with pytest.raises(InputError, match="at least 1 x 1"):
        resize(image, 0, 3)
    assert resize(image[..., 0], 2, 2).tolist() == [[100, 100], [100, 100]]
    with pytest.raises(InputError, match="16-bit samples to 8 bit"):
        resize(image.astype(np.uint16), 2, 2)


def test_names_are_no_modules():
    """A submodule of the same name would hide the function as soon as it is imported."""
    modules = {module.name for module in pkgutil.iter_modules(eyebright.imaging.__path__)}
    assert not modules & set(eyebright.imaging.__all__)


@given(st.integers(0, 9), st.integers(0, 7), st.integers(1, 30), st.integers(1, 30))
def test_crop_is_a_part_of_the_picture(x, y, width, height):
    image = np.arange(8 * 10 * 3, dtype=np.uint8).reshape(8, 10, 3)
    np.testing.assert_array_equal(crop(image, (x, y, x + width, y + height)), image[y : y + height, x : x + width])


@pytest.mark.parametrize("box", [(3, 3, 3, 5), (5, 0, 2, 4), (50, 0, 60, 5), (0, 0, np.inf, 4), (1, 2, 3)])
def test_crops_outside_are_refused(box):
    with pytest.raises(QueryError, match="crop"):
        crop(np.zeros((8, 10, 3), np.uint8), box)
