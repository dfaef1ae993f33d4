"""Scores: monotonous under every fault that can be made of real photographs, and what else they must not notice."""

import itertools

import cv2
import numpy as np
import pytest
import skimage.measure

from eyebright.imaging import blur_score, glare_score, grey, motion_blur, noise_sigma, quality


def grows(values, slack=0.0):
    return all(after > before - slack for before, after in itertools.pairwise(values)) and values[-1] > values[0]


def moved(image, length, angle_deg):
    """Blur along a line, by averaging shifted copies."""
    side = 2 * length + 1
    kernel = np.zeros((side, side), np.float32)
    for t in np.linspace(-length / 2, length / 2, 16 * length):
        x, y = length + t * np.cos(np.radians(angle_deg)), length + t * np.sin(np.radians(angle_deg))
        for column in (int(x), int(x) + 1):
            for row in (int(y), int(y) + 1):
                kernel[row, column] += (1 - abs(x - column)) * (1 - abs(y - row))
    return cv2.filter2D(image, -1, kernel / kernel.sum())


def noisy(image, sigma):
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def test_blur_grows_with_blur_and_agrees_with_scikit_image(pictures):
    ours, theirs = [], []
    for image in pictures.values():
        series = [image, *(cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (0.6, 1, 1.6, 2.5, 4))]
        scores = [blur_score(picture) for picture in series]
        assert grows(scores)
        assert 0 < scores[0] < 0.4
        assert scores[-1] > 0.6
        ours += scores
        theirs += [skimage.measure.blur_effect(grey(picture), h_size=11) for picture in series]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98
    assert blur_score(np.full((30, 30), 9, np.uint8)) == 1.0


@pytest.mark.parametrize("angle", [0, 45, 90, 120])
def test_motion_blur_and_its_direction(pictures, angle):
    for image in pictures.values():
        still = motion_blur(image)[0]
        scores, off = [], []
        for length in (3, 5, 9, 15):
            score, found = motion_blur(moved(image, length, angle))
            scores.append(score)
            off.append(abs((found - angle + 90) % 180 - 90))
        assert still < 0.6 < min(scores[1:])
        assert grows(scores)
        assert off[-1] < 8
        assert motion_blur(cv2.GaussianBlur(image, (0, 0), 1.5))[0] < 0.6  # equally blurred all around


def test_noise_does_not_hide_motion(pictures):
    for image in pictures.values():
        score, angle = motion_blur(noisy(moved(image, 11, 30), 5))
        assert score > 0.65
        assert abs(angle - 30) < 10


@pytest.mark.data
def test_a_moving_car_is_seen_to_move(media):
    scores = {name: motion_blur(media(name))[0] for name in ("fruits.jpg", "building.jpg", "graf1.png", "messi5.jpg")}
    score, angle = motion_blur(media("licenseplate_motion.jpg"))
    assert score > max(scores.values()) + 0.25
    assert 110 < angle < 145  # the lights are drawn up to the right


def test_noise_is_measured(pictures):
    for image in pictures.values():
        found = [noise_sigma(noisy(image, sigma)) if sigma else noise_sigma(image) for sigma in (0, 2, 5, 10, 20, 40)]
        assert grows(found)
        assert found[0] < 3
    flat = np.full((300, 300, 3), 128, np.uint8)
    for sigma in (1, 3, 10, 30):
        assert noise_sigma(noisy(flat, sigma)) == pytest.approx(np.hypot(sigma, 12**-0.5), rel=0.06)
    assert noise_sigma(flat) == 0


def test_exposure(pictures):
    for image in pictures.values():
        series = [
            quality(np.clip(image * gain, 0, 255).astype(np.uint8)) for gain in (0.0, 0.25, 0.5, 1.0, 1.6, 2.5, 1e4)
        ]
        assert grows([one.exposure for one in series])
        assert grows([one.bright_share for one in series], slack=1e-9)
        assert grows([-one.dark_share for one in series], slack=1e-9)
        assert series[0].exposure == -1
        assert series[0].dark_share == 1
    assert quality(np.full((9, 9), 255, np.uint8)).exposure == 1


def test_glare_grows_with_a_reflex(pictures):
    for image in pictures.values():
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        away = np.hypot(rows - image.shape[0] / 2, columns - image.shape[1] / 2)
        series = [
            np.clip(image + 400 * np.exp(-0.5 * (away / width) ** 2)[..., None], 0, 255).astype(np.uint8)
            for width in (3, 10, 20, 40, 80)
        ]
        assert grows([glare_score(image), *(glare_score(picture) for picture in series)])
    yellow = np.zeros((20, 20, 3), np.uint8)
    yellow[...] = (255, 255, 60)
    assert glare_score(yellow) == 0
    assert glare_score(np.full((5, 5), 255, np.uint8)) == 1


def test_scores_do_not_mind_how_the_picture_is_turned(pictures):
    for image in pictures.values():
        plain, flipped, turned = (quality(picture) for picture in (image, image[:, ::-1], np.rot90(image)))
        for name in ("blur", "motion_blur", "exposure", "dark_share", "bright_share", "noise_sigma", "glare"):
            assert getattr(flipped, name) == pytest.approx(getattr(plain, name), rel=1e-3, abs=1e-4)
            assert getattr(turned, name) == pytest.approx(getattr(plain, name), rel=1e-3, abs=1e-4)
    image = moved(pictures["cat"], 15, 30)
    assert motion_blur(image[:, ::-1])[1] == pytest.approx(180 - motion_blur(image)[1], abs=0.5)
    assert motion_blur(np.rot90(image))[1] == pytest.approx((motion_blur(image)[1] - 90) % 180, abs=0.5)
