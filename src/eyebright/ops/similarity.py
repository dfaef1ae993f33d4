"""The rotation, scale and shift that best lay one set of points on another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError


def similarity_from_points(source: npt.ArrayLike, target: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the similarity (never a mirror image) with the least squared distance from moved source to target.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13(4), 1991,
    equations 40 to 42.

    Args:
        source: `(N, 2)`, at least two different points.
        target: `(N, 2)`, where each of them should lie.

    Returns:
        `float64 (2, 3)`, for `transform_points`.

    Raises:
        InputError: wrong shapes, values that are not finite, or all source points in one place.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape != b.shape or len(a) < 2:
        raise InputError(f"similarity: expected two sets of N >= 2 points (N, 2), got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("similarity: expected finite points, got NaN or infinity")
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    away_a, away_b = a - centre_a, b - centre_b
    variance = (away_a**2).sum() / len(a)
    if variance <= np.finfo(np.float64).eps * max(1.0, (centre_a**2).sum()):
        raise InputError("similarity: expected at least two different source points, got all in one place")
    # in the plane, without mirroring, the singular values' solution has this closed form
    along, across = (away_a * away_b).sum(), (away_a[:, 0] * away_b[:, 1] - away_a[:, 1] * away_b[:, 0]).sum()
    matrix = np.array([[along, -across], [across, along]]) / (variance * len(a))
    return np.column_stack([matrix, centre_b - matrix @ centre_a])
