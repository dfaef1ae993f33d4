"""Anomaly metrics: hand-worked cases, scikit-learn and SciPy as oracles, laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from eyebright.core.errors import InputError
from eyebright.metrics import binomial_interval, per_region_overlap, pixel_auroc, risk_coverage, tpr_at_fpr


@st.composite
def labelled(draw):
    scores = draw(st.lists(st.integers(-9, 9), min_size=2, max_size=60))
    odd = draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    return np.array(scores) / 7, np.array([True, False, *odd[2:]])


@given(labelled(), st.sampled_from([0.0, 0.01, 0.1, 0.29, 0.5]))
def test_the_rate_is_the_best_point_of_scikit_learns_curve(table, rate):
    scores, odd = table
    false, true, _ = roc_curve(odd, scores, drop_intermediate=False)
    assert tpr_at_fpr(scores, odd, rate) == pytest.approx(true[false <= rate + 1e-9].max())


def test_rates_by_hand():
    assert tpr_at_fpr([0.1, 0.4, 0.2, 0.3, 0.9], [0, 0, 0, 1, 1], 0.01) == 0.5
    assert tpr_at_fpr([0, 0, np.inf, np.inf, 1], [0, 0, 1, 1, 1], 0.0) == 1.0
    assert tpr_at_fpr(np.arange(100), np.arange(100) >= 100, 0.1) != 0  # nothing odd: not defined
    hundred = np.append(np.arange(100), 70.5)
    assert tpr_at_fpr(hundred, hundred == 70.5, 0.29) == 1.0  # 29 of 100 lie above it
    assert tpr_at_fpr(hundred, hundred == 70.5, 0.28) == 0.0


def test_risk_over_coverage_by_hand():
    coverage, risk = risk_coverage([0.9, 0.8, 0.8, 0.1], [False, True, False, True])
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 3, 0.5])
    assert [len(part) for part in risk_coverage([], [])] == [0, 0]


@given(labelled())
def test_all_answers_have_the_plain_error_rate(table):
    coverage, risk = risk_coverage(*table)
    assert (np.diff(coverage) > 0).all()
    assert (coverage[-1], risk[-1]) == (1.0, pytest.approx(table[1].mean()))


@pytest.mark.parametrize(("hits", "trials"), [(0, 30), (1, 40), (17, 40), (40, 40), (3, 1000)])
def test_intervals_are_scipys_exact_ones(hits, trials):
    theirs = binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert binomial_interval(hits, trials) == pytest.approx((theirs.low, theirs.high))
    assert binomial_interval(0, 0) == (0, 1)


def plain_overlap(maps, masks, regions, limit):
    """Threshold after threshold, as the papers say it."""
    points = [(0.0, 0.0)]
    for level in sorted({v for m in maps for v in m.ravel()}, reverse=True):
        shares = [(maps[n][region] >= level).mean() for n, region in regions]
        normal = [(m >= level)[~o] for m, o in zip(maps, masks, strict=True)]
        points.append((np.concatenate(normal).mean(), np.mean(shares)))
    x, y = np.array(points).T
    end = np.interp(limit, x, y)
    inside = x < limit
    return auc(np.append(x[inside], limit), np.append(y[inside], end)) / limit


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_overlap_equals_the_plain_twin_and_small_regions_weigh_as_much(limit):
    rng = np.random.default_rng(2)
    masks = [np.zeros((20, 24), bool) for _ in range(3)]
    masks[0][2:12, 3:15] = masks[0][17:19, 20:23] = masks[1][5:7, 5:9] = True
    places = [(0, np.s_[2:12, 3:15]), (0, np.s_[17:19, 20:23]), (1, np.s_[5:7, 5:9])]
    maps = [rng.random(mask.shape).round(2) + 0.3 * mask for mask in masks]
    found = per_region_overlap(maps, masks, max_fpr=limit)
    assert found == pytest.approx(plain_overlap(maps, masks, places, limit))
    blind = [mask.astype(float) for mask in masks]
    blind[1][:] = 0
    assert per_region_overlap(blind, masks, max_fpr=1.0) == pytest.approx((1 + 1 + 0.5) / 3)
    assert per_region_overlap([m.astype(float) for m in masks], masks, max_fpr=limit) == pytest.approx(1.0)


def test_pixels_equal_scikit_learn():
    rng = np.random.default_rng(3)
    maps, masks = [rng.random((9, 7)), rng.random((5, 8))], [rng.random((9, 7)) > 0.8, rng.random((5, 8)) > 0.8]
    theirs = roc_auc_score(np.concatenate([m.ravel() for m in masks]), np.concatenate([m.ravel() for m in maps]))
    assert pixel_auroc(maps, masks) == pytest.approx(theirs)
    assert np.isnan(pixel_auroc([], []))
    nothing = [np.zeros((9, 7), bool)]
    assert np.isnan(pixel_auroc(maps[:1], nothing))
    assert np.isnan(per_region_overlap(maps[:1], nothing))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tpr_at_fpr([1, 2], [True], 0.1), "N scores"),
        (lambda: tpr_at_fpr([1, np.nan], [True, False], 0.1), "NaN"),
        (lambda: tpr_at_fpr([1, 2], [True, False], 1.0), "rate in"),
        (lambda: binomial_interval(3, 2), "3 of 2"),
        (lambda: pixel_auroc([np.zeros((2, 2))], []), "1 maps and 0 masks"),
        (lambda: pixel_auroc([np.zeros((2, 2))], [np.zeros((2, 3))]), "map 0"),
        (lambda: per_region_overlap([np.full((2, 2), np.nan)], [np.ones((2, 2))]), "finite"),
        (lambda: per_region_overlap([], [], max_fpr=0), "max_fpr"),
    ],
)
def test_wrong_tables_are_one_clear_error(call, words):
    with pytest.raises(InputError, match=words):
        call()
