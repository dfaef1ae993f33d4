"""Trackers measured on folders in the form of MOTChallenge."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Tracks
from eyebright.interop.mot import MotRows, MotSequence, read_mot, read_sequence, rows_of_tracks
from eyebright.metrics.mot import MotScores, combined, mot_scores, mot_sequence

Report = dict[str, Any]


def sequence_folders(root: Path) -> list[Path]:
    """Return the folders of sequences below `root`, sorted by name: those with a `gt/gt.txt` or a `seqinfo.ini`.

    Raises:
        InputError: there is none.
    """
    if not root.is_dir():
        raise InputError(f"{root}: expected a folder of sequences, each with det/det.txt, gt/gt.txt and seqinfo.ini")
    found = [
        path
        for path in sorted(root.iterdir())
        if (path / "seqinfo.ini").is_file() or (path / "gt" / "gt.txt").is_file()
    ]
    if not found:
        raise InputError(f"{root}: no folder in it has gt/gt.txt and seqinfo.ini")
    return found


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class TrackingSequence:
    """A sequence that is read once and tracked often.

    Attributes:
        facts: of its `seqinfo.ini`.
        detections: of each frame of its `det/det.txt`; repeated rows are taken once.
        truth: its `gt/gt.txt`.
    """

    facts: MotSequence
    detections: list[Detections]
    truth: MotRows

    @classmethod
    def read(cls, folder: Path) -> TrackingSequence:
        """Read a sequence's folder.

        Raises:
            InputError: a file is missing or broken; the message names it.
        """
        facts = read_sequence(folder)
        rows = read_mot(folder / "det" / "det.txt", frames=facts.frames).by_frame(facts.frames)
        truth = read_mot(folder / "gt" / "gt.txt", frames=facts.frames)
        return cls(facts, [_once(frame).detections() for frame in rows], truth)

    def track(
        self, tracker: str, settings: Mapping[str, Any] | None = None, *, refine: bool = False
    ) -> tuple[MotRows, float]:
        """Return the tracks, and the seconds that the tracker took.

        Boxes that are not finite or have no area are passed over.

        Raises:
            InputError: a setting is wrong.
        """
        from eyebright.tracking import make_tracker

        made = make_tracker(tracker, **(settings or {}))
        start = time.perf_counter()
        tracks: list[Tracks] = [made.update(detections) for detections in self.detections]
        if refine:
            from eyebright.tracking import refine_tracks

            tracks = refine_tracks(tracks)
        seconds = time.perf_counter() - start
        return rows_of_tracks(tracks), seconds

    def score(self, found: MotRows) -> MotScores:
        """Return the scores of tracks."""
        return score_rows(self.facts, self.truth, found)


def score_rows(facts: MotSequence, truth: MotRows, found: MotRows) -> MotScores:
    """Return the scores of tracks against the ground truth of a sequence."""
    return mot_scores(
        mot_sequence(
            (truth.frame, truth.id, truth.xyxy),
            (found.frame, found.id, found.xyxy),
            facts.frames,
            flag=truth.confidence,
            class_id=truth.class_id,
        )
    )


def evaluate(root: Path, tracker: str, settings: Mapping[str, Any] | None = None, *, refine: bool = False) -> Report:
    """Track and score every sequence below `root`.

    Returns:
        `{"sequences": {name: figures}, "combined": figures}`: `hota, deta, assa, mota, motp, idf1` in 0-100, the counts
        `idsw, fp, fn, mt, ml, frag`, and `frames_per_s` of the tracker alone.

    Raises:
        InputError: a file is missing or broken; the message names it.
    """
    scores: dict[str, MotScores] = {}
    speed: dict[str, tuple[int, float]] = {}
    for folder in sequence_folders(root):
        sequence = TrackingSequence.read(folder)
        found, seconds = sequence.track(tracker, settings, refine=refine)
        scores[folder.name] = sequence.score(found)
        speed[folder.name] = sequence.facts.frames, seconds
    report = _report(scores)
    for name, (frames, seconds) in speed.items():
        report["sequences"][name]["frames_per_s"] = frames / max(seconds, 1e-9)
    whole = sum(frames for frames, _ in speed.values()), sum(seconds for _, seconds in speed.values())
    report["combined"]["frames_per_s"] = whole[0] / max(whole[1], 1e-9)
    return report


def score(truth: Path, predicted: Path) -> Report:
    """Score ready files.

    Args:
        truth: a folder of sequences, each with `gt/gt.txt` and `seqinfo.ini`.
        predicted: a folder with one `NAME.txt` a sequence.

    Returns:
        As `evaluate`, without `frames_per_s`.

    Raises:
        InputError: a file is missing or broken; the message names it.
    """
    scores = {}
    for folder in sequence_folders(truth):
        path = predicted / f"{folder.name}.txt"
        if not path.is_file():
            raise InputError(f"{path}: expected the tracks of sequence {folder.name!r}; an empty file means none")
        facts = read_sequence(folder)
        real = read_mot(folder / "gt" / "gt.txt", frames=facts.frames)
        scores[folder.name] = score_rows(facts, real, read_mot(path, frames=facts.frames))
    return _report(scores)


def _report(scores: dict[str, MotScores]) -> Report:
    return {
        "sequences": {name: one.figures() for name, one in scores.items()},
        "combined": combined(scores).figures(),
    }


def _once(rows: MotRows) -> MotRows:
    """Return the rows of a frame without exact repetitions, in their order."""
    if len(rows) < 2:
        return rows
    whole = np.concatenate([rows.xyxy, rows.confidence[:, None], rows.class_id[:, None]], axis=1)
    first = np.unique(whole, axis=0, return_index=True)[1]
    return rows if len(first) == len(rows) else rows.take(np.sort(first))
