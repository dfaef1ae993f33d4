"""Overlap of masks, held to whole pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eyebright.core.errors import InputError
from eyebright.core.types import Masks
from eyebright.ops import mask_iou


def plain(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """The twin: every pixel of every pair."""
    shared = (one[:, None] & two[None]).sum(axis=(2, 3))
    either = (one[:, None] | two[None]).sum(axis=(2, 3))
    return np.where(either > 0, shared / np.maximum(either, 1), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 5), st.integers(0, 5), st.floats(0, 1))
def test_agrees_with_whole_pictures(seed: int, count: int, others: int, density: float):
    random = np.random.default_rng(seed)
    dense = random.random((count + others, 9, 13)) < density
    dense &= random.random((count + others, 9, 13)).cumsum(axis=2) > random.uniform(0, 8, (count + others, 1, 1))
    masks = Masks.from_dense(dense)
    out = mask_iou(masks[:count], masks[count:])
    assert out.shape == (count, others)
    np.testing.assert_allclose(out, plain(dense[:count], dense[count:]))
    np.testing.assert_allclose(out, mask_iou(masks[count:], masks[:count]).T)


def test_pictures_of_two_sizes_are_refused():
    small, large = (Masks.from_dense(np.ones((1, side, 4), bool)) for side in (3, 5))
    with pytest.raises(InputError, match=r"one picture's size, got \(3, 4\) and \(5, 4\)"):
        mask_iou(small, large)
