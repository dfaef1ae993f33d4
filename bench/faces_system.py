"""The face system: a gallery of 100 000 vectors, and watching video beside what two cores allow.

The vectors have the covariance of real ones, within and between people; the clip pans and zooms over a real photo.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data

from eyebright.core.types import Floats, Frame
from eyebright.faces import FaceRecognizer
from eyebright.faces._gallery import Gallery, NewFace
from eyebright.faces.watch import Watcher
from eyebright.media import VideoSink
from eyebright.models import default_threads, load_model

PEOPLE, EACH = 10_000, 10
FRAMES = 250
ROUNDS = 5
KEY = "00" * 32


def run() -> dict[str, Any]:
    """Return seconds to open, milliseconds to identify, and frames a second beside what the processor time allows."""
    with tempfile.TemporaryDirectory() as folder:
        return {"gallery": _gallery(Path(folder)), "watch": _watch(Path(folder))}


def _gallery(folder: Path) -> dict[str, Any]:
    space = load_model("dlib_resnet", task="face-embedding").space
    vectors = _vectors(space.dimension)
    figures: dict[str, Any] = {"vectors": len(vectors)}
    for name, key in (("plain", None), ("with a key", KEY)):
        store = folder / name
        gallery = Gallery(store, space, key)
        chip = np.zeros((8, 8, 3), np.uint8)
        gallery.add_all([(f"person {row // EACH}", NewFace(vector, chip, "")) for row, vector in enumerate(vectors)])
        began = time.perf_counter()
        faces = FaceRecognizer(store=store, key=key)
        faces.match(vectors[:1])
        figures[f"open {name}, s"] = round(time.perf_counter() - began, 3)
        spent, processor = [], []
        rng = np.random.default_rng(1)
        for row in rng.integers(0, len(vectors), 300):
            query = vectors[row] + rng.normal(0, 0.01, space.dimension).astype(np.float32)
            began, before = time.perf_counter(), time.process_time()
            faces.match(query[None])
            spent.append(1000 * (time.perf_counter() - began))
            processor.append(1000 * (time.process_time() - before))
        figures[f"match {name}, ms"] = round(statistics.median(spent), 2)
        figures[f"match {name}, processor ms"] = round(statistics.median(processor), 2)
    figures["passed"] = (
        figures["open plain, s"] < 1
        and figures["open with a key, s"] < 3
        and max(figures["match plain, ms"], figures["match with a key, ms"]) < 3
    )
    return figures


def _vectors(dimension: int) -> Floats:
    """Vectors whose variance falls along the axes as that of dlib's faces does: half of it within the first eight."""
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(1 + np.arange(dimension) / 4)
    scale *= 0.52 / np.linalg.norm(scale)
    people = rng.normal(size=(PEOPLE, 1, dimension)) * scale
    looks = rng.normal(size=(PEOPLE, EACH, dimension)) * scale * 0.4
    return np.ascontiguousarray((people + looks).reshape(-1, dimension), np.float32)


def _free_cores(most: int) -> float:
    """Return how many cores this process gets just now: hashing needs nothing but a core, and lets others run."""
    data = bytes(8_000_000)
    threads = [threading.Thread(target=lambda: [hashlib.sha256(data) for _ in range(12)]) for _ in range(most)]
    began, before = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.process_time() - before) / (time.perf_counter() - began)


def _watch(folder: Path) -> dict[str, Any]:
    clip = folder / "clip.avi"
    photo = skimage.data.astronaut()
    with VideoSink(clip, 25) as sink:
        for number in range(FRAMES):
            zoom = 2.2 + 0.4 * np.sin(number / 60)
            matrix = np.array([[zoom, 0, 320 - zoom * (215 + 20 * np.sin(number / 25))], [0, zoom, 240 - zoom * 130]])
            sink.write(
                Frame(np.asarray(cv2.warpAffine(photo, matrix, (640, 480)), np.uint8), number, number / 25, "clip")
            )
    cv2.setNumThreads(1)
    faces = FaceRecognizer(store=folder / "watch", min_face=80, threads=1)
    faces.enroll("Eileen", [photo])
    cores = min(2, default_threads())
    Watcher(faces).run(str(clip))  # to warm up
    shares, rates, given = [], [], []
    for _ in range(ROUNDS):
        free = _free_cores(cores)
        began, before = time.perf_counter(), time.process_time()
        report = Watcher(faces).run(str(clip))
        wall, processor = time.perf_counter() - began, time.process_time() - before
        free = (free + _free_cores(cores)) / 2
        shares.append(processor / wall / free)
        rates.append(report.statistics.frames_out / wall)
        given.append(free)
    ratio = statistics.median(shares)
    return {
        "frames": report.statistics.frames_out,
        "fps": round(statistics.median(rates), 1),
        "cores that were free": round(statistics.median(given), 2),
        "processor_ms_a_frame": round(1000 * processor / FRAMES, 1),
        "people": report.people,
        "share of what the cores allow": round(ratio, 3),
        "bar": 0.9,
        # with less than a core for each worker nothing has to run at the same time, and the share says nothing
        "passed": ratio >= 0.9 if statistics.median(given) > 0.85 * cores else None,
    }
