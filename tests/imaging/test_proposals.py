"""Selective search and sliding windows: what they reach, and the laws of merging."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.imaging import selective_search, sliding_windows
from eyebright.imaging._region_merging import directions, merge, regions_of
from eyebright.interop import read_voc
from eyebright.media import read_image
from eyebright.metrics import proposal_recall
from eyebright.ops import iou

ALL = ("colour", "texture", "size", "fill")
OBJECTS = np.array([[20, 30, 80, 70], [110, 20, 150, 100], [30, 100, 60, 130]], np.float32)


def scene() -> np.ndarray:
    """Three things on a ground; the last is of two colours, which only merging joins."""
    picture = np.full((140, 180, 3), (90, 120, 90), np.uint8)
    for (left, top, right, bottom), colour in zip(
        OBJECTS.astype(int), [(220, 60, 50), (40, 60, 200), (240, 230, 60)], strict=True
    ):
        picture[top:bottom, left:right] = colour
    picture[115:130, 30:60] = (200, 190, 30)
    return picture


def test_things_are_proposed_tightly_and_the_whole_picture_too():
    boxes = selective_search(scene())
    assert boxes.dtype == np.float32
    assert (iou(OBJECTS, boxes).max(axis=1) > 0.9).all()
    assert iou([[0, 0, 180, 140]], boxes).max() == 1
    assert len(np.unique(boxes, axis=0)) == len(boxes)
    np.testing.assert_array_equal(boxes, selective_search(scene()))  # the same seed, the same ranks
    assert len(selective_search(scene(), count=3)) == 3
    np.testing.assert_array_equal(selective_search(scene(), count=3), boxes[:3])


def test_large_pictures_are_shrunk_and_boxes_brought_back():
    large = scene().repeat(5, axis=0).repeat(5, axis=1)
    boxes = selective_search(large, side=200)
    assert (iou(OBJECTS * 5, boxes).max(axis=1) > 0.85).all()
    assert boxes.max() == 900


def test_more_segmentations_give_more_boxes():
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    picture = picture.repeat(2, axis=0).repeat(2, axis=1)
    one, few, many = (len(selective_search(picture, mode=mode, count=10**6)) for mode in ("single", "fast", "quality"))
    assert one < few < many


def plain_merge(regions, measures):
    """The same greedy merging on sets, with the best pair looked for among all of them each time."""
    parts = [getattr(regions, name) for name in ("colour", "texture") if name in measures]
    histograms = list(np.concatenate(parts, axis=1)) if parts else [np.zeros(1)] * len(regions.sizes)
    sizes, boxes = list(regions.sizes), [tuple(box) for box in regions.boxes]
    near = {frozenset(pair) for pair in regions.pairs.tolist()}

    def around(a, b):
        (al, at, ar, ab), (bl, bt, br, bb) = boxes[a], boxes[b]
        return min(al, bl), min(at, bt), max(ar, br), max(ab, bb)

    def likeness(pair):
        a, b = sorted(pair)
        left, top, right, bottom = around(a, b)
        value = float(np.minimum(histograms[a], histograms[b]).sum(dtype=np.float64))
        value += (1 - (sizes[a] + sizes[b]) / regions.area) * ("size" in measures)
        return value + (1 - ((right - left) * (bottom - top) - sizes[a] - sizes[b]) / regions.area) * (
            "fill" in measures
        )

    while near:
        best = min(near, key=lambda pair: (-likeness(pair), *sorted(pair)))
        a, b = sorted(best)
        boxes.append(around(a, b))
        sizes.append(sizes[a] + sizes[b])
        histograms.append(((histograms[a] * sizes[a] + histograms[b] * sizes[b]) / sizes[-1]).astype(np.float32))
        new = len(sizes) - 1
        near = {frozenset(new if x in best else x for x in pair) for pair in near} - {frozenset([new])}
    return np.array(boxes)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), measures=st.sampled_from([ALL, ALL[1:], ("fill",), ("size",), ("colour",)]))
def test_merging_equals_its_plain_twin(seed, measures):
    random = np.random.default_rng(seed)
    labels = np.unique(random.integers(0, 30, (6, 7)), return_inverse=True)[1].reshape(6, 7)
    labels = labels.repeat(3, axis=0).repeat(3, axis=1)
    planes = random.integers(0, 256, (18, 21, 3)).astype(np.uint8)
    regions = regions_of(labels, planes, directions(planes))
    assert regions.sizes.sum() == regions.area == 18 * 21
    np.testing.assert_allclose(regions.colour.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(regions.texture.sum(axis=1), 1, rtol=1e-5)
    merged, plain = merge(regions, measures), plain_merge(regions, measures)
    assert len(merged) == len(plain) == 2 * len(regions.sizes) - 1
    assert merged[-1].tolist() == plain[-1].tolist() == [0, 0, 21, 18]
    np.testing.assert_array_equal(merged, plain)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 300), width=st.integers(1, 300), count=st.integers(1, 400), smallest=st.floats(8, 200)
)  # fmt: skip
def test_windows_stay_inside_and_are_no_more_than_asked_for(height, width, count, smallest):
    windows = sliding_windows((height, width), count=count, smallest=smallest)
    assert 1 <= len(windows) <= count
    assert (windows[:, :2] >= 0).all()
    assert (windows[:, 2:] <= [width, height]).all()
    assert (windows[:, 2:] > windows[:, :2]).all()


@pytest.mark.parametrize("wrong", [{"mode": "best"}, {"count": 0}, {"side": 0}])
def test_wrong_numbers_of_selective_search_are_refused(wrong):
    with pytest.raises(InputError, match="expected mode single, fast or quality"):
        selective_search(scene(), **wrong)


@pytest.mark.parametrize("wrong", [{"size": (0, 5)}, {"step": 1.0}, {"aspects": ()}, {"smallest": 0}, {"count": 0}])
def test_wrong_numbers_of_windows_are_refused(wrong):
    with pytest.raises(InputError, match="sliding windows: expected size and count from 1"):
        sliding_windows(**{"size": (40, 50), **wrong})


@pytest.mark.data
def test_blood_cells_are_reached_and_windows_reach_fewer(data_dir):
    truth = read_voc(data_dir / "bccd", subset="val")
    chosen = truth.images[::44]
    pictures = [read_image(data_dir / "bccd" / "JPEGImages" / image.name) for image in chosen]
    objects = [image.objects.xyxy for image in chosen]
    found = proposal_recall(objects, [selective_search(picture, side=400) for picture in pictures])
    grid = proposal_recall(objects, [sliding_windows(picture.shape[:2]) for picture in pictures])
    assert found["recall"]["2000"] >= 0.85
    assert found["recall"]["2000"] > grid["recall"]["2000"] + 0.1
