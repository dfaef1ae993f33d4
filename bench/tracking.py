"""Trackers: speed and scores beside Roboflow `trackers`, settings searched on both sides, and metrics beside TrackEval.

The peers run in an environment of their own under `out/peers`, which is made on the first run. Speeds are medians of a
frame of boxes that walk through a large picture. `EYEBRIGHT_BENCH_TRIALS=25` searches the settings of both sides with
that many trials on one half of the shared sequences and judges them on the other, both ways round (about ten minutes).
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

import numpy as np
import numpy.typing as npt

from eyebright.core.types import Detections
from eyebright.interop.mot import mot_text, read_sequence
from eyebright.tracking import TRACKERS, make_tracker
from eyebright.video.evaluation import TrackingSequence, evaluate, score, sequence_folders
from eyebright.video.tuning import Range, search, tune

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PEER = Path("out/peers/trackers")
PACKAGES = ("trackers==2.6.1", "trackeval==1.3.0")
KINDS = ("sort", "bytetrack", "ocsort", "botsort", "cbiou", "mcbyte")
BESIDE = {"sort": ("sort",), "bytetrack": ("bytetrack",), "eyebright": ("botsort", "cbiou", "mcbyte")}
SEARCHED = ("botsort", "mcbyte")  # the peer's best at their defaults: each has the whole budget
PEER_SPACE: dict[str, Range] = {
    "lost_track_buffer": (5, 90),
    "track_activation_threshold": (0.3, 0.95),
    "minimum_consecutive_frames": (1, 5),
    "minimum_iou_threshold_first_assoc": (0.05, 0.5),
    "minimum_iou_threshold_second_assoc": (0.05, 0.6),
    "minimum_iou_threshold_unconfirmed_assoc": (0.05, 0.5),
    "high_conf_det_threshold": (0.3, 0.9),
}
_WHOLE = {"lost_track_buffer", "minimum_consecutive_frames"}


class Peer:
    """The other environment, asked in lines of JSON."""

    def __init__(self) -> None:
        python = PEER / "bin" / "python"
        if not python.exists():
            venv.create(PEER, with_pip=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        script = Path(__file__).with_name("_tracking_peer.py")
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to one request."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def tracks(self, folders: list[Path], kind: str, settings: dict[str, Any], out: Path) -> None:
        """Write the peer's tracks of some sequences into `out`."""
        files = [
            [str(one / "det" / "det.txt"), read_sequence(one).frames, str(out / f"{one.name}.txt")] for one in folders
        ]
        self.ask(do="track", kind=kind, settings=settings, files=files)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


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


def speeds(peer: Peer, folder: Path) -> dict[str, Any]:
    """Return frames per second by tracker and detections a frame, and how many times those of the peer they are."""
    out: dict[str, Any] = {}
    for count in (20, 200, 1000):
        boxes, confidence = made(count)
        np.savez(folder / "made.npz", boxes=boxes, confidence=confidence)
        figures: dict[str, Any] = {}
        for name in TRACKERS:
            # by turns, and the better of two: what else the machine does hits both
            others: dict[str, float] = {}
            own = np.inf
            for _ in range(2):
                own = min(own, own_seconds(name, boxes, confidence))
                for kind in BESIDE.get(name, ()) if count <= 200 else ():
                    answer = peer.ask(do="speed", kind=kind, made=str(folder / "made.npz"))
                    others[kind] = min(others.get(kind, np.inf), answer["seconds"])
            figures[name] = {"frames_per_s": round(1 / own, 1)}
            figures[name] |= {f"times_peer_{kind}": round(seconds / own, 2) for kind, seconds in others.items()}
        out[str(count)] = figures
    return out


def metrics(peer: Peer, root: Path, folder: Path) -> dict[str, Any]:
    """Return how fast files of tracks are read and scored, beside TrackEval, and the greatest difference."""
    frames = {}
    for one in sequence_folders(root):
        sequence = TrackingSequence.read(one)
        (folder / f"{one.name}.txt").write_text(mot_text(sequence.track("eyebright")[0]))
        frames[one.name] = sequence.facts.frames
    own, other = [], []
    for _ in range(3):
        start = time.perf_counter()
        ours = score(root, folder)["combined"]
        own.append(time.perf_counter() - start)
        theirs = peer.ask(do="score", root=str(root), pred=str(folder), frames=frames)
        other.append(theirs["seconds"])
    return {
        "seconds": round(min(own), 3),
        "times_trackeval": round(min(other) / min(own), 2),
        "greatest_difference": max(abs(ours[key] - value) for key, value in theirs["figures"].items()),
    }


def searched(peer: Peer, root: Path, folder: Path, trials: int) -> list[dict[str, Any]]:
    """Return what the same search gives both sides on sequences that it did not see."""
    folders = sequence_folders(root)
    halves = [folders[0::2], folders[1::2]]
    out = []
    for seen, unseen in (halves, halves[::-1]):
        names = tuple(one.name for one in seen)
        settings = tune(root, "eyebright", trials=trials, names=names)["best"]["settings"]
        judged: dict[str, Any] = {
            "eyebright": _judge(root, unseen, lambda part, s=settings: _own_tracks(part, s, folder), folder),
        }  # fmt: skip
        for kind in SEARCHED:

            def value(chosen: dict[str, Any], kind: str = kind, seen: list[Path] = seen) -> float:
                return float(_judge(root, seen, lambda part: peer.tracks(part, kind, chosen, folder), folder)["hota"])

            best = search(PEER_SPACE, value, trials=trials, whole=_WHOLE)
            judged[kind] = _judge(root, unseen, lambda part, b=best, k=kind: peer.tracks(part, k, b, folder), folder)
        out.append({"searched_on": list(names), "judged_on": [one.name for one in unseen], "figures": judged})
    return out


def _own_tracks(folders: list[Path], settings: dict[str, Any], out: Path) -> None:
    for one in folders:
        (out / f"{one.name}.txt").write_text(mot_text(TrackingSequence.read(one).track("eyebright", settings)[0]))


def _judge(root: Path, folders: list[Path], track: Any, out: Path) -> dict[str, float]:
    track(folders)
    with tempfile.TemporaryDirectory() as part:
        for one in folders:
            (Path(part) / one.name).symlink_to((root / one.name).absolute())
        figures = score(Path(part), out)["combined"]
    return {key: round(figures[key], 2) for key in ("hota", "idf1", "mota")}


def run() -> dict[str, Any]:
    """Return all figures; scores only where the shared sequences are."""
    peer, root = Peer(), DATA / "mot15"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        out: dict[str, Any] = {"peers": PACKAGES, "by_detections_a_frame": speeds(peer, folder)}
        if root.is_dir():
            out["metrics"] = metrics(peer, root, folder)
            out["mot15"] = {one: evaluate(root, one)["combined"] for one in TRACKERS}
            out["mot15"]["eyebright, refined"] = evaluate(root, "eyebright", refine=True)["combined"]
            folders = sequence_folders(root)
            for kind in KINDS:
                peer_tracks = _judge(root, folders, lambda part, k=kind: peer.tracks(part, k, {}, folder), folder)
                out["mot15"][f"trackers' {kind}"] = peer_tracks
            if trials := int(os.environ.get("EYEBRIGHT_BENCH_TRIALS", "0")):
                out["searched"] = {"trials": trials, "halves": searched(peer, root, folder, trials)}
    peer.close()
    return out
