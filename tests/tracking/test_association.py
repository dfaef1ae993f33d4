"""Association equals SciPy on the whole matrix; the pairs that touch are those of the plain overlaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from eyebright import ops
from eyebright.tracking import association
from eyebright.tracking.association import Pairs, assign, touching


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


@pytest.mark.parametrize("share", [0.005, 0.05, 1.0])
def test_large_problems(share: float) -> None:
    chance = np.random.default_rng(1)
    scores = np.where(chance.random((300, 280)) >= share, 0, chance.random((300, 280)))
    row, col = assign(scores)
    best = scores[linear_sum_assignment(scores, maximize=True)].sum()
    assert scores[row, col].sum() == pytest.approx(best)
    assert len(set(row.tolist())) == len(row) == len(set(col.tolist()))
    assert (np.diff(row) > 0).all()
    assert (scores[row, col] > 0).all()


def test_only_what_is_asked_for_is_assigned() -> None:
    pairs = Pairs.of(np.array([[0.9, 0.8, 0], [0.8, 0, 0.1], [0, 0.3, 0.2]]))
    row, col = assign(pairs.among(np.array([0, 2]), np.array([1, 2])))
    assert (row.tolist(), col.tolist()) == ([0, 2], [1, 2])
    left = pairs.above(0.25)
    assert left.score.tolist() == pytest.approx([0.65, 0.55, 0.55, 0.05])


@pytest.mark.parametrize("few", [0, 10**9])
@given(seed=st.integers(0, 100_000), many=st.integers(0, 40), other=st.integers(0, 40))
def test_touching_pairs_are_those_of_the_plain_overlaps(few: int, seed: int, many: int, other: int) -> None:
    """Compared all with all, or sorted first and in small parts: the same pairs."""
    chance = np.random.default_rng(seed)
    boxes, others = (np.round(chance.uniform(0, 50, (count, 4))) for count in (many, other))
    for part in (boxes, others):
        part[:, 2:] = part[:, :2] + np.round(chance.uniform(0, 30, (len(part), 2)))  # some without an area
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(association, "_FEW", few)
        patch.setattr(association, "_CHUNK", 13)
        pairs = touching(boxes, others)
    dense = np.zeros((many, other))
    dense[pairs.row, pairs.col] = pairs.score
    np.testing.assert_allclose(dense, ops.iou(boxes, others), atol=1e-12)
    assert pairs.shape == (many, other)
    assert len({*zip(pairs.row.tolist(), pairs.col.tolist(), strict=True)}) == len(pairs.row), "no pair twice"


def test_a_heap_of_boxes_keeps_the_best_partners_of_each():
    rng = np.random.default_rng(0)
    heap = np.array([100.0, 100, 300, 300]) + rng.normal(0, 3, (300, 4))
    pairs = touching(heap, heap)
    assert np.bincount(pairs.row).max() == 32
    whole = ops.iou(heap, heap)
    for row in (0, 150, 299):
        mine = np.sort(pairs.score[pairs.row == row])
        np.testing.assert_allclose(mine, np.sort(whole[row])[-32:])
    rows, cols = assign(pairs)
    np.testing.assert_array_equal(rows, cols)  # each is its own best partner
    assert len(rows) == 300
