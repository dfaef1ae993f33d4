"""Made sequences for the metrics of tracking: people, tracks with switches, misses, false boxes, distractors."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write(root: Path) -> None:
    """Write sequences `A` and `B` (MOT15 columns) below root/mot15 and `C` (MOT16 columns) below root/mot16."""
    for name, kind, seed in (("A", "mot15", 1), ("B", "mot15", 2), ("C", "mot16", 3)):
        truth, found = _sequence(seed, nine=kind == "mot16")
        folder = root / kind / "gt" / name
        (folder / "gt").mkdir(parents=True)
        (folder / "gt" / "gt.txt").write_text(truth)
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nname={name}\nframeRate=25\nseqLength=60\n")
        made = root / kind / "pred" / "made" / "data"
        made.mkdir(parents=True, exist_ok=True)
        (made / f"{name}.txt").write_text(found)


def _sequence(seed: int, nine: bool) -> tuple[str, str]:
    chance = np.random.default_rng(seed)
    people = 9
    start = chance.uniform(0, 400, (people, 2))
    speed = chance.uniform(-3, 3, (people, 2))
    size = chance.uniform(30, 80, (people, 2))
    track = np.arange(1, people + 1)
    truth, found = [], []
    for frame in range(1, 61):
        position = start + speed * frame
        if frame % 13 == 0:  # two tracks change places, one begins anew
            a, b, c = chance.choice(people, 3, replace=False)
            track[[a, b]] = track[[b, a]]
            track[c] = track.max() + 1
        for who in range(people):
            if frame < 3 * who or (frame in (20, 21) and seed == 2):
                continue
            x, y = position[who]
            w, h = size[who]
            flag = 0 if who == 8 else 1
            tail = f"{(1, 1, 1, 7, 1, 8, 1, 3, 1)[who]},0.5" if nine else "-1,-1,-1"
            truth.append(f"{frame},{who + 1},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{flag},{tail}")
            if chance.random() < 0.75 and frame not in (30, 31):
                dx, dy, dw, dh = chance.normal(0, 4, 4)
                found.append(f"{frame},{track[who]},{x + dx:.2f},{y + dy:.2f},{w + dw:.2f},{h + dh:.2f},0.9,-1,-1,-1")
        if frame % 4 == 0:
            x, y = chance.uniform(0, 400, 2)
            found.append(f"{frame},{500 + frame // 16},{x:.2f},{y:.2f},40,60,0.5,-1,-1,-1")
    return "\n".join(truth) + "\n", "\n".join(found) + "\n"
