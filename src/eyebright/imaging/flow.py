"""Sparse optical flow: where well-marked points of one picture are in the next."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.rows import Rows, column
from eyebright.core.types import Floats
from eyebright.imaging._pixels import Picture, check_picture, to_grey

_WINDOW = (21, 21)
_LEVELS = 4
_CELLS = 8  # along each axis
_WEAKEST = 0.001  # of the strongest corner
_RETURN = 0.7  # pixels by which a point may miss its start when it is followed back


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SparseFlow(Rows):
    """N points that could be followed.

    Attributes:
        start: `float32 (N, 2)` pixels in the earlier picture.
        end: `float32 (N, 2)` pixels in the later one.
    """

    start: Floats
    end: Floats

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            object.__setattr__(self, name, column("SparseFlow", name, getattr(self, name), np.float32, (None, 2)))
        self._check_lengths()


def sparse_flow(
    earlier: Picture, later: Picture, points: npt.ArrayLike | None = None, *, limit: int = 1000
) -> SparseFlow:
    """Follow points from one picture to the next.

    Points are Shi & Tomasi's (1994, "Good features to track"), spread over the picture so that one lively thing in a
    quiet scene does not take them all, and followed by the pyramidal method of Lucas & Kanade
    (Bouguet 2000) forwards and back again; those that do not come back to their start are dropped (Kalal, Mikolajczyk &
    Matas 2010, "Forward-backward error").

    Args:
        earlier: RGB `uint8 (H, W, 3)` or grey `(H, W)`.
        later: of the same height and width.
        points: `(N, 2)` pixels to follow; None: the best marked ones.
        limit: how many points to look for, at least 1.

    Returns:
        What could be followed to a place inside the later picture; possibly nothing.

    Raises:
        InputError: not pictures, of different sizes, a limit below 1, or points of another shape.
    """
    one, two = (to_grey(check_picture(image, "flow")) for image in (earlier, later))
    if one.shape != two.shape:
        raise InputError(
            f"flow: expected two pictures of one size, got {one.shape[1]} x {one.shape[0]} and "
            f"{two.shape[1]} x {two.shape[0]}"
        )
    if limit < 1:
        raise InputError(f"flow: expected a limit of at least 1, got {limit}")
    if points is None:
        start = _corners(one, limit)
    else:
        start = np.array(points, np.float32)
        if start.ndim != 2 or start.shape[1] != 2:
            raise InputError(f"flow: expected points of shape (N, 2), got {start.shape}")
    if len(start) == 0:
        return SparseFlow(start, start)
    end, seen, _ = cv2.calcOpticalFlowPyrLK(one, two, start, np.zeros_like(start), winSize=_WINDOW, maxLevel=_LEVELS)
    back, seen_back, _ = cv2.calcOpticalFlowPyrLK(two, one, end, start.copy(), winSize=_WINDOW, maxLevel=_LEVELS)
    edge = np.array([one.shape[1] - 1, one.shape[0] - 1], np.float32)
    kept = (seen.ravel() > 0) & (seen_back.ravel() > 0) & (np.linalg.norm(back - start, axis=1) < _RETURN)
    kept &= ((end >= 0) & (end <= edge)).all(axis=1)
    return SparseFlow(start[kept], np.asarray(end[kept], np.float32))


def _corners(grey: Picture, limit: int) -> Floats:
    """Return at most `limit` places whose neighbourhood changes in every direction, the strongest of each cell."""
    if min(grey.shape) < 3:
        return np.zeros((0, 2), np.float32)
    strength = cv2.cornerMinEigenVal(grey, 3)
    apart = max(3, int((grey.size / limit) ** 0.5 / 3))
    window = np.ones((2 * apart + 1, 2 * apart + 1), np.uint8)
    floor = max(float(strength.max()) * _WEAKEST, 1e-7)
    ys, xs = np.nonzero((strength >= cv2.dilate(strength, window)) & (strength > floor))
    cells = ys * _CELLS // grey.shape[0] * _CELLS + xs * _CELLS // grey.shape[1]
    order = np.lexsort((xs, ys, -strength[ys, xs], cells))
    rank = np.arange(len(order)) - np.searchsorted(cells[order], cells[order])
    # cells take turns, each giving its strongest first
    chosen = order[np.lexsort((-strength[ys, xs][order], rank))[:limit]]
    return np.stack([xs[chosen], ys[chosen]], axis=1).astype(np.float32)
