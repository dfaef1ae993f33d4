"""The ONNX Runtime wrapper."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from eyebright.core.errors import InputError, ModelError
from eyebright.models import Session, default_threads


def toy(path: Path, *, batch: int | str = "N", opset: int = 13, ir_version: int = 8, kind: str = "Relu") -> Path:
    """A graph with two outputs: the ReLU of the input, and that doubled."""
    shape = [batch, 3, "H", 4]
    nodes = [
        helper.make_node(kind, ["x"], ["half"]),
        helper.make_node("Add", ["half", "half"], ["double"]),
    ]
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "half", "double")}
    graph = helper.make_graph(nodes, "toy", [values["x"]], [values["half"], values["double"]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    onnx.save(model, path)
    return path


def tensor(rows: int) -> Any:
    return np.random.default_rng(0).normal(size=(rows, 3, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("batch", ["N", 1])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_any_number_of_rows_runs(tmp_path: Path, batch: int | str, rows: int) -> None:
    session = Session(toy(tmp_path / "toy.onnx", batch=batch))
    x = tensor(rows)
    out = session.run(x)
    assert list(out) == ["half", "double"]
    assert session.run(x, []) == {}
    assert out["double"].dtype == np.float32
    np.testing.assert_allclose(out["double"], 2 * np.maximum(x, 0), rtol=1e-6)
    np.testing.assert_array_equal(session.run(x, ["half"])["half"], np.maximum(x, 0))


def test_names_and_shapes_are_known(tmp_path: Path) -> None:
    session = Session(toy(tmp_path / "toy.onnx", batch=1), threads=1)
    assert session.threads == 1
    assert session.inputs == (("x", (1, 3, None, 4), "tensor(float)"),)
    assert [output.name for output in session.outputs] == ["half", "double"]
    assert 1 <= default_threads() <= 8
    assert Session(toy(tmp_path / "toy.onnx")).threads == default_threads()


def test_threads_may_share_a_session(tmp_path: Path) -> None:
    session = Session(toy(tmp_path / "toy.onnx"))
    wrong: list[int] = []

    def work(number: int) -> None:
        x = np.full((2, 3, 5, 4), number, np.float32)
        wrong.extend(number for _ in range(50) if not (session.run(x, ["double"])["double"] == 2 * number).all())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_goes_wrong_says_what_to_do(tmp_path: Path) -> None:
    session = Session(toy(tmp_path / "toy.onnx", batch=4))
    with pytest.raises(ModelError, match="no output named 'third'; it has half, double"):
        session.run(tensor(4), ["third"])
    with pytest.raises(ModelError, match="takes batches of exactly 4, got 3"):
        session.run(tensor(3))
    with pytest.raises(ModelError, match=r"refused a float32 tensor of shape \(4, 3, 5, 9\).*\(4, 3, any, 4\)"):
        session.run(np.zeros((4, 3, 5, 9), np.float32))
    with pytest.raises(ModelError, match="refused a float64 tensor"):
        session.run(np.zeros((4, 3, 5, 4)))
    with pytest.raises(ModelError, match="no such model file"):
        Session(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match="threads: expected 1 or more, got 0"):
        Session(tmp_path / "toy.onnx", threads=0)


def test_files_that_the_runtime_cannot_load(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("this is no model")
    (tmp_path / "empty.onnx").touch()
    whole = toy(tmp_path / "toy.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    for name in ("text", "empty", "half"):
        with pytest.raises(ModelError, match=rf"{name}\.onnx: ONNX Runtime .* cannot load it") as caught:
            Session(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)
    for change in ({"opset": 9999}, {"ir_version": 9999}):
        with pytest.raises(ModelError, match="upgrade onnxruntime or export with an older opset"):
            Session(toy(tmp_path / "new.onnx", **change))
    with pytest.raises(ModelError, match="cannot load it"):
        Session(toy(tmp_path / "odd.onnx", kind="NoSuchOperator"))


def test_a_kept_part_is_taken_again_and_made_anew_when_it_is_damaged(tmp_path: Path) -> None:
    path, keep = toy(tmp_path / "toy.onnx"), tmp_path / "home" / "parts"
    x = tensor(2)

    def answer() -> dict[str, np.ndarray]:
        return Session(path, only=["half"], keep=keep).run(x)

    assert list(answer()) == ["half"]
    [kept] = keep.iterdir()
    written = kept.stat().st_mtime_ns
    np.testing.assert_array_equal(answer()["half"], np.maximum(x, 0))
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(kept.read_bytes()[:-3])
    np.testing.assert_array_equal(answer()["half"], np.maximum(x, 0))
    assert kept.stat().st_mtime_ns != written
    # another file of the same name has another part
    os.utime(path, ns=(1, 1))
    answer()
    assert len(list(keep.iterdir())) == 2


def test_a_part_that_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    session = Session(toy(tmp_path / "toy.onnx"), only=["half"], keep=blocked / "parts")
    assert [output.name for output in session.outputs] == ["half"]
