"""Runs Roboflow `trackers` and TrackEval for `bench.tracking`, in an environment of their own, without Eyebright.

One JSON object a line comes in and one goes out:

- `{"do": "speed", "kind": NAME, "made": FILE.npz}` gives the median `seconds` of a frame;
- `{"do": "track", "kind": NAME, "settings": {}, "files": [[det.txt, frames, out.txt], ...]}` writes the tracks;
- `{"do": "score", "root": DIR, "pred": DIR, "frames": {name: frames}}` gives `seconds` and `figures` of TrackEval.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

KINDS = {
    "sort": ("SORTTracker", {}),
    "bytetrack": ("ByteTrackTracker", {}),
    "ocsort": ("OCSORTTracker", {}),
    "botsort": ("BoTSORTTracker", {"enable_cmc": False}),
    "cbiou": ("CBIoUTracker", {}),
    "mcbyte": ("McByteTracker", {"enable_cmc": False}),
}


def made(kind: str, settings: dict[str, Any]) -> Any:
    name, own = KINDS[kind]
    return getattr(importlib.import_module("trackers"), name)(**own, **settings)


def detections(boxes: Any, confidence: Any) -> Any:
    supervision: Any = importlib.import_module("supervision")
    return supervision.Detections(
        xyxy=boxes.astype(np.float32),
        confidence=confidence.astype(np.float32),
        class_id=np.zeros(len(boxes), dtype=int),
    )


def speed(request: dict[str, Any]) -> dict[str, Any]:
    tracker, file = made(request["kind"], {}), np.load(request["made"])
    frames = [detections(b, c) for b, c in zip(file["boxes"], file["confidence"], strict=True)]
    seconds = []
    for frame in frames:
        start = time.perf_counter()
        tracker.update(frame)
        seconds.append(time.perf_counter() - start)
    return {"seconds": float(np.median(seconds[5:]))}


def track(request: dict[str, Any]) -> dict[str, Any]:
    for det, frames, out in request["files"]:
        rows = np.loadtxt(det, delimiter=",", ndmin=2)
        tracker, lines = made(request["kind"], request["settings"]), []
        for frame in range(1, frames + 1):
            here = rows[rows[:, 0] == frame]
            boxes = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
            got = tracker.update(detections(boxes, here[:, 6]))
            ids = got.tracker_id if got.tracker_id is not None else []
            for (x1, y1, x2, y2), which in zip(got.xyxy, ids, strict=True):
                if which >= 0:  # those that are not confirmed have -1
                    lines.append(f"{frame},{which},{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},1,-1,-1,-1\n")
        Path(out).write_text("".join(lines))
    return {}


def score(request: dict[str, Any]) -> dict[str, Any]:
    trackeval: Any = importlib.import_module("trackeval")
    pred = Path(request["pred"])
    quiet = {"PRINT_CONFIG": False}
    evaluator = trackeval.Evaluator(
        {
            **quiet,
            "USE_PARALLEL": False,
            "PRINT_RESULTS": False,
            "TIME_PROGRESS": False,
            "OUTPUT_SUMMARY": False,
            "OUTPUT_DETAILED": False,
            "PLOT_CURVES": False,
        }
    )
    start = time.perf_counter()
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            **quiet,
            "GT_FOLDER": request["root"],
            "TRACKERS_FOLDER": str(pred.parent),
            "TRACKERS_TO_EVAL": [pred.name],
            "TRACKER_SUB_FOLDER": "",
            "SKIP_SPLIT_FOL": True,
            "BENCHMARK": "MOT15",
            "SEQ_INFO": request["frames"],
        }
    )
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
    found, _ = evaluator.evaluate([dataset], metrics)
    seconds = time.perf_counter() - start
    whole = found["MotChallenge2DBox"][pred.name]["COMBINED_SEQ"]["pedestrian"]
    figures = {
        "hota": 100 * float(np.mean(whole["HOTA"]["HOTA"])),
        "idf1": 100 * float(whole["Identity"]["IDF1"]),
        "mota": 100 * float(whole["CLEAR"]["MOTA"]),
    }
    return {"seconds": seconds, "figures": figures}


def main() -> None:
    verbs = {"speed": speed, "track": track, "score": score}
    for line in sys.stdin:
        request = json.loads(line)
        with contextlib.redirect_stdout(io.StringIO()):
            answer = verbs[request["do"]](request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
