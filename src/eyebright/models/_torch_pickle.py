"""Read a legacy torch checkpoint (before the zip format) without torch.

The file is five pickles in a row (magic number, protocol version, system info, the state dict, the storage keys)
followed by the storages: an int64 element count and the raw little-endian elements of each key. Unpickling runs code
only for an allow-list of three harmless names; anything else in the file is refused.
"""

from __future__ import annotations

import collections
import io
import pickle
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


class _Pending(NamedTuple):
    """A tensor whose storage has not been read yet."""

    key: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild(storage: tuple[Any, ...], offset: int, shape: Any, strides: Any, *_: Any) -> _Pending:
    _, dtype, key, _, _, view = storage
    if view is not None:
        raise pickle.UnpicklingError("storage views are not supported")
    return _Pending(key, dtype, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a weights file")

    def persistent_load(self, pid: Any) -> Any:
        return pid


def read_legacy_checkpoint(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of a legacy torch state dict by name.

    Args:
        path: the checkpoint file.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or holds anything but tensors.
    """
    try:
        stream = io.BytesIO(path.read_bytes())
        header = [_Unpickler(stream).load() for _ in range(3)]
        if header[0] != _MAGIC or header[1] != _PROTOCOL:
            raise pickle.UnpicklingError("not a legacy torch checkpoint")
        state = _Unpickler(stream).load()
        dtypes = {tensor.key: tensor.dtype for tensor in state.values()}
        storages = {}
        for key in _Unpickler(stream).load():
            (count,) = struct.unpack("<q", stream.read(8))
            raw = stream.read(count * dtypes[key].itemsize)
            storages[key] = np.frombuffer(raw, dtype=dtypes[key], count=count)
        return {name: _tensor(storages[tensor.key], tensor) for name, tensor in state.items()}
    except OSError as error:
        raise WeightsError(f"{path}: cannot read the weights: {error.strerror}") from error
    except Exception as error:
        # a damaged pickle fails with nearly any exception type, none of which says more than this line
        raise WeightsError(
            f"{path}: expected a legacy torch checkpoint of plain tensors, got something else ({error}); "
            "reinstall the package that brought it"
        ) from error


def _tensor(storage: npt.NDArray[Any], tensor: _Pending) -> npt.NDArray[Any]:
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.offset < 0 or min(tensor.strides, default=0) < 0 or last >= len(storage):
        raise pickle.UnpicklingError(f"a tensor of shape {tensor.shape} reaches beyond its storage")
    strides = tuple(step * storage.itemsize for step in tensor.strides)
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
    return np.ascontiguousarray(view)
