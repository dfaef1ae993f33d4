"""How well pixels are named: mean IoU, which class is taken for which, and where the errors lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

Counts = npt.NDArray[np.float64]
_EDGE = 0.02
"""How far from a border errors count as those of the edge, as a part of the diagonal: that of Boundary IoU (Cheng et
al., CVPR 2021)."""


def mean_iou(
    truth: Sequence[npt.ArrayLike],
    predicted: Sequence[npt.ArrayLike],
    labels: Sequence[str],
    *,
    ignore: int | None = 255,
    names: Sequence[str] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare class maps, pixel by pixel.

    Args:
        truth: one integer map `(H, W)` a picture, class numbers from 0.
        predicted: of the same sizes.
        labels: names of the classes.
        ignore: pixels of the truth with this number are not looked at.
        names: of the pictures, for the worst of them; their numbers when not given.
        resamples: how often the pictures are drawn anew for the intervals; 0: none.
        seed: of the resampling.

    Returns:
        `mIoU` (the mean over classes that occur on either side), `pixel_accuracy`, `per_class` by name with `IoU` (None
        where the class occurs on neither side) and `pixels` of the truth, and `intervals` (95 %) of the first two;
        `confusion` with `labels` and `matrix` of pixels, rows the truth; `errors`: which part of all pixels is wrong
        near an edge of the truth (`edge`, within 2 % of the diagonal) and elsewhere (`inside`), and the ten commonest
        mistakes (`confused`: `truth`, `taken_for`, `part`); `worst`, the ten pictures with most wrong pixels: `image`,
        `wrong` (part of its pixels), `mIoU`.

    Raises:
        InputError: maps that differ in number or size, or hold other classes; nothing to look at at all.
    """
    if len(truth) != len(predicted):
        raise InputError(f"mean IoU: expected one map a picture, got {len(truth)} and {len(predicted)}")
    pictures = [str(row) for row in range(len(truth))] if names is None else list(names)
    if len(pictures) != len(truth):
        raise InputError(f"mean IoU: expected one name a picture, got {len(pictures)} for {len(truth)}")
    tables, edge = [], 0
    for name, given, other in zip(pictures, truth, predicted, strict=True):
        tables.append(confusion_of(given, other, len(labels), ignore, f"mean IoU: picture {name}"))
        edge += _wrong_at_edges(np.asarray(given), np.asarray(other), ignore)
    out = pixel_figures(tables, labels, resamples, seed)
    whole = np.sum(tables, axis=0)
    out["confusion"] = {"labels": list(labels), "matrix": whole.astype(np.int64).tolist()}
    out["errors"] = _errors(whole, edge, labels)
    out["worst"] = _worst(tables, pictures)
    return out


def confusion_of(given: npt.ArrayLike, other: npt.ArrayLike, count: int, ignore: int | None, where: str) -> Counts:
    """Return how many pixels of each class (rows) are taken for each (columns), `(count, count)`."""
    want, got = np.asarray(given), np.asarray(other)
    if want.ndim != 2 or want.shape != got.shape or want.dtype.kind not in "iu" or got.dtype.kind not in "iu":
        raise InputError(
            f"{where}: expected two integer maps (H, W) of one size, got {want.dtype} {want.shape} "
            f"and {got.dtype} {got.shape}"
        )
    kept = np.ones(want.shape, dtype=np.bool_) if ignore is None else want != ignore
    a, b = want[kept].astype(np.int64), got[kept].astype(np.int64)
    if len(a) and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= count):
        raise InputError(
            f"{where}: expected classes 0 to {count - 1}, got {min(a.min(), b.min())} to {max(a.max(), b.max())}"
        )
    return np.bincount(a * count + b, minlength=count * count).reshape(count, count).astype(np.float64)


def pixel_figures(each: Sequence[Counts], labels: Sequence[str], resamples: int, seed: int) -> dict[str, Any]:
    """Return the figures of `mean_iou` from one confusion matrix a picture."""
    tables = np.array(each).reshape(-1, len(labels), len(labels))
    if not tables.sum():
        raise InputError("mean IoU: expected at least one pixel to compare, got none")

    def figures(table: Counts) -> tuple[float, float]:
        return float(np.nanmean(_class_iou(table))), float(np.trace(table) / table.sum())

    whole = tables.sum(axis=0)
    iou = _class_iou(whole)
    out: dict[str, Any] = dict(zip(("mIoU", "pixel_accuracy"), (round(v, 6) for v in figures(whole)), strict=True))
    out["per_class"] = {
        name: {"IoU": None if np.isnan(iou[row]) else round(float(iou[row]), 6), "pixels": int(whole[row].sum())}
        for row, name in enumerate(labels)
    }
    if resamples:
        out["intervals"] = drawn_anew(tables, figures, ("mIoU", "pixel_accuracy"), resamples, seed)
    return out


def _class_iou(table: Counts) -> Counts:
    """Return the IoU of each class of a confusion matrix, NaN where it occurs on neither side."""
    shared = np.diag(table)
    either = table.sum(axis=0) + table.sum(axis=1) - shared
    out: Counts = np.divide(shared, either, out=np.full(len(table), np.nan), where=either > 0)
    return out


def drawn_anew(
    tables: Counts, figures: Callable[[Counts], tuple[float, ...]], names: Sequence[str], count: int, seed: int
) -> dict[str, list[float]]:
    """Return 95 % percentile intervals over pictures drawn with replacement."""
    random = np.random.default_rng(seed)
    drawn = (tables[random.integers(0, len(tables), len(tables))].sum(axis=0) for _ in range(count))
    values = np.array([figures(table) for table in drawn if table.sum()])
    low, high = np.percentile(values, [2.5, 97.5], axis=0)
    return {name: [round(float(low[k]), 6), round(float(high[k]), 6)] for k, name in enumerate(names)}


def _wrong_at_edges(want: npt.NDArray[Any], got: npt.NDArray[Any], ignore: int | None) -> int:
    """Return how many wrong pixels lie near an edge of the truth."""
    from scipy.ndimage import maximum_filter, minimum_filter

    wrong = want != got if ignore is None else (want != got) & (want != ignore)
    if not wrong.any():
        return 0
    reach = max(1, round(_EDGE * float(np.hypot(*want.shape))))
    near = maximum_filter(want, 2 * reach + 1, mode="nearest") != minimum_filter(want, 2 * reach + 1, mode="nearest")
    return int((wrong & near).sum())


def _errors(whole: Counts, edge: int, labels: Sequence[str]) -> dict[str, Any]:
    off = whole.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off, axis=None, kind="stable")[:10]
    pairs = [divmod(int(place), len(labels)) for place in order]
    total = whole.sum()
    return {
        "edge": round(edge / total, 6),
        "inside": round(float(off.sum() - edge) / total, 6),
        "confused": [
            {"truth": labels[row], "taken_for": labels[column], "part": round(float(off[row, column] / total), 6)}
            for row, column in pairs
            if off[row, column]
        ],
    }


def _worst(tables: Sequence[Counts], names: Sequence[str]) -> list[dict[str, Any]]:
    rows = [
        {"image": name, "wrong": float(1 - np.trace(t) / t.sum()), "mIoU": float(np.nanmean(_class_iou(t)))}
        for name, t in zip(names, tables, strict=True)
        if t.sum()
    ]
    rows.sort(key=lambda each: -each["wrong"])  # type: ignore[operator]  # the figures are numbers
    return [{**each, "wrong": round(each["wrong"], 6), "mIoU": round(each["mIoU"], 6)} for each in rows[:10]]  # type: ignore[call-overload]  # as above
