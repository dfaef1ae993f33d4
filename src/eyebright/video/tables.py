"""Tracks and events as text: MOTChallenge, CSV, JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any

from eyebright.core.errors import MediaError
from eyebright.media import display_path
from eyebright.video._files import TextFile, numbered
from eyebright.video.events import Event
from eyebright.video.results import FrameResult, Output


class MotOutput(Output):
    """Tracks as MOTChallenge lines `frame,id,x,y,width,height,confidence,-1,-1,-1`, frames from 1.

    Args:
        path: several sources get `path` with -1, -2, ... before the suffix.
        sources: how many there are.
    """

    name = "mot"

    def __init__(self, path: str | os.PathLike[str], sources: int = 1) -> None:
        self._files = [TextFile(numbered(path, number, sources)) for number in range(sources)]
        self._written: list[str] = []

    def write(self, result: FrameResult) -> None:
        """Write the tracks of a frame."""
        tracks = result.tracks
        lines = [
            f"{result.frame.index + 1},{track_id},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.4f},-1,-1,-1\n"
            for track_id, (x1, y1, x2, y2), score in zip(
                tracks.track_id.tolist(), tracks.xyxy.tolist(), tracks.confidence.tolist(), strict=True
            )
        ]
        self._files[result.number].write("".join(lines))

    def finish(self, number: int, complete: bool) -> None:
        """Publish the file of a source."""
        self._files[number].end(keep=complete)
        if complete:
            self._written.append(str(self._files[number].path))

    def close(self) -> None:
        """Throw away what was not finished."""
        for file in self._files:
            file.end(keep=False)

    def report(self) -> Any:
        """Return the files."""
        return self._written


class _Table(Output):
    """One file of all sources, which appears at the end when at least one of them is complete."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = TextFile(path)
        self._lock = threading.Lock()
        self._good = False

    def finish(self, number: int, complete: bool) -> None:  # noqa: ARG002  (the interface's)
        """Note whether there is anything good."""
        self._good |= complete

    def close(self) -> None:
        """Publish the file."""
        self._file.end(keep=self._good)

    def report(self) -> Any:
        """Return the file."""
        return str(self._file.path)


class CsvOutput(_Table):
    """One row a track and frame, of all sources.

    Args:
        path: the file.
    """

    name = "csv"
    COLUMNS = ("source", "frame", "time_s", "track_id", "class", "confidence", "x1", "y1", "x2", "y2", "speed_mps")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._file.write(",".join(self.COLUMNS) + "\r\n")

    def write(self, result: FrameResult) -> None:
        """Write the tracks of a frame."""
        text = io.StringIO()
        rows = csv.writer(text)
        frame = result.frame
        for fact in track_facts(result):
            speed = fact.get("speed_mps", "")
            head = (frame.source, frame.index, round(frame.time_s, 3), fact["track_id"], fact["class"])
            rows.writerow((*head, fact["confidence"], *fact["xyxy"], speed))
        with self._lock:
            self._file.write(text.getvalue())


class JsonlOutput(_Table):
    """One JSON object a line: `"type": "frame"` with its tracks, and every event after its frame.

    Args:
        path: the file.
    """

    name = "jsonl"

    def write(self, result: FrameResult) -> None:
        """Write a frame."""
        frame = result.frame
        facts: dict[str, Any] = {
            "type": "frame",
            "source": frame.source,
            "frame": frame.index,
            "time_s": round(frame.time_s, 3),
            "tracks": track_facts(result),
        }
        if result.skipped:
            facts["skipped"] = result.skipped
        self._line(facts)

    def event(self, number: int, event: Event) -> None:  # noqa: ARG002  (the interface's)
        """Write an event."""
        self._line(event.to_dict())

    def _line(self, facts: dict[str, Any]) -> None:
        line = json.dumps(facts, ensure_ascii=False) + "\n"
        with self._lock:
            self._file.write(line)


class EventLog(Output):
    """Events as JSON lines, written and flushed as they happen, after those that the file has.

    Args:
        path: the file; `-` is the standard output.

    Raises:
        MediaError: it cannot be opened.
    """

    name = "events"

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._file = sys.stdout if str(path) == "-" else Path(path).open("a", encoding="utf-8")  # noqa: SIM115  (open for the whole run; `close` closes it)
        except OSError as error:
            raise MediaError(f"{display_path(path)}: cannot write: {error.strerror}") from error

    def event(self, number: int, event: Event) -> None:  # noqa: ARG002  (the interface's)
        """Write an event."""
        line = json.dumps(event.to_dict(), ensure_ascii=False) + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not sys.stdout:
            self._file.close()


def track_facts(result: FrameResult) -> list[dict[str, Any]]:
    """Return each track of a frame as plain values."""
    tracks, facts = result.tracks, []
    for row in range(len(tracks)):
        fact: dict[str, Any] = {
            "track_id": int(tracks.track_id[row]),
            "class": result.class_names[row],
            "confidence": round(float(tracks.confidence[row]), 4),
            "xyxy": [round(float(value), 2) for value in tracks.xyxy[row]],
        }
        if math.isfinite(speed := float(result.speeds[row])):
            fact["speed_mps"] = round(speed, 3)
        facts.append(fact)
    return facts
