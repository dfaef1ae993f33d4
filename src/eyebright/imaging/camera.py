"""How the camera moved between two pictures, whatever else moved in them."""

from __future__ import annotations

import dataclasses
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey, u8
from eyebright.imaging.flow import sparse_flow
from eyebright.imaging.homography import fit_homography

MotionModel = Literal["affine", "homography", "similarity", "translation"]
Matrix = npt.NDArray[np.float64]

_FEWEST = {"translation": 4, "similarity": 6, "affine": 8, "homography": 12}
_WORK = 1280  # longer side at which points are followed: enough for a tenth of a pixel, and far motion stays near


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CameraMotion:
    """How the camera moved.

    Attributes:
        matrix: `float64 (3, 3)`, takes a resting point of the earlier picture to its place in the later one, in
            pixels; the identity when nothing could be found out.
        found: whether enough points agreed on it.
        points: how many points could be followed.
        inliers: how many of them rest in the scene, by this motion.
    """

    matrix: Matrix
    found: bool
    points: int
    inliers: int


def camera_motion(
    earlier: Picture, later: Picture, model: MotionModel = "homography", *, threshold: float = 1.5
) -> CameraMotion:
    """Find the motion that most points of the picture follow.

    Args:
        earlier: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        later: of the same height and width.
        model: what the camera may do: `translation`, `similarity` (also turn and zoom), `affine`, or `homography` (any
            turn of the camera, or any motion before a plane). The simplest that fits is the most exact.
        threshold: how far a resting point may be off, in pixels of a picture of at most 1280 pixels, above 0.

    Raises:
        InputError: not pictures, of different sizes, an unknown model, or a threshold that is not positive.
    """
    if model not in _FEWEST or not threshold > 0:
        raise InputError(
            f"camera motion: expected a model of {', '.join(_FEWEST)} and a threshold above 0, "
            f"got {model!r} and {threshold}"
        )
    one, two = (to_grey(check_picture(image, "camera motion")) for image in (earlier, later))
    scale = np.ones(2)
    if one.shape == two.shape and max(one.shape) > _WORK:
        width, height = (max(1, round(side * _WORK / max(one.shape))) for side in (one.shape[1], one.shape[0]))
        scale = np.array([width / one.shape[1], height / one.shape[0]])
        one, two = (u8(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)) for image in (one, two))
    flow = sparse_flow(one, two)
    matrix, inliers = _fit(flow.start, flow.end, model, threshold)
    count = int(inliers.sum())
    if matrix is None or count < _FEWEST[model]:
        return CameraMotion(np.eye(3), found=False, points=len(flow), inliers=0)
    # pixel centres: (x + 1/2) is what scales
    up = np.array([[scale[0], 0, scale[0] / 2 - 0.5], [0, scale[1], scale[1] / 2 - 0.5], [0, 0, 1]])
    full = np.linalg.inv(up) @ matrix @ up
    return CameraMotion(full / full[2, 2], found=True, points=len(flow), inliers=count)


def _fit(start: Floats, end: Floats, model: MotionModel, threshold: float) -> tuple[Matrix | None, Bools]:
    nothing = np.zeros(len(start), dtype=bool)
    if len(start) < _FEWEST[model]:
        return None, nothing
    if model == "homography":
        return fit_homography(start, end, threshold)
    if model == "translation":
        shift, inliers = _common_shift((end - start).astype(np.float64), threshold)
        return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]), inliers
    fit = cv2.estimateAffinePartial2D if model == "similarity" else cv2.estimateAffine2D
    matrix, mask = fit(start, end, method=cv2.RANSAC, ransacReprojThreshold=threshold, maxIters=5000, confidence=0.999)
    if matrix is None or not np.isfinite(matrix).all():
        return None, nothing
    return np.vstack([matrix, [0, 0, 1]]), mask.ravel() > 0


def _common_shift(shifts: npt.NDArray[np.float64], threshold: float) -> tuple[npt.NDArray[np.float64], Bools]:
    """Return the shift that most points share, the mean over them, and which they are."""
    near = np.linalg.norm(shifts[:, None] - shifts[None], axis=2) < threshold
    inliers: Bools = near[near.sum(axis=1).argmax()]
    inliers = np.linalg.norm(shifts - shifts[inliers].mean(axis=0), axis=1) < threshold
    return shifts[inliers].mean(axis=0), inliers
