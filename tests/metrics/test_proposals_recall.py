"""Recall of proposals, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eyebright.core.errors import InputError
from eyebright.metrics import binomial_interval, proposal_recall


def test_recall_and_overlap_by_hand():
    truth = [[[0, 0, 10, 10], [20, 0, 30, 10]], np.zeros((0, 4)), [[0, 0, 4, 4]]]
    proposals = [
        [[0, 0, 10, 5], [50, 50, 60, 60], [20, 0, 30, 9]],  # half of the first, 0.9 of the second
        [[0, 0, 1, 1]],
        np.zeros((0, 4)),
    ]
    found = proposal_recall(truth, proposals, counts=[3, 1])
    assert found["objects"] == 3
    assert found["recall"] == {"1": pytest.approx(1 / 3, abs=1e-6), "3": pytest.approx(2 / 3, abs=1e-6)}
    assert found["best_overlap"] == {"1": pytest.approx(0.5 / 3, abs=1e-6), "3": pytest.approx(1.4 / 3, abs=1e-6)}
    assert found["interval"] == pytest.approx(list(binomial_interval(2, 3)), abs=1e-6)
    assert found["proposals"] == pytest.approx(4 / 3, abs=0.05)
    assert proposal_recall(truth, proposals, counts=[3], threshold=0.6)["recall"] == {
        "3": pytest.approx(1 / 3, abs=1e-6)
    }


@pytest.mark.parametrize(
    ("truth", "proposals", "more", "message"),
    [
        ([[[0, 0, 1, 1]]], [], {}, "one set a picture"),
        ([np.zeros((0, 4))], [np.zeros((0, 4))], {}, "at least one object"),
        ([], [], {}, "at least one object"),
        ([[[0, 0, 1, 1]]], [[[0, 0, 1, 1]]], {"counts": [0]}, "counts from 1"),
        ([[[0, 0, 1, 1]]], [[[0, 0, 1, 1]]], {"threshold": 0}, r"threshold in \(0, 1\]"),
    ],
)
def test_wrong_input_is_told(truth, proposals, more, message):
    with pytest.raises(InputError, match=message):
        proposal_recall(truth, proposals, **more)
