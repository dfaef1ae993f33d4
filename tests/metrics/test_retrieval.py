import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from eyebright.core.errors import InputError
from eyebright.metrics import RetrievalMetric, average_precision, hit_at, precision_at


def rank(text: str) -> np.ndarray:
    return np.array([c == "+" for c in text], dtype=bool)


def test_hand_worked_case():
    # right answers at ranks 1, 3 and 6: precisions 1/1, 2/3, 3/6
    ranking = rank("+-+--+")
    assert average_precision(ranking, 3) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
    # a fourth right answer that was never ranked counts with precision 0
    assert average_precision(ranking, 4) == pytest.approx((1 + 2 / 3 + 1 / 2) / 4)
    assert precision_at(ranking, 5) == pytest.approx(0.4)
    assert precision_at(ranking, 10) == pytest.approx(0.3)
    assert not hit_at(rank("-+"), 1)
    assert hit_at(rank("-+"), 2)


def test_metric_means_and_unanswerable_queries():
    metric = RetrievalMetric((1, 2))
    metric.update(rank("+-"), 1)
    metric.update(rank("-+"), 1)
    metric.update(rank("--"), 0)
    figures = metric.compute()
    assert figures == {"recall@1": 0.5, "recall@2": 1.0, "map": 0.75, "queries": 2.0, "queries_without_answer": 1.0}
    metric.reset()
    assert np.isnan(metric.compute()["map"])


def test_impossible_total_is_refused():
    with pytest.raises(InputError, match="2 right answers ranked, but the total is 1"):
        average_precision(rank("++"), 1)


@given(hnp.arrays(bool, st.integers(1, 40)).filter(lambda a: a.any()))
def test_agrees_with_scikit_learn(ranking):
    scores = -np.arange(len(ranking), dtype=float)
    assert average_precision(ranking, int(ranking.sum())) == pytest.approx(average_precision_score(ranking, scores))
