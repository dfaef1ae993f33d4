"""Modules read by likelihood: which dark and light squares, blurred and bent as a photo is, explain a picture best.

Finder and timing patterns of a QR code, and the border of a DataMatrix, are known: they are laid over the picture by
Gauss-Newton, for every size that the code may have. With place and blur known, grey values are a sum of blurred
modules, `y = light - contrast * A b`, and how likely each `b` is a one is found by `soft_bits`. Place and blur are
fitted again to all modules by what is believed of them, and so on (expectation and maximisation; Dempster, Laird and
Rubin, 1977), until the checks of the code correct what errors are left.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from eyebright.authenticity._codes_bits import soft_bits
from eyebright.authenticity._codes_correct import correct_datamatrix, correct_qr

_QR = range(21, 42, 4)
_DATAMATRIX = range(10, 27, 2)
_FLAT = np.array([0, 1, 2, 7, 8, 9, 14])  # coefficients of a grid that is not bent
_BENT = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14])  # that few modules can tell
_ALL = np.arange(15)
_SELDOM = (
    0,
    0,
    0,
    0.05,
    0.05,
    0.06,
    0.02,
)  # usual size of coefficients, 0 of any; a bend of 100 degrees has .086, .023
_LOUD = 100.0  # variance of noise, at most
_ROUNDING = 2.0  # least variance of noise, in steps of grey
_CALMED = 0.5  # share of the noise that must be left from one time to the next
_WORSE = 1.25  # how much more noise corrected modules may leave
_FEWEST = 30
_FEW, _MANY = 600, 2500  # pixels at which known patterns are first compared, and then
_EXPLAINED = 0.97  # share of the variance that the modules must explain
_FOLLOWED = 2.0  # how much more than the best another size or turn may leave to be followed
_EAGER = 2.0  # how much more noise there is between known patterns than in them
_TIMES = 6
_UNLIKE = 0.3  # share of the variance that known patterns may leave
_REFINED = 12  # and those whose patterns are fitted to the end
_NARROWEST, _WIDEST = 1.3, 12.0  # pixels a module


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

    `place` holds seven coefficients of the column, seven of the row, and the blur in modules; `ratio` how many pixels
    more than the lesser of both a half of the guessed width and height has.
    """

    symbology: str
    size: int
    grey: Any
    x: Any
    y: Any
    ratio: tuple[float, float]
    place: Any
    light: Any = None
    noise: float = np.inf  # variance of what the modules do not explain
    remains: float = np.inf  # share of the variance

    def at(self, place: Any, pixels: Any = slice(None)) -> tuple[Any, Any]:
        """Return the column and the row of the grid that pixels see, in modules from its corner."""
        p, q, x, y = place[:7], place[7:14], self.x[pixels], self.y[pixels]
        xx, yy = x * x, y * y
        u = p[0] + (1 + p[1]) * x + p[2] * y + p[3] * x * y + (p[4] + (p[5] + p[6] * xx) * x) * xx
        v = q[0] + q[1] * x + (1 + q[2]) * y + q[3] * x * y + (q[4] + (q[5] + q[6] * yy) * y) * yy
        return self.size / 2 * (1 + u), self.size / 2 * (1 + v)

    def near(self) -> Any:
        """Return the pixels that see the code or the beginning of its quiet zone."""
        u, v = self.at(self.place)
        return np.flatnonzero(
            (np.abs(u - self.size / 2) < self.size / 2 + 1.5) & (np.abs(v - self.size / 2) < self.size / 2 + 1.5)
        )

    def _eyes(self, place: Any, pixels: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return for columns and rows which modules each pixel sees, and how much, and how that changes.

        Each is the first module, shares, their change along the grid, their change with the blur: `int (P,)` and three
        `float (P, K)`.
        """
        p, q, x, y = place[:7], place[7:14], self.x[pixels], self.y[pixels]
        # the blur is the same in pixels everywhere, so in modules it is wider where these are foreshortened
        wide = (1 + p[1] + p[3] * y + 2 * p[4] * x + 3 * p[5] * x**2 + 5 * p[6] * x**4) / self.ratio[0]
        high = (1 + q[2] + q[3] * x + 2 * q[4] * y + 3 * q[5] * y**2 + 5 * q[6] * y**4) / self.ratio[1]
        reach = int(np.ceil(3.0 * place[14])) + 1
        eyes = []
        for where, stretch in zip(self.at(place, pixels), (wide, high), strict=True):
            begin = np.floor(where).astype(int) - reach
            spread = (place[14] * np.clip(stretch, 0.5, 2.5))[:, None]
            z = (where[:, None] - begin[:, None] - np.arange(2 * reach + 2)) / spread
            share, bell = ndtr(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
            eyes.append((begin, -np.diff(share), -np.diff(bell / spread), np.diff(bell * z) / place[14]))
        return eyes[0], eyes[1]

    def seen(self, modules: Any, place: Any, pixels: Any) -> tuple[Any, Any, Any, Any]:
        """Return how dark pixels are, `float (P,)`, and the change along columns and rows and with the blur."""
        (left, across, *more), (top, down, *deeper) = self._eyes(place, pixels)
        count = across.shape[1]
        pad = count + 2  # what lies farther out is light
        parts = np.lib.stride_tricks.sliding_window_view(np.pad(modules, pad), (count, count))
        parts = parts[np.clip(top + pad, 0, len(parts) - 1), np.clip(left + pad, 0, parts.shape[1] - 1)]
        level = np.einsum("pij,pj->pi", parts, across)
        blurred = np.einsum("pij,pj->pi", parts, more[1])
        moved = np.einsum("pij,pj->pi", parts, more[0])
        along, deep = (moved * down).sum(axis=1), (level * deeper[0]).sum(axis=1)
        return (level * down).sum(axis=1), along, deep, (blurred * down + level * deeper[1]).sum(axis=1)

    def settle(self, modules: Any, pixels: Any, times: int, free: Any) -> None:
        """Fit place, blur and light to the modules, by Gauss-Newton over the coefficients in `free`."""
        grey, x, y = self.grey[pixels], self.x[pixels], self.y[pixels]
        one, half = np.ones_like(x), self.size / 2
        turns = [np.stack([one, x, y, x * y, z**2, z**3, z**5], axis=1) * half for z in (x, y)]

        def left(place: Any) -> tuple[Any, Any, Any]:
            dark, *slopes = self.seen(modules, place, pixels)
            base = np.stack([one, x, y, -dark], axis=1)
            light = np.linalg.solve(base.T @ base + 1e-6 * np.eye(4), base.T @ grey)
            return grey - base @ light, light, slopes

        seldom = np.array([*_SELDOM, *_SELDOM, 0.0])
        # a bend that no pixel asks for is none
        stiff = np.where(seldom > 0, min(self.noise, _LOUD) / np.maximum(seldom, 1e-3) ** 2, 0.0)
        rest, light, (along, down, wider) = left(self.place)
        best = float(rest @ rest + stiff @ self.place**2)
        for _ in range(times):
            slope = np.concatenate([along[:, None] * turns[0], down[:, None] * turns[1], wider[:, None]], axis=1)
            slope = slope[:, free] * light[3]
            square = slope.T @ slope
            pull = slope.T @ rest + (stiff * self.place)[free]
            step = -np.linalg.solve(square + np.diag(0.01 * np.diag(square) + 1e-6 + stiff[free]), pull)
            gain = 0.0
            for shorter in (1.0, 0.4):
                place = self.place.copy()
                place[free] += shorter * np.clip(step, -0.08, 0.08)
                place[14] = np.clip(place[14], 0.15, 2.0)
                after = left(place)
                cost = float(after[0] @ after[0] + stiff @ place**2)
                if cost < best:
                    gain, best, self.place = best - cost, cost, place
                    rest, light, (along, down, wider) = after
                    break
            if gain < 0.002 * best:
                break
        rested = float(rest @ rest)
        self.light, self.noise = light, rested / len(grey)
        ramp = np.stack([one, x, y], axis=1)  # light that rises evenly is no modules
        flat = grey - ramp @ np.linalg.lstsq(ramp, grey, rcond=None)[0]
        self.remains = rested / max(float(flat @ flat), len(grey))

    def decode(self) -> Any:
        """Return how much likelier each module is dark than light; see `soft_bits`."""
        known = patterns(self.symbology, self.size).ravel()
        pixels = self.near()
        (left, across, *_), (top, down, *_) = self._eyes(self.place, pixels)
        steps = np.arange(across.shape[1])
        columns, rows = left[:, None] + steps, top[:, None] + steps
        across = across * ((columns >= 0) & (columns < self.size))
        down = down * ((rows >= 0) & (rows < self.size))
        share = (down[:, :, None] * across[:, None, :]).reshape(len(pixels), -1)
        index = (rows[:, :, None] * self.size + columns[:, None, :]).reshape(len(pixels), -1)
        row, column = np.nonzero(share > 1e-3)
        cells = (row, index[row, column])
        matrix = sparse.csr_matrix((share[row, column], cells), shape=(len(pixels), self.size**2))
        level = self.light[0] + self.light[1] * self.x[pixels] + self.light[2] * self.y[pixels] - self.grey[pixels]
        contrast = max(float(self.light[3]), 1.0)
        square, goal = (matrix.T @ matrix).toarray(), matrix.T @ (level / contrast)
        noise = max(self.noise, _ROUNDING) / contrast**2
        bits = soft_bits(square, goal, noise, np.nan_to_num(known), np.isnan(known))
        return bits.reshape(self.size, self.size)


def read_modules(cut: Any, size: tuple[float, float], until: float = np.inf) -> Iterator[tuple[Any, Any]]:
    """Yield what a cut may say, the likeliest first.

    Args:
        cut: `uint8 (h, w)` with the code upright, up to a quarter turn, in its middle.
        size: width and height of the code with its blur, in pixels.
        until: `time.thread_time()` after which no further attempt is begun.

    Yields:
        Modules (1 dark) as they should stand, `float (size, size)`, and four corners in the cut, `float (4, 2)`.
    """
    starts = _laid(cut, *size)
    starts = [one for one in starts if one[0].remains < min(_UNLIKE, _FOLLOWED * starts[0][0].remains)]
    for laid, turns in ((start, turns) for one, turns in starts for start in _starts(one)):
        before = None
        laid.noise *= _EAGER
        for _ in range(_TIMES):
            if time.thread_time() > until:
                return
            belief = laid.decode()
            modules = belief > 0
            if before is not None and np.array_equal(modules, before):
                break
            before, noise = modules, laid.noise
            laid.settle((1 + np.tanh(belief)) / 2, laid.near(), 3, _ALL)
            if laid.remains < 1 - _EXPLAINED:
                sure = _corrected(laid, belief)
                if sure is not None:
                    yield sure, _corners(laid, turns, cut.shape)
            # what is believed too early explains too much
            laid.noise = max(laid.noise, _CALMED * noise)


def _starts(laid: _Laid) -> Iterator[_Laid]:
    """Yield a grid flat and bent as its known patterns have it, first what is right more often.

    The border of a DataMatrix goes all round it, while the corners of a QR code say little of its middle.
    """
    bent = dataclasses.replace(laid)
    if laid.symbology == "QR":
        yield laid
    _settle_patterns(bent, 3, _MANY, _BENT)
    yield bent
    if laid.symbology != "QR":
        yield laid


def _corrected(laid: _Laid, belief: Any) -> Any | None:
    """Return modules with errors corrected, if they explain the picture as well as what is believed of each."""
    correct = correct_qr if laid.symbology == "QR" else correct_datamatrix
    modules = correct(belief, patterns(laid.symbology, laid.size))
    if modules is None:
        return None
    again = dataclasses.replace(laid)
    again.settle(modules, again.near(), 3, _ALL)
    return modules if again.noise < _WORSE * max(laid.noise, _ROUNDING) else None


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
                    place = np.zeros(15)
                    place[14] = blur / module
                    ratio = half[0] / min(half), half[1] / min(half)
                    laid = _Laid(symbology, size, turned.ravel().astype(np.float64), x, y, ratio, place)
                    _settle_patterns(laid, 2, _FEW, _FLAT)
                    tried.append((laid, turns))
    tried.sort(key=lambda one: one[0].remains)
    for laid, _ in tried[:_REFINED]:
        _settle_patterns(laid, 6, _MANY, _FLAT)
    return sorted(tried[:_REFINED], key=lambda one: one[0].remains)


def _settle_patterns(laid: _Laid, times: int, most: int, free: Any) -> None:
    """Fit a grid by its known patterns, at pixels that see little else, out of `most`."""
    known = patterns(laid.symbology, laid.size)
    pixels = laid.near()
    pixels = pixels[:: 1 + len(pixels) // most]
    pixels = pixels[laid.seen(np.isnan(known).astype(float), laid.place, pixels)[0] < 0.25]
    if len(pixels) > _FEWEST:
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
