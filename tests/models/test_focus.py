"""A Focus layer folded into its convolution: the same numbers, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from eyebright.models.session import Session

CORNERS = [(0, 0), (1, 0), (0, 1), (1, 1)]
END = 2**63 - 1


def focus(
    path: Path,
    *,
    corners: Sequence[tuple[int, int]] = CORNERS,
    planes: int = 3,
    kernel: tuple[int, int] = (3, 3),
    pads: Sequence[int] = (1, 1, 1, 1),
    together: bool = False,
    end: int = END,
    step: int = 2,
    change: Callable[[onnx.GraphProto], object] | None = None,
) -> Path:
    """Write a network of a Focus layer and a convolution; `together` slices both axes at once."""
    random = np.random.default_rng(0)
    constants: dict[str, np.ndarray] = {
        "weights": random.normal(size=(5, 4 * planes, *kernel)).astype(np.float32),
        "bias": random.normal(size=5).astype(np.float32),
    }
    nodes, parts = [], []

    def constant(*values: int) -> str:
        name = "c" + "_".join(map(str, values))
        constants[name] = np.array(values, np.int64)
        return name

    for place, (row, column) in enumerate(corners):
        if together:
            ends = [constant(row, column), constant(end, end), constant(2, 3), constant(step, step)]
            nodes.append(helper.make_node("Slice", ["x", *ends], [f"part{place}"]))
        else:
            down = [constant(row), constant(end), constant(2), constant(step)]
            across = [constant(column), constant(end), constant(3), constant(step)]
            nodes.append(helper.make_node("Slice", ["x", *down], [f"rows{place}"]))
            nodes.append(helper.make_node("Slice", [f"rows{place}", *across], [f"part{place}"]))
        parts.append(f"part{place}")
    nodes.append(helper.make_node("Concat", parts, ["dealt"], axis=1))
    nodes.append(
        helper.make_node("Conv", ["dealt", "weights", "bias"], ["y"], kernel_shape=kernel, pads=pads, strides=[1, 1])
    )
    graph = helper.make_graph(
        nodes,
        "focus",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, planes, None, None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    if change:
        change(graph)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def kept_graph(keep: Path) -> onnx.ModelProto | None:
    """Return the graph that is kept for the next process; None where there was nothing to fold."""
    [file] = keep.iterdir()
    data = file.read_bytes()[32:]
    return onnx.load_from_string(data) if data else None


@settings(max_examples=30, deadline=None)
@given(
    corners=st.permutations(CORNERS),
    planes=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    sides=st.tuples(st.integers(4, 8), st.integers(4, 8)),
    together=st.booleans(),
)
def test_the_folded_network_gives_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, corners, planes, kernel, pads, sides, together
) -> None:
    folder = tmp_path_factory.mktemp("focus")
    path = focus(folder / "net.onnx", corners=corners, planes=planes, kernel=kernel, pads=pads, together=together)
    x = np.random.default_rng(1).normal(size=(2, planes, 2 * sides[0], 2 * sides[1])).astype(np.float32)
    plain = Session(path).run(x)["y"]
    for _ in range(2):  # made, then taken from where it is kept
        folded = Session(path, focus=True, keep=folder / "parts").run(x)["y"]
        np.testing.assert_allclose(folded, plain, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(Session(path, focus=True).run(x)["y"], plain, rtol=1e-4, atol=1e-4)
    graph = kept_graph(folder / "parts")
    assert graph is not None
    assert [node.op_type for node in graph.graph.node] == ["Conv"]
    assert len(graph.graph.initializer) == 2


def twice_used(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Relu", ["dealt"], ["other"]))
    graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, None))


def told(graph: onnx.GraphProto) -> None:
    graph.output.append(helper.make_tensor_value_info("dealt", TensorProto.FLOAT, None))


def with_stride(graph: onnx.GraphProto) -> None:
    graph.node[-1].attribute[2].ints[:] = [2, 2]


def two_sources(graph: onnx.GraphProto) -> None:
    graph.node.insert(0, helper.make_node("Relu", ["x"], ["shown"]))
    graph.node[1].input[0] = "shown"


def computed_weights(graph: onnx.GraphProto) -> None:
    graph.node.insert(0, helper.make_node("Neg", ["weights"], ["turned"]))
    graph.node[-1].input[1] = "turned"


def stacked(graph: onnx.GraphProto) -> None:
    graph.node[-2].attribute[0].i = 0
    graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((5, 3, 3, 3), np.float32), "weights"))


@pytest.mark.parametrize("change", [twice_used, told, with_stride, two_sources, computed_weights, stacked])
def test_what_only_looks_like_focus_stays_as_it_is(tmp_path: Path, change: Callable[[onnx.GraphProto], object]) -> None:
    path = focus(tmp_path / "net.onnx", change=change)
    x = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    left = Session(path, focus=True, keep=tmp_path / "parts").run(x)
    assert kept_graph(tmp_path / "parts") is None
    for name, value in Session(path).run(x).items():
        np.testing.assert_array_equal(left[name], value)


@pytest.mark.parametrize(
    "odd", [{"corners": [(0, 0), (1, 0), (0, 1), (0, 1)]}, {"end": 6}, {"corners": [(0, 0)] * 4, "step": 1}]
)
def test_other_slices_stay_as_they_are(tmp_path: Path, odd: dict) -> None:
    path = focus(tmp_path / "net.onnx", **odd)
    x = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    left = Session(path, focus=True, keep=tmp_path / "parts").run(x)["y"]
    assert kept_graph(tmp_path / "parts") is None
    np.testing.assert_array_equal(left, Session(path).run(x)["y"])


@pytest.mark.data
def test_the_shared_network_begins_with_one_convolution(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "weights" / "yolox_nano.onnx"
    x = np.random.default_rng(1).uniform(0, 255, (1, 3, 416, 416)).astype(np.float32)
    [folded] = Session(path, focus=True, keep=tmp_path / "parts").run(x).values()
    [plain] = Session(path).run(x).values()
    np.testing.assert_allclose(folded, plain, rtol=1e-4, atol=1e-4)
    graph = kept_graph(tmp_path / "parts")
    assert graph is not None
    kinds = [node.op_type for node in graph.graph.node]
    assert kinds[0] == "Conv"
    assert "Slice" not in kinds
