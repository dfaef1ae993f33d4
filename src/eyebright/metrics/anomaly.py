"""How well odd pictures are told from normal ones, and odd places on them from the rest.

Scores grow with oddness. Pictures: `roc_auc`, `tpr_at_fpr` and `risk_coverage`. Places: `pixel_auroc` and the
per-region overlap of Bergmann et al. (Uninformed Students, CVPR 2020; MVTec AD, IJCV 2021), in which a small defect
counts as much as a large one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import betaincinv

from eyebright.core.errors import InputError
from eyebright.metrics.verification import Interval, roc_auc

_Floats = npt.NDArray[np.float64]


def tpr_at_fpr(scores: npt.ArrayLike, odd: npt.ArrayLike, fpr: float) -> float:
    """Return the share of odd pictures above the lowest threshold that at most `fpr` of the normal ones exceed.

    Args:
        scores: `(N,)`, finite or infinite.
        odd: `bool (N,)`.
        fpr: in [0, 1).

    Returns:
        The share in [0, 1], NaN when there is no odd or no normal picture.

    Raises:
        InputError: wrong shapes, a NaN, or a rate out of range.
    """
    values, flags = _columns(scores, odd)
    if not 0 <= fpr < 1:
        raise InputError(f"fpr: expected a rate in [0, 1), got {fpr}")
    if not flags.any() or flags.all():
        return float("nan")
    normal = np.sort(values[~flags])[::-1]
    # counts are whole: a product such as 0.29 x 100 must not fall short of 29
    return float((values[flags] > normal[int(fpr * len(normal) * (1 + 1e-12))]).mean())


def risk_coverage(sureness: npt.ArrayLike, wrong: npt.ArrayLike) -> tuple[_Floats, _Floats]:
    """Return how often an answer is wrong when only the surest are given (El-Yaniv and Wiener, JMLR 2010).

    Args:
        sureness: `(N,)`, growing with sureness, finite or infinite.
        wrong: `bool (N,)`, whether the answer is wrong.

    Returns:
        Coverage and risk, `(M,)` each, for every number of answers that a threshold on sureness can give: equally
        sure ones are given together.

    Raises:
        InputError: wrong shapes, or a NaN.
    """
    values, flags = _columns(sureness, wrong)
    if not len(values):
        return np.zeros(0), np.zeros(0)
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    given = last + 1.0
    return given / len(values), np.cumsum(flags[order])[last] / given


def binomial_interval(hits: int, trials: int, *, level: float = 0.95) -> Interval:
    """Return the exact interval of a rate (Clopper and Pearson, Biometrika 1934); (0, 1) without trials.

    Raises:
        InputError: not 0 <= hits <= trials, or a level outside (0, 1).
    """
    if not 0 <= hits <= trials or not 0 < level < 1:
        raise InputError(
            f"interval: expected hits of 0 to trials and a level in (0, 1), got {hits} of {trials}, {level}"
        )
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, tail))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 1 - tail))
    return Interval(low, high)


def pixel_auroc(maps: Sequence[npt.ArrayLike], masks: Sequence[npt.ArrayLike]) -> float:
    """Return the area under the ROC curve of all pixels of all pictures; NaN when no pixel, or every one, is odd.

    Args:
        maps: one heat map a picture, `(H, W)`, finite.
        masks: which of its pixels are odd, `bool (H, W)`.

    Raises:
        InputError: not as many masks as maps, or of another size; a value that is not finite.
    """
    pairs = _maps(maps, masks)
    if not pairs:
        return float("nan")
    return roc_auc(np.concatenate([m.ravel() for m, _ in pairs]), np.concatenate([o.ravel() for _, o in pairs]))


def per_region_overlap(maps: Sequence[npt.ArrayLike], masks: Sequence[npt.ArrayLike], *, max_fpr: float = 0.3) -> float:
    """Return the area under the curve of per-region overlap over the rate of false pixels, up to a rate, divided by it.

    At each threshold the overlap is the share of a region's pixels that are found, averaged over the 8-connected
    regions of all masks; the rate is the share of normal pixels that are found.

    Args:
        maps: one heat map a picture, `(H, W)`, finite.
        masks: which of its pixels are odd, `bool (H, W)`.
        max_fpr: the curve's end, in (0, 1].

    Returns:
        A value in [0, 1]; NaN when no pixel, or every one, is odd.

    Raises:
        InputError: as `pixel_auroc`; a rate out of range.
    """
    if not 0 < max_fpr <= 1:
        raise InputError(f"max_fpr: expected a rate in (0, 1], got {max_fpr}")
    values, weights, normal, regions = [], [], [], 0
    for heat, odd in _maps(maps, masks):
        labels, count = ndimage.label(odd, structure=np.ones((3, 3)))
        sizes = np.bincount(labels.ravel(), minlength=count + 1).astype(np.float64)
        sizes[0] = np.inf  # a pixel of no region adds nothing to the overlap
        values.append(heat.ravel())
        weights.append(1 / sizes[labels.ravel()])
        normal.append(~odd.ravel())
        regions += count
    if not regions or not any(part.any() for part in normal):
        return float("nan")
    all_values, flags = np.concatenate(values), np.concatenate(normal)
    order = np.argsort(-all_values, kind="stable")
    last = np.append(np.diff(all_values[order]) != 0, True)
    overlap = np.append(0, (np.cumsum(np.concatenate(weights)[order]) / regions)[last])
    rate = np.append(0, (np.cumsum(flags[order]) / flags.sum())[last])
    within = rate <= max_fpr
    x, y = rate[within], overlap[within]
    if x[-1] < max_fpr:
        x, y = np.append(x, max_fpr), np.append(y, np.interp(max_fpr, rate, overlap))
    return float(np.trapezoid(y, x) / max_fpr)


def _columns(scores: npt.ArrayLike, flags: npt.ArrayLike) -> tuple[_Floats, npt.NDArray[np.bool_]]:
    values, marks = np.asarray(scores, np.float64), np.asarray(flags, np.bool_)
    if values.ndim != 1 or values.shape != marks.shape:
        raise InputError(f"anomaly: expected N scores and N flags, got {values.shape} and {marks.shape}")
    if np.isnan(values).any():
        raise InputError("anomaly: expected numbers as scores, got NaN")
    return values, marks


def _maps(maps: Sequence[npt.ArrayLike], masks: Sequence[npt.ArrayLike]) -> list[tuple[_Floats, npt.NDArray[np.bool_]]]:
    if len(maps) != len(masks):
        raise InputError(f"anomaly: expected a mask a map, got {len(maps)} maps and {len(masks)} masks")
    pairs = [(np.asarray(m, np.float64), np.asarray(o, np.bool_)) for m, o in zip(maps, masks, strict=True)]
    for number, (heat, odd) in enumerate(pairs):
        if heat.ndim != 2 or heat.shape != odd.shape:
            raise InputError(f"anomaly: map {number}: expected (H, W) twice, got {heat.shape} and {odd.shape}")
        if not np.isfinite(heat).all():
            raise InputError(f"anomaly: map {number}: expected finite values, got NaN or infinity")
    return pairs


__all__ = ["binomial_interval", "per_region_overlap", "pixel_auroc", "risk_coverage", "tpr_at_fpr"]
