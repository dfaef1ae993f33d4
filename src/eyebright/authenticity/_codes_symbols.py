"""The patterns of EAN-13, EAN-8 and Code 128 as dark (1) and light (0) modules (ISO/IEC 15420 and 15417)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

_LEFT = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
# which of the six left digits of EAN-13 have even parity, by the first digit, which has no bars of its own
_PARITY = ("000000", "001011", "001101", "001110", "010011", "011001", "011100", "010101", "010110", "011010")
_CODE128 = """
212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 123122
123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 232121 111323
131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131
213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 121124 121421 141122
141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 111242 121142 121241 114212 124112
124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141
411131 211412 211214 211232"""
_STOP = "2331112"


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """A symbology laid out in modules.

    Attributes:
        name: `EAN-13`, `EAN-8` or `Code 128`.
        fixed: `float (T,)`, 1 where a guard, start or stop is dark.
        slots: first module of each symbol.
        patterns: `float (K, W)` of every symbol.
        choices: which patterns each slot may have: one or more ways (parities), each a row of indices a slot.
    """

    name: str
    fixed: Any
    slots: tuple[int, ...]
    patterns: Any
    choices: tuple[tuple[Any, ...], ...]

    @functools.cached_property
    def either(self) -> tuple[Any, ...]:
        """What each slot may have whichever the way."""
        return tuple(np.unique(np.concatenate(slot)) for slot in zip(*self.choices, strict=True))

    def modules(self, symbols: Sequence[int]) -> Any:
        """Return the modules of these symbols, `float (T,)`."""
        out = self.fixed.copy()
        for slot, symbol in zip(self.slots, symbols, strict=True):
            out[slot : slot + self.patterns.shape[1]] = self.patterns[symbol]
        return out

    def sound(self, symbols: Sequence[int]) -> bool:
        """Tell whether the check symbol is right; the parity is by construction."""
        if self.name == "Code 128":
            total = symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols[1:-1], start=1))
            return total % 103 == symbols[-1]
        digits = [symbol % 10 for symbol in symbols]
        if self.name == "EAN-13":
            parity = "".join(str(int(symbol >= 10)) for symbol in symbols[:6])
            if parity not in _PARITY:
                return False
            digits.insert(0, _PARITY.index(parity))
        return sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits))) % 10 == 0


def _bits(text: str) -> Any:
    return np.array([int(letter) for letter in text], float)


def _widths(text: str) -> Any:
    return np.concatenate([np.full(int(width), float(place % 2 == 0)) for place, width in enumerate(text)])


@functools.cache
def _digits() -> Any:
    """Return the digits as left odd (0 to 9), left even (10 to 19) and right (20 to 29)."""
    odd = np.stack([_bits(text) for text in _LEFT])
    return np.concatenate([odd, 1 - odd[:, ::-1], 1 - odd])


@functools.cache
def ean13() -> Layout:
    fixed = np.zeros(95)
    fixed[[0, 2, 46, 48, 92, 94]] = 1
    slots = tuple(range(3, 45, 7)) + tuple(range(50, 92, 7))
    right = (np.arange(20, 30),) * 6
    ways = tuple(tuple(np.arange(10) + 10 * int(even) for even in parity) + right for parity in _PARITY)
    return Layout("EAN-13", fixed, slots, _digits(), ways)


@functools.cache
def ean8() -> Layout:
    fixed = np.zeros(67)
    fixed[[0, 2, 32, 34, 64, 66]] = 1
    slots = tuple(range(3, 31, 7)) + tuple(range(36, 64, 7))
    return Layout("EAN-8", fixed, slots, _digits(), ((np.arange(10),) * 4 + (np.arange(20, 30),) * 4,))


@functools.cache
def code128(symbols: int) -> Layout:
    """Return the layout of a start, data and check symbol, `symbols` in all, and the stop."""
    patterns = np.stack([_widths(text) for text in _CODE128.split()])
    fixed = np.concatenate([np.zeros(11 * symbols), _widths(_STOP)])
    choices = (np.arange(103, 106), *(np.arange(103),) * (symbols - 1))
    return Layout("Code 128", fixed, tuple(range(0, 11 * symbols, 11)), patterns, (choices,))
