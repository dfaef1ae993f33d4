"""Indexing end to end against the bare session: the same passes at the same sizes, on the same threads.

Both sides are run twice, in turns, and the medians are compared; the photos are the shared grocery pictures.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from eyebright.media import read_image
from eyebright.models import default_threads, get_card, resolve
from eyebright.search import ImageSearch
from eyebright.search._describe import LAYER, input_size

COUNT, ROUNDS = 1000, 2
DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def run() -> dict[str, Any]:
    """Return pictures a second of both sides and their ratio; the bar is 0.7."""
    photos = sorted((DATA / "grocery_store" / "train").rglob("*.jpg"))
    chosen = photos[:: max(1, len(photos) // COUNT)][:COUNT]
    if len(chosen) < COUNT:
        raise SystemExit(f"bench: expected {COUNT} grocery photos below {DATA}, found {len(chosen)}")
    threads = default_threads()
    session = _bare_session()
    shapes = [input_size(image.shape[1], image.shape[0]) for image in map(read_image, chosen)]
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(COUNT / _bare(session, shapes, threads))
        ours.append(COUNT / _ours(chosen, threads))
    figures = {"ours_per_s": statistics.median(ours), "bare_session_per_s": statistics.median(bare)}
    figures["ratio"] = figures["ours_per_s"] / figures["bare_session_per_s"]
    return {"pictures": COUNT, "threads": threads, **figures, "bar": 0.7, "passed": figures["ratio"] >= 0.7}


def _bare_session() -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        str(resolve(get_card("efficientnet_lite0"))), options, providers=["CPUExecutionProvider"]
    )


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
