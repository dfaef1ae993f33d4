"""Indexing end to end against the bare session: the same passes at the same sizes, on the same threads.

The sides are run three times, in turns, and the medians are compared; the photos are the shared grocery pictures. The
bare session loads the file and asks for the same feature map, of which ONNX Runtime computes the layers behind it too;
a second one has these layers cut off, as Eyebright has. Beside the pictures a second stands the processor time of a
picture, which other processes of the machine disturb less.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from eyebright.media import read_image
from eyebright.models import default_threads, get_card, resolve
from eyebright.models._graph_part import part_of
from eyebright.search import ImageSearch
from eyebright.search._describe import LAYER, input_size

COUNT, ROUNDS = 1000, 3
DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def run() -> dict[str, Any]:
    """Return pictures a second of both sides and their ratio; the bar is 0.7."""
    photos = sorted((DATA / "grocery_store" / "train").rglob("*.jpg"))
    chosen = photos[:: max(1, len(photos) // COUNT)][:COUNT]
    if len(chosen) < COUNT:
        raise SystemExit(f"bench: expected {COUNT} grocery photos below {DATA}, found {len(chosen)}")
    threads = default_threads()
    path = resolve(get_card("efficientnet_lite0"))
    session, cut = _bare_session(str(path)), _bare_session(part_of(path, [LAYER]) or str(path))
    shapes = [input_size(image.shape[1], image.shape[0]) for image in map(read_image, chosen)]
    sides: dict[str, Callable[[], float]] = {
        "bare_session": lambda: _bare(session, shapes, threads),
        "bare_cut_session": lambda: _bare(cut, shapes, threads),
        "ours": lambda: _ours(chosen, threads),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    costs: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, side in sides.items():
            began = time.process_time()
            rates[name].append(COUNT / side())
            costs[name].append((time.process_time() - began) / COUNT * 1e3)
    figures = {f"{name}_per_s": statistics.median(values) for name, values in rates.items()}
    figures |= {f"{name}_processor_ms": statistics.median(values) for name, values in costs.items()}
    figures["ratio"] = figures["ours_per_s"] / figures["bare_session_per_s"]
    figures["ratio_to_cut"] = figures["ours_per_s"] / figures["bare_cut_session_per_s"]
    figures["processor_ratio"] = figures["bare_session_processor_ms"] / figures["ours_processor_ms"]
    return {"pictures": COUNT, "threads": threads, **figures, "bar": 0.7, "passed": figures["ratio"] >= 0.7}


def _bare_session(graph: str | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _bare(session: ort.InferenceSession, shapes: list[tuple[int, int]], threads: int) -> float:
    tensors = {
        shape: np.random.default_rng(0).standard_normal((1, 3, shape[1], shape[0]), np.float32) for shape in shapes
    }
    fetch = ort.RunOptions()
    fetch.only_execute_path_to_fetches = True
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda shape: session.run([LAYER], {"image": tensors[shape]}, fetch), shapes[:20]))
        began = time.perf_counter()
        list(pool.map(lambda shape: session.run([LAYER], {"image": tensors[shape]}, fetch), shapes))
        return time.perf_counter() - began


def _ours(photos: list[Path], threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder, ImageSearch(Path(folder) / "store", threads=threads) as search:
        began = time.perf_counter()
        report = search.index(photos[0].parents[3], only=photos)
        seconds = time.perf_counter() - began
        if report.added != len(photos):
            raise SystemExit(f"bench: expected {len(photos)} records, got {report.added}")
    return seconds
