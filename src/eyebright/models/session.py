"""One ONNX Runtime session: explicit threads, clear errors, only the outputs that are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from eyebright.core.errors import InputError, ModelError
from eyebright.core.types import Floats
from eyebright.models._graph_part import part_of
from eyebright.models._side_inputs import KNOWN

_ONLY_ERRORS = 3
_CASTS: dict[str, type[np.number[Any]]] = {
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
}
"""Inputs that are no `float32`: what is given is cast, whole numbers are rounded and cut to their range."""
_MAX_THREADS = 8


class Tensor(NamedTuple):
    """An input or output of a model; an axis of any length is None.

    Attributes:
        name: as the file says.
        shape: lengths of the axes.
        kind: `tensor(float)` and the like.
    """

    name: str
    shape: tuple[int | None, ...]
    kind: str


def default_threads() -> int:
    """Return the number of cores this process may use, at most 8: small networks gain nothing beyond."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _MAX_THREADS))


class Session:
    """A loaded model that threads may share.

    Args:
        path: the ONNX file.
        threads: threads inside one run; None: `default_threads()`. Give 1 when several runs go in parallel.
        only: load only what these outputs need; the runtime computes a loaded graph whole, whatever is asked of it.
            Empty: all.
        keep: folder for the graph that `only` and `focus` leave, so that the next process need not make it again;
            None: none.
        focus: fold a Focus layer (YOLOX, early YOLOv5) into the convolution behind it: the same sums sooner.

    Raises:
        ModelError: the file is missing, damaged, or made for another ONNX Runtime, or has no such output.
        InputError: `threads` is less than 1.
    """

    def __init__(
        self,
        path: Path,
        *,
        threads: int | None = None,
        only: Sequence[str] = (),
        keep: Path | None = None,
        focus: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise InputError(f"threads: expected 1 or more, got {threads}")
        if not path.is_file():
            raise ModelError(f"{path}: no such model file")
        self.path = path
        self.threads = threads or default_threads()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ONLY_ERRORS
        # idle threads that spin take the cores from whoever decodes the next pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._fetch = ort.RunOptions()
        self._fetch.only_execute_path_to_fetches = True
        try:
            graph = part_of(path, only, keep, focus=focus)
            self._session = ort.InferenceSession(graph or str(path), options, providers=["CPUExecutionProvider"])
        except ModelError:
            raise
        except Exception as error:
            # ONNX Runtime raises one private exception type for each of its status codes
            raise ModelError(f"{path}: ONNX Runtime {ort.__version__} cannot load it: {_advice(str(error))}") from error
        # PaddleDetection's exports name the shape of the picture before the picture
        inputs = [_tensor(value) for value in self._session.get_inputs()]
        self.inputs = tuple(sorted(inputs, key=lambda each: len(each.shape) != 4))
        self.outputs = tuple(_tensor(value) for value in self._session.get_outputs())

    def run(
        self,
        tensor: npt.NDArray[Any],
        outputs: Sequence[str] | None = None,
        beside: Mapping[str, Floats] | None = None,
    ) -> dict[str, Floats]:
        """Run a batch.

        Args:
            tensor: first axis N, as the input with four axes (or else the first) wants it. A model whose batch is
                fixed to 1 runs N times, and so does one whose input has no axis for the batch.
            outputs: names of the wanted outputs, None: all.
            beside: one row of each further input, the same for every picture.

        Returns:
            The outputs by name, each with first axis N (a fixed-batch model's outputs are joined along it).

        Raises:
            ModelError: an unknown output, an input that nothing is given for, or the model refuses the tensor.
        """
        known = [output.name for output in self.outputs]
        names = known if outputs is None else list(outputs)
        for name in names:
            if name not in known:
                raise ModelError(f"{self.path}: no output named {name!r}; it has {', '.join(known)}")
        if not names:
            return {}  # the runtime would take it for "all"
        shape = self.inputs[0].shape
        lone = len(shape) == 3 and tensor.ndim == 4
        fixed = 1 if lone else shape[0] if shape else None
        if len(tensor) == 0:
            # one blank run tells the shapes that the file leaves open
            blank = self.run(np.zeros((fixed or 1, *tensor.shape[1:]), tensor.dtype), names, beside)
            return {name: value[:0] for name, value in blank.items()}
        if fixed is None or len(tensor) == fixed:
            return self._run(tensor, names, beside or {})
        if fixed != 1:
            raise ModelError(
                f"{self.path}: takes batches of exactly {fixed}, got {len(tensor)}; export it with batch 1"
            )
        parts = [self._run(tensor[row : row + 1], names, beside or {}) for row in range(len(tensor))]
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def _run(self, tensor: npt.NDArray[Any], names: list[str], beside: Mapping[str, Floats]) -> dict[str, Floats]:
        tensor = _cast(tensor, self.inputs[0].kind)
        lone = len(self.inputs[0].shape) == 3 and tensor.ndim == 4
        given = {self.inputs[0].name: tensor[0] if lone else tensor}
        for each in self.inputs[1:]:
            if each.name not in beside:
                raise ModelError(
                    f"{self.path}: wants a second input {each.name!r}, which is none of {', '.join(KNOWN)}; export it "
                    "with the picture as its only input"
                )
            row = beside[each.name]
            given[each.name] = _cast(np.broadcast_to(row, (len(tensor), *row.shape)), each.kind)
        try:
            values = self._session.run(names, given, self._fetch)
        except Exception as error:
            # as above: one private exception type for each status code
            wanted = ", ".join("any" if length is None else str(length) for length in self.inputs[0].shape)
            raise ModelError(
                f"{self.path}: the model refused a {tensor.dtype} tensor of shape {tensor.shape}; its input is "
                f"{self.inputs[0].kind} ({wanted}); make the card's input_size and layout fit: {_line(error)}"
            ) from error
        return dict(zip(names, values, strict=True))


def _cast(tensor: npt.NDArray[Any], kind: str) -> npt.NDArray[Any]:
    """Return a float tensor as the type that the input wants."""
    wanted = _CASTS.get(kind)
    if wanted is None or tensor.dtype.kind != "f":
        return tensor
    if issubclass(wanted, np.integer):
        limits = np.iinfo(wanted)
        tensor = np.clip(np.rint(tensor), limits.min, limits.max)
    return tensor.astype(wanted)


def _tensor(value: Any) -> Tensor:
    return Tensor(value.name, tuple(n if isinstance(n, int) and n > 0 else None for n in value.shape), value.type)


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]


def _advice(message: str) -> str:
    lower = message.lower()
    if "ir version" in lower or "opset" in lower:
        return (
            f"the file is newer than the runtime; upgrade onnxruntime or export with an older opset ({_line(message)})"
        )
    if "protobuf" in lower or "invalid_protobuf" in lower:
        return "the file is damaged or no ONNX model; copy or download it again"
    if "not implemented" in lower or "not_implemented" in lower or "no op registered" in lower:
        return f"it uses an operator that the CPU runtime lacks; export it with standard operators ({_line(message)})"
    return _line(message)
