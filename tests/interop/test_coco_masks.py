"""COCO's run lengths, held to pycocotools."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as oracle

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Masks
from eyebright.interop import Annotations, annotated, read_coco, write_coco
from eyebright.interop.coco_masks import pack_mask, unpack_mask


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.floats(0, 1))
def test_masks_are_packed_as_pycocotools_packs_them(seed, height, width, density):
    dense = np.random.default_rng(seed).random((height, width)) < density
    masks = Masks.from_dense(dense[None])
    packed = pack_mask(masks.crops[0], tuple(masks.origins[0].tolist()), (height, width))
    theirs = oracle.encode(np.asfortranarray(dense.astype(np.uint8)))
    assert packed == {"size": [height, width], "counts": theirs["counts"].decode()}
    crop, (x, y) = unpack_mask(packed, (height, width), "here")
    whole = np.zeros_like(dense)
    whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(whole, dense)


def test_polygons_and_plain_runs_are_read():
    polygons = [[2, 2, 10, 2, 10, 8, 2, 8], [12.5, 1, 15, 1, 15, 6]]
    crop, (x, y) = unpack_mask(polygons, (12, 20), "here")
    theirs = oracle.decode(oracle.merge(oracle.frPyObjects(polygons, 12, 20))).astype(bool)
    np.testing.assert_array_equal(theirs[y : y + crop.shape[0], x : x + crop.shape[1]], crop)
    assert theirs.sum() == crop.sum()
    crop, at = unpack_mask({"size": [3, 4], "counts": [4, 2, 6]}, (3, 4), "here")
    assert (crop.tolist(), at) == ([[True], [True]], (1, 1))
    assert unpack_mask({"size": [3, 4], "counts": [12]}, (3, 4), "here")[0].shape == (0, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "expected a segmentation"),
        ({"size": [4, 3], "counts": [12]}, "of size \\[3, 4\\]"),
        ({"size": [3, 4], "counts": [5]}, "sum to 3 x 4"),
        ({"size": [3, 4], "counts": [-1, 13]}, "sum to 3 x 4"),
        ({"size": [3, 4], "counts": "\x00"}, "cannot read the run lengths"),
        ({"size": [3, 4], "counts": "o"}, "cannot read the run lengths"),
        ({"size": [3, 4], "counts": ["x"]}, "cannot read the run lengths"),
        ([], "at least three points"),
        ([[1, 2, 3, 4]], "at least three points"),
        ([[1, 2, 3, 4, 5, float("nan")]], "all finite"),
        ([5], "lists of x, y"),
    ],
)
def test_what_is_no_mask_is_told_in_one_line(given, message):
    with pytest.raises(InputError, match=f"here: .*{message}"):
        unpack_mask(given, (3, 4), "here")


def test_a_data_set_keeps_its_masks(tmp_path):
    dense = np.zeros((2, 9, 11), bool)
    dense[0, 2:5, 3:7], dense[1, 0, 0] = True, True
    objects = Detections([[3, 2, 7, 5], [0, 0, 1, 1]], [0.5, 1], [0, 0], Masks.from_dense(dense))
    path = tmp_path / "set.json"
    write_coco(path, Annotations(("thing",), (annotated("a.png", (9, 11), objects),)))
    [image] = read_coco(path, masks=True).images
    np.testing.assert_array_equal(image.objects.masks.dense(), dense)
    assert read_coco(path).images[0].objects.masks is None
    data = json.loads(path.read_text())
    del data["annotations"][0]["segmentation"]
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match="annotation 1: expected a segmentation"):
        read_coco(path, masks=True)
