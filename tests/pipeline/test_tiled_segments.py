"""Class maps and masks of large pictures, tile by tile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Masks
from eyebright.models import SemanticMap
from eyebright.pipeline import TiledDetector, TiledSegmenter


class ByPixel:
    """Each pixel's class is its red; what lies within `blind` pixels of an edge of the view is called 99."""

    def __init__(self, blind: int = 0, most: int = 0) -> None:
        self.blind, self.most, self.largest = blind, most, 0

    def segment(self, images):
        out = []
        for image in images:
            self.largest = max(self.largest, *image.shape[:2])
            ids = image[:, :, 0].astype(np.int64) + self.most
            if self.blind:
                edge = np.ones(ids.shape, bool)
                edge[self.blind : -self.blind, self.blind : -self.blind] = False
                ids[edge] = 99
            out.append(SemanticMap(ids, ("ground", "cat")))
        return out


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 150), st.integers(1, 150), st.integers(16, 64), st.sampled_from([0, 0.2, 0.5])
)
def test_tiling_changes_nothing_of_what_a_pixel_alone_decides(seed, height, width, side, overlap):
    image = np.random.default_rng(seed).integers(0, 5, (height, width, 3)).astype(np.uint8)
    inner = ByPixel()
    [found] = TiledSegmenter(inner, side=side, overlap=overlap).segment([image])
    np.testing.assert_array_equal(found.class_ids, image[:, :, 0])
    assert found.labels == ("ground", "cat")
    assert inner.largest <= side


def test_nothing_is_decided_near_the_edge_of_a_tile():
    """Tiles of 100 share 20 pixels: ten on either side of a seam are decided by the tile that has them further in."""
    image = np.zeros((250, 330, 3), np.uint8)
    [found] = TiledSegmenter(ByPixel(blind=9), side=100, overlap=0.2).segment([image])
    assert (found.class_ids[9:-9, 9:-9] == 0).all()
    assert found.class_ids.dtype == np.uint8


def test_numbers_beyond_a_byte_are_kept_and_odd_calls_are_sound():
    image = np.zeros((40, 50, 3), np.uint8)
    [found] = TiledSegmenter(ByPixel(most=700), side=16).segment([image])
    assert (found.class_ids == 700).all()
    assert found.parts() == {"class 700": 1}
    assert TiledSegmenter(ByPixel(), side=16).segment([]) == []
    for options in ({"side": 8}, {"overlap": 0.6}):
        with pytest.raises(InputError, match="tiles: expected"):
            TiledSegmenter(ByPixel(), **options)


def test_masks_of_an_object_that_every_view_cuts_are_joined():
    class Bright:
        """Finds the bright part of a view, as one object with its mask."""

        def predict(self, images):
            out = []
            for image in images:
                mask = image[:, :, 0] > 100
                if not mask.any():
                    out.append(Detections.empty())
                    continue
                masks = Masks.from_dense(mask[None])
                (x, y), (height, width) = masks.origins[0].tolist(), masks.crops[0].shape
                out.append(Detections([[x, y, x + width, y + height]], [0.9], [0], masks))
            return out

    image = np.zeros((128, 400, 3), np.uint8)
    image[50:70, 20:390] = 255
    image[60:65, 100:300] = 0  # a hole that crosses the seams
    [found] = TiledDetector(Bright(), side=128, overlap=0.2, whole=False).predict([image])
    np.testing.assert_array_equal(found.xyxy, [[20, 50, 390, 70]])
    np.testing.assert_array_equal(found.masks.dense()[0], image[:, :, 0] > 100)
