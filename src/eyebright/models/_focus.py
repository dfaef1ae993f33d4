"""The Focus layer of YOLOX and of YOLOv5 before 6.0, folded into the convolution behind it.

Focus deals the pixels of each 2 x 2 block out to four pictures of half the size, and a convolution follows. Weights
spread over the blocks in the same order give the same sums in one convolution of twice the kernel and stride, as
YOLOv5 has had it since 6.0, without moving the picture about in memory first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_WHOLE = 2**31 - 1
"""Exports write an end at or beyond this for "up to the last"."""


def fold_focus(model: Any) -> bool:
    """Fold every Focus layer of an `onnx.ModelProto` that holds its own weights, in place.

    The network then differs by nothing but the rounding of sums in another order.

    Returns:
        Whether there was one.
    """
    graph = model.graph
    folded = [_fold(graph, node) for node in list(graph.node) if node.op_type == "Concat"]
    return any(folded)


def _fold(graph: Any, concat: Any) -> bool:
    import onnx

    makers = {name: node for node in graph.node for name in node.output}
    blocks = [_block(graph, makers, name) for name in concat.input]
    corners = [(row, column) for _, row, column in blocks]
    sources = {source for source, _, _ in blocks}
    # the corner of a source that is not sliced at all is (None, None)
    if (
        sorted(corners, key=repr) != [(0, 0), (0, 1), (1, 0), (1, 1)]
        or len(sources) != 1
        or _number(concat, "axis") != 1
    ):
        return False
    users = [node for node in graph.node if concat.output[0] in node.input]
    if len(users) != 1 or any(value.name == concat.output[0] for value in graph.output) or not _plain(users[0]):
        return False
    [conv] = users
    weights = _constant(graph, conv.input[1])
    if weights is None or weights.ndim != 4 or weights.shape[1] % 4:
        return False
    planes = weights.shape[1] // 4
    kernel = (2 * weights.shape[2], 2 * weights.shape[3])
    spread = np.zeros((len(weights), planes, *kernel), weights.dtype)
    for place, (row, column) in enumerate(corners):
        spread[:, :, row::2, column::2] = weights[:, place * planes : (place + 1) * planes]
    name = f"{conv.output[0]}/focus"
    graph.initializer.append(onnx.numpy_helper.from_array(spread, name))
    pads = [2 * pad for pad in _numbers(conv, "pads") or [0, 0, 0, 0]]
    one = onnx.helper.make_node(
        "Conv", [*sources, name, *conv.input[2:]], list(conv.output), kernel_shape=kernel, pads=pads, strides=[2, 2]
    )
    graph.node.insert(list(graph.node).index(conv), one)
    graph.node.remove(conv)
    _prune(graph)
    return True


def _block(graph: Any, makers: dict[str, Any], name: str) -> tuple[str, int | None, int | None]:
    """Return the source that slices of every second row and column came from, and which row and column they took."""
    taken: dict[int, int] = {}
    while (node := makers.get(name)) is not None and node.op_type == "Slice" and len(node.input) == 5:
        values = [_constant(graph, each) for each in node.input[1:]]
        if any(value is None for value in values):
            break
        starts, ends, axes, steps = (np.ravel(value).tolist() for value in values)
        every_second = all(step == 2 for step in steps) and all(start in (0, 1) for start in starts)
        if (
            not (every_second and all(end >= _WHOLE for end in ends))
            or not {2, 3}.issuperset(axes)
            or taken.keys() & axes
        ):
            break
        taken.update(zip(axes, starts, strict=True))
        name = node.input[0]
    return name, taken.get(2), taken.get(3)


def _plain(conv: Any) -> bool:
    """Say whether a node is a convolution of stride 1 without groups, gaps and automatic padding."""
    if conv.op_type != "Conv" or _number(conv, "group") not in (None, 1):
        return False
    ones = all(_numbers(conv, name) in (None, [1, 1]) for name in ("strides", "dilations"))
    automatic = next((each.s for each in conv.attribute if each.name == "auto_pad"), b"NOTSET")
    return ones and automatic == b"NOTSET"


def _prune(graph: Any) -> None:
    """Take out what nothing needs any more, the last first."""
    needed = {value.name for value in graph.output} | {name for node in graph.node for name in node.input}
    while idle := [node for node in graph.node if not needed.intersection(node.output)]:
        for node in idle:
            graph.node.remove(node)
        needed = {value.name for value in graph.output} | {name for node in graph.node for name in node.input}
    for value in [value for value in graph.initializer if value.name not in needed]:
        graph.initializer.remove(value)


def _constant(graph: Any, name: str) -> Any:
    """Return the array of a constant; None where the network computes it."""
    import onnx

    for value in graph.initializer:
        if value.name == name:
            return onnx.numpy_helper.to_array(value)
    for node in graph.node:
        if node.op_type == "Constant" and name in node.output:
            held = [each.t for each in node.attribute if each.name == "value"]
            return onnx.numpy_helper.to_array(held[0]) if held else None
    return None


def _numbers(node: Any, name: str) -> list[int] | None:
    return next((list(each.ints) for each in node.attribute if each.name == name), None)


def _number(node: Any, name: str) -> int | None:
    return next((each.i for each in node.attribute if each.name == name), None)
