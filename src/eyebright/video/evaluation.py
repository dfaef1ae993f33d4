"""Trackers measured on folders in the form of MOTChallenge."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Tracks
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


def track_sequence(
    folder: Path, tracker: str, settings: Mapping[str, Any] | None = None, *, refine: bool = False
) -> tuple[MotRows, float]:
    """Return the tracks of a sequence from its `det/det.txt`, and the seconds that the tracker took.

    Repeated rows are taken once; boxes that are not finite or have no area are passed over.

    Raises:
        InputError: a file is missing or broken, or a setting is wrong.
    """
    from eyebright.tracking import make_tracker

    facts = read_sequence(folder)
    frames = [
        _once(rows).detections()
        for rows in read_mot(folder / "det" / "det.txt", frames=facts.frames).by_frame(facts.frames)
    ]
    made = make_tracker(tracker, **(settings or {}))
    start = time.perf_counter()
    tracks: list[Tracks] = [made.update(detections) for detections in frames]
    if refine:
        from eyebright.tracking import refine_tracks

        tracks = refine_tracks(tracks)
    seconds = time.perf_counter() - start
    return rows_of_tracks(tracks), seconds


def score_rows(folder: Path, found: MotRows) -> tuple[MotScores, MotSequence]:
    """Return the scores of tracks against a sequence's `gt/gt.txt`."""
    facts = read_sequence(folder)
    truth = read_mot(folder / "gt" / "gt.txt", frames=facts.frames)
    sequence = mot_sequence(
        (truth.frame, truth.id, truth.xyxy),
        (found.frame, found.id, found.xyxy),
        facts.frames,
        flag=truth.confidence,
        class_id=truth.class_id,
    )
    return mot_scores(sequence), facts


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
        found, seconds = track_sequence(folder, tracker, settings, refine=refine)
        scores[folder.name], facts = score_rows(folder, found)
        speed[folder.name] = facts.frames, seconds
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
        frames = read_sequence(folder).frames
        scores[folder.name] = score_rows(folder, read_mot(path, frames=frames))[0]
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
