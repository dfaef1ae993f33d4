"""Association equals SciPy on the whole matrix; overlap equals the plain one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from eyebright import ops
from eyebright.tracking.association import assign, overlaps


@given(st.integers(0, 100_000), st.integers(0, 12), st.integers(0, 12), st.floats(0, 1))
def test_assignment_has_the_greatest_sum(seed: int, rows: int, cols: int, empty: float) -> None:
    chance = np.random.default_rng(seed)
    scores = np.where(chance.random((rows, cols)) < empty, 0, chance.random((rows, cols)))
    row, col = assign(scores)
    best = scores[linear_sum_assignment(scores, maximize=True)].sum()
    assert scores[row, col].sum() == pytest.approx(best)
    assert len(set(row)) == len(row)
    assert len(set(col)) == len(col)
    assert (scores[row, col] > 0).all()


def test_large_problems_fall_into_components() -> None:
    chance = np.random.default_rng(1)
    scores = np.where(chance.random((300, 280)) < 0.995, 0, chance.random((300, 280)))
    row, col = assign(scores)
    best = scores[linear_sum_assignment(scores, maximize=True)].sum()
    assert scores[row, col].sum() == pytest.approx(best)


def test_overlaps_equal_the_plain_ones() -> None:
    chance = np.random.default_rng(2)
    corner = chance.uniform(0, 50, (2, 30, 2))
    boxes = np.concatenate([corner, corner + chance.uniform(0, 40, corner.shape)], axis=2)
    boxes[0, 0] = (3, 3, 3, 9)
    np.testing.assert_allclose(overlaps(boxes[0], boxes[1]), ops.iou(boxes[0], boxes[1]))
    assert overlaps(boxes[0], np.zeros((0, 4))).shape == (30, 0)
