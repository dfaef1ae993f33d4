"""Selective search on the blood cells of bccd `val`: recall by number of proposals, and time beside opencv-contrib's.

The peer runs in an environment of its own (`out/peers/proposals`, made on first use), since opencv-contrib and the
OpenCV that Eyebright uses cannot be installed side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from eyebright.imaging import fit_within, selective_search, sliding_windows
from eyebright.interop import read_voc
from eyebright.media import read_image, write_image
from eyebright.metrics import proposal_recall

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "bccd"
PEER = Path("out/peers/proposals")
PACKAGES = ("opencv-contrib-python-headless>=4.10,<5",)
COUNTS = (100, 300, 1000, 2000)
SIDE = 500
STEP = 3
"""The peer, slower by far, looks at every third picture."""


def run() -> dict[str, Any]:
    cv2.setNumThreads(1)
    truth = read_voc(DATA, subset="val")
    objects = [image.objects.xyxy for image in truth.images]
    given: dict[str, list[Any]] = {name: [] for name in ("selective", "windows", "opencv", "opencv_500")}
    seconds: dict[str, list[float]] = {name: [] for name in ("selective", "opencv", "opencv_500")}
    with Peer() as peer, tempfile.TemporaryDirectory() as folder:
        shrunk = Path(folder) / "shrunk.png"
        for number, image in enumerate(truth.images):
            path = DATA / "JPEGImages" / image.name
            picture = read_image(path)
            start = time.process_time()
            given["selective"].append(selective_search(picture, side=SIDE))
            seconds["selective"].append(time.process_time() - start)
            given["windows"].append(sliding_windows(picture.shape[:2]))
            if number % STEP:
                continue
            small = fit_within(picture, SIDE)
            write_image(shrunk, small)
            for name, file, factor in (
                ("opencv", path, 1.0), ("opencv_500", shrunk, picture.shape[1] / small.shape[1]),
            ):  # fmt: skip
                answer = peer.ask(image=str(file.resolve()), mode="Fast")
                rects = np.asarray(answer["boxes"], dtype=np.float64).reshape(-1, 4)
                given[name].append(np.concatenate([rects[:, :2], rects[:, :2] + rects[:, 2:]], axis=1) * factor)
                seconds[name].append(answer["seconds"])
    figures: dict[str, Any] = {
        name: proposal_recall(objects[:: 1 if len(boxes) == len(objects) else STEP], boxes, counts=COUNTS)
        for name, boxes in given.items()
    }
    figures["selective_same"] = proposal_recall(objects[::STEP], given["selective"][::STEP], counts=COUNTS)
    for name, times in seconds.items():
        figures[name]["processor_s"] = round(float(np.median(times)), 3)
    ours = np.array(seconds["selective"][::STEP])
    figures["ratio"] = {
        name: round(float(np.median(np.array(seconds[name]) / ours)), 2) for name in ("opencv", "opencv_500")
    }
    figures["by_class"] = {
        label: proposal_recall(
            [image.objects.xyxy[image.objects.class_id == number] for image in truth.images],
            given["selective"], counts=COUNTS,
        )["recall"]["2000"]
        for number, label in enumerate(truth.labels)
    }  # fmt: skip
    return figures


class Peer:
    """opencv-contrib in a process of its own."""

    def __enter__(self) -> Peer:
        python = PEER / "bin" / "python"
        if not python.exists():
            venv.create(PEER, with_pip=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        script = Path(__file__).with_name("_proposals_peer.py")
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
