"""Times Roboflow `trackers` on made detections; runs in an environment of its own, without Eyebright.

Called by `bench.tracking` as `python _tracking_peer.py FILE.npz NAME`, prints seconds a frame.
"""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

import numpy as np


def main(path: str, name: str) -> None:
    supervision: Any = importlib.import_module("supervision")
    trackers: Any = importlib.import_module("trackers")
    kinds = {"sort": "SORTTracker", "bytetrack": "ByteTrackTracker", "botsort": "BoTSORTTracker"}
    options = {"enable_cmc": False} if name == "botsort" else {}
    tracker = getattr(trackers, kinds[name])(**options)
    made = np.load(path)
    frames = [
        supervision.Detections(
            xyxy=boxes.copy(), confidence=confidence.copy(), class_id=np.zeros(len(boxes), dtype=int)
        )
        for boxes, confidence in zip(made["boxes"], made["confidence"], strict=True)
    ]
    seconds = []
    for frame in frames:
        start = time.perf_counter()
        tracker.update(frame)
        seconds.append(time.perf_counter() - start)
    print(float(np.median(seconds[5:])))


if __name__ == "__main__":
    main(*sys.argv[1:])
