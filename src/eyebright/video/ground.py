"""Places and speeds on the ground plane, and where in the picture there is most going on."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Floats

_WINDOW_S, _LEAST_S = 1.0, 0.4


class GroundPlane:
    """Takes feet in the picture to metres on the ground.

    Args:
        matrix: homography `(3, 3)` from pixels to metres.

    Raises:
        InputError: not a finite `(3, 3)` matrix that can be inverted.
    """

    def __init__(self, matrix: npt.ArrayLike) -> None:
        try:
            self.matrix = np.asarray(matrix, np.float64)
        except (TypeError, ValueError) as error:
            raise InputError("homography: expected 3x3 numbers") from error
        if self.matrix.shape != (3, 3) or not np.isfinite(self.matrix).all() or not np.linalg.det(self.matrix):
            raise InputError(f"homography: expected a 3x3 matrix that can be inverted, got {self.matrix.tolist()}")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a homography from a file.

        It holds nine numbers, row by row (plain text or JSON), or JSON with at least four points in both worlds:
        `{"image": [[x, y], ...], "ground": [[metres, metres], ...]}`, through which the plane is fitted.

        Raises:
            InputError: unreadable, or none of these.
        """
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot read the homography: {error}") from error
        try:
            data: Any = json.loads(text)
        except ValueError:
            data = text.replace(",", " ").split()
        try:
            if isinstance(data, dict) and "image" in data:
                return cls(_through(np.array(data["image"], np.float64), np.array(data["ground"], np.float64)))
            numbers = np.array(data["matrix"] if isinstance(data, dict) else data, np.float64)
            return cls(numbers.reshape(3, 3))
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: expected nine numbers, or JSON with 'image' and 'ground' points; {error}"
            ) from error

    def places(self, points: npt.ArrayLike, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Return metres `float64 (N, 2)` of pixels `(N, 2)` in a picture of `(height, width)`.

        What lies at or beyond the horizon is NaN; the middle of the lower edge is taken to show ground.
        """
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        full = np.column_stack([xy, np.ones(len(xy))]) @ self.matrix.T
        near = float(self.matrix[2] @ (size[1] / 2, size[0], 1.0))
        depth = full[:, 2:] * math.copysign(1.0, near)
        ahead = depth > 1e-9 * abs(near)
        return np.where(ahead, full[:, :2] / np.where(ahead, full[:, 2:], 1.0), np.nan)


def _through(image: npt.NDArray[np.float64], ground: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the homography of least squares (Hartley & Zisserman 2004, normalised DLT)."""
    if image.ndim != 2 or image.shape[1] != 2 or image.shape != ground.shape or len(image) < 4:
        raise InputError("at least four [x, y] points in both lists are needed")
    (p, one), (q, two) = _normalised(image), _normalised(ground)
    rows = []
    for (x, y), (u, v) in zip(p, q, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, -u], [0, 0, 0, x, y, 1, -v * x, -v * y, -v]]
    _, spread, axes = np.linalg.svd(np.asarray(rows))
    if spread[7] < 1e-9 * spread[0]:
        raise InputError("the points fix no plane: three of four lie on one line")
    matrix = np.linalg.inv(two) @ axes[8].reshape(3, 3) @ one
    return np.asarray(matrix / np.linalg.norm(matrix), np.float64)


def _normalised(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    centre = points.mean(axis=0)
    reach = float(np.linalg.norm(points - centre, axis=1).mean())
    if not (math.isfinite(reach) and reach > 0):
        raise InputError("the points lie in one place, or are not finite")
    scale = math.sqrt(2) / reach
    return (points - centre) * scale, np.array(
        [[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]]
    )


class SpeedMeter:
    """Speeds of tracks: the slope of a straight line through the places of the last second."""

    def __init__(self) -> None:
        self._paths: dict[int, deque[tuple[float, float, float]]] = {}

    def update(self, ids: npt.ArrayLike, places: npt.NDArray[np.float64], time_s: float) -> Floats:
        """Take metres `(N, 2)` of one frame; return metres a second, `float32 (N,)`, NaN while unknown."""
        speeds = np.full(len(places), np.nan, np.float32)
        for row, (track_id, (x, y)) in enumerate(zip(np.asarray(ids, np.int64).tolist(), places.tolist(), strict=True)):
            if not (math.isfinite(x) and math.isfinite(y)):
                continue
            path = self._paths.setdefault(track_id, deque(maxlen=256))
            if path and time_s - path[-1][0] > _WINDOW_S:
                path.clear()
            path.append((time_s, x, y))
            while time_s - path[0][0] > _WINDOW_S:
                path.popleft()
            if time_s - path[0][0] >= _LEAST_S:
                known = np.array(path)
                t = known[:, 0] - known[:, 0].mean()
                speeds[row] = np.hypot(*(t @ known[:, 1:] / (t @ t)))
        stale = [k for k, path in self._paths.items() if time_s - path[-1][0] > _WINDOW_S]
        for track_id in stale:
            del self._paths[track_id]
        return speeds

    def forget(self) -> None:
        """End all tracks."""
        self._paths.clear()


class HeatMap:
    """Seconds that tracks spent in each cell of the picture.

    Args:
        size: `(height, width)` of the picture.
        cell: side of a cell in pixels.
    """

    def __init__(self, size: tuple[int, int], cell: int = 8) -> None:
        self.cell = cell
        self.seconds = np.zeros((-(-size[0] // cell), -(-size[1] // cell)), np.float64)

    def add(self, points: npt.ArrayLike, seconds: float) -> None:
        """Add time at pixels `(N, 2)`; those outside the picture are left out."""
        xy = np.floor(np.asarray(points, np.float64).reshape(-1, 2) / self.cell)
        height, width = self.seconds.shape
        inside = (xy >= 0).all(axis=1) & (xy[:, 0] < width) & (xy[:, 1] < height)
        columns, rows = xy[inside].astype(np.int64).T
        np.add.at(self.seconds, (rows, columns), seconds)

    def relative(self) -> Floats:
        """Return the map smoothed and scaled to a greatest value of 1, `float32`; all 0 while nothing was added."""
        from scipy import ndimage

        smooth = np.sqrt(ndimage.gaussian_filter(self.seconds, 1.5))  # the root shows paths beside waiting places
        top = smooth.max()
        return np.asarray(smooth / top if top > 0 else smooth, np.float32)
