"""Trackers: scores on the shared sequences, and speed beside Roboflow `trackers`.

The peer runs in an environment of its own, whose Python `EYEBRIGHT_PEER_TRACKERS` names (with `trackers==2.6.1`);
without it the figures have no ratios. Speeds are medians of a frame of boxes that walk through a large picture.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Detections
from eyebright.tracking import TRACKERS, make_tracker
from eyebright.video.evaluation import evaluate

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PEERS = {"sort": "sort", "bytetrack": "bytetrack", "eyebright": "botsort"}


def made(count: int, frames: int = 60, seed: int = 1) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return boxes `(frames, count, 4)` of walkers about a body apart, and confidences `(frames, count)`."""
    chance = np.random.default_rng(seed)
    side = 110 * np.sqrt(count)
    start, velocity = chance.uniform(0, side, (count, 2)), chance.normal(0, 3, (count, 2))
    size = chance.uniform((30, 80), (60, 160), (count, 2))
    at = np.arange(frames)[:, None, None]
    corner = start + at * velocity + chance.normal(0, 1, (frames, count, 2))
    boxes = np.concatenate([corner, corner + size], axis=2).astype(np.float32)
    return boxes, chance.uniform(0.5, 1, (frames, count)).astype(np.float32)


def own_seconds(name: str, boxes: npt.NDArray[np.float32], confidence: npt.NDArray[np.float32]) -> float:
    """Return the median seconds of a frame."""
    tracker, seconds = make_tracker(name), []
    classes = np.zeros(boxes.shape[1], np.int64)
    frames = [Detections(b, c, classes) for b, c in zip(boxes, confidence, strict=True)]
    for frame in frames:
        start = time.perf_counter()
        tracker.update(frame)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[5:]))


def run() -> dict[str, Any]:
    """Return frames per second by tracker and detections a frame, ratios to the peer, and scores."""
    peer = os.environ.get("EYEBRIGHT_PEER_TRACKERS")
    speed: dict[str, Any] = {}
    for count in (20, 200, 1000):
        boxes, confidence = made(count)
        figures: dict[str, Any] = {}
        for name in TRACKERS:
            seconds = own_seconds(name, boxes, confidence)
            figures[name] = {"frames_per_s": 1 / seconds}
            if peer and name in PEERS and count <= 200:
                other = _peer_seconds(peer, PEERS[name], boxes, confidence)
                figures[name] |= {f"times_peer_{PEERS[name]}": other / seconds}
        speed[str(count)] = figures
    out: dict[str, Any] = {"peer": "trackers 2.6.1" if peer else None, "by_detections_a_frame": speed}
    root = DATA / "mot15"
    if root.is_dir():
        out["mot15"] = {name: evaluate(root, name)["combined"] for name in TRACKERS}
        out["mot15"]["eyebright, refined"] = evaluate(root, "eyebright", refine=True)["combined"]
    return out


def _peer_seconds(python: str, name: str, boxes: npt.NDArray[np.float32], confidence: npt.NDArray[np.float32]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.npz"
        np.savez(path, boxes=boxes, confidence=confidence)
        script = Path(__file__).with_name("_tracking_peer.py")
        done = subprocess.run([python, str(script), str(path), name], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])
