"""The three networks of MTCNN as one ONNX graph, from the weights inside the package `mtcnn`.

Zhang et al., Joint face detection and alignment using multi-task cascaded convolutional networks, 2016
(https://arxiv.org/abs/1604.02878), figure 2. The fully connected layers are written as convolutions, so that all three
networks share the input `image (N, 3, H, W)`, values `(pixel - 127.5) / 128`; a session loads one of them (`only`):

- P-net on a whole picture: `p_face (N, 1, h, w)` probabilities and `p_box (N, 4, h, w)`, a 12x12 window every 2 pixels;
- R-net on 24x24 crops: `r_face (N, 1, 1, 1)`, `r_box (N, 4, 1, 1)`;
- O-net on 48x48 crops: `o_face (N, 1, 1, 1)`, `o_box (N, 4, 1, 1)`, `o_points (N, 10, 1, 1)` (five x, then five y).

Boxes are the shifts of left, top, right and bottom in widths and heights of the window.

Whoever changes the emitted graph also raises `builder_version` in its card, so that cached graphs are built anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from eyebright.core.errors import WeightsError
from eyebright.models._files import file_sha256
from eyebright.models._joblib_pickle import read_arrays

_SIBLINGS = {
    "pnet.lz4": "ea6b0c3e685ebee3165326ad6484acc95f2ef78f1c94fbf40a55704fa989f7b5",
    "rnet.lz4": "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
}
"""SHA-256 of the files beside `onet.lz4`, whose own hash stands in the card."""
OUTPUTS = {"p_face": 1, "p_box": 4, "r_face": 1, "r_box": 4, "o_face": 1, "o_box": 4, "o_points": 10}
"""Channels of the outputs."""


def build(weights_file: Path) -> onnx.ModelProto:
    """Return the graph.

    Args:
        weights_file: `onet.lz4`; the other two lie beside it.

    Raises:
        WeightsError: a file is missing or damaged, or does not hold the weights of its network.
    """
    nodes: list[onnx.NodeProto] = []
    initializers: list[onnx.TensorProto] = []
    for letter, emit in (("p", _proposals), ("r", _refinement), ("o", _output)):
        path = weights_file.with_name(f"{letter}net.lz4")
        if path.name in _SIBLINGS and path.is_file() and file_sha256(path) != _SIBLINGS[path.name]:
            raise WeightsError(f"mtcnn: {path} is damaged or was changed; run: pip install --force-reinstall mtcnn")
        net = _Net(letter, path, nodes, initializers)
        emit(net)
        if net.weights:
            raise WeightsError(f"{path}: not the weights of MTCNN: {len(net.weights)} arrays too many")
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, f"{name}_h", f"{name}_w"])
        for name, channels in OUTPUTS.items()
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, "H", "W"])
    proto = helper.make_graph(nodes, "mtcnn", [image], outputs, initializers)
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="eyebright"
    )
    onnx.checker.check_model(model)
    return model


def _proposals(net: _Net) -> None:
    source = net.conv("image", "1", 3, 10)
    source = net.conv(net.pool(source, "1", 2), "2", 3, 16)
    source = net.conv(source, "3", 3, 32)
    net.head(source, "box", 4)
    net.face(source)


def _refinement(net: _Net) -> None:
    source = net.conv("image", "1", 3, 28)
    source = net.conv(net.pool(source, "1", 3), "2", 3, 48)
    source = net.conv(net.pool(source, "2", 3, same=False), "3", 2, 64)
    source = net.dense(source, "4", 3, 128)
    net.head(source, "box", 4)
    net.face(source)


def _output(net: _Net) -> None:
    source = net.conv("image", "1", 3, 32)
    source = net.conv(net.pool(source, "1", 3), "2", 3, 64)
    source = net.conv(net.pool(source, "2", 3, same=False), "3", 3, 64)
    source = net.conv(net.pool(source, "3", 2), "4", 2, 128)
    source = net.dense(source, "5", 3, 256)
    net.head(source, "box", 4)
    net.head(source, "points", 10)
    net.face(source)


class _Net:
    """Emits one network, taking its weights one after the other (Keras: kernels are height, width, inputs, outputs)."""

    def __init__(
        self, letter: str, path: Path, nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto]
    ) -> None:
        self.letter, self.path = letter, path
        self.weights = read_arrays(path)
        self.nodes, self.initializers = nodes, initializers

    def conv(self, source: str, name: str, size: int, filters: int) -> str:
        kernel = self._take(4)
        if kernel.shape[:2] != (size, size) or kernel.shape[3] != filters:
            raise WeightsError(f"{self.path}: not the weights of MTCNN: a kernel of shape {kernel.shape}")
        out = self._conv(source, f"conv{name}", kernel, self._take(1))
        return self._prelu(out, name, self._take(3))

    def dense(self, source: str, name: str, size: int, outputs: int) -> str:
        """A fully connected layer over maps of `size` x `size`, flattened by column, row, channel."""
        weights = self._take(2)
        inputs = weights.shape[0] // (size * size)
        kernel = weights[: inputs * size * size].reshape(size, size, inputs, -1).transpose(1, 0, 2, 3)
        if kernel.shape[3] != outputs:
            raise WeightsError(f"{self.path}: not the weights of MTCNN: {kernel.shape[3]} outputs, not {outputs}")
        out = self._conv(source, f"dense{name}", kernel, self._take(1))
        return self._prelu(out, name, self._take(1))

    def head(self, source: str, name: str, outputs: int) -> None:
        kernel, bias = self._head_weights(outputs)
        self._conv(source, name, kernel, bias)

    def face(self, source: str) -> None:
        """Of a softmax over two, the second: the logistic function of their difference."""
        kernel, bias = self._head_weights(2)
        logit = self._conv(source, "logit", kernel[..., 1:] - kernel[..., :1], bias[1:] - bias[:1])
        self._node("Sigmoid", [logit], "face")

    def pool(self, source: str, name: str, size: int, *, same: bool = True) -> str:
        padding = {"auto_pad": "SAME_UPPER"} if same else {}
        return self._node("MaxPool", [source], f"pool{name}", kernel_shape=[size, size], strides=[2, 2], **padding)

    def _head_weights(self, outputs: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        weights = self._take(4 if self.letter == "p" else 2)
        if weights.shape[-1] != outputs:
            raise WeightsError(f"{self.path}: not the weights of MTCNN: a head of shape {weights.shape}")
        return weights.reshape(1, 1, -1, outputs), self._take(1)

    def _take(self, axes: int) -> npt.NDArray[np.float32]:
        if not self.weights or self.weights[0].ndim != axes:
            got = f"an array of shape {self.weights[0].shape}" if self.weights else "the end"
            raise WeightsError(f"{self.path}: not the weights of MTCNN: expected an array of {axes} axes, got {got}")
        return self.weights.pop(0)

    def _conv(self, source: str, name: str, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> str:
        inputs = [source, self._add(f"{name}.w", kernel.transpose(3, 2, 0, 1)), self._add(f"{name}.b", bias)]
        return self._node("Conv", inputs, name, kernel_shape=list(kernel.shape[:2]))

    def _prelu(self, source: str, name: str, slopes: npt.NDArray[np.float32]) -> str:
        """PReLU as slope * x + (1 - slope) * max(x, 0): the runtime's own operator is slow, and breaks its blocks."""
        rectified = self._node("Relu", [source], f"relu{name}")
        parts = []
        for part, values, scale in (("a", source, slopes), ("b", rectified, 1 - slopes)):
            weights = self._add(f"prelu{name}.{part}", scale.reshape(-1, 1, 1, 1))
            parts.append(
                self._node("Conv", [values, weights], f"prelu{name}{part}", kernel_shape=[1, 1], group=slopes.size)
            )
        return self._node("Add", parts, f"prelu{name}")

    def _add(self, name: str, values: npt.NDArray[np.float32]) -> str:
        full = f"{self.letter}_{name}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), full))
        return full

    def _node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        full = f"{self.letter}_{name}"
        self.nodes.append(helper.make_node(kind, inputs, [full], name=full, **attributes))
        return full
