"""Build a tiny ONNX graph for every head that a model card can name: constant outputs with known objects.

    python tools/tiny_heads.py FOLDER

Each graph `HEAD.onnx` has its card `HEAD.toml` beside it, takes 64x96 pictures and shows an object of class 2 in the
box (16, 8, 48, 40) with a score of 0.9, and one of class 0 in (60, 30, 92, 62) with 0.6.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = (64, 96)
BOXES = np.array([[16, 8, 48, 40], [60, 30, 92, 62]], dtype=np.float64)
CLASSES, SCORES = np.array([2, 0]), np.array([0.9, 0.6])
LABELS = ("cat", "dog", "bird")
POINTS = np.array([[[20, 10], [40, 30]], [[70, 40], [80, 50]]], dtype=np.float64)


def logit(values: Any) -> Any:
    clipped = np.clip(values, 1e-4, 1 - 1e-4)
    return np.log(clipped / (1 - clipped))


def centred() -> Any:
    return np.concatenate([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], axis=1)


def likely() -> Any:
    table = np.full((2, len(LABELS)), 0.01)
    table[np.arange(2), CLASSES] = SCORES
    return table


def cells(strides: tuple[int, ...]) -> int:
    return sum(-(-SIZE[0] // s) * -(-SIZE[1] // s) for s in strides)


def cell_of(box: Any, stride: int, strides: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the row of the cell that holds the middle of a box, and its column and row in the picture."""
    x, y = int((box[0] + box[2]) / 2 // stride), int((box[1] + box[3]) / 2 // stride)
    before = cells(tuple(s for s in strides if s < stride))
    return before + y * -(-SIZE[1] // stride) + x, x, y


def yolox(strides: tuple[int, ...] = (8, 16, 32)) -> dict[str, Any]:
    rows = np.zeros((cells(strides), 5 + len(LABELS)))
    for box, wide, stride in zip(BOXES, likely(), (16, 32), strict=True):
        row, x, y = cell_of(box, stride, strides)
        middle, side = (box[:2] + box[2:]) / 2 / stride, (box[2:] - box[:2]) / stride
        rows[row] = [*(middle - [x, y]), *np.log(side), 1, *wide]
    return {"output": rows[None]}


def yolo(
    *, version: int = 8, masks: bool = False, points: bool = False, strides: tuple[int, ...] = (8, 16, 32)
) -> dict[str, Any]:
    with_object = version in (5, 6)  # 6 stands for all with one box a cell
    anchors = cells(strides) * (3 if version == 5 else 1)
    parts = [centred(), *([np.ones((2, 1))] if with_object else []), likely()]
    if masks:
        parts.append(np.array([[8.0, 0], [0, 8.0]]))
    if points:
        parts.append(np.concatenate([POINTS, np.ones((2, 2, 1))], axis=2).reshape(2, -1))
    known = np.concatenate(parts, axis=1)
    rows = np.zeros((anchors, known.shape[1]))
    rows[[5, 20]] = known
    rows[21] = known[1] * np.array([1.01, *np.ones(known.shape[1] - 1)])  # the same object once more
    out = {"output0": rows[None] if with_object else rows.T[None]}
    return out | ({"output1": prototypes()[None]} if masks else {})


def prototypes() -> Any:
    """Left half of the first box, lower half of the second; a quarter of the input's size."""
    maps = np.full((2, SIZE[0] // 4, SIZE[1] // 4), -1.0)
    maps[0, 2:10, 4:8] = 1
    maps[1, 11:16, 15:23] = 1
    return maps


def end2end(*, masks: bool = False, points: bool = False) -> dict[str, Any]:
    parts = [BOXES, SCORES[:, None], CLASSES[:, None]]
    if masks:
        parts.append(np.array([[8.0, 0], [0, 8.0]]))
    if points:
        parts.append(np.concatenate([POINTS, np.ones((2, 2, 1))], axis=2).reshape(2, -1))
    known = np.concatenate(parts, axis=1)
    rows = np.zeros((300, known.shape[1]))
    rows[:2] = known
    return {"output0": rows[None]} | ({"output1": prototypes()[None]} if masks else {})


def detr(*, masks: bool = False, joined: bool = False) -> dict[str, Any]:
    boxes, logits = np.full((20, 4), 0.5), np.full((20, len(LABELS)), -9.0)
    boxes[[3, 7]] = centred() / np.array([SIZE[1], SIZE[0]] * 2)
    logits[[3, 7]] = logit(likely())
    if joined:  # as Ultralytics exports RT-DETR, after the sigmoid
        return {"output0": np.concatenate([boxes, 1 / (1 + np.exp(-logits))], axis=1)[None]}
    out = {"dets": boxes[None], "labels": logits[None]}
    if masks:
        out["masks"] = np.full((1, 20, SIZE[0] // 4, SIZE[1] // 4), -8.0)
        out["masks"][0, [3, 7]] = prototypes() * 8
    return out


def detr_softmax() -> dict[str, Any]:
    """As the first DETR has it: a last column for no object, scores before the softmax."""
    out = detr()
    wide = np.full((20, len(LABELS) + 1), 1e-6)
    wide[:, -1] = 1
    wide[[3, 7]] = np.concatenate([likely(), 1 - likely().sum(axis=1, keepdims=True)], axis=1)
    return {"pred_logits": np.log(wide)[None] + 3, "pred_boxes": out["dets"]}


def detr_finished() -> dict[str, Any]:
    """As RT-DETR and D-FINE export themselves; the graph multiplies the boxes by `orig_target_sizes`."""
    boxes, scores, labels = np.zeros((1, 20, 4)), np.full((1, 20), 0.01), np.zeros((1, 20))
    boxes[0, :2], scores[0, :2], labels[0, :2] = BOXES / np.array([SIZE[1], SIZE[0]] * 2), SCORES, CLASSES
    return {"labels": labels, "boxes": boxes, "scores": scores}


def paddle() -> dict[str, Any]:
    """As PaddleDetection exports: the graph multiplies boxes by `im_shape / scale_factor`."""
    parts = BOXES / np.array([SIZE[1], SIZE[0]] * 2)
    rows = np.concatenate([CLASSES[:, None], SCORES[:, None], parts], axis=1)
    return {"bbox": np.concatenate([rows, rows * [1, 0.001, 1, 1, 1, 1]]), "bbox_num": np.array([2])}


def nanodet(*, pairs: bool = False) -> dict[str, Any]:
    strides = (8, 16, 32, 64)
    scores, sides = np.zeros((cells(strides), len(LABELS))), np.zeros((cells(strides), 4, 8))
    for box, wide, stride in zip(BOXES, likely(), (16, 16), strict=True):
        row, x, y = cell_of(box, stride, strides)
        middle = np.array([x, y]) * stride + (stride - 1) / 2
        scores[row] = wide
        for side, distance in enumerate([*(middle - box[:2]), *(box[2:] - middle)]):
            whole, part = divmod(distance / stride, 1)
            sides[row, side] = -60  # no weight, but for two neighbours whose mean is the distance
            sides[row, side, int(whole)] = np.log(max(1 - part, 1e-9))
            sides[row, side, int(whole) + 1] = np.log(max(part, 1e-9))
    flat = sides.reshape(len(sides), -1)
    if not pairs:
        return {"output": np.concatenate([scores, flat], axis=1)[None]}
    edges = np.cumsum([0, *(cells((s,)) for s in strides)])
    spans = list(itertools.pairwise(edges))
    return {f"cls_{n}": scores[a:b][None] for n, (a, b) in enumerate(spans)} | {
        f"box_{n}": flat[a:b][None] for n, (a, b) in enumerate(spans)
    }


def ssd() -> dict[str, Any]:
    parts = BOXES / np.array([SIZE[1], SIZE[0]] * 2)
    return {"boxes": parts[None], "scores": SCORES[None], "labels": CLASSES[None] + 1}


def ssd_tensorflow() -> dict[str, Any]:
    """As TensorFlow's object detection exports: top and left before right and bottom, and a count."""
    out = ssd()
    return {
        "num_detections:0": np.array([2]), "detection_boxes:0": out["boxes"][:, :, [1, 0, 3, 2]],
        "detection_scores:0": out["scores"], "detection_classes:0": out["labels"],
    }  # fmt: skip


def rcnn() -> dict[str, Any]:
    masks = np.zeros((2, 1, 28, 28))
    masks[0, 0, :, :14] = masks[1, 0, 14:] = 1  # the left half, the lower half
    return {"boxes": BOXES, "labels": CLASSES + 1, "scores": SCORES, "masks": masks}


def semantic() -> dict[str, Any]:
    maps = np.zeros((len(LABELS), SIZE[0] // 4, SIZE[1] // 4))
    maps[0] = 0.5
    maps[2, 2:10, 4:12] = 1
    return {"logits": maps[None]}


def pose() -> dict[str, Any]:
    maps = np.zeros((2, SIZE[0] // 4, SIZE[1] // 4))
    maps[0, 5, 7], maps[1, 10, 20] = 1, 0.8
    return {"heatmaps": maps[None]}


def blazepose() -> dict[str, Any]:
    """As MediaPipe's landmark networks have it; nose and left knee where `POINTS` are, the knee hidden."""
    rows = np.zeros((39, 5))
    rows[0, :4], rows[25, :4] = [*POINTS[0, 0], 0, 9], [*POINTS[1, 1], 0, -9]
    return {
        "landmarks": rows.reshape(1, -1), "conf": np.array([[0.9]]), "mask": np.zeros((1, 4, 4, 1)),
        "heatmap": np.zeros((1, 4, 4, 39)), "world": np.zeros((1, 117)),
    }  # fmt: skip


def depth() -> dict[str, Any]:
    return {"depth": np.tile(np.linspace(1, 2, SIZE[1] // 2), (1, SIZE[0] // 2, 1))}


TASKS = {"semantic": "segmentation", "pose": "pose", "blazepose": "pose", "depth": "depth"}
HEADS: dict[str, Callable[[], dict[str, Any]]] = {
    "yolox": yolox, "yolo": yolo, "end2end": end2end, "detr": detr, "detr_softmax": detr_softmax, "nanodet": nanodet,
    "ssd": ssd, "rcnn": rcnn, "paddle": paddle, "semantic": semantic, "pose": pose, "blazepose": blazepose,
    "depth": depth,
}  # fmt: skip


BESIDE = {"paddle": ("scale_factor", "bbox")}


def sides(asked: str, output: str) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """Return further inputs, the nodes that multiply the boxes of an output by what they say, and constants."""
    node = helper.make_node
    if asked == "orig_target_sizes":
        inputs = [helper.make_tensor_value_info(asked, TensorProto.INT64, ["N", 2])]
        nodes = [
            node("Cast", [asked], ["whole"], to=TensorProto.FLOAT),
            node("Concat", ["whole", "whole"], ["twice"], axis=1),
            node("Unsqueeze", ["twice", "one"], ["factor"]),
        ]
        return inputs, [*nodes, node("Mul", [f"{output}_value", "factor"], [output])], {"one": np.array([1])}
    if asked == "pixel_mask":
        inputs = [helper.make_tensor_value_info(asked, TensorProto.INT64, ["N", 16, 24])]
        nodes = [
            node("ReduceMin", [asked], ["least"], axes=[1, 2]),
            node("Cast", ["least"], ["factor"], to=TensorProto.FLOAT),
        ]
        return inputs, [*nodes, node("Mul", [f"{output}_value", "factor"], [output])], {}
    inputs = [helper.make_tensor_value_info(key, TensorProto.FLOAT, ["N", 2]) for key in ("im_shape", "scale_factor")]
    nodes = [
        node("Div", ["im_shape", "scale_factor"], ["whole"]),
        node("Gather", ["whole", "order"], ["twice"], axis=1),
        node("Concat", ["ones", "twice"], ["factor"], axis=1),
    ]
    constants = {"order": np.array([1, 0, 1, 0]), "ones": np.ones((1, 2), np.float32)}
    return inputs, [*nodes, node("Mul", [f"{output}_value", "factor"], [output])], constants


def write(
    folder: Path,
    head: str,
    outputs: dict[str, Any],
    *,
    name: str = "",
    task: str = "",
    kind: int = TensorProto.FLOAT,
    beside: tuple[str, str] | None = None,
    opset: int = 13,
    batch: int | str = 1,
    picture: tuple[int, ...] = (3, *SIZE),
) -> Path:
    """Write one graph with its card and label map, and return the graph's path.

    Args:
        folder: where to.
        head: the card's decoder.
        outputs: values by name, first axis 1.
        name: of the files; the head's when not given.
        task: of the card.
        kind: type of the input.
        beside: further inputs (`orig_target_sizes`, `pixel_mask`, or `scale_factor` with `im_shape`), and the output
            that they scale.
        opset: version of the operators.
        picture: the axes of one input behind the first.
        batch: length of the input's first axis; a name means any, and outputs grow with it.
    """
    name = name or head
    arrays = {key: np.asarray(value, np.float32) for key, value in outputs.items()}
    more, nodes, constants = sides(*beside) if beside else ([], [], {})
    inputs = [helper.make_tensor_value_info("images", kind, [batch, *picture]), *more]
    if beside and beside[0] == "scale_factor":  # PaddleDetection begins with the shape
        inputs = [inputs[1], inputs[0], inputs[2]]
    plain = [key for key in arrays if not beside or key != beside[1]]
    first = batch if isinstance(batch, str) else ""
    if first:
        nodes += [
            helper.make_node("Shape", ["images"], ["shape"]),
            helper.make_node("Gather", ["shape", "zero"], ["n"]),
        ]
        constants["zero"] = np.array([0])
        for key in plain:
            constants[f"{key}_rest"] = np.array(arrays[key].shape[1:])
            nodes.append(helper.make_node("Concat", ["n", f"{key}_rest"], [f"{key}_shape"], axis=0))
            nodes.append(helper.make_node("Expand", [f"{key}_value", f"{key}_shape"], [key]))
    else:
        nodes += [helper.make_node("Identity", [f"{key}_value"], [key]) for key in plain]
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [
            helper.make_tensor_value_info(k, TensorProto.FLOAT, [first or len(v), *v.shape[1:]])
            for k, v in arrays.items()
        ],
        [numpy_helper.from_array(value, f"{key}_value") for key, value in arrays.items()]
        + [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    labels = "blazepose33" if head == "blazepose" else "labels.txt"
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    (folder / f"{name}.toml").write_text(
        f'task = "{task or TASKS.get(head, "detection")}"\ninput_size = [{SIZE[0]}, {SIZE[1]}]\nscale = 1.0\n'
        f'resize = "letterbox"\nantialias = false\nlabels = "{labels}"\ndecoder = "{head}"\n'
    )
    onnx.save(model, folder / f"{name}.onnx")
    return folder / f"{name}.onnx"


if __name__ == "__main__":
    for each, outputs_of in HEADS.items():
        print(write(Path(sys.argv[1]), each, outputs_of(), beside=BESIDE.get(each)))
