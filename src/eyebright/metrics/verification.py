"""How well two pictures of one person are told from two of different people.

Scores grow with likeness. A genuine pair shows one person, an impostor pair two. The rates at a threshold t: false
accept (FAR) is the share of impostor pairs with a score of t or more, true accept (TAR) that of genuine pairs.

Intervals resample people, not pairs (Bolle, Ratha and Pankanti, Error analysis of pattern recognition systems: the
subsets bootstrap, 2004): pairs that share a person are not independent, so intervals over pairs are far too narrow.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

_Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A range that holds the middle 95 % (or as asked) of the resampled figures."""

    low: float
    high: float


def roc_auc(scores: npt.ArrayLike, genuine: npt.ArrayLike) -> float:
    """Return the probability that a genuine pair scores higher than an impostor pair; ties count half.

    Args:
        scores: `(N,)`, finite.
        genuine: `bool (N,)`, which pairs show one person.

    Returns:
        The area in [0, 1], NaN when either kind of pair is missing.

    Raises:
        InputError: wrong shapes, or a score that is not finite.
    """
    points, flags = _pairs(scores, genuine)
    return _auc(_curve(points, flags, np.ones(len(points))))


def equal_error_rate(scores: npt.ArrayLike, genuine: npt.ArrayLike) -> float:
    """Return the rate at which as many genuine pairs are refused as impostor pairs accepted.

    Between the two thresholds where the rates cross, both are taken to change linearly. NaN when either kind of pair is
    missing.

    Raises:
        InputError: as `roc_auc`.
    """
    points, flags = _pairs(scores, genuine)
    return _eer(_curve(points, flags, np.ones(len(points))))


def threshold_at_far(scores: npt.ArrayLike, genuine: npt.ArrayLike, far: float) -> float:
    """Return the least threshold whose false accept rate is at most `far`: one of the scores, or just above them all.

    Raises:
        InputError: as `roc_auc`; `far` is not in [0, 1]; or there are fewer than 1 / far impostor pairs, with which no
            such rate can be told from zero.
    """
    points, flags = _pairs(scores, genuine)
    impostors = int((~flags).sum())
    if not 0 < far <= 1:
        raise InputError(f"far: expected a rate in (0, 1], got {far}")
    if impostors * far < 1:
        raise InputError(f"far: {far:g} needs at least {int(np.ceil(1 / far))} impostor pairs, got {impostors}")
    return _threshold(_curve(points, flags, np.ones(len(points))), far)


def tar_at_far(scores: npt.ArrayLike, genuine: npt.ArrayLike, far: float) -> float:
    """Return the share of genuine pairs at or above `threshold_at_far`; NaN without genuine pairs. Raises as that."""
    threshold = threshold_at_far(scores, genuine, far)
    points, flags = _pairs(scores, genuine)
    return float((points[flags] >= threshold).mean()) if flags.any() else float("nan")


