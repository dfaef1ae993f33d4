"""Hard NMS of ten thousand boxes beside OpenCV's: around a hundred objects, and spread out evenly."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from eyebright.ops import nms

COUNT = 10_000
ROUNDS = 5


def run() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, boxes in (("clusters", clusters()), ("uniform", uniform())):
        scores: Any = np.random.default_rng(1).random(COUNT).astype(np.float32)
        rects: Any = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        for threshold in (0.3, 0.5, 0.7):
            ours, theirs = [], []
            for _ in range(ROUNDS):  # in turns, so that both meet the same machine
                ours.append(timed(functools.partial(nms, boxes, scores, threshold)))
                theirs.append(timed(functools.partial(cv2.dnn.NMSBoxes, rects, scores, 0.0, threshold)))
            ours_s, theirs_s = float(np.median(ours)), float(np.median(theirs))
            figures[f"{name}_{threshold}"] = {
                "eyebright_ms": round(ours_s * 1e3, 1),
                "opencv_ms": round(theirs_s * 1e3, 1),
                "ratio": round(theirs_s / ours_s, 2),
                "kept": len(nms(boxes, scores, threshold)),
            }
    return figures


def clusters() -> Any:
    random = np.random.default_rng(0)
    objects = random.integers(0, 100, COUNT)
    middle = random.uniform(0, 1000, (100, 2))[objects] + random.normal(0, 4, (COUNT, 2))
    half = random.uniform(10, 50, (100, 2))[objects] * random.uniform(0.8, 1.2, (COUNT, 2))
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


def uniform() -> Any:
    random = np.random.default_rng(0)
    corner = random.uniform(0, 1000, (COUNT, 2))
    return np.concatenate([corner, corner + random.uniform(5, 60, (COUNT, 2))], axis=1).astype(np.float32)


def timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
