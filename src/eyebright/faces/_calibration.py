"""The threshold: from the pairs of different people in one's own gallery, with an interval that resamples people."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Ints, Space
from eyebright.faces.types import Calibration

_Reals = npt.NDArray[np.float64]
_Numbers = npt.NDArray[np.int64]

DEFAULTS = {
    # distances at FAR 1e-3 over 19 000 impostor pairs of 20 people, ORL portraits; see docs/faces.md
    "dlib_resnet": Calibration(1e-3, 1 - 0.359, 19_000, 20, 1 - 0.393, 1 - 0.343, "ORL portraits", 1 - 0.371, 79.0),
}
_OTHERS = {
    # of nets trained with an angular margin, near which public evaluations put FAR 1e-3
    "cosine": Calibration(1e-3, 0.36, 0, 0, 0.30, 0.42, "a rule of thumb", 0.28, 15.0),
    "l2": Calibration(1e-3, 0.0, 0, 0, -0.2, 0.2, "a rule of thumb", 0.0, 5.0),
}
_FALSE_PAIRS = 3
"""So many false accepts must be expected among the pairs: with fewer, a threshold is a guess about pairs never seen."""
_ROUNDS = 200
_MOST_FACES = 4000
_FEWEST_GENUINE = 30  # with fewer pairs of one person the slope of the probability is taken from elsewhere


def default_for(space: Space) -> Calibration:
    """Return the threshold before any calibration."""
    return DEFAULTS.get(space.model, _OTHERS[space.metric])


def probability(score: float, calibration: Calibration) -> float:
    """Return how likely a score shows one person, when that was as likely as not beforehand (Platt 1999)."""
    power = calibration.slope * (score - calibration.middle)
    return float(1 / (1 + math.exp(-max(-50.0, min(50.0, power)))))


def identification_rate(far: float, pictures: int) -> float:
    """Return the rate at which somebody who is not in the gallery is taken for somebody who is (FPIR).

    Every enrolled picture is one comparison, taken as independent: 1 - (1 - FAR)^N.
    """
    return 1 - (1 - far) ** pictures


def calibrate(vectors: Floats, owners: Ints, space: Space, far: float) -> Calibration:
    """Return the threshold at a false accept rate.

    Args:
        vectors: `float32 (N, D)`, of length 1; galleries of more than 4000 faces are sampled.
        owners: `int64 (N,)`, the person of each.
        space: of the vectors.
        far: wanted rate, in (0, 1).

    Raises:
        InputError: a rate out of range, or one that the pairs of this gallery cannot support.
    """
    if not 0 < far < 1:
        raise InputError(f"far: expected a rate between 0 and 1, such as 1e-3, got {far:g}")
    chosen = np.arange(len(vectors))
    if len(chosen) > _MOST_FACES:
        chosen = np.sort(np.random.default_rng(0).choice(len(vectors), _MOST_FACES, replace=False))
    vectors, owners = vectors[chosen], owners[chosen]
    people, numbers = np.unique(owners, return_inverse=True)
    counts = np.bincount(numbers, minlength=len(people)).astype(np.float64)
    pairs = int((counts.sum() ** 2 - (counts**2).sum()) / 2)
    if pairs * far < _FALSE_PAIRS:
        needed = min(_FALSE_PAIRS / far, 1e15)  # infinite for rates near the smallest number there is
        raise InputError(
            f"calibrate: a false accept rate of {far:g} needs at least "
            f"{math.ceil(needed) if needed < 1e15 else '1e15'} pairs of "
            f"different people, this gallery has {pairs} ({len(people)} people); enroll more people, or ask for "
            f"{_supported(pairs)}"
        )
    likeness, rows, columns = _pairs(vectors, space)
    apart = numbers[rows] != numbers[columns]
    middle, slope = _platt(likeness[~apart], likeness[apart], default_for(space))
    scores, first, second = _highest(likeness[apart], numbers[rows[apart]], numbers[columns[apart]], far)
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(_ROUNDS):
        weights = np.bincount(rng.integers(0, len(people), len(people)), minlength=len(people)).astype(np.float64)
        each = weights * counts
        total = (each.sum() ** 2 - (each**2).sum()) / 2
        if total > 0:
            resampled.append(_threshold(scores, weights[first] * weights[second], total, far))
    low, high = np.quantile(resampled, [0.025, 0.975])
    threshold = _threshold(scores, np.ones(len(scores)), float(pairs), far)
    return Calibration(far, threshold, pairs, len(people), float(low), float(high), "gallery", middle, slope)


def _supported(pairs: int) -> str:
    if pairs < 10 * _FALSE_PAIRS:
        return "no rate: there are too few"
    return f"--far {10 ** -math.floor(math.log10(pairs / _FALSE_PAIRS)):g}"


def _pairs(vectors: Floats, space: Space) -> tuple[_Reals, _Numbers, _Numbers]:
    """Return the scores of all pairs and the rows of both faces."""
    likeness = vectors.astype(np.float64) @ vectors.T
    if space.metric == "l2":
        squares = np.diag(likeness)
        likeness = 1 - np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * likeness, 0))
    rows, columns = np.triu_indices(len(vectors), 1)
    return likeness[rows, columns], rows, columns


def _highest(scores: _Reals, first: _Numbers, second: _Numbers, far: float) -> tuple[_Reals, _Numbers, _Numbers]:
    """Return the highest scores, enough of them for any resample, best first, and the people of each pair."""
    keep = min(len(scores), max(1000, int(np.ceil(20 * far * len(scores)))))
    best = np.argpartition(-scores, keep - 1)[:keep]
    best = best[np.argsort(-scores[best], kind="stable")]
    return scores[best], first[best], second[best]


def _platt(genuine: _Reals, impostor: _Reals, otherwise: Calibration) -> tuple[float, float]:
    """Return middle and slope of the logistic curve that tells the two kinds apart, both kinds weighing the same."""
    if len(genuine) < _FEWEST_GENUINE:
        return otherwise.middle, otherwise.slope
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    kinds = [rng.choice(kind, min(len(kind), 20_000), replace=False) for kind in (genuine, impostor)]
    # Platt's targets keep the slope finite when the kinds do not overlap
    targets = [(len(kinds[0]) + 1) / (len(kinds[0]) + 2), 1 / (len(kinds[1]) + 2)]

    def loss(line: _Reals) -> float:
        total = 0.0
        for kind, target in zip(kinds, targets, strict=True):
            power = line[0] * kind + line[1]
            total += float((np.logaddexp(0, power) - target * power).mean())
        return total

    start = np.array([otherwise.slope, -otherwise.slope * otherwise.middle])
    slope, offset = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 400}).x
    return (float(-offset / slope), float(slope)) if slope > 0 else (otherwise.middle, otherwise.slope)


def _threshold(scores: _Reals, weights: _Reals, total: float, far: float) -> float:
    """Return the least of the scores (best first) that at most `far` of all pairs reach."""
    passed = np.cumsum(weights) / total
    within = np.flatnonzero(passed <= far)
    # equal scores pass together
    last = int(within[-1]) if len(within) else -1
    while last >= 0 and last + 1 < len(scores) and scores[last + 1] == scores[last]:
        last -= 1
    return float(scores[last]) if last >= 0 else float(np.nextafter(scores[0], np.inf))
