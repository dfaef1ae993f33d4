"""What is left between a photo and its reference as that photo would show it."""

import cv2
import numpy as np
import pytest

from eyebright.authenticity import compare, draw_pack, recapture
from eyebright.authenticity._counterfeits import FORGERIES, Original
from eyebright.authenticity._places import odd_places


@pytest.fixture(scope="module")
def original():
    pack = draw_pack(3, side=800)
    return Original(pack.image, pack.logo, pack.lines)


def seen(original, image, seed):
    """Return what is odd on a picture that is photographed with a known camera."""
    photo, matrix = recapture(image, np.random.default_rng(seed), degrees=12)
    return odd_places(original.image, photo, np.linalg.inv(matrix))


@pytest.fixture(scope="module")
def genuine(original):
    return seen(original, original.image, 4)


@pytest.mark.parametrize("kind", ["letter", "font", "moved", "swapped", "missing", "wrong_code"])
def test_what_was_printed_otherwise_is_the_oddest_place(original, genuine, kind):
    image, ((x1, y1, x2, y2),) = FORGERIES[kind](original, np.random.default_rng(1))
    fake = seen(original, image, 4)
    assert fake.worst > genuine.worst + 0.3
    y, x = np.unravel_index(int(fake.odd.argmax()), fake.odd.shape)
    assert x1 - 13 <= x <= x2 + 13
    assert y1 - 13 <= y <= y2 + 13


def told(original, image, seed):
    photo, _ = recapture(image, np.random.default_rng(seed), degrees=12)
    found = compare(original.image, photo)
    return found.reference_regions


def test_a_genuine_photo_has_few_places_that_differ(original):
    assert len(told(original, original.image, 4)) <= 3


@pytest.mark.parametrize("kind", ["moved", "swapped", "missing"])
def test_the_strongest_place_that_differs_is_the_one_that_was_changed(original, kind):
    image, ((x1, y1, x2, y2),) = FORGERIES[kind](original, np.random.default_rng(1))
    first, *others = told(original, image, 4)
    a, b, c, d = first.box
    assert x1 - 13 <= (a + c) / 2 <= x2 + 13
    assert y1 - 13 <= (b + d) / 2 <= y2 + 13
    assert len(others) <= 5


def test_light_that_was_added_is_glare_and_not_odd(original):
    ys, xs = np.mgrid[: original.image.shape[0], : original.image.shape[1]]
    blob = 110 * np.exp(-((xs - 400) ** 2 + (ys - 250) ** 2) / (2 * 40.0**2))
    lit = np.clip(0.85 * original.image + blob[..., None], 0, 255).astype(np.uint8)
    plain, found = (odd_places(original.image, x, np.eye(3)) for x in (original.image, lit))
    assert found.glare[250, 400]
    assert found.glare.mean() < 0.1
    assert found.worst < 1.6
    assert not plain.glare[250, 400]


def test_the_middle_of_a_large_reflection_is_glare_and_a_white_print_is_not():
    paper = np.full((500, 700, 3), (150, 140, 160), np.uint8)
    cv2.putText(paper, "NORTHERN OATS", (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 2.2, (40, 30, 90), 6)
    cv2.putText(paper, "whole grain", (60, 440), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (40, 30, 90), 4)
    ys, xs = np.mgrid[:500, :700]
    blob = 400 * np.exp(-((xs - 400) ** 2 + (ys - 280) ** 2) / (2 * 45.0**2))
    lit = np.clip(paper + blob[..., None], 0, 255).astype(np.uint8)
    middle = np.s_[270:290, 390:410]  # 40 pixels and more from anything that the camera held
    assert odd_places(paper, lit, np.eye(3)).glare[middle].all()
    printed = paper.copy()
    cv2.circle(printed, (400, 280), 60, (255, 255, 255), -1)
    found = odd_places(paper, printed, np.eye(3))
    assert not found.glare[middle].any()
    assert found.worst > 1.0
    told, reflected = (compare(paper, x).features["largest"] for x in (printed, lit))
    assert told > -2.0
    assert reflected < -3.0


def test_a_bulge_is_taken_up_and_a_slope_of_light_too(original):
    height, width = original.image.shape[:2]
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    bulge = 6 * ((xs / width - 0.5) ** 2 * 4 - 1)
    bent = cv2.remap(original.image, xs + bulge, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lit = np.clip(bent * (0.7 + 0.3 * xs / width)[..., None], 0, 255).astype(np.uint8)
    assert odd_places(original.image, lit, np.eye(3)).worst < 1.5


def test_little_to_see_is_nothing_odd():
    flat = np.full((200, 200, 3), 90, np.uint8)
    assert odd_places(flat, flat, np.eye(3)).odd.max() < 1
    small = np.zeros((30, 30, 3), np.uint8)
    assert odd_places(small, small, np.eye(3)).odd.max() == 0
    away = np.array([[1.0, 0, 5000], [0, 1, 0], [0, 0, 1]])
    assert odd_places(flat, flat, away).odd.max() == 0


def test_lines_of_one_direction_fix_no_bend_and_are_no_error():
    lines = np.full((200, 300, 3), 230, np.uint8)
    lines[:, ::20] = lines[:, 1::20] = 20  # exactly upright: the slopes downwards are all 0
    with np.errstate(invalid="raise", divide="raise"):
        found = odd_places(lines, np.roll(lines, 1, axis=0), np.eye(3))
    assert found.odd.max() < 1
