"""Bars read by likelihood: which EAN or Code 128, blurred and bent as a photo is, explains a line of grey values best.

All rows of a code say the same, so their mean has a tenth of the noise. Its grey values are, to first order, a sum of
blurred modules: `y = light - contrast * A b`, where `b` says which modules are dark and column `j` of `A` is module `j`
after the camera. A symbol of seven or eleven modules has few patterns and the blur reaches only its neighbours, so the
best `b` is found exactly by dynamic programming (Viterbi, 1967) over the symbols; then place, bend and blur are fitted
again by least squares, and so on until both agree. Reading through blur by a model of it goes back to Pavlidis, Swartz
and Wang (1990).

A reading counts only if it explains nearly everything and the next best one explains it far worse.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from scipy.special import ndtr

from eyebright.authenticity._codes_symbols import Layout, code128, ean8, ean13

_BLURS = (0.9, 1.9)  # pixels
_EARLY = 2.0  # pixels
_NEAR = ((0.0, 0.0),)
_FAR = tuple((left, right) for left in (-1.5, 0.0, 1.5) for right in (-1.5, 0.0, 1.5) if left or right)  # modules
_SETTLED = 8  # starts that are followed to their end
_EXPLAINED = 0.98  # share of the variance that a reading must explain
_MARGIN = 14.0  # natural logarithm of how much likelier it must be than the next one
_PATHS = 6
_PROMISING, _FOUND = 0.12, 0.005  # shares of the variance that remain
_STEP = np.array([4.0, 4.0, 0.05, 0.05, 0.6])  # how far one step may go
_NARROWEST = 1.4  # pixels a module
_INNER = 0.3  # of the width to either side of the middle, where there are bars and spaces only
_QUIET = 1.5  # spaces wide


@dataclasses.dataclass(frozen=True, slots=True)
class Bars:
    """Bars read: `EAN-13`, `EAN-8` or `Code 128`, the modules (1 dark), and the corners in the cut, `float (4, 2)`."""

    symbology: str
    modules: Any
    corners: Any


@dataclasses.dataclass(slots=True)
class _Fit:
    """A layout laid over a line.

    `place` holds x of both ends in pixels, the bend (odd and even), and the blur in pixels; `light` the grey value of
    light and the contrast, each with its slope along the line.
    """

    layout: Layout
    line: Any
    place: Any
    light: Any
    symbols: tuple[int, ...] = ()
    remains: float = np.inf  # mean square

    def edges(self, place: Any) -> Any:
        """Return where the modules begin and end, `float (T + 1,)`."""
        first, last, odd, even, _ = place
        t = np.linspace(0, 1, len(self.layout.fixed) + 1)
        return first + (last - first) * (t + odd * t * (1 - t) * (1 - 2 * t) + even * t * (1 - t))

    def lit(self) -> Any:
        """Return how dark each pixel is, 0 to 1."""
        u = np.linspace(-1, 1, len(self.line))
        contrast = np.maximum(self.light[2] + self.light[3] * u, 1.0)
        return (self.light[0] + self.light[1] * u - self.line) / contrast

    def decode(self) -> None:
        """Find the best symbols for this place, with any parity and check."""
        ((_, self.symbols),) = self.paths(self.layout.either, 1)
        rest = self.lit() - self._dark(self.place, self.layout.modules(self.symbols))
        self.remains = float(rest @ rest) / len(rest) * self.light[2] ** 2

    def paths(self, choices: Sequence[Any], most: int) -> list[tuple[float, tuple[int, ...]]]:
        """Return the `most` best rows of symbols, best first, by what they leave of the line."""
        layout, wide = self.layout, self.layout.patterns.shape[1]
        edges, reach = self.edges(self.place), 4 * self.place[4] + 1
        rest = self.lit() - self._dark(self.place, layout.fixed)
        own: list[Any] = []
        shared: list[Any] = []
        for place, slot in enumerate(layout.slots):
            begin = slot if place == 0 else layout.slots[place - 1]
            # a window on the line that sees this symbol and the one before
            low, high = edges[begin] - reach, edges[slot + wide] + reach
            rows = np.s_[max(int(low), 0) : max(min(int(high) + 1, len(rest)), 1)]
            x = np.arange(len(self.line))[rows] + 0.5
            steps = ndtr((x[:, None] - edges[None, begin : slot + wide + 1]) / self.place[4])
            blurred = steps[:, :-1] - steps[:, 1:]
            this, options = blurred[:, slot - begin :], layout.patterns[choices[place]]
            own.append(((options @ (this.T @ this)) * options).sum(axis=1) - 2 * options @ (rest[rows] @ this))
            if place:
                shared.append(2 * layout.patterns[choices[place - 1]] @ (blurred[:, :wide].T @ this) @ options.T)
        return _paths(own, shared, choices, most)

    def settle(self, times: int = 2) -> None:
        """Fit place and light to the symbols, by Gauss-Newton."""
        modules = self.layout.modules(self.symbols)
        rest, light, slopes = self._remainder(self.place, modules)
        best = float(rest @ rest)
        for _ in range(times):
            weight = slopes.T @ slopes
            move = -np.linalg.solve(weight + np.diag(1e-3 * np.diag(weight) + 1e-9), slopes.T @ rest)
            move = np.clip(move, -_STEP, _STEP)
            for shorter in (1.0, 0.3):
                place = self.place + shorter * move
                place[2:] = np.clip(place[2:], [-0.3, -0.25, 0.3], [0.1, 0.25, 6.0])
                after = self._remainder(place, modules)
                if after[0] @ after[0] < best:
                    rest, light, slopes = after
                    best, self.place = float(rest @ rest), place
                    break
            else:
                break
        self.light, self.remains = light, best / len(self.line)

    def _dark(self, place: Any, modules: Any) -> Any:
        """Return how dark these modules make each pixel, `float (n,)`."""
        change = np.diff(modules, prepend=0.0, append=0.0)
        at = np.flatnonzero(change)
        x = np.arange(len(self.line)) + 0.5
        return ndtr((x[:, None] - self.edges(place)[None, at]) / place[4]) @ change[at]

    def converge(self) -> float:
        """Fit place and symbols in turn until they agree, and return what remains."""
        for _ in range(6):
            before = self.symbols
            self.settle(2)
            self.decode()
            if self.symbols == before:
                break
        self.settle(2)
        return self.remains

    def _remainder(self, place: Any, modules: Any) -> tuple[Any, Any, Any]:
        """Return what the modules leave unexplained, the light that fits best, and the slopes along `place`."""
        first, last, odd, even, blur = place
        change = np.diff(modules, prepend=0.0, append=0.0)
        at = np.flatnonzero(change)
        t = at / len(modules)
        bow, lean = t * (1 - t) * (1 - 2 * t), t * (1 - t)
        along = t + odd * bow + even * lean
        x = np.arange(len(self.line)) + 0.5
        z = (x[:, None] - (first + (last - first) * along)[None]) / blur
        dark = ndtr(z) @ change[at]
        bell = np.exp(-0.5 * z * z) * (change[at] / (blur * np.sqrt(2 * np.pi)))
        turns = np.stack([1 - along, along, (last - first) * bow, (last - first) * lean], axis=1)
        u = np.linspace(-1, 1, len(x))
        base = np.stack([np.ones_like(u), u, -dark, -dark * u], axis=1)
        light = np.linalg.lstsq(base, self.line, rcond=None)[0]
        slopes = np.concatenate([bell @ turns, (bell * z).sum(axis=1)[:, None]], axis=1)
        return self.line - base @ light, light, -(light[2] + light[3] * u)[:, None] * slopes


def _paths(
    own: Sequence[Any], shared: Sequence[Any], choices: Sequence[Any], most: int
) -> list[tuple[float, tuple[int, ...]]]:
    """Return the `most` best ways through the symbols by their own costs and those of neighbours, best first."""
    costs = np.full((len(own[0]), most), np.inf)
    costs[:, 0] = own[0]
    trail = []
    for alone, both in zip(own[1:], shared, strict=True):
        every = (costs[:, :, None] + both[:, None, :]).reshape(-1, len(alone))
        best = every.argmin(axis=0)[None] if most == 1 else np.argpartition(every, most - 1, axis=0)[:most]
        costs = (np.take_along_axis(every, best, axis=0) + alone[None]).T
        trail.append(best.T)
    found = []
    for end in np.argsort(costs, axis=None)[:most]:
        option, rank = divmod(int(end), most)
        cost = float(costs[option, rank])
        if not np.isfinite(cost):
            continue
        symbols = [int(choices[-1][option])]
        for back, slot in zip(reversed(trail), reversed(choices[:-1]), strict=True):
            option, rank = divmod(int(back[option, rank]), most)
            symbols.append(int(slot[option]))
        found.append((cost, tuple(reversed(symbols))))
    return found


def read_bars(cut: Any, until: float = np.inf) -> Bars | None:
    """Read the code whose bars stand upright in a cut.

    Args:
        cut: `uint8 (h, w)`.
        until: `time.thread_time()` after which no further attempt is begun.

    Returns:
        The code, or None when no reading is sure.
    """
    band = _band(cut)
    if band is None:
        return None
    top, bottom, whole, places = band
    tries = []
    for first, last in places:
        start, stop = max(int(first) - 12, 0), min(int(last) + 12, len(whole))
        line, ends = whole[start:stop], (first - start, last - start)
        tries.append((start, line, ends, [[ean13()], _code128s(line, ends), [ean8()]]))
    # the first guess of where the bars end is right most often; a bar and a half to either side is tried after that
    for far in (False, True):
        for start, line, ends, groups in tries:
            for place, layouts in enumerate(groups):
                fits = _tried(layouts, line, ends, far, until)
                groups[place] = list({fit.layout: None for fit in fits[:3]})  # only these are worth a longer search
                sure = _sure(fits)
                if sure is not None:
                    left, right = sure.place[0] + start, sure.place[1] + start
                    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)
                    return Bars(sure.layout.name, sure.layout.modules(sure.symbols), corners)
    return None


def _code128s(line: Any, ends: tuple[float, float]) -> list[Layout]:
    """Return Code 128 of every length that a code of this width and so many visible bars may have."""
    inside = line[int(ends[0]) : int(ends[1]) + 1]
    dips = int(((inside[1:-1] < inside[:-2]) & (inside[1:-1] <= inside[2:])).sum())
    most = min(int((ends[1] - ends[0]) / _NARROWEST - 13) // 11, 2 * dips // 3, 30)
    return [code128(count) for count in range(max(4, (dips - 8) // 3), most + 1)]


def _band(cut: Any) -> tuple[int, int, Any, list[tuple[float, float]]] | None:
    """Return the first and last row of the bars, the mean row, straightened, and where its bars may begin and end."""
    soft = cv2.GaussianBlur(cut, (0, 0), 1.0).astype(np.float32)
    along = cv2.Sobel(soft, cv2.CV_32F, 1, 0) ** 2
    strong = cv2.blur(along.mean(axis=1)[:, None], (1, 5))[:, 0]
    inside = np.flatnonzero(strong > 0.5 * np.quantile(strong, 0.9))
    if len(inside) < 8:
        return None
    middle = inside[len(inside) // 2]
    gaps = np.flatnonzero(np.diff(inside) > 4)
    first = max((inside[gap + 1] for gap in gaps if inside[gap + 1] <= middle), default=inside[0])
    last = min((inside[gap] for gap in gaps if inside[gap] >= middle), default=inside[-1])
    if last - first < 8:
        return None
    trim = (last - first) // 10
    top, bottom = int(first + trim), int(last - trim)
    count = min(8, bottom - top)
    pieces = np.array_split(cut[top:bottom].astype(np.float64), count)
    rows = np.stack([piece.mean(axis=0) for piece in pieces])
    line = _straightened(rows).mean(axis=0)
    slope = np.abs(np.diff(cv2.GaussianBlur(line[None], (0, 0), 1.0)[0]))
    busy = np.flatnonzero(slope > 0.15 * np.quantile(slope, 0.95))
    if len(busy) < 2:
        return None
    return top, bottom, line, _ends(busy)


def _ends(busy: Any) -> list[tuple[float, float]]:
    """Return where bars may begin and end, the likeliest first, from the places where the line is not level.

    A quiet zone is wider than any space between bars, so what lies beyond one is not the code but the edge of a label.
    """
    gaps = np.diff(busy)
    middle = (busy[:-1] + busy[1:]) / 2
    inner = np.abs(middle - (busy[0] + busy[-1]) / 2) < _INNER * (busy[-1] - busy[0])
    quiet = np.flatnonzero(~inner & (gaps >= max(_QUIET * gaps[inner].max(initial=1), 6)))
    before = quiet[middle[quiet] < (busy[0] + busy[-1]) / 2]
    behind = quiet[middle[quiet] > (busy[0] + busy[-1]) / 2]
    first = busy[before[-1] + 1] if len(before) else busy[0]
    last = busy[behind[0]] if len(behind) else busy[-1]
    return list(dict.fromkeys([(float(first), float(last + 1)), (float(busy[0]), float(busy[-1] + 1))]))


def _straightened(rows: Any) -> Any:
    """Shift each row to where it fits the mean of all best, for bars that lean or bow a little."""
    x = np.arange(rows.shape[1], dtype=float)
    shifts = np.zeros(len(rows))
    for _ in range(3):
        moved = np.stack([np.interp(x + shift, x, row) for row, shift in zip(rows, shifts, strict=True)])
        mean = moved.mean(axis=0)
        slope = np.gradient(mean)
        power = float(slope @ slope) + 1e-9
        shifts -= np.clip((moved - mean) @ slope / power, -2, 2)
        shifts -= shifts.mean()
    return np.stack([np.interp(x + shift, x, row) for row, shift in zip(rows, shifts, strict=True)])


def _tried(layouts: Sequence[Layout], line: Any, ends: tuple[float, float], far: bool, until: float) -> list[_Fit]:
    """Return the best fits over layouts, directions, bends and (when `far`) places, settled, best first."""
    starts = []
    mean, light = float(line[int(ends[0]) : int(ends[1]) + 1].mean()), float(np.quantile(line, 0.97))
    for layout in layouts:
        # the middle of a bent code moves by a tenth of the bend; a step moves it by no more than half a module
        bends = np.linspace(0, -0.2, 1 + int(np.ceil(0.2 * len(layout.fixed) / 5)))
        module = (ends[1] - ends[0]) / len(layout.fixed)
        for way in (line, line[::-1]):
            first, last = ends if way is line else (len(line) - ends[1], len(line) - ends[0])
            for left, right in _FAR if far else _NEAR:
                for bend in bends:
                    for blur in _BLURS if layout.name != "Code 128" else _BLURS[1:]:
                        inward = _EARLY + 1.4 * blur  # the line is busy before the first bar begins
                        place = np.array(
                            [first + inward + left * module, last - inward + right * module, bend, 0.0, blur]
                        )
                        lit = np.array([light, 0.0, max(2 * (light - mean), 1.0), 0.0])
                        starts.append(_Fit(layout, way, place, lit))
    spread = float(line.var())
    for fit in starts:
        fit.decode()
        if fit.remains < _PROMISING * spread and fit.converge() < _FOUND * spread:
            return [fit]
        if time.thread_time() > until:
            break
    best = sorted((fit for fit in starts if fit.symbols), key=lambda fit: fit.remains)[:_SETTLED]
    for fit in best:
        if fit.converge() < _FOUND * spread:
            break
    return sorted(best, key=lambda fit: fit.remains)


def _sure(fits: list[_Fit]) -> _Fit | None:
    """Return the best sound reading if it explains the line and no other comes near."""
    if not fits:
        return None
    rivals: dict[tuple[str, tuple[int, ...]], _Fit] = {}
    for fit in fits[:1]:
        for choices in fit.layout.choices:
            for _, symbols in fit.paths(choices, _PATHS):
                if fit.layout.sound(symbols) and (fit.layout.name, symbols) not in rivals:
                    rivals[fit.layout.name, symbols] = dataclasses.replace(fit, symbols=symbols)
    for one in rivals.values():
        one.settle(2)
    order = sorted(rivals.values(), key=lambda fit: fit.remains)
    if not order:
        return None
    best = order[0]
    spread = float(np.var(best.line))
    second = order[1].remains if len(order) > 1 else spread
    margin = len(best.line) / 2 * np.log(second / max(best.remains, 1e-9))
    if best.remains > (1 - _EXPLAINED) * spread or margin < _MARGIN:
        return None
    return best
