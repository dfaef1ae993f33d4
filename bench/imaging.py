"""Each tool on a 12-megapixel photograph against scikit-image's counterpart (SciPy's where that is the usual one).

Both get the same uint8 picture and their own defaults, save where a parameter says how much is to be done (sizes,
sigmas, numbers of keypoints), which is the same for both. Slow peers run once, the others three times; ratios are of
medians. Where the peer takes minutes, both get the middle quarter of the picture.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.ndimage
import skimage
import skimage.color
import skimage.exposure
import skimage.feature
import skimage.filters
import skimage.measure
import skimage.registration
import skimage.restoration
import skimage.transform
import sklearn.datasets

from eyebright import imaging
from eyebright.media import read_image

WIDTH, HEIGHT = 4240, 2830  # 12.0 megapixels
_PATIENCE = 12.0  # a peer that takes longer runs once


def photo() -> imaging.Picture:
    """Return a real photograph enlarged to 12 megapixels, with the noise of a sensor."""
    small = read_image(Path(sklearn.datasets.__file__).parent / "images" / "china.jpg")
    large = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).standard_normal(large.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(large + 3 * noise), 0, 255), np.uint8)


def seconds(work: Callable[[], Any], times: int = 3) -> float:
    """Return the median duration; a slow first run stays alone."""
    taken: list[float] = []
    while len(taken) < times:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
        if taken[0] > _PATIENCE:
            break
    return statistics.median(taken)


def tools(image: imaging.Picture) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Return each tool and its peer, ready to run."""
    grey = imaging.grey(image)
    quarter = np.ascontiguousarray(image[HEIGHT // 4 : HEIGHT * 3 // 4, WIDTH // 4 : WIDTH * 3 // 4])
    moved = np.roll(grey, (12, -20), axis=(0, 1))
    kernel = imaging.KERNELS["gaussian"]
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 256, (2, 3000, 32)).astype(np.uint8)
    flags = [np.unpackbits(one, axis=1).astype(bool) for one in bits]
    vectors = [rng.normal(size=(3000, 128)).astype(np.float32) for _ in range(2)]
    source = rng.uniform(0, 4000, (1000, 2))
    target = source + rng.normal(0, 0.5, source.shape) + (30, -10)
    target[600:] = rng.uniform(0, 4000, (400, 2))

    def ransac() -> None:
        skimage.measure.ransac((source, target), skimage.transform.ProjectiveTransform, 4, 3.0, max_trials=1000, rng=0)

    def orb() -> None:
        skimage.feature.ORB(n_keypoints=2000).detect_and_extract(grey)

    def sift() -> None:
        skimage.feature.SIFT().detect_and_extract(imaging.grey(quarter))

    ski = skimage
    return {
        "grey": (lambda: imaging.grey(image), lambda: ski.color.rgb2gray(image)),
        "histogram": (lambda: imaging.histogram(image), lambda: ski.exposure.histogram(image, channel_axis=-1)),
        "resize to 1024 x 683": (
            lambda: imaging.resize(image, 1024, 683),
            lambda: ski.transform.resize(image, (683, 1024), anti_aliasing=True),
        ),
        "equalise": (lambda: imaging.equalise(image), lambda: ski.exposure.equalize_hist(image)),
        "clahe": (lambda: imaging.clahe(image), lambda: ski.exposure.equalize_adapthist(image)),
        "gamma": (lambda: imaging.gamma(image, 0.7), lambda: ski.exposure.adjust_gamma(image, 0.7)),
        "normalise, min-max": (
            lambda: imaging.normalise(image, cut=0.01),
            lambda: ski.exposure.rescale_intensity(image, tuple(np.percentile(image, (1, 99)))),
        ),
        "denoise, median": (
            lambda: imaging.denoise(image, "median", 3),
            lambda: ski.filters.median(image, np.ones((3, 3, 1))),
        ),
        "denoise, bilateral (a quarter)": (
            lambda: imaging.denoise(quarter, "bilateral", 3),
            lambda: ski.restoration.denoise_bilateral(
                quarter, win_size=7, sigma_color=9 / 255, sigma_spatial=2, channel_axis=-1
            ),
        ),
        "denoise, non-local (a quarter)": (
            lambda: imaging.denoise(quarter, "non-local", 3),
            lambda: ski.restoration.denoise_nl_means(quarter, 5, 6, h=3 / 255, fast_mode=True, channel_axis=-1),
        ),
        "sobel": (lambda: imaging.sobel(grey), lambda: ski.filters.sobel(grey)),
        "scharr": (lambda: imaging.scharr(grey), lambda: ski.filters.scharr(grey)),
        "Laplacian of Gaussian": (
            lambda: imaging.laplacian_of_gaussian(grey, 2.0),
            lambda: np.abs(scipy.ndimage.gaussian_laplace(grey.astype(np.float32), 2.0)),
        ),
        "canny": (lambda: imaging.canny(grey), lambda: ski.feature.canny(grey, 1.4)),
        "convolve 5 x 5": (
            lambda: imaging.convolve(grey, "gaussian"),
            lambda: scipy.ndimage.convolve(grey.astype(np.float32), kernel),
        ),
        "pool, max of 4 x 4": (
            lambda: imaging.pool(image, 4),
            lambda: ski.measure.block_reduce(image, (4, 4, 1), np.max),
        ),
        "pool, mean of 4 x 4": (
            lambda: imaging.pool(image, 4, "mean"),
            lambda: ski.measure.block_reduce(image, (4, 4, 1), np.mean),
        ),
        "pyramid of 4": (
            lambda: imaging.gaussian_pyramid(image, 4),
            lambda: list(ski.transform.pyramid_gaussian(image, max_layer=3, channel_axis=-1)),
        ),
        "blur score": (lambda: imaging.blur_score(grey), lambda: ski.measure.blur_effect(grey)),
        "keypoints, ORB": (lambda: imaging.find_keypoints(grey, "orb", 2000), orb),
        "keypoints, SIFT (a quarter)": (lambda: imaging.find_keypoints(imaging.grey(quarter), "sift"), sift),
        "match 3000 x 3000 vectors": (
            lambda: imaging.match_descriptors(*vectors),
            lambda: ski.feature.match_descriptors(*vectors, max_ratio=0.8, cross_check=True),
        ),
        "match 3000 x 3000 bit strings": (
            lambda: imaging.match_descriptors(*bits),
            lambda: ski.feature.match_descriptors(*flags, max_ratio=0.8, cross_check=True),
        ),
        "homography of 1000 pairs": (lambda: imaging.fit_homography(source, target), ransac),
        "camera motion, a shift": (
            lambda: imaging.camera_motion(grey, moved, "translation"),
            lambda: ski.registration.phase_cross_correlation(grey, moved, upsample_factor=10),
        ),
    }


def run() -> dict[str, Any]:
    """Return milliseconds of the tool and of its peer, and how many times faster it is."""
    figures: dict[str, Any] = {}
    for name, (ours, theirs) in tools(photo()).items():
        ours()  # OpenCV starts its threads at the first call
        mine, peer = seconds(ours), seconds(theirs)
        figures[name] = {"ms": round(mine * 1e3, 1), "peer_ms": round(peer * 1e3, 1), "times": round(peer / mine, 2)}
    slowest = min(figures.items(), key=lambda item: float(item[1]["times"]))
    return {"megapixels": WIDTH * HEIGHT / 1e6, "tools": figures, "least": {slowest[0]: slowest[1]["times"]}}
