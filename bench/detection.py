"""YOLOX-nano on the shared street photos: what the way there and back costs beside the bare network, and tiles.

End to end is reading the JPEG, the letterbox, the network, its head and the suppression; bare is ONNX Runtime alone
with the file as it was exported, on a tensor that is ready. Both take turns on each photo with the same session
options, so that they meet the same machine. The memory of tiles is that of a process of its own which looks at a
picture of 200 megapixels.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eyebright.core.protocols import Detector
from eyebright.core.types import Detections
from eyebright.interop import AnnotatedImage, Annotations, read_coco
from eyebright.media import list_images, read_image
from eyebright.media.sources import FilesSource
from eyebright.metrics import evaluate_detections
from eyebright.models import ObjectDetector, get_card
from eyebright.models.session import Session
from eyebright.pipeline import Pipeline, Stage, TiledDetector

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BAR, BAR_MB = 0.85, 300.0
ROUNDS = 3
NAMES = {"car": "car", "motorcycle": "motorbike"}
"""Classes of COCO, and what the photos call them."""
CARD = """
task = "detection"
input_size = [416, 416]
colour = "bgr"
scale = 1.0
resize = "letterbox"
pad_value = 114
antialias = false
labels = "coco80"
decoder = "yolox"
"""
_CHILD = """
import json, resource, sys
import numpy as np
from eyebright.pipeline import TiledDetector
from eyebright.pipeline.finders import open_finder
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
finder = open_finder(sys.argv[1], tiles=640, overlap=0.2)
start = peak()
photo = np.load(sys.argv[2])
height, width = 10_000, 20_000
image = np.empty((height, width, 3), np.uint8)
for top in range(0, height, photo.shape[0]):
    for left in range(0, width, photo.shape[1]):
        part = image[top : top + photo.shape[0], left : left + photo.shape[1]]
        part[:] = photo[: part.shape[0], : part.shape[1]]
[found] = finder.detector.predict([image])
print(json.dumps({"found": len(found), "image_mb": image.nbytes / 1e6, "before_mb": round(start, 1),
    "peak_mb": round(peak(), 1)}))
"""


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "yolox_nano.onnx"
        shutil.copy(DATA / "weights" / model.name, model)
        model.with_suffix(".toml").write_text(CARD)
        photos = list_images(DATA / "traffic").paths
        speed = {f"threads_{threads}": there_and_back(model, photos, threads) for threads in (1, 2)}
        return {
            "speed": speed,
            "passed": all(each["ratio"] >= BAR for each in speed.values()),
            "tiles": accuracy(model),
            "memory": memory(model, photos[0]),
        }


def there_and_back(model: Path, photos: Sequence[Path], threads: int) -> dict[str, Any]:
    """Return the steps' time (medians over the photos of the best round, ms) and bare over whole, one photo at a time.

    With one thread the processor's seconds are taken, which other work on the machine hardly disturbs; with more the
    clock's, since threads that wait cost no processor. `ahead` is the clock of all photos through `Pipeline`, which
    reads the next photo while the network runs.
    """
    clock = time.process_time if threads == 1 else time.perf_counter
    cv2.setNumThreads(threads)
    detector = ObjectDetector(get_card(model), threads=threads)
    network, session = detector.load(), Session(model, threads=threads)
    seconds: dict[str, list[float]] = {name: [] for name in ("whole", "bare", "read", "fit", "run", "decode")}
    for path in photos:
        image = read_image(path)
        tensor = detector.preprocessor([image])
        raw = {name: value[0] for name, value in session.run(tensor).items()}
        steps: dict[str, Callable[[], Any]] = {
            "whole": functools.partial(_whole, detector, path),
            "bare": functools.partial(session.run, tensor),
            "read": functools.partial(read_image, path),
            "fit": functools.partial(detector.preprocessor, [image]),
            "run": functools.partial(network.run, tensor),
            "decode": functools.partial(detector._one, raw, image),
        }
        best = dict.fromkeys(steps, np.inf)
        for _ in range(ROUNDS):  # in turns, so that all meet the same machine
            for name, step in steps.items():
                best[name] = min(best[name], timed(step, clock))
        for name, each in best.items():
            seconds[name].append(each)
    figures: dict[str, Any] = {f"{name}_ms": round(float(np.median(each)) * 1e3, 2) for name, each in seconds.items()}
    figures["ratio"] = round(sum(seconds["bare"]) / sum(seconds["whole"]), 3)
    figures["ratio_ahead"] = round(_ahead(detector, session, photos), 3)
    return figures


def _whole(detector: ObjectDetector, path: Path) -> Detections:
    [found] = detector.predict([read_image(path)])
    return found


def _ahead(detector: ObjectDetector, session: Session, photos: Sequence[Path]) -> float:
    """Return the clock of the bare network over that of the whole, all photos in a row, the median of some rounds."""
    tensors = [detector.preprocessor([read_image(path)]) for path in photos]
    stage = Stage("detect", lambda frame: detector.predict([frame.image])[0])
    ratios = []
    for _ in range(ROUNDS):
        bare = timed(lambda: [session.run(tensor) for tensor in tensors])
        whole = timed(lambda: Pipeline(FilesSource(photos), [stage]).run())
        ratios.append(bare / whole)
    return float(np.median(ratios))


def timed(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    call()
    return clock() - start


def accuracy(model: Path) -> dict[str, Any]:
    """Return AP and recall on the street photos as they are, and with tiles of 416 pixels."""
    truth = read_coco(DATA / "traffic" / "train" / "_annotations.coco.json")
    detector = ObjectDetector(get_card(model), confidence=0.01)
    place = {detector.labels.index(other): truth.labels.index(name) for other, name in NAMES.items()}
    mapped = np.array([place.get(row, -1) for row in range(len(detector.labels))])
    figures: dict[str, Any] = {}
    both: dict[str, Detector] = {"whole": detector, "tiles": TiledDetector(detector, side=416, overlap=0.2)}
    for name, looks in both.items():
        images = []
        for image in truth.images:
            [found] = looks.predict([read_image(DATA / "traffic" / "train" / image.name)])
            plain = dataclasses.replace(found, class_id=mapped[found.class_id])[mapped[found.class_id] >= 0]
            images.append(AnnotatedImage(image.name, image.size, plain, np.zeros(len(plain), bool), image.number))
        scores = evaluate_detections(truth, Annotations(truth.labels, tuple(images), truth.category_ids), resamples=200)
        figures[name] = {key: scores[key] for key in ("AP", "AP50", "AR", "AP_small", "AP_medium", "AP_large")}
        figures[name]["intervals"] = scores["intervals"]
        figures[name]["errors"] = scores["errors"]["delta_AP50"]
    return figures


def memory(model: Path, photo: Path) -> dict[str, Any]:
    """Return what a process that looks at 200 megapixels in tiles held at most beyond the picture."""
    pixels = model.with_suffix(".npy")
    np.save(pixels, read_image(photo))
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(model), str(pixels)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"bench: {done.stderr[-1000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    beyond = figures["peak_mb"] - figures["image_mb"]
    return {**figures, "beyond_mb": round(beyond, 1), "bar_mb": BAR_MB, "passed": beyond <= BAR_MB}