class VerificationMetric:
    """Accumulates pairs; `compute` returns their figures, `intervals` how sure they are.

    Args:
        fars: false accept rates at which the true accept rate is wanted, each in (0, 1].

    Raises:
        InputError: a rate out of range.
    """

    def __init__(self, fars: Sequence[float] = (1e-2, 1e-3)) -> None:
        for far in fars:
            if not 0 < far <= 1:
                raise InputError(f"fars: expected rates in (0, 1], got {far}")
        self._fars = tuple(fars)
        self.reset()

    def reset(self) -> None:
        """Forget all pairs."""
        self._scores: list[_Floats] = []
        self._first: list[Hashable] = []
        self._second: list[Hashable] = []

    def update(self, scores: npt.ArrayLike, first: Sequence[Hashable], second: Sequence[Hashable]) -> None:
        """Take pairs.

        Args:
            scores: `(N,)`, growing with likeness, finite.
            first: N names (or numbers) of the person in the first picture.
            second: the same for the second picture; a pair is genuine when both are equal.

        Raises:
            InputError: columns of different length, or a score that is not finite.
        """
        points = np.asarray(scores, dtype=np.float64)
        if points.ndim != 1 or not len(points) == len(first) == len(second):
            raise InputError(
                f"verification: expected N scores and N people twice, got {points.shape}, {len(first)}, {len(second)}"
            )
        if not np.isfinite(points).all():
            raise InputError("verification: expected finite scores, got NaN or infinity")
        self._scores.append(points)
        self._first.extend(first)
        self._second.extend(second)

    def compute(self) -> dict[str, float]:
        """Return `auc`, `eer`, `tar@far=...` for each rate, `genuine_pairs`, `impostor_pairs` and `people`.

        A figure that the pairs cannot support (no genuine pairs, or fewer than 1 / far impostor pairs) is NaN.
        """
        points, flags, _, _, people = self._columns()
        figures = self._figures(points, flags, np.ones(len(points)))
        counts = {"genuine_pairs": flags.sum(), "impostor_pairs": (~flags).sum(), "people": len(people)}
        return figures | {name: float(count) for name, count in counts.items()}

    def intervals(self, *, level: float = 0.95, rounds: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Return an interval of each figure by resampling people.

        A person drawn m times counts m times in genuine pairs, and an impostor pair of people drawn m and n times
        counts m x n times. Figures that are NaN in `compute` are left out.

        Args:
            level: share of the resampled figures that lies inside, in (0, 1).
            rounds: how often all people are drawn anew.
            seed: the same seed gives the same intervals.

        Raises:
            InputError: a number out of range.
        """
        if not 0 < level < 1 or rounds < 1:
            raise InputError(f"intervals: expected a level in (0, 1) and rounds of 1 or more, got {level} and {rounds}")
        points, flags, first, second, people = self._columns()
        sound = [name for name, value in self._figures(points, flags, np.ones(len(points))).items() if value == value]
        if not sound:
            return {}
        # sorted once, for all rounds
        order = np.argsort(-points, kind="stable")
        points, flags, first, second = points[order], flags[order], first[order], second[order]
        random = np.random.default_rng(seed)
        drawn = []
        for _ in range(rounds):
            times = random.multinomial(len(people), np.full(len(people), 1 / len(people))).astype(np.float64)
            weights = np.where(flags, times[first], times[first] * times[second])
            figures = self._figures(points, flags, weights)
            drawn.append([figures[name] for name in sound])
        low, high = np.nanpercentile(drawn, [50 - 50 * level, 50 + 50 * level], axis=0)
        return {name: Interval(float(low[row]), float(high[row])) for row, name in enumerate(sound)}

    def _columns(self) -> tuple[_Floats, npt.NDArray[np.bool_], npt.NDArray[Any], npt.NDArray[Any], list[Hashable]]:
        people = list(dict.fromkeys([*self._first, *self._second]))
        number = {person: row for row, person in enumerate(people)}
        first = np.array([number[person] for person in self._first], dtype=np.int64)
        second = np.array([number[person] for person in self._second], dtype=np.int64)
        points = np.concatenate(self._scores) if self._scores else np.zeros(0)
        return points, first == second, first, second, people

    def _figures(self, points: _Floats, flags: npt.NDArray[np.bool_], weights: _Floats) -> dict[str, float]:
        curve = _curve(points, flags, weights)
        figures = {"auc": _auc(curve), "eer": _eer(curve)}
        for far in self._fars:
            value = float("nan")
            if curve.sound and curve.slips[-1] * far >= 1:
                passing = np.flatnonzero(curve.scores >= _threshold(curve, far))
                value = float(curve.hits[passing[-1]] / curve.hits[-1]) if len(passing) else 0.0
            figures[f"tar@far={far:g}"] = value
        return figures


def _pairs(scores: npt.ArrayLike, genuine: npt.ArrayLike) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    points, flags = np.asarray(scores, dtype=np.float64), np.asarray(genuine, dtype=np.bool_)
    if points.ndim != 1 or points.shape != flags.shape:
        raise InputError(f"verification: expected N scores and N flags, got {points.shape} and {flags.shape}")
    if not np.isfinite(points).all():
        raise InputError("verification: expected finite scores, got NaN or infinity")
    return points, flags


class _Curve(NamedTuple):
    """What passes at each threshold.

    Attributes:
        scores: the distinct ones, from the top.
        hits: weight of the genuine pairs at or above each.
        slips: weight of the impostor pairs at or above each.
    """

    scores: _Floats
    hits: _Floats
    slips: _Floats

    @property
    def sound(self) -> bool:
        """Whether there are pairs of both kinds."""
        return bool(len(self.scores) and self.hits[-1] and self.slips[-1])


def _curve(points: _Floats, flags: npt.NDArray[np.bool_], weights: _Floats) -> _Curve:
    if not len(points):
        return _Curve(points, points, points)
    order = np.argsort(-points, kind="stable")
    points, flags, weights = points[order], flags[order], weights[order]
    last = np.flatnonzero(np.append(np.diff(points) != 0, True))
    return _Curve(points[last], np.cumsum(weights * flags)[last], np.cumsum(weights * ~flags)[last])


def _auc(curve: _Curve) -> float:
    if not curve.sound:
        return float("nan")
    area = np.trapezoid(np.append(0, curve.hits), np.append(0, curve.slips))
    return float(area / (curve.hits[-1] * curve.slips[-1]))


def _eer(curve: _Curve) -> float:
    if not curve.sound:
        return float("nan")
    refused, accepted = 1 - np.append(0, curve.hits) / curve.hits[-1], np.append(0, curve.slips) / curve.slips[-1]
    after = int(np.argmax(accepted >= refused))  # at the ends nothing is accepted, and everything
    apart = refused - accepted
    share = apart[after - 1] / (apart[after - 1] - apart[after])
    return float(accepted[after - 1] + share * (accepted[after] - accepted[after - 1]))


def _threshold(curve: _Curve, far: float) -> float:
    # counts are whole: a product such as 0.001 x 19000 must not fall short of 19
    fitting = np.flatnonzero(curve.slips <= far * curve.slips[-1] * (1 + 1e-12))
    return float(curve.scores[fitting[-1]]) if len(fitting) else float(np.nextafter(curve.scores[0], np.inf))


__all__ = ["Interval", "VerificationMetric", "equal_error_rate", "roc_auc", "tar_at_far", "threshold_at_far"]
