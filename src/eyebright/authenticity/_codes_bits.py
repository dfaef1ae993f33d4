"""Zeros and ones seen through a blur: how likely each is a one, all weighed together.

Of `y = A b + noise` with `b` of zeros and ones, expectation propagation finds what the grey values say of each bit when
all others are as uncertain as they are: every bit is taken for a Gaussian whose mean and variance are matched, in turn,
to those of a bit (Minka, 2001; for many symbols on one channel, Céspedes et al., 2014). It begins with more noise than
there is, as it else runs away where the blur is wide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

_ROUNDS, _LAST = 18, 6  # in all, and at the end without noise that is not there
_HOT = 30.0  # how much more noise there is at first
_DAMP = 0.35  # share of the new in each round
_NARROWEST = 1e-3  # variance of a bit of -1 or 1
_SUREST = 15.0


def soft_bits(square: Any, goal: Any, noise: float, value: Any, free: Any) -> Any:
    """Return how much likelier a one is than a zero, half the natural logarithm of it, `float (n,)`.

    Args:
        square: `A' A`, `float (n, n)`.
        goal: `A' y`, `float (n,)`.
        noise: variance of the noise in `y`, above 0.
        value: bits that are known, `float (n,)`.
        free: which are not, `bool (n,)`; of the others the sign of what is returned is their value.
    """
    sought, known = np.flatnonzero(free), np.flatnonzero(~free)
    inner = square[np.ix_(sought, sought)]
    pull = goal[sought] - square[np.ix_(sought, known)] @ value[known]
    # bits of -1 and 1 from here on
    inner, pull = inner / 4, (pull - inner.sum(axis=1) / 2) / 2
    width, lean = np.ones(len(sought)), np.zeros(len(sought))
    belief = lean
    for turn in range(_ROUNDS):
        heat = noise * max(1.0, _HOT ** (1 - turn / (_ROUNDS - _LAST)))
        factor = linalg.cholesky(inner / heat + np.diag(width), lower=True, overwrite_a=True, check_finite=False)
        mean = linalg.cho_solve((factor, True), pull / heat + lean, check_finite=False)
        inverse, _ = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
        spread = np.diagonal(inverse)
        alone = np.maximum(1 / spread - width, 1e-9)  # of the grey values and the other bits
        belief = np.clip(mean / spread - lean, -_SUREST, _SUREST)
        bit = np.tanh(belief)
        narrow = np.maximum(1 - bit * bit, _NARROWEST)
        after = 1 / narrow - alone
        good = after > 1e-8
        width = np.where(good, _DAMP * after + (1 - _DAMP) * width, width)
        lean = np.where(good, _DAMP * (bit / narrow - belief) + (1 - _DAMP) * lean, lean)
    out = np.where(value > 0.5, _SUREST, -_SUREST)
    out[sought] = belief
    return out
