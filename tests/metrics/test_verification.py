"""Verification: hand-worked cases, scikit-learn as oracle, laws, intervals over people."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from eyebright.core.errors import InputError
from eyebright.core.protocols import Metric
from eyebright.metrics import VerificationMetric, equal_error_rate, roc_auc, tar_at_far, threshold_at_far


@st.composite
def pairs(draw: Any) -> tuple[Any, Any]:
    scores = draw(st.lists(st.integers(-20, 20), min_size=2, max_size=60))
    genuine = draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    genuine[0], genuine[1] = True, False
    return np.array(scores) / 7, np.array(genuine)


def test_by_hand() -> None:
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
    genuine = [True, True, False, True, False, False]
    assert roc_auc(scores, genuine) == pytest.approx(8 / 9)
    assert equal_error_rate(scores, genuine) == pytest.approx(1 / 3)
    assert threshold_at_far(scores, genuine, 1 / 3) == 0.6
    assert tar_at_far(scores, genuine, 1 / 3) == 1.0
    assert threshold_at_far([0.9, 0.1], [False, True], 1.0) == 0.1
    # one of four impostors may pass, and it is the one above the genuine pair
    assert tar_at_far([0.9, 0.5, 0.4, 0.3, 0.8], [False, False, False, False, True], 0.25) == 1.0


def test_a_threshold_above_all_scores() -> None:
    scores, genuine = [0.9, 0.9, 0.9, 0.5], [False, False, False, True]
    assert threshold_at_far(scores, genuine, 0.5) > 0.9
    assert tar_at_far(scores, genuine, 0.5) == 0.0


@given(pairs())
def test_the_area_is_scikit_learn_s(case: tuple[Any, Any]) -> None:
    scores, genuine = case
    assert roc_auc(scores, genuine) == pytest.approx(roc_auc_score(genuine, scores))
    assert roc_auc(-scores, genuine) == pytest.approx(1 - roc_auc(scores, genuine))


@given(pairs(), st.sampled_from([0.1, 0.25, 0.5, 1.0]))
def test_rates_are_scikit_learn_s(case: tuple[Any, Any], far: float) -> None:
    scores, genuine = case
    if (~genuine).sum() * far < 1:
        with pytest.raises(InputError, match="needs at least"):
            tar_at_far(scores, genuine, far)
        return
    false, true, _ = roc_curve(genuine, scores, drop_intermediate=False)
    assert tar_at_far(scores, genuine, far) == pytest.approx(true[false <= far + 1e-9].max())
    threshold = threshold_at_far(scores, genuine, far)
    assert (scores[~genuine] >= threshold).mean() <= far + 1e-9


@given(pairs())
def test_the_equal_error_rate_lies_where_the_rates_cross(case: tuple[Any, Any]) -> None:
    scores, genuine = case
    false, true, _ = roc_curve(genuine, scores, drop_intermediate=False)
    rate = equal_error_rate(scores, genuine)
    assert np.interp(rate, false, true) >= 1 - rate - 1e-9  # np.interp takes the top of a vertical step
    assert 0 <= rate <= 1
    assert rate <= max(false[1 - true <= false].min(), (1 - true)[1 - true >= false].min()) + 1e-9


def test_the_metric_says_the_same_and_counts() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    metric = VerificationMetric(fars=(1 / 3, 1e-3))
    assert isinstance(metric, Metric)
    metric.update(scores[:2], ["ann", "bob"], ["ann", "bob"])
    metric.update(scores[2:], ["ann", "eve", "bob", "ann"], ["bob", "eve", "eve", "eve"])
    figures = metric.compute()
    assert figures["auc"] == pytest.approx(8 / 9)
    assert figures["eer"] == pytest.approx(1 / 3)
    assert figures["tar@far=0.333333"] == 1.0
    assert math.isnan(figures["tar@far=0.001"])
    assert (figures["genuine_pairs"], figures["impostor_pairs"], figures["people"]) == (3, 3, 3)
    assert "tar@far=0.001" not in metric.intervals(rounds=20)
    metric.reset()
    assert metric.compute()["people"] == 0
    assert math.isnan(metric.compute()["auc"])
    assert metric.intervals() == {}


def _people(count: int, pictures: int, seed: int) -> tuple[Any, list[int], list[int]]:
    """Scores of a made-up gallery in which every person is easy or hard as a whole."""
    random = np.random.default_rng(seed)
    hard = random.normal(0, 0.4, count)
    owners = np.repeat(np.arange(count), pictures)
    first, second = zip(*itertools.combinations(range(len(owners)), 2), strict=True)
    one, other = owners[list(first)], owners[list(second)]
    scores = random.normal(0, 0.3, len(one)) + np.where(one == other, 0.5 + hard[one], 0.0)
    return scores, one.tolist(), other.tolist()


def test_intervals_resample_people() -> None:
    """Over many galleries, the interval holds the true figure about as often as it says."""
    truth = VerificationMetric(fars=(0.1,))
    truth.update(*_people(200, 4, 1234))
    true_area = truth.compute()["auc"]
    held = 0
    for seed in range(40):
        metric = VerificationMetric(fars=(0.1,))
        metric.update(*_people(15, 4, seed))
        low, high = metric.intervals(level=0.8, rounds=200, seed=seed)["auc"]
        assert low <= metric.compute()["auc"] + 1e-9
        held += low <= true_area <= high
    assert 22 <= held <= 39  # of 40, with 32 expected


def test_the_same_seed_gives_the_same_interval() -> None:
    metric = VerificationMetric()
    metric.update(*_people(8, 3, 0))
    assert metric.intervals(rounds=50, seed=3) == metric.intervals(rounds=50, seed=3)
    assert metric.intervals(rounds=50, seed=3) != metric.intervals(rounds=50, seed=4)
    for low, high in metric.intervals(rounds=50).values():
        assert 0 <= low <= high <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roc_auc([1, 2], [True]), "expected N scores and N flags"),
        (lambda: roc_auc([1, np.nan], [True, False]), "expected finite scores"),
        (lambda: threshold_at_far([1, 2], [True, False], 0), "expected a rate in"),
        (lambda: threshold_at_far([1, 2], [True, False], 1e-3), "needs at least 1000 impostor pairs, got 1"),
        (lambda: VerificationMetric(fars=(2,)), "expected rates in"),
        (lambda: VerificationMetric().update([1], ["a"], []), "expected N scores and N people twice"),
        (lambda: VerificationMetric().update([np.inf], ["a"], ["b"]), "expected finite scores"),
        (lambda: VerificationMetric().intervals(level=1), "expected a level in"),
    ],
)
def test_mistakes(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_one_kind_of_pair_alone() -> None:
    assert math.isnan(roc_auc([1, 2], [True, True]))
    assert math.isnan(equal_error_rate([1, 2], [False, False]))
    assert math.isnan(tar_at_far([1, 2], [False, False], 1))
    assert math.isnan(roc_auc([], []))
