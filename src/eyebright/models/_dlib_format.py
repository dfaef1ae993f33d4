"""Read dlib's serialisation (version 1 of `dlib::serialize`), value by value.

The format has no tags: whoever reads must know what comes next. An integer is a control byte (low four bits: how many
bytes follow; top bit: negative) and its magnitude, little-endian. A real number is two integers, mantissa and exponent
of two. Text, vectors and matrices begin with their lengths. Only a tensor's elements are raw little-endian float32.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import WeightsError
from eyebright.core.types import Floats

_NEGATIVE, _LENGTH = 0x80, 0x0F
_SPECIAL = {32000: math.inf, 32001: -math.inf, 32002: math.nan}
_MOST = 1 << 26
"""No list in a model file is longer; a damaged length must not ask for memory."""


class DlibReader:
    """Reads the values of one file in order.

    Every method raises `WeightsError` when the file ends early or holds something else than what was asked for.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._data = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path}: cannot read the weights: {error.strerror}") from error
        self._at = 0

    def integer(self) -> int:
        """Return an integer of any width."""
        control = self._take(1)[0]
        length = control & _LENGTH
        if length > 8 or control & ~(_NEGATIVE | _LENGTH):
            raise self.unexpected("an integer", f"control byte {control:#04x}")
        value = int.from_bytes(self._take(length), "little")
        return -value if control & _NEGATIVE else value

    def real(self) -> float:
        """Return a float or a double."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in _SPECIAL:
            return _SPECIAL[exponent]
        if abs(exponent) > 1200:
            raise self.unexpected("a real number", f"exponent {exponent}")
        return math.ldexp(mantissa, exponent)

    def text(self) -> str:
        """Return a string."""
        return self._take(self._length()).decode("latin-1")

    def flag(self) -> bool:
        """Return a boolean, kept as the digit 0 or 1."""
        digit = self._take(1)
        if digit not in (b"0", b"1"):
            raise self.unexpected("a flag", repr(digit))
        return digit == b"1"

    def integers(self) -> npt.NDArray[np.int64]:
        """Return all that is left of a file that holds nothing but integers and real numbers (two integers each)."""
        data, at, end = self._data, self._at, len(self._data)
        starts = []
        while at < end:
            starts.append(at)
            at += 1 + (data[at] & _LENGTH)
        if at != end:
            raise self.unexpected("whole numbers", "the end of the file within one")
        first = np.array(starts, dtype=np.int64)
        raw = np.frombuffer(data + bytes(9), dtype=np.uint8)
        control = raw[first]
        lengths = control & _LENGTH
        if ((control & ~np.uint8(_NEGATIVE | _LENGTH)) != 0).any() or lengths.max(initial=0) > 7:
            raise self.unexpected("integers", "other bytes")
        values = np.zeros(len(first), dtype=np.int64)
        for byte in range(int(lengths.max(initial=0))):
            values += np.where(byte < lengths, raw[first + 1 + byte], 0).astype(np.int64) << (8 * byte)
        self._at = end
        return np.where(control & _NEGATIVE, -values, values)

    def tensor(self) -> Floats:
        """Return a tensor `float32 (N, K, rows, columns)`."""
        if (version := self.integer()) != 2:
            raise self.unexpected("a tensor of version 2", f"version {version}")
        shape = tuple(self._length() for _ in range(4))
        count = math.prod(shape)
        if count > _MOST:
            raise self.unexpected("a tensor", f"shape {shape}")
        return np.frombuffer(self._take(4 * count), dtype="<f4").astype(np.float32).reshape(shape)

    def expect_end(self) -> None:
        """Refuse what comes after the last value."""
        if self._at != len(self._data):
            raise self.unexpected("the end of the file", f"{len(self._data) - self._at} more bytes")

    def unexpected(self, wanted: str, got: str) -> WeightsError:
        """Return the error for something else than what must come at this place."""
        return WeightsError(
            f"{self.path}: not the dlib model it should be: at byte {self._at} expected {wanted}, got {got}; "
            "reinstall the package that brought it"
        )

    def _length(self) -> int:
        value = self.integer()
        if not 0 <= value <= _MOST:
            raise self.unexpected("a length", str(value))
        return value

    def _take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise self.unexpected(f"{count} bytes", f"the end of the file after {len(part)}")
        self._at += count
        return part
