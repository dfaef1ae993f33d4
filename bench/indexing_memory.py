"""Memory while a gallery of 100 000 real photographs is indexed and searched, against the bytes of its vectors.

The files are small cuts of the shared grocery photos, every one another picture. They are described by a tiny network
(256 numbers a picture), since the memory that grows with a gallery is that of paths, hashes, records and vectors; a
second, smaller gallery is described as usual, to show that its larger payloads do not stay in memory either (there,
only the growth while indexing says something: fitting and asking take their own memory once).
`EYEBRIGHT_BENCH_PICTURES` takes fewer.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from eyebright.media import read_image

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PICTURES, USUAL = int(os.environ.get("EYEBRIGHT_BENCH_PICTURES", "100000")), 2000
BAR = 1.5
_SIDE, _DIMENSION = 64, 256

_CHILD = """
import json, resource, sys
from eyebright.search import ImageSearch
folder, store, home, model = sys.argv[1:5]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
curve = {}
def note(step):
    if step.stage == "indexing" and step.done in (1000, step.total // 4, step.total // 2, step.total):
        curve[step.done] = round(resident(), 1)
with ImageSearch(store, home=home, model=model or None) as search:
    report = search.index(folder, progress=note)
    searched = search.query(f"{folder}/0/0.jpg", k=5)[0].hits[0].id
print(json.dumps({"described": report.described, "problems": len(report.problems), "seconds": report.seconds,
    "curve_mb": curve, "most_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, "first": searched}))
"""


def run() -> dict[str, Any]:
    """Return how resident memory grew beyond what it was after 1 000 pictures; the bar is 1.5 x the vectors' bytes."""
    Path("out").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="out") as folder:
        root = Path(folder)
        _network(root / "tiny.onnx")
        _pictures(root / "many", PICTURES)
        _pictures(root / "few", USUAL)
        many = _indexed(root, "many", PICTURES, str(root / "tiny.onnx"))
        few = _indexed(root, "few", USUAL, "")
    return {"many": many, "few, as usual": few, "bar": BAR, "passed": many["grown_at_most"] <= BAR}


def _indexed(root: Path, name: str, count: int, model: str) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILD, str(root / name), str(root / f"{name}.store"), str(root / "home"), model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: {done.stderr[-1000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    vectors = (count - 1000) * _DIMENSION * 4 / 1e6
    start = figures["curve_mb"]["1000"]
    ratios = {
        "grown_while_indexing": round((figures["curve_mb"][str(count)] - start) / vectors, 2),
        "grown_at_most": round((figures["most_mb"] - start) / vectors, 2),  # with the index that the query builds
    }
    return {**figures, "vectors_mb": round(vectors, 1), **ratios}


def _pictures(folder: Path, count: int) -> None:
    """Write `count` different JPEG files of 96 x 96 pixels, a thousand a folder."""
    photos = sorted((DATA / "grocery_store" / "train").rglob("*.jpg"))[::20]
    if not photos:
        raise SystemExit(f"bench: expected the grocery photos at {DATA}; set EYEBRIGHT_DATA")
    images = [read_image(path) for path in photos]
    rng = np.random.default_rng(0)
    for at in range(count):
        image = images[at % len(images)]
        y, x = (int(rng.integers(0, size - 96)) for size in image.shape[:2])
        path = folder / str(at // 1000) / f"{at % 1000}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        out = io.BytesIO()
        Image.fromarray(image[y : y + 96, x : x + 96]).save(out, "JPEG", quality=85)
        path.write_bytes(out.getvalue() + at.to_bytes(4, "big"))  # behind the picture: no two files are the same


def _network(path: Path) -> None:
    """Write a strided convolution and its mean with a card: an embedder that costs next to nothing."""
    rng = np.random.default_rng(0)
    weights = numpy_helper.from_array(rng.normal(0, 0.1, (_DIMENSION, 3, 16, 16)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], strides=[16, 16]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["embedding"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, _SIDE, _SIDE])
    y = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", _DIMENSION])
    graph = helper.make_graph(nodes, "tiny", [x], [y], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    card = f'task = "embedding"\ninput_size = [{_SIDE}, {_SIDE}]\nresize = "squash"\ndimension = {_DIMENSION}\n'
    path.with_suffix(".toml").write_text(card)
