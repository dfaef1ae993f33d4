"""Where QR and DataMatrix keep their symbols and checks, and codes corrected by them (ISO/IEC 18004 and 16022)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from eyebright.authenticity._codes_solomon import ReedSolomon

# x^8 + x^4 + x^3 + x^2 + 1 and x^8 + x^5 + x^3 + x^2 + 1
_QR, _DATAMATRIX = ReedSolomon(0x11D, 0), ReedSolomon(0x12D, 1)
# check symbols of DataMatrix from 10 to 26 modules a side
_CHECKS = (5, 7, 10, 12, 14, 18, 20, 24, 28)
# of versions 1 to 6 and levels L, M, Q, H: how many data symbols each block has, and how many check symbols
_BLOCKS = (
    (((19,), 7), ((16,), 10), ((13,), 13), ((9,), 17)),
    (((34,), 10), ((28,), 16), ((22,), 22), ((16,), 28)),
    (((55,), 15), ((44,), 26), ((17,) * 2, 18), ((13,) * 2, 22)),
    (((80,), 20), ((32,) * 2, 18), ((24,) * 2, 26), ((9,) * 4, 16)),
    (((108,), 26), ((43,) * 2, 24), ((15, 15, 16, 16), 18), ((11, 11, 12, 12), 22)),
    (((68,) * 2, 18), ((27,) * 4, 16), ((19,) * 4, 24), ((15,) * 4, 28)),
)
_LEVELS = (1, 0, 3, 2)  # the row of `_BLOCKS` that two bits of the format mean


@functools.cache
def _formats() -> Any:
    """Return the 32 rows of format bits, the highest bit first, `int (32, 15)`."""
    rows = []
    for value in range(32):
        rest = value << 10
        for bit in range(14, 9, -1):
            if rest >> bit & 1:
                rest ^= 0x537 << (bit - 10)
        rows.append([(value << 10 | rest) ^ 0x5412])
    return np.array(rows) >> np.arange(14, -1, -1) & 1


def _format_places(size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    first = [(8, at) for at in (0, 1, 2, 3, 4, 5, 7, 8)] + [(at, 8) for at in (7, 5, 4, 3, 2, 1, 0)]
    second = [(size - 1 - at, 8) for at in range(7)] + [(8, size - 8 + at) for at in range(8)]
    return first, second


@functools.cache
def _order(size: int, known: bytes) -> Any:
    """Return row and column of each bit, in pairs of columns from the right, up and down, `int (n, 2)`."""
    taken = np.frombuffer(known, bool).reshape(size, size)
    places, up = [], True
    for right in [column for column in range(size - 1, 0, -2) if column > 6] + [5, 3, 1]:
        for step in range(size):
            row = size - 1 - step if up else step
            places += [(row, column) for column in (right, right - 1) if not taken[row, column]]
        up = not up
    return np.array(places)


def _mask(number: int, rows: Any, columns: Any) -> Any:
    both, product = rows + columns, rows * columns
    return (
        both % 2,
        rows % 2,
        columns % 3,
        both % 3,
        (rows // 2 + columns // 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        (both % 2 + product % 3) % 2,
    )[number] == 0


def correct_qr(belief: Any, known: Any) -> Any | None:
    """Return the QR code nearest to what is believed of its modules, or None.

    Args:
        belief: how much likelier each module is dark than light, `float (size, size)`, sizes 21 to 41.
        known: `float (size, size)`, NaN where a module is not the same in every code.

    Returns:
        Modules, 1 dark, `float (size, size)`.
    """
    size = len(belief)
    places = _format_places(size)
    said = sum(np.array([belief[place] for place in copy]) for copy in places)
    best = int(np.argmax((2 * _formats() - 1) @ said))
    taken = ~np.isnan(known)
    for copy in places:
        taken[tuple(np.array(copy).T)] = True
    order = _order(size, taken.tobytes())
    rows, columns = order[: len(order) // 8 * 8].T
    mask = _mask(best & 7, rows, columns)
    bits = np.where(mask, -1, 1) * belief[rows, columns]
    words = np.packbits(bits > 0)
    surest = _surest(bits)
    datas, checks = _BLOCKS[(size - 21) // 4][_LEVELS[best >> 3]]
    # symbols of the blocks take turns
    turns = [(at, block) for at in range(max(datas)) for block, data in enumerate(datas) if at < data]
    turns += [(data_at, block) for data_at in range(max(datas), max(datas) + checks) for block in range(len(datas))]
    for block in range(len(datas)):
        at = [place for place, (_, whose) in enumerate(turns) if whose == block]
        found = _QR.correct_softly(words[at].tolist(), checks, surest[at])
        if found is None:
            return None
        words[at] = found
    out = np.where(np.isnan(known), 0.0, known)
    out[rows, columns] = np.unpackbits(words) ^ mask
    for copy in places:
        out[tuple(np.array(copy).T)] = _formats()[best]
    # bits that remain behind the last symbol are light before the mask
    rows, columns = order[len(order) // 8 * 8 :].T
    out[rows, columns] = _mask(best & 7, rows, columns)
    return out


def correct_datamatrix(belief: Any, known: Any) -> Any | None:
    """Return the DataMatrix nearest to what is believed of its modules, or None; as `correct_qr`, sizes 10 to 26."""
    size = len(belief)
    places = _words(size - 2)
    rows, columns = 1 + places[..., 0], 1 + places[..., 1]
    bits = belief[rows, columns]
    words = np.packbits(bits > 0, axis=1)[:, 0]
    found = _DATAMATRIX.correct_softly(words.tolist(), _CHECKS[(size - 10) // 2], _surest(bits))
    if found is None:
        return None
    out = np.where(np.isnan(known), 0.0, known)
    out[-3:-1, -3:-1] = np.eye(2)  # where no symbol reaches
    out[rows, columns] = np.unpackbits(np.array(found, np.uint8)[:, None], axis=1)
    return out


def _surest(bits: Any) -> Any:
    """Return the logarithm of how likely every eight bits are all right."""
    return -np.logaddexp(0, -2 * np.abs(bits)).reshape(-1, 8).sum(axis=1)


@functools.cache
def _words(side: int) -> Any:
    """Return row and column of every bit of every symbol within the border, the highest first, `int (n, 8, 2)`."""
    taken: set[tuple[int, int]] = set()
    words: list[list[tuple[int, int]]] = []
    end = side - 1

    def put(places: list[tuple[int, int]]) -> None:
        words.append(places)
        taken.update(places)

    def around(row: int, column: int) -> list[tuple[int, int]]:
        """Return the shape of a symbol; what is beyond the upper and left edge comes in from the other side."""
        places = []
        for down, along in ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0)):
            r, c = row + down, column + along
            if r < 0:
                r, c = r + side, c + 4 - (side + 4) % 8
            if c < 0:
                r, c = r + 4 - (side + 4) % 8, c + side
            places.append((r, c))
        return places

    right = [(0, end), (1, end), (2, end), (3, end)]
    row, column = 4, 0
    while row < side or column < side:
        if (row, column) == (side, 0):
            put([(end, 0), (end, 1), (end, 2), (0, end - 1), *right])
        if (row, column) == (side - 2, 0) and side % 4:
            put([(end - 2, 0), (end - 1, 0), (end, 0), *((0, end - at) for at in (3, 2, 1, 0)), (1, end)])
        if (row, column) == (side - 2, 0) and side % 8 == 4:
            put([(end - 2, 0), (end - 1, 0), (end, 0), (0, end - 1), *right])
        if (row, column) == (side + 4, 2) and side % 8 == 0:
            put([(end, 0), (end, end), *((at, end - back) for at in (0, 1) for back in (2, 1, 0))])
        while row >= 0 and column < side:
            if row < side and column >= 0 and (row, column) not in taken:
                put(around(row, column))
            row, column = row - 2, column + 2
        row, column = row + 1, column + 3
        while row < side and column >= 0:
            if row >= 0 and column < side and (row, column) not in taken:
                put(around(row, column))
            row, column = row + 2, column - 2
        row, column = row + 3, column + 1
    return np.array(words)
