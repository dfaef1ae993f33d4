"""Reed and Solomon's code over 256 symbols, told how sure each symbol is.

Symbols that are least sure are taken for lost, more and more of them, until the rest agrees (Forney, 1966, generalised
minimum distance); errors beside them are found by Berlekamp's and Massey's recurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_SPARE = 10  # check symbols that lost ones must leave, as five wrong ones are not corrected by chance


class ReedSolomon:
    """The code of one field of 256 symbols.

    Args:
        field: the polynomial of the field, by its bits.
        first: the power of 2 that is the first root of every word.
    """

    def __init__(self, field: int, first: int) -> None:
        self._first = first
        self._powers, self._logs = [0] * 512, [0] * 256
        value = 1
        for place in range(255):
            self._powers[place] = self._powers[place + 255] = value
            self._logs[value] = place
            value = value << 1 ^ (field if value & 128 else 0)

    def correct(self, word: Sequence[int], checks: int, lost: Sequence[int] = ()) -> list[int] | None:
        """Return the word of the code that differs least, or None.

        Args:
            word: symbols, the last `checks` of them check symbols.
            checks: how many.
            lost: places of symbols whose value counts for nothing.
        """
        syndromes = self._syndromes(word, checks)
        if not any(syndromes):
            return list(word)
        at = [len(word) - 1 - place for place in range(len(word))]  # powers of 2 that stand for places
        locator = self._locator(syndromes, [self._powers[at[place]] for place in lost])
        wrong = [place for place, power in enumerate(at) if not self._value(locator, self._powers[255 - power])]
        if len(wrong) != len(locator) - 1 or 2 * (len(wrong) - len(lost)) + len(lost) > checks:
            return None
        evaluator = self._product(syndromes, locator)[:checks]
        slope = [factor if power % 2 == 0 else 0 for power, factor in enumerate(locator[1:])]
        out = list(word)
        for place in wrong:
            x = self._powers[255 - at[place]]
            steep = self._value(slope, x)
            if not steep:
                return None
            change = self._over(self._value(evaluator, x), steep)
            out[place] ^= self._times(change, self._powers[at[place] * (1 - self._first)])
        return None if any(self._syndromes(out, checks)) else out

    def correct_softly(self, word: Sequence[int], checks: int, surest: Any) -> list[int] | None:
        """Return the word of the code, taking ever more of the least sure symbols for lost.

        Args:
            word: symbols, the last `checks` of them check symbols.
            checks: how many.
            surest: how sure each symbol is, more the larger, `float (n,)`.
        """
        order = [int(place) for place in np.argsort(surest, kind="stable")]
        for count in range(0, max(checks - _SPARE, 0) + 1, 2):
            found = self.correct(word, checks, order[:count])
            if found is not None:
                return found
        return None

    def _locator(self, syndromes: Sequence[int], lost: Sequence[int]) -> list[int]:
        """Return the polynomial whose roots are where symbols are wrong or lost, its constant first."""
        locator = [1]
        for place in lost:
            locator = self._product(locator, [1, place])
        before, shift, last, errors = list(locator), 1, 1, 0
        for step in range(len(lost), len(syndromes)):
            gap = 0
            for power, factor in enumerate(locator[: step + 1]):
                gap ^= self._times(factor, syndromes[step - power])
            if not gap:
                shift += 1
                continue
            scale = self._over(gap, last)
            after = locator + [0] * (len(before) + shift - len(locator))
            for power, factor in enumerate(before):
                after[power + shift] ^= self._times(scale, factor)
            if 2 * errors <= step - len(lost):
                errors, before, last, shift = step + 1 - len(lost) - errors, locator, gap, 1
            else:
                shift += 1
            locator = after
        while not locator[-1]:
            locator.pop()
        return locator

    def _syndromes(self, word: Sequence[int], checks: int) -> list[int]:
        backwards = word[::-1]
        return [self._value(backwards, self._powers[power + self._first]) for power in range(checks)]

    def _times(self, one: int, other: int) -> int:
        return self._powers[self._logs[one] + self._logs[other]] if one and other else 0

    def _over(self, one: int, other: int) -> int:
        return self._powers[self._logs[one] - self._logs[other] + 255] if one else 0

    def _value(self, polynomial: Sequence[int], x: int) -> int:
        """Return the value of a polynomial, its constant first."""
        total = 0
        for factor in reversed(polynomial):
            total = self._times(total, x) ^ factor
        return total

    def _product(self, one: Sequence[int], other: Sequence[int]) -> list[int]:
        out = [0] * (len(one) + len(other) - 1)
        for i, a in enumerate(one):
            for j, b in enumerate(other):
                out[i + j] ^= self._times(a, b)
        return out
