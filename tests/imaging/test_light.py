"""Light: what is true of each tool by definition, against independent code, and on real pairs."""

import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eyebright.core.errors import InputError
from eyebright.imaging import (
    clahe,
    denoise,
    equalise,
    estimate_gamma,
    gamma,
    grey,
    histogram,
    match_pictures,
    noise_sigma,
    normalise,
    remove_shadows,
    white_balance,
)
from eyebright.media import read_image

shapes = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
)
any_picture = hnp.arrays(np.uint8, shapes)


def psnr(one, two):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - two) ** 2))


@given(any_picture)
def test_histogram_counts(image):
    counts = histogram(image)
    planes = image[None] if image.ndim == 2 else image.transpose(2, 0, 1)
    np.testing.assert_array_equal(counts, [np.bincount(plane.ravel(), minlength=256) for plane in planes])


def test_histogram_beyond_what_a_32_bit_float_counts():
    image = np.full((5000, 5000), 7, np.uint8)
    image[0, 0] = 8
    assert histogram(image)[0, 7:9].tolist() == [24_999_999, 1]


def test_grey_is_the_luma(pictures):
    for image in pictures.values():
        plain = np.rint(image @ [0.299, 0.587, 0.114])
        assert np.abs(grey(image) - plain).max() <= 1


def test_equalise_flattens_the_histogram(pictures):
    for image in pictures.values():
        luma = grey(image)
        below = np.cumsum(np.bincount(luma.ravel(), minlength=256))
        least = below[luma.min()]
        plain = np.rint((below - least) * 255 / (luma.size - least))
        assert np.abs(equalise(luma) - plain[luma]).max() <= 1
        out = equalise(image)
        assert np.abs(grey(out).astype(int) - equalise(luma)).mean() < 12  # but for colours that leave the cube


def test_colour_follows_its_luma(pictures):
    image = np.repeat(grey(pictures["cat"])[:, :, None], 3, axis=2)
    for tool in (equalise, clahe, gamma, white_balance, normalise, remove_shadows):
        out = tool(image)
        np.testing.assert_array_equal(out[..., 0], out[..., 1])
        np.testing.assert_array_equal(out[..., 0], out[..., 2])
        np.testing.assert_array_equal(out[..., 0], tool(image[..., 0]))


def test_clahe_raises_local_contrast_and_its_limit_holds(pictures):
    image = grey(pictures["astronaut"])

    def local(picture):
        return np.std(picture.reshape(64, 8, 64, 8), axis=(1, 3)).mean()

    weak, strong = local(clahe(image, 1.0)), local(clahe(image, 4.0))
    assert local(image) < weak < strong
    np.testing.assert_array_equal(clahe(np.full((40, 50), 9, np.uint8)), clahe(np.full((40, 50), 9, np.uint8), 2.0))


@given(any_picture, st.floats(0.2, 5))
def test_gamma_is_the_power(image, value):
    plain = np.rint(255 * (image / 255) ** value)
    np.testing.assert_allclose(gamma(image, value), plain, atol=1e-9)


def test_estimated_gamma_undoes_a_change_of_light(pictures):
    for image in pictures.values():
        dark, bright = gamma(image, 2.0), gamma(image, 0.5)
        assert estimate_gamma(dark) < estimate_gamma(image) < estimate_gamma(bright)
        means = [gamma(picture).mean() for picture in (dark, image, bright)]
        assert np.ptp(means) < np.ptp([picture.mean() for picture in (dark, image, bright)]) / 2
    assert estimate_gamma(np.zeros((3, 3), np.uint8)) == 0.2
    assert estimate_gamma(np.full((3, 3), 255, np.uint8)) == 5.0


