"""Segmentation without a model: GrabCut in boxes, superpixels, watershed, things that touch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from eyebright.core.errors import InputError
from eyebright.core.types import Detections
from eyebright.imaging import cut_out, separate, slic, watershed_regions

Y, X = np.mgrid[:120, :160]
LEFT, RIGHT = (np.hypot(Y - 60, X - middle) < 26 for middle in (52, 98))  # two discs that overlap a little


def blobs() -> np.ndarray:
    picture = np.random.default_rng(0).normal(60, 6, (120, 160, 3))
    picture[LEFT] += (120, 20, 0)
    picture[RIGHT] += (120, 20, 0)
    return picture.clip(0, 255).astype(np.uint8)


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_objects_are_cut_out_of_their_boxes_even_side_by_side():
    boxes = Detections([[26, 34, 78, 86], [73, 34, 125, 86]], [0.9, 0.8], [3, 4])
    found = cut_out(blobs(), boxes)
    assert overlap(found.masks.dense()[0], LEFT) > 0.9
    assert overlap(found.masks.dense()[1], RIGHT) > 0.9
    np.testing.assert_array_equal(found.xyxy, boxes.xyxy)
    assert found.class_id.tolist() == [3, 4]
    large = cut_out(blobs().repeat(4, 0).repeat(4, 1), boxes.xyxy * 4, side=100)  # shrunk and brought back
    assert overlap(large.masks.dense()[0], LEFT.repeat(4, 0).repeat(4, 1)) > 0.85
    np.testing.assert_array_equal(found.masks.dense(), cut_out(blobs(), boxes).masks.dense())


def test_odd_boxes_give_sound_masks():
    boxes = [
        [-50, -50, -10, -10],
        [10, 10, 10, 40],
        [40, 40, 30, 30],
        [-30, -30, 40, 50],
        [5, 5, 7, 7],
        [0, 0, 160, 120],
    ]
    found = cut_out(blobs(), boxes)
    assert [int(area) for area in found.masks.areas()[:3]] == [0, 0, 0]
    assert found.masks.areas()[4] == 4  # too small to be looked at: all of it
    assert found.masks.areas()[5] == 160 * 120  # nothing around it
    assert len(cut_out(blobs(), np.zeros((0, 4)))) == 0
    with pytest.raises(InputError, match="finite boxes"):
        cut_out(blobs(), [[0, 0, np.nan, 5]])
    with pytest.raises(InputError, match="iterations from 1"):
        cut_out(blobs(), [[0, 0, 5, 5]], iterations=0)
    with pytest.raises(InputError, match="RGB uint8"):
        cut_out(blobs()[:, :, 0], [[0, 0, 5, 5]])


@pytest.mark.parametrize("tool", [slic, watershed_regions])
@pytest.mark.parametrize("colour", [True, False])
def test_regions_fill_the_picture_are_whole_and_follow_edges(tool, colour):
    picture = blobs() if colour else blobs()[:, :, 0]
    labels = tool(picture, count=60)
    assert labels.shape == (120, 160)
    count = labels.max() + 1
    assert 30 <= count <= 90
    assert np.unique(labels).tolist() == list(range(count))
    assert all(label(labels == number)[1] == 1 for number in range(count))
    # each region lies in the things or in the ground, but for a thin rim
    things = LEFT | RIGHT
    mostly = np.array([things[labels == number].mean() for number in range(count)])
    assert overlap(mostly[labels] > 0.5, things) > 0.9
    with pytest.raises(InputError, match="count from 1"):
        tool(picture, count=0)


def test_things_that_touch_are_told_apart():
    found = separate(LEFT | RIGHT, depth=2)
    assert len(found) == 2
    order = np.argsort(found.xyxy[:, 0])
    assert overlap(found.masks.dense()[order[0]], LEFT) > 0.9
    assert overlap(found.masks.dense()[order[1]], RIGHT) > 0.9
    assert len(separate(LEFT | RIGHT, depth=20)) == 1  # no neck is that deep
    assert len(separate(np.zeros((9, 9), bool))) == 0
    with pytest.raises(InputError, match="a mask bool"):
        separate(np.zeros((9, 9)))
    with pytest.raises(InputError, match="depth above 0"):
        separate(LEFT, depth=0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.3, 0.9), st.floats(0.5, 4))
def test_separated_things_are_the_mask_and_nothing_twice(seed, density, depth):
    mask = np.random.default_rng(seed).random((15, 20)) < density
    found = separate(mask, smallest=1, depth=depth)
    total = found.masks.dense().sum(axis=0) if len(found) else np.zeros(mask.shape, int)
    np.testing.assert_array_equal(total, mask)
