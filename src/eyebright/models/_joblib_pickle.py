"""Read a list of plain arrays from a joblib dump compressed with LZ4, without joblib.

Such a file is one pickle in an LZ4 frame; where the pickle builds an array's wrapper, the array's elements lie raw in
the stream, behind a byte that counts the padding and the padding. Unpickling runs code only for an allow-list of three
harmless names; anything else in the file is refused.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import WeightsError

_MOST = 1 << 28
"""Bytes that a file may unpack to; the largest known has a hundredth of it."""


_NDARRAY = object()
"""Stands for `numpy.ndarray`, which the file names but must not call."""


class _OnlyRead:
    """A stream that cannot be looked into ahead: the unpickler then leaves it exactly where the raw elements begin."""

    def __init__(self, data: bytes) -> None:
        stream = io.BytesIO(data)
        self.read, self.readline = stream.read, stream.readline


class _Dtype:
    """Stands for `numpy.dtype` while unpickling, and allows little-endian float32 only."""

    def __init__(self, name: str, *_: Any) -> None:
        if name != "f4":
            raise pickle.UnpicklingError(f"elements of kind {name!r}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<":
            raise pickle.UnpicklingError(f"elements of byte order {state[1]!r}")


def read_arrays(path: Path) -> list[npt.NDArray[np.float32]]:
    """Return the arrays of a dumped list, in order.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or holds anything but float32 arrays; or `lz4` is
            not installed.
    """
    try:
        import lz4.frame
    except ImportError as error:
        raise WeightsError(f"{path}: reading it needs the package lz4; run: pip install 'eyebright[faces]'") from error
    try:
        frame = lz4.frame.LZ4FrameDecompressor()
        stream = _OnlyRead(frame.decompress(path.read_bytes(), max_length=_MOST))
        if not frame.eof:
            raise pickle.UnpicklingError("the file ends early, or unpacks to too much")
        wrapper = _wrapper(stream)
        loaded = _Unpickler(stream, wrapper).load()
        if type(loaded) is not list or not all(type(item) is wrapper for item in loaded):
            raise pickle.UnpicklingError("not a list of arrays")
        return [item.array for item in loaded]
    except OSError as error:
        raise WeightsError(f"{path}: cannot read the weights: {error.strerror}") from error
    except Exception as error:
        # a damaged frame or pickle fails with nearly any exception type, none of which says more than this line
        raise WeightsError(
            f"{path}: expected a joblib dump of plain float32 arrays, got something else ({error}); "
            "reinstall the package that brought it"
        ) from error


def _wrapper(stream: _OnlyRead) -> Any:
    """Return the class that stands for joblib's array wrapper and reads its elements from `stream` when it is built."""

    class _Array:
        array: npt.NDArray[np.float32]

        def __setstate__(self, state: dict[str, Any]) -> None:
            shape = tuple(int(length) for length in state["shape"])
            if state["subclass"] is not _NDARRAY or state["order"] != "C" or min(shape, default=1) < 1:
                raise pickle.UnpicklingError(f"an array of another kind: {state}")
            if not isinstance(state["dtype"], _Dtype):
                raise pickle.UnpicklingError(f"elements of kind {state['dtype']!r}")
            if state.get("numpy_array_alignment_bytes") is not None:
                stream.read(stream.read(1)[0])
            count = math.prod(shape)
            raw = stream.read(4 * count) if count <= _MOST else b""
            self.array = np.frombuffer(raw, dtype="<f4", count=count).reshape(shape)

    return _Array


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: _OnlyRead, wrapper: Any) -> None:
        super().__init__(stream)
        self._allowed = {
            ("joblib.numpy_pickle", "NumpyArrayWrapper"): wrapper,
            ("numpy", "ndarray"): _NDARRAY,
            ("numpy", "dtype"): _Dtype,
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")
        return self._allowed[module, name]
