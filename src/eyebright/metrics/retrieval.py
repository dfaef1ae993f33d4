"""How good a ranking is: recall@k, average precision, precision@k."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError


def hit_at(relevant: npt.NDArray[np.bool_], k: int) -> bool:
    """Return whether one of the first k answers is right (recall@k as image retrieval uses the word).

    Args:
        relevant: `bool (n,)`, rightness of the answers, best first.
        k: at least 1.
    """
    return bool(relevant[:k].any())


def precision_at(relevant: npt.NDArray[np.bool_], k: int) -> float:
    """Return the share of right answers among the first k; answers that are not there count as wrong."""
    return float(relevant[:k].sum() / k)


def average_precision(relevant: npt.NDArray[np.bool_], total: int) -> float:
    """Return the mean of precision@i over the ranks i of all right answers (no interpolation).

    Args:
        relevant: `bool (n,)`, rightness of the answers, best first.
        total: how many right answers the gallery holds; those not in the ranking count with precision 0.

    Raises:
        InputError: more right answers in the ranking than `total`.
    """
    ranks = np.flatnonzero(relevant) + 1
    if len(ranks) > total:
        raise InputError(f"average_precision: {len(ranks)} right answers ranked, but the total is {total}")
    if total == 0:
        return 0.0
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / total)


class RetrievalMetric:
    """Accumulates rankings; `compute` returns their mean figures, each in [0, 1].

    Queries without any right answer in the gallery are counted in `queries_without_answer` and left out of the means,
    since no ranking could be right for them.
    """

    def __init__(self, ks: Sequence[int] = (1, 5, 10)) -> None:
        self._ks = tuple(ks)
        self.reset()

    def reset(self) -> None:
        """Forget all rankings."""
        self._rows: list[tuple[float, ...]] = []
        self._without = 0

    def update(self, relevant: npt.NDArray[np.bool_], total: int) -> None:
        """Take the ranking of one query; see `average_precision` for the arguments."""
        if total == 0:
            self._without += 1
            return
        hits = tuple(float(hit_at(relevant, k)) for k in self._ks)
        self._rows.append((*hits, average_precision(relevant, total)))

    def compute(self) -> dict[str, float]:
        """Return `recall@k` for each k, `map`, `queries` and `queries_without_answer`; NaN without queries."""
        names = [*(f"recall@{k}" for k in self._ks), "map"]
        means = np.array(self._rows).mean(axis=0) if self._rows else np.full(len(names), np.nan)
        return {
            **{name: float(value) for name, value in zip(names, means, strict=True)},
            "queries": float(len(self._rows)),
            "queries_without_answer": float(self._without),
        }
