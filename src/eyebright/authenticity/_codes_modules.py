"""Modules read by likelihood: which dark and light squares, blurred and bent as a photo is, explain a picture best.

Finder and timing patterns of a QR code, and the border of a DataMatrix, are known: they are laid over the picture by
Gauss-Newton, for every size that the code may have. With place and blur known, grey values are a sum of blurred
modules, `y = light - contrast * A b`, and the `b` of zeros and ones that leaves least is sought: least squares between
0 and 1, rounded, then single modules and pairs of neighbours are flipped while that helps (Lupas and Verdu, 1989, for
the same problem of many users on one channel). Place and blur are fitted again to all modules, and so on.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from scipy import sparse
from scipy.special import ndtr

_QR = range(21, 42, 4)
_DATAMATRIX = range(10, 27, 2)
_FINE = 4  # samples a module
_FLAT = np.array([0, 1, 2, 6, 7, 8, 12])  # coefficients of a grid that is not bent
_QUIET = 4  # modules of quiet zone that are drawn
_EXPLAINED = 0.97  # share of the variance that the modules must explain
_FOLLOWED = 3  # of the sizes and turns, those whose patterns fit best
_TIMES = 6
_UNLIKE = 0.3  # share of the variance that known patterns may leave
_REFINED = 6  # and those whose patterns are fitted to the end
_NARROWEST, _WIDEST = 1.3, 12.0  # pixels a module
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))


@functools.cache
def patterns(symbology: str, size: int) -> Any:
    """Return the modules that every code of this size has: 1 dark, 0 light, NaN what it says; `float (size, size)`."""
    grid = np.full((size, size), np.nan)
    if symbology == "DataMatrix":
        grid[0], grid[:, -1] = np.arange(size) % 2 == 0, np.arange(size) % 2 == 1
        grid[:, 0] = grid[-1] = 1
        return grid
    grid[6], grid[:, 6] = np.arange(size) % 2 == 0, np.arange(size) % 2 == 0
    finder = np.pad(np.pad(np.pad(np.ones((3, 3)), 1), 1, constant_values=1), 1)
    grid[:8, :8], grid[:8, -8:], grid[-8:, :8] = finder[1:, 1:], finder[1:, :-1], finder[:-1, 1:]
    if size > 21:
        grid[-9:-4, -9:-4] = np.pad(np.pad(np.ones((1, 1)), 1), 1, constant_values=1)
    grid[-8, 8] = 1
    return grid


@dataclasses.dataclass(slots=True)
class _Laid:
    """A grid laid over a picture, `grey` at `x, y` (1 at the edge of the code as first guessed), all flat.

    `place` holds six coefficients of the column, six of the row, and the blur in modules.
    """

    symbology: str
    size: int
    grey: Any
    x: Any
    y: Any
    place: Any
    light: Any = None
    remains: float = np.inf  # share of the variance

    def at(self, place: Any, pixels: Any = slice(None)) -> tuple[Any, Any]:
        """Return the column and the row of the grid that pixels see, in modules from its corner."""
        p, q, x, y = place[:6], place[6:12], self.x[pixels], self.y[pixels]
        u = p[0] + (1 + p[1]) * x + p[2] * y + p[3] * x * y + p[4] * x * x + p[5] * x * x * x
        v = q[0] + q[1] * x + (1 + q[2]) * y + q[3] * x * y + q[4] * y * y + q[5] * y * y * y
        return self.size / 2 * (1 + u), self.size / 2 * (1 + v)

    def near(self) -> Any:
        """Return the pixels that see the code or the beginning of its quiet zone."""
        u, v = self.at(self.place)
        return np.flatnonzero(
            (np.abs(u - self.size / 2) < self.size / 2 + 1.5) & (np.abs(v - self.size / 2) < self.size / 2 + 1.5)
        )

    def settle(self, modules: Any, pixels: Any, times: int, free: Any) -> None:
        """Fit place, blur and light to the modules, by Gauss-Newton over the coefficients in `free`."""
        grey, x, y = self.grey[pixels], self.x[pixels], self.y[pixels]
        one = np.ones_like(x)
        turns = (
            np.stack([one, x, y, x * y, x * x, x * x * x], axis=1),
            np.stack([one, x, y, x * y, y * y, y * y * y], axis=1),
        )

        def left(place: Any) -> tuple[Any, Any, Any]:
            dark, along, down = _seen(modules, place[12], self.at(place, pixels))
            base = np.stack([one, x, y, -dark], axis=1)
            light = np.linalg.solve(base.T @ base + 1e-6 * np.eye(4), base.T @ grey)
            return grey - base @ light, light, (dark, along, down)

        rest, light, seen = left(self.place)
        best = float(rest @ rest)
        for _ in range(times):
            wider = _seen(modules, self.place[12] + 0.05, self.at(self.place, pixels))[0]
            half = self.size / 2
            slope = np.concatenate(
                [
                    seen[1][:, None] * turns[0] * half,
                    seen[2][:, None] * turns[1] * half,
                    (wider - seen[0])[:, None] / 0.05,
                ],
                axis=1,
            )[:, free]
            slope *= light[3]
            square = slope.T @ slope
            step = -np.linalg.solve(square + np.diag(0.01 * np.diag(square) + 1e-6), slope.T @ rest)
            gain = 0.0
            for shorter in (1.0, 0.4):
                place = self.place.copy()
                place[free] += shorter * np.clip(step, -0.08, 0.08)
                place[12] = np.clip(place[12], 0.15, 2.0)
                after = left(place)
                if after[0] @ after[0] < best:
                    gain = best - float(after[0] @ after[0])
                    best, self.place = best - gain, place
                    rest, light, seen = after
                    break
            if gain < 0.002 * best:
                break
        self.light = light
        ramp = np.stack([one, x, y], axis=1)  # light that rises evenly is no modules
        flat = grey - ramp @ np.linalg.lstsq(ramp, grey, rcond=None)[0]
        self.remains = best / max(float(flat @ flat), len(grey))

    def decode(self) -> Any:
        """Return the modules that explain the picture best, the known ones as they are."""
        known = patterns(self.symbology, self.size)
        matrix, pixels = self._camera()
        level = self.light[0] + self.light[1] * self.x[pixels] + self.light[2] * self.y[pixels] - self.grey[pixels]
        level /= max(self.light[3], 1.0)
        square = (matrix.T @ matrix).tocsr()
        goal = matrix.T @ level
        fixed = ~np.isnan(known.ravel())
        value = np.where(fixed, np.nan_to_num(known.ravel()), 0.5)
        return _binary(square, goal, value, ~fixed, self.size).reshape(self.size, self.size)

    def _camera(self) -> tuple[Any, Any]:
        """Return how much of each module each pixel near the code sees, sparse (P, size * size), and which pixels."""
        pixels = self.near()
        u, v = self.at(self.place, pixels)
        p, q, x, y, blur = self.place[:6], self.place[6:12], self.x[pixels], self.y[pixels], self.place[12]
        # the blur is the same in pixels everywhere, so in modules it is wider where these are foreshortened
        wide = blur * np.clip(1 + p[1] + p[3] * y + 2 * p[4] * x + 3 * p[5] * x * x, 0.5, 2.5)
        high = blur * np.clip(1 + q[2] + q[3] * x + 2 * q[4] * y + 3 * q[5] * y * y, 0.5, 2.5)
        reach = int(np.ceil(3.0 * blur)) + 1
        offsets = np.arange(-reach, reach + 1)
        columns, rows = np.floor(u)[:, None] + offsets, np.floor(v)[:, None] + offsets
        across = ndtr((u[:, None] - columns) / wide[:, None]) - ndtr((u[:, None] - columns - 1) / wide[:, None])
        down = ndtr((v[:, None] - rows) / high[:, None]) - ndtr((v[:, None] - rows - 1) / high[:, None])
        across *= (columns >= 0) & (columns < self.size)
        down *= (rows >= 0) & (rows < self.size)
        share = (down[:, :, None] * across[:, None, :]).reshape(len(pixels), -1)
        index = (rows[:, :, None] * self.size + columns[:, None, :]).reshape(len(pixels), -1)
        row, column = np.nonzero(share > 1e-3)
        cells = (row, index[row, column].astype(int))
        return sparse.csr_matrix((share[row, column], cells), shape=(len(pixels), self.size**2)), pixels


def _seen(modules: Any, blur: float, at: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """Return how dark blurred modules are at columns and rows, `float (n,)`, and the slopes along both."""
    fine: Any = np.kron(np.pad(modules, _QUIET), np.ones((_FINE, _FINE))).astype(np.float32)
    fine = cv2.GaussianBlur(fine, (0, 0), float(max(blur, 0.1) * _FINE))
    slopes = [cv2.Sobel(fine, cv2.CV_32F, 1 - way, way, ksize=1) * (_FINE / 2) for way in (0, 1)]
    shape = -(-len(at[0]) // 256), 256
    u, v = (np.resize((side + _QUIET) * _FINE - 0.5, shape).astype(np.float32) for side in at)
    looked = cv2.remap(np.dstack([fine, *slopes]), u, v, cv2.INTER_LINEAR).reshape(-1, 3)[: len(at[0])]
    dark, along, down = looked.T.astype(np.float64)
    return dark, along, down


def _binary(square: Any, goal: Any, value: Any, free: Any, size: int) -> Any:
    """Return `b` of zeros and ones with a small `b' square b - 2 goal' b`; what is not free stays as in `value`."""
    step = 1 / float(square.sum(axis=1).max())
    ahead, before, speed = value.copy(), value.copy(), 1.0
    for _ in range(60):  # Nesterov's gradient steps between 0 and 1
        after = np.where(free, np.clip(ahead - step * (square @ ahead - goal), 0, 1), value)
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        ahead, before, speed = after + (speed - 1) / faster * (after - before), after, faster
    bits = np.round(before)
    slope = 2 * (square @ bits - goal)
    square = square.toarray()
    own = np.diag(square)
    places = np.arange(size * size).reshape(size, size)
    pairs = []
    for down, along in _NEIGHBOURS:
        first = places[: size - down, max(-along, 0) : size - max(along, 0)].ravel()
        second = places[down:, max(along, 0) : size - max(-along, 0)].ravel()
        both = free[first] & free[second]
        pairs.append((first[both], second[both]))
    one, two = (np.concatenate(part) for part in zip(*pairs, strict=True))
    shared = 2 * square[one, two]
    for _ in range(4 * size * size):
        turn = 1 - 2 * bits
        alone = np.where(free, turn * slope + own, np.inf)
        together = alone[one] + alone[two] + turn[one] * turn[two] * shared
        best, pair = int(alone.argmin()), int(together.argmin())
        flips = [best] if alone[best] <= together[pair] else [int(one[pair]), int(two[pair])]
        if min(alone[best], together[pair]) > -1e-9:
            break
        for flip in flips:
            slope += 2 * turn[flip] * square[:, flip]
            bits[flip] += turn[flip]
    return bits


def read_modules(cut: Any, size: tuple[float, float], until: float = np.inf) -> Iterator[tuple[Any, Any]]:
    """Yield what a cut may say, the likeliest first.

    Args:
        cut: `uint8 (h, w)` with the code upright, up to a quarter turn, in its middle.
        size: width and height of the code with its blur, in pixels.
        until: `time.thread_time()` after which no further attempt is begun.

    Yields:
        Modules (1 dark) as they should stand, `float (size, size)`, and four corners in the cut, `float (4, 2)`.
    """
    for laid, turns in _laid(cut, *size)[:_FOLLOWED]:
        if laid.remains > _UNLIKE or time.thread_time() > until:
            return
        before = None
        for _ in range(_TIMES):
            modules = laid.decode()
            if before is not None and np.array_equal(modules, before):
                break
            laid.settle(modules, laid.near(), 3, np.arange(13))
            before = modules
        if laid.remains < 1 - _EXPLAINED:
            yield modules, _corners(laid, turns, cut.shape)


def _laid(cut: Any, wide: float, high: float) -> list[tuple[_Laid, int]]:
    """Return every size and quarter turn of both symbologies, laid by the known patterns, best first."""
    tried = []
    for turns in range(4):
        turned = np.rot90(cut, turns)
        rows, columns = np.mgrid[: turned.shape[0], : turned.shape[1]]
        across, down = (wide, high) if turns % 2 == 0 else (high, wide)
        for blur in (1.0, 2.2):
            half = (across - 3 - 3 * blur) / 2, (down - 3 - 3 * blur) / 2
            if min(half) < 8:
                continue
            x = ((columns - (turned.shape[1] - 1) / 2) / half[0]).ravel()
            y = ((rows - (turned.shape[0] - 1) / 2) / half[1]).ravel()
            for symbology, sizes in (("QR", _QR), ("DataMatrix", _DATAMATRIX)):
                for size in sizes:
                    module = 2 * min(half) / size
                    if not _NARROWEST < module < _WIDEST:
                        continue
                    place = np.zeros(13)
                    place[12] = blur / module
                    laid = _Laid(symbology, size, turned.ravel().astype(np.float64), x, y, place)
                    _settle_patterns(laid, 2, 3, _FLAT)
                    tried.append((laid, turns))
    tried.sort(key=lambda one: one[0].remains)
    for laid, _ in tried[:_REFINED]:
        _settle_patterns(laid, 6, 1, _FLAT)
        _settle_patterns(laid, 3, 1, np.arange(13))
    return sorted(tried[:_REFINED], key=lambda one: one[0].remains)


def _settle_patterns(laid: _Laid, times: int, thin: int, free: Any) -> None:
    """Fit a grid by its known patterns, at the pixels that see little else."""
    known = patterns(laid.symbology, laid.size)
    pixels = laid.near()
    other = _seen(np.isnan(known).astype(float), laid.place[12], laid.at(laid.place, pixels))[0]
    pixels = pixels[other < 0.25][::thin]
    if len(pixels) > 50:
        laid.settle(np.nan_to_num(known, nan=0.5), pixels, times, free)


def _corners(laid: _Laid, turns: int, shape: tuple[int, int]) -> Any:
    """Return the corners of the code in the cut as it was before its quarter turns, `float (4, 2)`."""
    u, v = laid.at(laid.place)
    wide, high = (shape[1], shape[0]) if turns % 2 == 0 else (shape[0], shape[1])
    ends = [(0, 0), (laid.size, 0), (laid.size, laid.size), (0, laid.size)]
    nearest = [int(((u - column) ** 2 + (v - row) ** 2).argmin()) for column, row in ends]
    points = np.array([(index % wide, index // wide) for index in nearest], float)
    for _ in range(turns):  # each np.rot90 brought pixel (x, y) to (y, wide - 1 - x)
        points = np.stack([high - 1 - points[:, 1], points[:, 0]], axis=1)
        wide, high = high, wide
    return points
