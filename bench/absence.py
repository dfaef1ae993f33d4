"""Objects that leave the picture for more than ten seconds and come back: do they regain their id?

Cut-outs of real photographs (one a product of the shared grocery pictures) move over a still photograph, leave, and
come back after 12 seconds elsewhere, in another size and light. Looks come from the packaged embedder. The boxes are
the true ones with noise, and, in a second run, those of motion detection.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.types import Detections, Frame
from eyebright.handbook.moving import CutOut, Move, MovingCutOuts, backdrop, cut
from eyebright.media import read_image
from eyebright.ops import iou
from eyebright.video import FrameResult, VideoSettings, VideoTracker, open_detector, open_embedder

DATA = Path(os.environ.get("EYEBRIGHT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
GROCERY = DATA / "grocery_store"
AT_ONCE, STAY_S, AWAY_S, FPS = 3, 4.0, 12.0, 8.0


class _Known:
    """The true boxes, a little off, as a detector that does not know who is who."""

    labels = ("thing",)

    def __init__(self, film: MovingCutOuts, seed: int) -> None:
        self.film, self.rng = film, np.random.default_rng(seed)

    def update(self, frame: Frame) -> Detections:
        found = self.film.truth(frame.index)
        size = (found.xyxy[:, 2:] - found.xyxy[:, :2]).repeat(2, 0).reshape(-1, 4) if len(found) else found.xyxy
        boxes = found.xyxy + self.rng.normal(0, 0.03, found.xyxy.shape) * size
        return Detections(
            boxes.astype(np.float32), np.full(len(found), 0.9, np.float32), np.zeros(len(found), np.int64)
        )

    def reset(self) -> None:
        """Do nothing."""


def films(actors: list[CutOut], seed: int = 0) -> list[MovingCutOuts]:
    """Return films in which every actor is seen twice with a long absence between, and other actors meanwhile."""
    rng = np.random.default_rng(seed)
    still = backdrop()
    height, width = still.shape[:2]
    made = []
    for begin in range(0, len(actors) - AT_ONCE * 2 + 1, AT_ONCE * 2):
        part = actors[begin : begin + AT_ONCE * 2]
        moves = []
        for actor in range(len(part)):
            # the second half of the actors is there while the first is away
            late = STAY_S + 1 if actor >= AT_ONCE else 0.0
            for visit in range(2):
                lane = (actor + visit) % AT_ONCE
                y = height * (lane + 0.5) / AT_ONCE
                x1, x2 = (0.15 * width, 0.85 * width) if rng.random() < 0.5 else (0.85 * width, 0.15 * width)
                at = 1.5 + late + visit * (STAY_S + AWAY_S)
                moves.append(
                    Move(actor, at, at + STAY_S, (x1, y), (x2, y), rng.uniform(85, 130), rng.uniform(0.85, 1.1))
                )
        made.append(
            MovingCutOuts(still, part, moves, seconds=max(m.end_s for m in moves) + 0.5, fps=FPS, seed=seed + begin)
        )
    return made


def regained(film: MovingCutOuts, results: list[FrameResult]) -> list[bool]:
    """Return for each actor whether its most frequent id of the second visit is that of the first."""
    ids: dict[tuple[int, int], Counter[int]] = {}
    for result in results:
        truth = film.truth(result.frame.index)
        if not len(truth) or not len(result.tracks):
            continue
        overlap = iou(truth.xyxy, result.tracks.xyxy)
        for row, actor in enumerate(truth.class_id.tolist()):
            best = int(overlap[row].argmax())
            if overlap[row, best] >= 0.4:
                first = next(m for m in film.moves if m.actor == actor)
                visit = int(result.frame.time_s > first.end_s)
                ids.setdefault((actor, visit), Counter())[int(result.tracks.track_id[best])] += 1
    out = []
    for actor in range(len(film.actors)):
        one, two = (ids.get((actor, visit), Counter()).most_common(1) for visit in (0, 1))
        out.append(bool(one and two and one[0][0] == two[0][0]))
    return out


def run() -> dict[str, Any]:
    """Return the share of regained ids by source of the boxes, with and without looks."""
    actors = _actors(48)
    embedder = open_embedder("efficientnet_lite0")
    figures: dict[str, Any] = {"actors": len(actors), "away_s": AWAY_S, "bar": 0.95}
    for name in ("known boxes", "motion", "known boxes, no looks"):
        good: list[bool] = []
        for film in films(actors):
            detector = open_detector("motion") if name == "motion" else _Known(film, 1)
            results: list[FrameResult] = []
            system = VideoTracker(
                detector, "eyebright", embedder=None if "no looks" in name else embedder,
                settings=VideoSettings(camera="off", cuts=False),
            )  # fmt: skip
            system.run([film], on_result=results.append)
            good += regained(film, results)
        figures[name] = {"regained": sum(good), "of": len(good), "share": round(float(np.mean(good)), 3)}
    figures["passed"] = figures["known boxes"]["share"] >= 0.95
    return figures


def _actors(count: int) -> list[CutOut]:
    """Return one cut-out a product, from the middle of its first photo."""
    lines = [line.split(",") for line in (GROCERY / "train.txt").read_text().splitlines() if line.strip()]
    first = {fine.strip(): path.strip() for path, fine, _ in reversed(lines)}
    chosen = [first[fine] for fine in sorted(first, key=int)]
    out = []
    for name in chosen[:: max(1, len(chosen) // count)][:count]:
        height, width = read_image(GROCERY / name).shape[:2]
        out.append(cut(GROCERY / name, (width // 5, height // 8, width * 4 // 5, height * 7 // 8)))
    return out
