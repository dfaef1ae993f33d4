"""Pictures to tensors, held to plain twins."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from eyebright.core.errors import InputError
from eyebright.models import ModelCard, Preprocessor, get_card

CARD = get_card("efficientnet_lite0")
sizes = st.tuples(st.integers(1, 400), st.integers(1, 400))


def noise(size: tuple[int, int], seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def whole_then_crop(image: Any, size: int, edge: int) -> Any:
    """The torch world's evaluation transform, plainly: shorter side to `edge`, then the centre."""
    height, width = image.shape[:2]
    new = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    # two calls, as Pillow 13 does not always begin with the same axis
    across = Image.fromarray(image).resize((new[0], height), Image.Resampling.BICUBIC)
    whole = across.resize(new, Image.Resampling.BICUBIC)
    left, top = round((new[0] - size) / 2), round((new[1] - size) / 2)
    return np.asarray(whole.crop((left, top, left + size, top + size)))


@settings(deadline=None, max_examples=60)
@given(size=st.tuples(st.integers(150, 700), st.integers(150, 700)))
def test_the_fast_crop_is_the_plain_one_to_the_bit(size: tuple[int, int]) -> None:
    assume(max(size) < 3.4 * min(size))
    image = noise(size)
    np.testing.assert_array_equal(Preprocessor.from_card(CARD).resize(image), whole_then_crop(image, 224, 256))


@pytest.mark.parametrize("size", [(30, 500), (500, 30)])
def test_a_very_long_picture_is_nearly_the_plain_one(size: tuple[int, int]) -> None:
    image = cv2.GaussianBlur(noise(size), (9, 9), 0)
    ours = Preprocessor.from_card(CARD).resize(image).astype(int)
    assert np.abs(ours - whole_then_crop(image, 224, 256)).max() <= 2


@settings(deadline=None, max_examples=40)
@given(size=sizes, resize=st.sampled_from(["crop", "squash", "letterbox"]), target=sizes)
def test_any_size_gives_the_card_s_shape(size: tuple[int, int], resize: Any, target: tuple[int, int]) -> None:
    image = noise(size)
    before = image.copy()
    tensor = Preprocessor.from_card(dataclasses.replace(CARD, resize=resize), size=target)([image])
    assert tensor.shape == (1, 3, *target)
    assert tensor.dtype == np.float32
    assert -1 <= tensor.min() <= tensor.max() <= 1.0001
    np.testing.assert_array_equal(image, before)


def test_a_line_of_a_million_pixels_needs_little_memory() -> None:
    image = np.zeros((1, 1_000_000, 3), np.uint8)
    assert Preprocessor.from_card(CARD)([image]).shape == (1, 3, 224, 224)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_the_tensor_is_scaled_shifted_divided_ordered(layout: Any, colour: Any) -> None:
    card = ModelCard(
        name="toy", task="pose", source="file", input_size=(5, 7), resize="squash", layout=layout, colour=colour,
        scale=0.5, mean=(1, 2, 3), std=(4, 5, 6),
    )  # fmt: skip
    image = noise((5, 7))
    want = image.astype(np.float64) if colour == "rgb" else image[:, :, ::-1].astype(np.float64)
    want = (want * 0.5 - np.array([1, 2, 3])) / np.array([4, 5, 6])
    got = Preprocessor.from_card(card)([image])[0]
    np.testing.assert_allclose(got if layout == "nhwc" else got.transpose(1, 2, 0), want, atol=1e-5)


def test_letterbox_keeps_the_aspect_pads_and_knows_the_way_back() -> None:
    card = get_card("yolox_s")
    image = noise((240, 480))
    seen = Preprocessor.from_card(card).resize(image)
    np.testing.assert_array_equal(seen[:320], cv2.resize(image, (640, 320), interpolation=cv2.INTER_LINEAR))
    assert (seen[320:] == 114).all()
    middle = Preprocessor.from_card(get_card("nanodet"))
    placed = middle.placement(240, 480)
    assert placed.offset == (104, 0)
    np.testing.assert_allclose(placed.points_to_source([[0, 104], [416, 312]]), [[0, 0], [480, 240]])


@settings(deadline=None, max_examples=40)
@given(size=st.tuples(st.integers(50, 400), st.integers(50, 400)), resize=st.sampled_from(["crop", "squash"]))
def test_placement_tells_where_a_spot_went(size: tuple[int, int], resize: Any) -> None:
    height, width = size
    image = np.zeros((height, width, 3), np.uint8)
    y, x = height // 2, width // 2
    image[y - 8 : y + 8, x - 8 : x + 8] = 255
    processor = Preprocessor.from_card(dataclasses.replace(CARD, resize=resize))
    seen = processor.resize(image)[:, :, 0].astype(float)
    rows, columns = np.mgrid[: seen.shape[0], : seen.shape[1]] + 0.5
    spot = [(seen * columns).sum() / seen.sum(), (seen * rows).sum() / seen.sum()]
    np.testing.assert_allclose(processor.placement(height, width).points_to_canvas([x, y]), spot, atol=0.6)


def test_what_is_no_picture_is_refused() -> None:
    processor = Preprocessor.from_card(CARD)
    assert processor([]).shape == (0, 3, 224, 224)
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8), None):
        with pytest.raises(InputError, match="efficientnet_lite0: image 1"):
            processor([noise((4, 4)), wrong])
    with pytest.raises(InputError, match=r"expected a list of pictures, got one picture; write \[image\]"):
        processor(noise((4, 4)))
    with pytest.raises(InputError, match="positive height and width"):
        Preprocessor.from_card(CARD, size=(0, 4))
