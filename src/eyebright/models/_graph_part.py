"""A part of an ONNX graph: some outputs and what they need."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from eyebright.core.errors import ModelError
from eyebright.models._files import write_atomically

_DIGEST = hashlib.sha256().digest_size


def part_of(path: Path, outputs: Sequence[str], keep: Path | None = None) -> bytes:
    """Return the graph with nothing but these outputs and what they need, as the bytes of a file.

    Args:
        path: the ONNX file.
        outputs: names of its outputs.
        keep: folder in which the part is kept for the next process (importing `onnx` takes a good part of a second);
            one that cannot be written is no error. None: not kept.

    Raises:
        ModelError: no such output.
    """
    if keep is None:
        return _cut(path, outputs)
    stat = path.stat()
    key = hashlib.sha256(repr((stat.st_size, stat.st_mtime_ns, *outputs)).encode()).hexdigest()[:12]
    kept = keep / f"{path.stem}-{key}.part"
    with contextlib.suppress(OSError):
        data = kept.read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
            return data[_DIGEST:]
    part = _cut(path, outputs)
    with contextlib.suppress(OSError):
        keep.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, hashlib.sha256(part).digest() + part)
    return part


def _cut(path: Path, outputs: Sequence[str]) -> bytes:
    import onnx
    import onnx.utils

    model = onnx.load(path)
    inputs = [value.name for value in model.graph.input]
    known = [value.name for value in model.graph.output]
    for name in outputs:
        if name not in known:
            raise ModelError(f"{path}: no output named {name!r}; it has {', '.join(known)}")
    return bytes(onnx.utils.Extractor(model).extract_model(inputs, list(outputs)).SerializeToString())
