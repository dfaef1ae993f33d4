"""How well pixels are named: mean IoU, which class is taken for which, and where the errors lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError

Counts = npt.NDArray[np.float64]
MOST_CLASSES = 1024
"""Where classes have no names: a matrix of all pairs is made."""
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
    metric = ClassMapMetric(labels, ignore=ignore, resamples=resamples, seed=seed)
    for name, given, other in zip(pictures, truth, predicted, strict=True):
        metric.update(given, other, name)
    return metric.compute()


class ClassMapMetric:
    """The figures of `mean_iou` of one picture after the other; implements `eyebright.core.protocols.Metric`.

    Of each picture only the pairs of classes that occur in it are kept, not its maps.

    Args:
        labels: names of the classes; None: `class 0`, `class 1` and so on, up to the highest number that comes.
        ignore: see `mean_iou`.
        resamples: see `mean_iou`.
        seed: see `mean_iou`.
    """

    def __init__(
        self, labels: Sequence[str] | None = None, *, ignore: int | None = 255, resamples: int = 200, seed: int = 0
    ) -> None:
        self.labels = None if labels is None else list(labels)
        self.ignore, self.resamples, self.seed = ignore, resamples, seed
        self.reset()

    def reset(self) -> None:
        """Forget all pictures."""
        self._names: list[str] = []
        self._pairs: list[tuple[npt.NDArray[np.int64], Counts]] = []  # rows (2, P) of class numbers, their pixels
        self._edge = 0

    def update(self, truth: npt.ArrayLike, predicted: npt.ArrayLike, name: str | None = None) -> None:
        """Take one picture.

        Args:
            truth: integer map `(H, W)` of class numbers from 0.
            predicted: of the same size.
            name: of the picture; None: how many there were before.

        Raises:
            InputError: no such maps, maps of two sizes, or other classes.
        """
        name = str(len(self._names)) if name is None else name
        want, got = _checked(truth, predicted, f"mean IoU: picture {name}")
        kept = np.ones(want.shape, dtype=np.bool_) if self.ignore is None else want != self.ignore
        a, b = want[kept].astype(np.int64), got[kept].astype(np.int64)
        most = MOST_CLASSES if self.labels is None else len(self.labels)
        _check_range(a, b, most, f"mean IoU: picture {name}")
        if self.labels is None and self.ignore is not None and (b == self.ignore).any():
            raise InputError(f"mean IoU: picture {name}: {self.ignore} is predicted, and means 'not looked at'")
        side = int(max(a.max(initial=0), b.max(initial=0))) + 1
        counts = np.bincount(a * side + b, minlength=side * side)
        place = np.flatnonzero(counts)
        self._pairs.append((np.stack(np.divmod(place, side)), counts[place].astype(np.float64)))
        self._names.append(name)
        self._edge += _wrong_at_edges(want, got, self.ignore)

    def compute(self) -> dict[str, Any]:
        """Return the figures of `mean_iou`.

        Raises:
            InputError: there is nothing to look at at all.
        """
        from scipy.sparse import csr_array

        highest = max((int(pairs.max(initial=0)) for pairs, _ in self._pairs), default=0)
        labels = self.labels or [f"class {number}" for number in range(highest + 1)]
        count = len(labels)
        ends = np.cumsum([0, *(len(counts) for _, counts in self._pairs)])
        columns = [pairs[0] * count + pairs[1] for pairs, _ in self._pairs]
        pixels = [counts for _, counts in self._pairs]
        each = csr_array(
            (np.concatenate([np.empty(0), *pixels]), np.concatenate([np.empty(0, np.int64), *columns]), ends),
            shape=(len(self._pairs), count * count),
        )

        def joined(weights: Counts) -> Counts:
            table: Counts = (weights @ each).reshape(count, count)
            return table

        whole = joined(np.ones(len(self._pairs))) if self._pairs else np.zeros((count, count))
        out = _whole_figures(whole, labels)
        if self.resamples:
            weights = _weights(len(self._pairs), self.resamples, self.seed)
            out["intervals"] = _percentiles(map(joined, weights), _mean_and_accuracy, ("mIoU", "pixel_accuracy"))
        out["confusion"] = {"labels": labels, "matrix": whole.astype(np.int64).tolist()}
        out["errors"] = _errors(whole, self._edge, labels)
        out["worst"] = _worst(self._pairs, self._names)
        return out


def confusion_of(given: npt.ArrayLike, other: npt.ArrayLike, count: int, ignore: int | None, where: str) -> Counts:
    """Return how many pixels of each class (rows) are taken for each (columns), `(count, count)`."""
    want, got = _checked(given, other, where)
    kept = np.ones(want.shape, dtype=np.bool_) if ignore is None else want != ignore
    a, b = want[kept].astype(np.int64), got[kept].astype(np.int64)
    _check_range(a, b, count, where)
    return np.bincount(a * count + b, minlength=count * count).reshape(count, count).astype(np.float64)


def pixel_figures(each: Sequence[Counts], labels: Sequence[str], resamples: int, seed: int) -> dict[str, Any]:
    """Return the figures of `mean_iou` from one confusion matrix a picture."""
    tables = np.array(each).reshape(-1, len(labels), len(labels))
    out = _whole_figures(tables.sum(axis=0), labels)
    if resamples:
        out["intervals"] = drawn_anew(tables, _mean_and_accuracy, ("mIoU", "pixel_accuracy"), resamples, seed)
    return out


def _checked(
    given: npt.ArrayLike, other: npt.ArrayLike, where: str
) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.integer[Any]]]:
    want, got = np.asarray(given), np.asarray(other)
    if want.ndim != 2 or want.shape != got.shape or want.dtype.kind not in "iu" or got.dtype.kind not in "iu":
        raise InputError(
            f"{where}: expected two integer maps (H, W) of one size, got {want.dtype} {want.shape} "
            f"and {got.dtype} {got.shape}"
        )
    return want, got


def _check_range(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], count: int, where: str) -> None:
    if len(a) and (min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= count):
        raise InputError(
            f"{where}: expected classes 0 to {count - 1}, got {min(a.min(), b.min())} to {max(a.max(), b.max())}"
        )


def _whole_figures(whole: Counts, labels: Sequence[str]) -> dict[str, Any]:
    if not whole.sum():
        raise InputError("mean IoU: expected at least one pixel to compare, got none")
    iou = _class_iou(whole)
    names = ("mIoU", "pixel_accuracy")
    out: dict[str, Any] = dict(zip(names, (round(v, 6) for v in _mean_and_accuracy(whole)), strict=True))
    out["per_class"] = {
        name: {"IoU": None if np.isnan(iou[row]) else round(float(iou[row]), 6), "pixels": int(whole[row].sum())}
        for row, name in enumerate(labels)
    }
    return out


def _mean_and_accuracy(table: Counts) -> tuple[float, float]:
    return float(np.nanmean(_class_iou(table))), float(np.trace(table) / table.sum())


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
    weights = _weights(len(tables), count, seed)
    return _percentiles((np.tensordot(one, tables, 1) for one in weights), figures, names)


def _weights(pictures: int, count: int, seed: int) -> Iterator[Counts]:
    """Yield how often each picture is drawn, `(pictures,)`, of so many drawings with replacement."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        drawn = random.integers(0, pictures, pictures)
        yield np.bincount(drawn, minlength=pictures).astype(np.float64)


def _percentiles(
    drawn: Iterable[Counts], figures: Callable[[Counts], tuple[float, ...]], names: Sequence[str]
) -> dict[str, list[float]]:
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


def _worst(each: Sequence[tuple[npt.NDArray[np.int64], Counts]], names: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for name, (pairs, counts) in zip(names, each, strict=True):
        if not counts.sum():
            continue
        known, numbered = np.unique(pairs, return_inverse=True)  # the others change neither figure
        table = np.zeros((len(known), len(known)))
        table[tuple(numbered.reshape(pairs.shape))] = counts
        found.append((1 - float(np.trace(table) / table.sum()), float(np.nanmean(_class_iou(table))), name))
    found.sort(key=lambda one: -one[0])
    return [{"image": name, "wrong": round(wrong, 6), "mIoU": round(iou, 6)} for wrong, iou, name in found[:10]]
