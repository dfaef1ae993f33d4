"""How well keypoints lie: COCO's object keypoint similarity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

_PAIRS = [0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089]
COCO_SIGMAS = np.array([0.026, *np.repeat(_PAIRS, 2)])
"""How far people who label a body stray, by point: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles
(https://cocodataset.org/#keypoints-eval)."""


def object_keypoint_similarity(
    truth: npt.ArrayLike,
    visible: npt.ArrayLike,
    areas: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    sigmas: npt.ArrayLike = COCO_SIGMAS,
) -> npt.NDArray[np.float64]:
    """Return how alike every body of the truth is to every predicted one.

    Args:
        truth: `(N, K, 2)` pixels.
        visible: `bool (N, K)`: which points are labelled; the others are not looked at.
        areas: `(N,)` square pixels of the bodies.
        predicted: `(M, K, 2)` pixels.
        sigmas: `(K,)`, how far labels of each point stray as a part of the root of the area; COCO's 17 when not given.

    Returns:
        `float64 (N, M)` from 0 to 1: the mean over labelled points of exp(-d² / (8 area sigma²)). A body without
        labelled points has NaN.

    Raises:
        InputError: shapes that do not fit, numbers that are not finite, areas or sigmas not above 0.
    """
    want, got = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    seen, size = np.asarray(visible, dtype=np.bool_), np.asarray(areas, dtype=np.float64)
    spread = np.asarray(sigmas, dtype=np.float64)
    points = (len(spread), 2)
    if want.ndim != 3 or got.ndim != 3 or want.shape[1:] != points or got.shape[1:] != points:
        raise InputError(f"OKS: expected points (N, {len(spread)}, 2) on both sides, got {want.shape} and {got.shape}")
    if seen.shape != want.shape[:2] or size.shape != want.shape[:1]:
        raise InputError(
            f"OKS: expected visible {want.shape[:2]} and areas {want.shape[:1]}, got {seen.shape}, {size.shape}"
        )
    if not (np.isfinite(want[seen]).all() and np.isfinite(got).all() and (size > 0).all() and (spread > 0).all()):
        raise InputError("OKS: expected finite points, and areas and sigmas above 0")
    squared = ((np.where(seen[..., None], want, 0)[:, None] - got[None]) ** 2).sum(axis=-1)
    near = np.exp(-squared / (8 * size[:, None, None] * spread**2)) * seen[:, None]
    count = seen.sum(axis=1)[:, None].astype(np.float64)
    out: npt.NDArray[np.float64] = np.divide(
        near.sum(axis=-1), count, out=np.full(near.shape[:2], np.nan), where=count > 0
    )
    return out
