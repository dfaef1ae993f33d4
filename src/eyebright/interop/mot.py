"""The MOTChallenge text format: `frame, id, left, top, width, height, confidence or flag, ...`; frames count from 1."""

from __future__ import annotations

import configparser
import dataclasses
import itertools
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Tracks


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """Rows of a file, sorted by frame (rows of one frame keep their order).

    Attributes:
        frame: `int64 (N,)`, from 1.
        id: `int64 (N,)`, -1 in detections.
        xyxy: `float64 (N, 4)` pixels.
        confidence: `float64 (N,)`; in ground truth the flag, where 0 means "do not count". 1 without a column.
        class_id: `int64 (N,)`, the eighth column of files with nine columns (MOT16 and later), else 1: in MOT15 the
            columns after the flag are coordinates of the world.
    """

    frame: npt.NDArray[np.int64]
    id: npt.NDArray[np.int64]
    xyxy: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    class_id: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> MotRows:
        """Return these rows."""
        return MotRows(self.frame[rows], self.id[rows], self.xyxy[rows], self.confidence[rows], self.class_id[rows])

    def by_frame(self, frames: int) -> list[MotRows]:
        """Return the rows of frames 1 to `frames`."""
        edges = np.searchsorted(self.frame, np.arange(1, frames + 2))
        return [self.take(slice(a, b)) for a, b in itertools.pairwise(edges)]

    def detections(self) -> Detections:
        """Return the rows as detections."""
        return Detections(self.xyxy.astype(np.float32), self.confidence.astype(np.float32), self.class_id)


@dataclasses.dataclass(frozen=True, slots=True)
class MotSequence:
    """What `seqinfo.ini` says.

    Attributes:
        name: of the sequence.
        frames: how many there are.
        frames_per_s: of the camera.
        size: (height, width) in pixels.
    """

    name: str
    frames: int
    frames_per_s: float
    size: tuple[int, int]


def read_mot(path: Path, *, frames: int | None = None) -> MotRows:
    """Read a file of 6, 7 or more columns, in any order of rows; an empty file has no rows.

    Args:
        path: the file.
        frames: how many frames the sequence has; a row beyond is an error.

    Raises:
        InputError: the file cannot be read, a row has too few columns or no numbers, its frame is no whole number
            from 1 to `frames`; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as MOTChallenge text: {error}") from error
    array = _quickly(lines, frames)
    if array is None:
        array = _line_by_line(path, lines, frames)
    array = array[np.argsort(array[:, 0], kind="stable")]
    xyxy = array[:, 2:6].copy()
    xyxy[:, 2:] += xyxy[:, :2]
    count, width = array.shape
    return MotRows(
        frame=array[:, 0].astype(np.int64),
        id=array[:, 1].astype(np.int64),
        xyxy=xyxy,
        confidence=array[:, 6] if width > 6 else np.ones(count),
        class_id=array[:, 7].astype(np.int64) if width in {8, 9} else np.ones(count, np.int64),
    )


def _quickly(lines: list[str], frames: int | None) -> npt.NDArray[np.float64] | None:
    """Return the table of a file that is as it should be, else None: then a slower look says what is wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a file without rows
            array = np.loadtxt(lines, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None
    if not len(array) or array.shape[1] < 6:
        return None
    at = array[:, 0]
    if not np.isfinite(array[:, :2]).all() or at.min() < 1 or (frames is not None and at.max() > frames):
        return None
    return array if (at % 1 == 0).all() else None


def _line_by_line(path: Path, lines: list[str], frames: int | None) -> npt.NDArray[np.float64]:
    """Return the table of any file that `read_mot` can read, or say which line is wrong."""
    table, width = [], 0
    for number, line in enumerate(lines, start=1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        try:
            row = [float(part) for part in parts]
        except ValueError as error:
            raise InputError(f"{path}, line {number}: expected numbers, got {line[:80]!r}") from error
        if len(row) < 6:
            raise InputError(f"{path}, line {number}: expected at least frame,id,x,y,w,h, got {len(row)} columns")
        width = width or len(row)
        if len(row) != width:
            raise InputError(f"{path}, line {number}: expected {width} columns as before, got {len(row)}")
        if not (row[0] >= 1 and row[0] % 1 == 0) or not np.isfinite(row[1]):
            raise InputError(f"{path}, line {number}: expected a frame from 1 and an id, got {line[:80]!r}")
        if frames is not None and row[0] > frames:
            raise InputError(f"{path}, line {number}: frame {int(row[0])} is beyond the sequence's {frames} frames")
        table.append(row)
    return np.array(table, dtype=np.float64).reshape(len(table), width or 7)


def read_sequence(folder: Path) -> MotSequence:
    """Read `seqinfo.ini` of a sequence's folder.

    Raises:
        InputError: the file is missing or says no length.
    """
    path = folder / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        text = path.read_text(encoding="utf-8-sig")
        parser.read_string(text)
        section = parser["Sequence"]
        frames = int(section["seqLength"])
        rate = float(section.get("frameRate", "30"))
        size = int(section.get("imHeight", "0")), int(section.get("imWidth", "0"))
    except OSError as error:
        raise InputError(f"{path}: expected the sequence's seqinfo.ini: {error.strerror}") from error
    except (configparser.Error, KeyError, ValueError) as error:
        raise InputError(f"{path}: expected [Sequence] with seqLength and frameRate: {error}") from error
    if frames < 1 or not rate > 0:
        raise InputError(f"{path}: expected at least one frame and a positive rate, got {frames} and {rate}")
    return MotSequence(folder.name, frames, rate, size)


def rows_of_tracks(tracks: list[Tracks]) -> MotRows:
    """Return the tracks of frames 1, 2, ... as rows."""
    counts = [len(one) for one in tracks]

    def joined(name: str, dtype: type, width: tuple[int, ...] = ()) -> npt.NDArray[np.generic]:
        parts: list[npt.NDArray[np.generic]] = [np.asarray(getattr(one, name), dtype) for one in tracks]
        return np.concatenate([np.zeros((0, *width), dtype), *parts])

    return MotRows(
        frame=np.repeat(np.arange(1, len(tracks) + 1), counts),
        id=joined("track_id", np.int64),  # type: ignore[arg-type]  # the dtype is the one asked for
        xyxy=joined("xyxy", np.float64, (4,)),  # type: ignore[arg-type]  # as above
        confidence=joined("confidence", np.float64),  # type: ignore[arg-type]  # as above
        class_id=joined("class_id", np.int64),  # type: ignore[arg-type]  # as above
    )


def mot_text(rows: MotRows) -> str:
    """Return rows in the format of results: ten columns, the last three -1."""
    lines = [
        f"{frame},{track},{x1:.3f},{y1:.3f},{x2 - x1:.3f},{y2 - y1:.3f},{confidence:.4f},-1,-1,-1\n"
        for frame, track, (x1, y1, x2, y2), confidence in zip(
            rows.frame, rows.id, rows.xyxy, rows.confidence, strict=True
        )
    ]
    return "".join(lines)
