"""The plane seen in two pictures: a homography from matched points, and from the pictures themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Ints
from eyebright.imaging._pixels import Picture
from eyebright.imaging.keypoints import KeypointMethod, Keypoints, find_keypoints
from eyebright.imaging.matching import match_descriptors
from eyebright.ops import transform_points

Matrix = npt.NDArray[np.float64]

FEWEST = 8
"""Fewer agreeing points than this are found between unrelated pictures too, and count as no homography."""

_ROUNDS, _SHUFFLES, _POLISHES = 20_000, 4, 10


def fit_homography(source: npt.ArrayLike, target: npt.ArrayLike, threshold: float = 3.0) -> tuple[Matrix | None, Bools]:
    """Find the homography that most matched points obey.

    MAGSAC++ (Barath et al. 2020) tells the inliers from the rest. Things near the plane, but not on it, are often among
    them and bend the result; so the matrix is then looked for among the inliers alone, at a third of the threshold,
    with local optimisation (Chum, Matas & Kittler 2003), and the one with the largest tight consensus is kept.

    Args:
        source: `(N, 2)` pixels in one picture.
        target: `(N, 2)` pixels of the same things in the other.
        threshold: how far an inlier may be off, in pixels, above 0.

    Returns:
        The matrix `float64 (3, 3)` from source to target with 1 at its lower right, and which points obey it, `bool
        (N,)`. None and all False when fewer than four points fix one.

    Raises:
        InputError: wrong shapes, or a threshold that is not positive.
    """
    one, two = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if one.ndim != 2 or one.shape[1:] != (2,) or one.shape != two.shape:
        raise InputError(f"homography: expected two arrays (N, 2) of one length, got {one.shape} and {two.shape}")
    if not threshold > 0:
        raise InputError(f"homography: expected a threshold above 0, got {threshold}")
    nothing = np.zeros(len(one), dtype=bool)
    matrix = _consensus(one, two, cv2.USAC_MAGSAC, threshold)
    if matrix is None:
        return None, nothing
    tight = threshold / 3
    near = np.flatnonzero(_near(matrix, one, two, threshold))
    best, most = _polished(matrix, one, two, tight)
    order = np.random.default_rng(0)
    for _ in range(_SHUFFLES):  # OpenCV's samples depend on the order of the points alone
        rows = order.permutation(near)
        other = _consensus(one[rows], two[rows], cv2.USAC_ACCURATE, tight)
        if other is not None:
            other, count = _polished(other, one, two, tight)
            if count > most:
                best, most = other, count
    inliers = _near(best, one, two, threshold)
    return (best, inliers) if inliers.sum() >= 4 else (None, nothing)


def _consensus(one: Matrix, two: Matrix, method: int, threshold: float) -> Matrix | None:
    if len(one) < 4:
        return None
    matrix, _ = cv2.findHomography(one, two, method, threshold, maxIters=_ROUNDS, confidence=0.9999)
    # the stub has no None, yet that is OpenCV's word for "nothing found"
    return np.asarray(matrix, np.float64) if np.shape(matrix) == (3, 3) and np.isfinite(matrix).all() else None


def _polished(matrix: Matrix, one: Matrix, two: Matrix, threshold: float) -> tuple[Matrix, int]:
    """Fit by least squares to the points within the threshold for as long as their number grows."""
    near = _near(matrix, one, two, threshold)
    for _ in range(_POLISHES):
        better = _consensus(one[near], two[near], 0, threshold)
        now = near if better is None else _near(better, one, two, threshold)
        if better is None or now.sum() <= near.sum():
            break
        matrix, near = better, now
    return matrix, int(near.sum())


def _near(matrix: Matrix, one: Matrix, two: Matrix, threshold: float) -> Bools:
    with np.errstate(invalid="ignore", over="ignore"):
        near: Bools = np.linalg.norm(transform_points(matrix, one) - two, axis=1) < threshold
    return near


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PictureMatch:
    """What two pictures have in common.

    Attributes:
        first: keypoints of the first picture.
        second: keypoints of the second.
        pairs: `int64 (K, 2)`: rows of keypoints that look alike.
        inliers: `bool (K,)`: pairs that agree on `matrix`.
        matrix: `float64 (3, 3)` from the first picture to the second, or None when fewer than `FEWEST` pairs agree.
    """

    first: Keypoints
    second: Keypoints
    pairs: Ints
    inliers: Bools
    matrix: Matrix | None

    def facts(self) -> dict[str, Any]:
        """Return the counts of keypoints, matches and inliers, and the homography, as plain values."""
        return {
            "keypoints": [len(self.first), len(self.second)],
            "matches": len(self.pairs),
            "inliers": int(self.inliers.sum()),
            "homography": None if self.matrix is None else self.matrix.tolist(),
        }


def match_pictures(
    first: Picture,
    second: Picture,
    method: KeypointMethod = "sift",
    *,
    ratio: float = 0.8,
    mutual: bool = True,
    threshold: float = 3.0,
    limit: int = 5000,
) -> PictureMatch:
    """Find the keypoints that two pictures share and the homography between them.

    Args:
        first: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        second: likewise, of any size.
        method: see `find_keypoints`.
        ratio: see `match_descriptors`.
        mutual: see `match_descriptors`.
        threshold: see `fit_homography`.
        limit: keypoints of each picture.

    Raises:
        InputError: as those.
    """
    one, two = find_keypoints(first, method, limit), find_keypoints(second, method, limit)
    pairs = match_descriptors(one.descriptors, two.descriptors, ratio=ratio, mutual=mutual)
    matrix, inliers = fit_homography(one.xy[pairs[:, 0]], two.xy[pairs[:, 1]], threshold)
    if inliers.sum() < FEWEST:
        matrix, inliers = None, np.zeros(len(pairs), dtype=bool)
    return PictureMatch(one, two, pairs, inliers, matrix)
