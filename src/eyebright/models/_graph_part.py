"""An ONNX graph made cheaper to run: nothing but some outputs and what they need, and no Focus layer."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

from eyebright.core.errors import ModelError
from eyebright.models._files import write_atomically
from eyebright.models._focus import fold_focus

_DIGEST = hashlib.sha256().digest_size


_FOCUS_BYTES = 64_000_000
"""In larger networks the Focus layer is a hundredth of the time, and a second copy of them is a burden."""


def part_of(path: Path, outputs: Sequence[str] = (), keep: Path | None = None, *, focus: bool = False) -> bytes | None:
    """Return the graph with nothing but these outputs and what they need, as the bytes of a file.

    Args:
        path: the ONNX file.
        outputs: names of its outputs; empty: all.
        keep: folder in which the graph is kept for the next process (importing `onnx` takes a good part of a second);
            one that cannot be written is no error. None: not kept.
        focus: fold a Focus layer into the convolution behind it.

    Returns:
        None where there is nothing to change: load the file itself.

    Raises:
        ModelError: no such output.
    """
    stat = path.stat()
    focus = focus and stat.st_size <= _FOCUS_BYTES
    if not (outputs or focus):
        return None
    if keep is None:
        return _made(path, outputs, focus=focus)
    told = (stat.st_size, stat.st_mtime_ns, *outputs, *(["focus"] if focus else []))
    key = hashlib.sha256(repr(told).encode()).hexdigest()[:12]
    kept = keep / f"{path.stem}-{key}.part"
    with contextlib.suppress(OSError):
        data = kept.read_bytes()
        if hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
            return data[_DIGEST:] or None
    part = _made(path, outputs, focus=focus)
    with contextlib.suppress(OSError):
        keep.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, hashlib.sha256(part or b"").digest() + (part or b""))
    return part


def _made(path: Path, outputs: Sequence[str], *, focus: bool) -> bytes | None:
    import onnx
    import onnx.utils
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=bool(outputs))
    except DecodeError:
        return None  # the runtime says what is wrong with it
    if outputs:
        inputs = [value.name for value in model.graph.input]
        known = [value.name for value in model.graph.output]
        for name in outputs:
            if name not in known:
                raise ModelError(f"{path}: no output named {name!r}; it has {', '.join(known)}")
        model = onnx.utils.Extractor(model).extract_model(inputs, list(outputs))
    beside = any(value.data_location == onnx.TensorProto.EXTERNAL for value in model.graph.initializer)
    changed = focus and not beside and fold_focus(model)
    return bytes(model.SerializeToString()) if outputs or changed else None
