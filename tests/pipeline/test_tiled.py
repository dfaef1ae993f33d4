"""Tiles: whole objects once each, whatever the seams."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.core.protocols import Detector
from eyebright.core.types import Detections, Masks
from eyebright.pipeline import TiledDetector
from eyebright.pipeline.tiled import merge


class Blobs:
    """Finds every bright rectangle, or the part of it that is in view, as a perfect detector would."""

    def __init__(self, *, largest: int = 10_000, masks: bool = False) -> None:
        self.largest, self.masks, self.looked = largest, masks, 0

    def predict(self, images):
        self.looked += len(images)
        return [self.one(image) for image in images]

    def one(self, image):
        if max(image.shape[:2]) > self.largest:
            return Detections.empty()  # small objects are lost in large pictures
        count, labels, stats, _ = cv2.connectedComponentsWithStats((image[:, :, 0] > 128).astype(np.uint8))
        x, y, w, h = stats[1:, :4].T
        boxes = np.stack([x, y, x + w, y + h], axis=1)
        masks = None
        if self.masks:
            masks = Masks.from_dense(np.array([labels == row for row in range(1, count)]).reshape(-1, *image.shape[:2]))
        return Detections(boxes, np.full(count - 1, 0.9), np.zeros(count - 1, np.int64), masks)


def scene(seed, count, size, largest):
    random = np.random.default_rng(seed)
    image, boxes = np.zeros((*size, 3), np.uint8), []
    for _ in range(count * 4):
        w, h = random.integers(4, largest + 1, 2)
        x, y = random.integers(0, size[1] - w), random.integers(0, size[0] - h)
        if len(boxes) < count and not image[max(y - 3, 0) : y + h + 3, max(x - 3, 0) : x + w + 3].any():
            image[y : y + h, x : x + w] = 255
            boxes.append([x, y, x + w, y + h])
    return image, np.array(sorted(boxes), dtype=np.float32).reshape(-1, 4)


@given(st.integers(0, 10_000), st.integers(0, 25), st.sampled_from([(200, 300), (129, 500), (257, 257)]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_tiling_a_picture_of_whole_objects_changes_nothing(seed, count, size, whole):
    """Objects narrower than the overlap are whole in some tile."""
    image, boxes = scene(seed, count, size, 24)
    [found] = TiledDetector(Blobs(largest=128), side=128, overlap=0.2, whole=whole).predict([image])
    np.testing.assert_array_equal(np.reshape(sorted(found.xyxy.tolist()), (-1, 4)), boxes)


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_large_objects_are_whole_in_the_whole_picture(seed, count):
    image, boxes = scene(seed, count, (300, 400), 200)
    [found] = TiledDetector(Blobs(), side=128, overlap=0.2).predict([image])
    np.testing.assert_array_equal(np.reshape(sorted(found.xyxy.tolist()), (-1, 4)), boxes)


class Overconfident(Blobs):
    """Surer of its boxes the less it sees, and puts them too tight."""

    def one(self, image):
        found = super().one(image)
        if max(image.shape[:2]) > 128:
            return found
        return Detections(found.xyxy + np.float32([2, 2, -2, -2]), found.confidence + 0.05, found.class_id)


@pytest.mark.parametrize(("side", "inset"), [(110, 0), (20, 2)])
def test_what_the_whole_picture_shows_well_is_taken_from_there(side, inset):
    """In 300 pixels an object of 110 is 47 pixels of a tile of 128, which is large; one of 20 is 9."""
    image = np.zeros((300, 300, 3), np.uint8)
    image[105 : 105 + side, 105 : 105 + side] = 255
    [found] = TiledDetector(Overconfident(), side=128, overlap=0.5).predict([image])
    np.testing.assert_array_equal(found.xyxy, [[105 + inset] * 2 + [105 + side - inset] * 2])


def test_what_every_view_cuts_is_joined_along_the_seam():
    image = np.zeros((128, 400, 3), np.uint8)
    image[50:70, 20:390] = 255
    [found] = TiledDetector(Blobs(), side=128, overlap=0.2, whole=False).predict([image])
    np.testing.assert_array_equal(found.xyxy, [[20, 50, 390, 70]])


def test_masks_keep_their_place():
    image, _ = scene(3, 6, (200, 300), 24)
    [found] = TiledDetector(Blobs(masks=True), side=128).predict([image])
    assert found.masks.size == (200, 300)
    np.testing.assert_array_equal(found.masks.dense().any(axis=0), image[:, :, 0] > 0)


def test_small_pictures_are_looked_at_once_and_none_gives_none():
    inner = Blobs()
    tiled = TiledDetector(inner, side=640)
    assert isinstance(tiled, Detector)
    assert len(tiled.predict([np.zeros((300, 640, 3), np.uint8)])[0]) == 0
    assert inner.looked == 1
    assert tiled.predict([]) == []
    [nothing] = TiledDetector(inner, side=64).predict([np.zeros((200, 200, 3), np.uint8)])
    assert len(nothing) == 0


def test_wrong_options_are_refused():
    for options in ({"side": 8}, {"overlap": 0.6}, {"overlap": -0.1}, {"iou_threshold": 1.5}):
        with pytest.raises(InputError, match="tiles: expected"):
            TiledDetector(Blobs(), **options)


class Short(Blobs):
    """Ends its boxes a little before an edge that cuts the object, as networks do."""

    def one(self, image):
        found = super().one(image)
        height, width = image.shape[:2]
        boxes = np.clip(found.xyxy, 2, [width - 2, height - 2, width - 2, height - 2])
        return Detections(boxes, found.confidence, found.class_id)


def test_a_part_that_ends_before_the_edge_is_no_object_of_its_own():
    image = np.zeros((300, 400, 3), np.uint8)
    image[40:260, 60:330] = 255
    [found] = TiledDetector(Short(), side=128, overlap=0.2).predict([image])
    np.testing.assert_array_equal(found.xyxy, [[60, 40, 330, 260]])


def test_neighbours_near_a_seam_are_not_joined():
    """Both are whole, each in another tile, and come near its edge; their boxes overlap by a little."""
    boxes = np.array([[80, 40, 126, 90], [122, 40, 160, 90]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.8]), np.zeros(2, np.int64))
    near, none = np.ones(2, bool), np.zeros(2, bool)
    kept = merge(found, none, np.arange(2), doubtful=near)
    np.testing.assert_array_equal(kept.xyxy, boxes)
