"""The tones of a photo, and light that is no evidence: a lamp's reflection, haze, exposure."""

import cv2
import numpy as np
import pytest

from eyebright.authenticity import compare, draw_pack, recapture
from eyebright.authenticity._counterfeits import FORGERIES, Original
from eyebright.imaging import even_light


@pytest.fixture(scope="module")
def pack():
    return draw_pack(3, side=800)


def features(pack, image, seed, after=None):
    photo, _ = recapture(image, np.random.default_rng(seed), degrees=12)
    found = compare(pack.image, photo if after is None else after(photo))
    assert found is not None
    assert found.sound
    return found.features


def lamp(photo):
    """Reflect a lamp over the middle of a photo."""
    height, width = photo.shape[:2]
    ys, xs = np.mgrid[:height, :width]
    light = 150 * np.exp(-((xs - 0.5 * width) ** 2 + (ys - 0.45 * height) ** 2) / (2 * (0.07 * width) ** 2))
    return np.clip(photo + light[..., None], 0, 255).astype(np.uint8)


def test_a_reprint_bends_the_tones_and_a_photo_does_not(pack):
    original = Original(pack.image, pack.logo, pack.lines)
    plain = [features(pack, pack.image, seed)["tone"] for seed in range(4)]
    copies = [
        features(pack, FORGERIES["rescan"](original, np.random.default_rng(seed))[0], seed)["tone"] for seed in range(4)
    ]
    assert min(copies) > max(plain) + 0.3


def test_a_curve_of_the_tones_is_found_and_a_gain_is_none(pack):
    usual = features(pack, pack.image, 1)["tone"]

    def darker(photo):
        return (0.7 * photo).astype(np.uint8)

    def bent(photo):
        return (255 * (photo / 255.0) ** 1.6).astype(np.uint8)

    assert abs(features(pack, pack.image, 1, darker)["tone"] - usual) < 0.4
    assert features(pack, pack.image, 1, bent)["tone"] > usual + 1


def test_a_reflected_lamp_is_no_colour(pack):
    original = Original(pack.image, pack.logo, pack.lines)
    clean = features(pack, pack.image, 2)["colour"]
    lit = features(pack, pack.image, 2, lamp)["colour"]
    fake = features(pack, FORGERIES["recolour"](original, np.random.default_rng(0))[0], 2, lamp)["colour"]
    assert lit < clean + 0.25 * (fake - clean)


def test_where_many_keypoints_agree_a_blurred_lit_photo_is_still_laid_over(pack):
    photo, _ = recapture(pack.image, np.random.default_rng(2), degrees=12)
    found = compare(pack.image, lamp(lamp(cv2.GaussianBlur(photo, (0, 0), 1.2))))
    assert found is not None
    assert found.registration.inliers > 120
    assert found.sound


def test_a_picture_of_one_tone_has_no_curve():
    reference = np.zeros((200, 300, 3), np.uint8)
    reference[40:60, 40:60] = reference[120:150, 200:230] = reference[90:110, 130:170] = 255
    found = compare(reference, reference)
    assert found is not None
    assert found.features["tone"] == pytest.approx(np.log(0.3), abs=0.01)


def test_haze_is_taken_out_and_light_on_dark_print_is_no_haze():
    rng = np.random.default_rng(0)
    reference = np.full((300, 400, 3), (235, 235, 120), np.uint8)
    reference[:60] = (41, 71, 140)  # a dark band
    for _ in range(60):  # dark print below, where the lamp will be
        x, y = rng.integers(10, 120), rng.integers(200, 280)
        reference[y : y + 8, x : x + 8] = 10
    band = np.s_[10:50, 20:380]
    hazy = np.clip(0.8 * reference + 30, 0, 255).astype(np.uint8)
    assert np.abs(even_light(hazy, reference)[band].astype(float) - reference[band]).max() < 4
    ys, xs = np.mgrid[:300, :400]
    light = 90 * np.exp(-((xs - 70) ** 2 + (ys - 245) ** 2) / (2 * 45.0**2))
    lit = np.clip(0.9 * reference + light[..., None], 0, 255).astype(np.uint8)
    assert np.abs(even_light(lit, reference)[band].astype(float) - reference[band]).max() < 5