def test_white_balance_takes_a_cast_away(pictures):
    for image in pictures.values():
        cast = np.rint(image * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
        means = white_balance(cast).reshape(-1, 3).mean(axis=0)
        assert np.ptp(means) < 0.25 * np.ptp(cast.reshape(-1, 3).mean(axis=0)) + 2
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 90
    assert white_balance(red)[..., 1:].max() == 0


@given(any_picture, st.booleans())
def test_normalise_min_max(image, per_channel):
    out = normalise(image, per_channel=per_channel)
    pairs = (
        zip(np.moveaxis(image, 2, 0), np.moveaxis(out, 2, 0), strict=True)
        if per_channel and image.ndim == 3
        else [(image, out)]
    )
    for before, after in pairs:
        if np.ptp(before) == 0:
            np.testing.assert_array_equal(before, after)
        else:
            plain = (before.astype(float) - before.min()) * 255 / np.ptp(before)
            np.testing.assert_allclose(after, plain, atol=0.5 + 1e-9)


def test_normalise_mean_std(pictures):
    for image in pictures.values():
        out = normalise(image, "mean-std", mean=120, std=30).astype(float)
        assert abs(out.mean() - 120) < 1.5
        assert abs(out.std() - 30) < 1.5
        each = normalise(image, "mean-std", per_channel=True, mean=120, std=30).reshape(-1, 3)
        assert np.ptp(each.mean(axis=0)) < 3
    assert (normalise(np.full((2, 3), 9, np.uint8), "mean-std") == 128).all()


def test_normalise_forgives_outliers(pictures):
    image = gamma(pictures["coffee"], 3.0) // 4
    spoilt = image.copy()
    spoilt[0, :5] = 255
    assert normalise(spoilt).mean() < 60
    assert abs(normalise(spoilt, cut=0.01).mean() - normalise(image, cut=0.01).mean()) < 1


@pytest.mark.parametrize("sigma", [8, 20])
def test_denoise_brings_the_picture_nearer(pictures, sigma):
    rng = np.random.default_rng(0)
    for name in ("cat", "rocket", "flower"):
        image = pictures[name][:256, :256]
        noisy = np.clip(np.rint(image + rng.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)
        assert psnr(denoise(noisy), image) > psnr(noisy, image) + 3.5
        assert psnr(denoise(noisy, "bilateral"), image) > psnr(noisy, image) + 3
        assert noise_sigma(denoise(noisy)) < noise_sigma(noisy) / 2


def test_non_local_means_is_the_plain_twin(pictures):
    image = pictures["cat"][100:124, 120:150, 0]
    sigma, reach = 6.0, 6
    wide = np.pad(image.astype(float), reach + 2, mode="reflect")
    plain = np.zeros(image.shape)
    for y, x in np.ndindex(image.shape):
        here = wide[y + reach : y + reach + 5, x + reach : x + reach + 5]
        values, weights = [], []
        for down, right in np.ndindex(2 * reach + 1, 2 * reach + 1):
            apart = np.mean((wide[y + down : y + down + 5, x + right : x + right + 5] - here) ** 2)
            weights.append(np.exp(-max(apart - 2 * sigma**2, 0) / sigma**2))
            values.append(wide[y + down + 2, x + right + 2])
        plain[y, x] = np.average(values, weights=weights)
    out = denoise(image, "non-local", sigma)
    assert np.abs(out - plain).max() < 1.5  # weights below a hundredth are left out
    assert np.abs(out - plain).mean() < 0.4


def test_median_takes_single_wrong_pixels_away(pictures):
    image = pictures["cat"].copy()
    wrong = np.random.default_rng(0).random(image.shape[:2]) < 0.03
    image[wrong] = 255
    assert psnr(denoise(image, "median"), pictures["cat"]) > psnr(image, pictures["cat"]) + 10
    np.testing.assert_array_equal(denoise(image, strength=0), image)


@pytest.mark.parametrize("name", ["brick", "grass", "gravel"])
def test_a_shadow_on_one_surface_goes(name):
    surface = read_image(f"{skimage.__path__[0]}/data/{name}.png")
    rows, columns = np.mgrid[:512, :512]
    shade = 1 / (1 + np.exp((np.hypot(rows - 280, columns - 230) - 140) / 3))
    dark = np.rint(surface * (1 - shade[..., None] * [0.6, 0.58, 0.52])).astype(np.uint8)
    there = shade > 0.5

    def error(picture):
        return np.sqrt(np.mean((picture[there].astype(float) - surface[there]) ** 2))

    lit = remove_shadows(dark)
    assert error(lit) < 0.45 * error(dark)
    assert (lit >= dark).all()
    assert np.abs(remove_shadows(surface).astype(float) - surface).mean() < 8


def test_a_page_becomes_evenly_white():
    page = read_image(f"{skimage.__path__[0]}/data/page.png")[..., 0]
    out = remove_shadows(page, "page")
    blocks = [np.percentile(part, 90) for rows in np.array_split(out, 4) for part in np.array_split(rows, 6, axis=1)]
    before = [np.percentile(part, 90) for rows in np.array_split(page, 4) for part in np.array_split(rows, 6, axis=1)]
    assert np.ptp(before) > 100
    assert np.ptp(blocks) < 30
    assert np.percentile(out, 2) < 120  # the ink stays dark


@pytest.mark.data
def test_light_normalised_pairs_match_better(media):
    one, two = media("leuvenA.jpg"), media("leuvenB.jpg")
    for method in ("sift", "orb", "akaze"):
        plain = match_pictures(one, two, method).inliers.sum()
        evened = match_pictures(equalise(one), equalise(two), method).inliers.sum()
        assert evened > 1.2 * plain


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: clahe(x, 0), "clip above 0"),
        (lambda x: clahe(x, grid=(0, 3)), "1 x 1 tiles"),
        (lambda x: gamma(x, -1), "above 0, got -1"),
        (lambda x: gamma(x, float("nan")), "above 0"),
        (lambda x: normalise(x, "median"), "min-max or mean-std, got 'median'"),
        (lambda x: normalise(x, cut=0.5), r"cut in \[0, 0.5\)"),
        (lambda x: denoise(x, "magic"), "got 'magic'"),
        (lambda x: denoise(x, strength=-2), "0 to 100 grey levels"),
        (lambda x: remove_shadows(x, "tree"), "page or scene, got 'tree'"),
    ],
)
def test_wrong_options_are_told(call, message):
    with pytest.raises(InputError, match=message):
        call(np.zeros((9, 9), np.uint8))
