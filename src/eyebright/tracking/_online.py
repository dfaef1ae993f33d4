"""What all online trackers share: the table of live tracks, time, birth, confirmation, death and the result."""

from __future__ import annotations

import abc
import dataclasses
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Detections, Embeddings, Space, Tracks
from eyebright.tracking.association import Indices, Pairs, assign, touching
from eyebright.tracking.kalman import BoxFilter

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """The sound detections of a frame.

    Attributes:
        boxes: `float64 (N, 4)`.
        confidence: `float64 (N,)`.
        classes: `int64 (N,)`.
        index: `int64 (N,)`, the rows in the frame's detections.
        vectors: `float32 (N, D)` of unit length, or None.
    """

    boxes: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, rows: npt.NDArray[Any]) -> Seen:
        """Return these rows."""
        vectors = None if self.vectors is None else self.vectors[rows]
        return Seen(self.boxes[rows], self.confidence[rows], self.classes[rows], self.index[rows], vectors)


_NOTHING = Seen(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
_NONE = np.zeros(0, np.int64)
_GAPS = 31  # how many gaps between frames are remembered to know the usual one


class OnlineTracker(abc.ABC):
    """Base of the trackers: a subclass says in `_associate` which track continues in which detection.

    Ids start at 1 in every instance, grow, and are never used again until `reset`. Boxes that are not finite or have no
    area are no objects: they are passed over, and `detection_index` still counts all rows. The input is never changed.

    Args:
        motion: the motion model.
        max_age: frames that a track lives without a detection.
        min_hits: detections in a row before a track is shown.
        show_early: show tracks from their first detection while the stream is not older than `min_hits` frames.
        per_class: a track continues only in detections of its class.
        noise_by_confidence: trust a measurement more the surer the detector is (NSA filter).
    """

    uses_appearance = False  # whether `embeddings` are looked at

    def __init__(
        self,
        *,
        motion: BoxFilter,
        max_age: float = 30,
        min_hits: int = 3,
        show_early: bool = True,
        per_class: bool = True,
        noise_by_confidence: bool = False,
    ) -> None:
        where = type(self).__name__
        if not np.isfinite(max_age) or max_age < 0:
            raise InputError(f"{where}: expected max_age of at least 0 frames, got {max_age}")
        if min_hits < 0:
            raise InputError(f"{where}: expected min_hits of at least 0, got {min_hits}")
        self.motion = motion
        self.max_age = max_age
        self.min_hits = min_hits
        self.show_early = show_early
        self.per_class = per_class
        self.noise_by_confidence = noise_by_confidence
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and start the ids anew."""
        self._next_id = 1
        self._space: Space | None = None
        self._frame = 0
        self._last_time_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._table: dict[str, Array] = self._rows(_NOTHING)

    def update(
        self,
        detections: Detections,
        *,
        time_s: float | None = None,
        embeddings: Embeddings | None = None,
        camera: npt.NDArray[Any] | None = None,
    ) -> Tracks:
        """Return the tracks that are seen in this frame.

        Args:
            detections: of this frame; none is allowed.
            time_s: when the frame was taken. A gap longer than usual counts as several frames. Without it each call is
                one frame.
            embeddings: one vector a detection, for the trackers that know appearance; others leave it unused.
            camera: 3x3 transform from pixels of the last frame to this one.

        Raises:
            InputError: time runs backwards, `embeddings` has another number of rows, or `camera` is no 3x3 transform.
        """
        step = self._step(time_s)
        vectors = self._vectors(embeddings, len(detections))
        transform = _transform(camera)
        self._frame += 1
        table = self._table
        table["state"] = self.motion.predict(table["state"], step)
        if transform is not None:
            table["state"] = self.motion.moved(table["state"], transform)
        table["box"] = self.motion.boxes(table["state"])

        seen = _sound(detections, vectors)
        rows, cols, born = self._associate(seen)
        table["missed"] = table["missed"] + step
        table["detection"] = np.full(len(table["id"]), -1, np.int64)
        self._continue(rows, seen.take(cols))
        self._begin(seen.take(born))
        shown = self._result()
        self._keep(self._alive())
        return shown

    # what a subclass may say otherwise

    @abc.abstractmethod
    def _associate(self, seen: Seen) -> tuple[Indices, Indices, Indices]:
        """Return the rows of continued tracks, their detections, and the detections that begin new tracks."""

    def _seen(self) -> npt.NDArray[np.bool_]:
        """Return which tracks are shown in this frame, `bool (N,)`."""
        table = self._table
        early = self.show_early and self._frame <= self.min_hits
        shown: npt.NDArray[np.bool_] = (table["missed"] == 0) & ((table["streak"] >= self.min_hits) | early)
        return shown

    def _alive(self) -> npt.NDArray[np.bool_]:
        """Return which tracks live on, `bool (N,)`."""
        alive: npt.NDArray[np.bool_] = self._table["missed"] <= self.max_age
        return alive

    def _rows(self, seen: Seen) -> dict[str, Array]:
        """Return the columns of new tracks."""
        count = len(seen)
        return {
            "id": np.arange(self._next_id, self._next_id + count, dtype=np.int64),
            "state": self.motion.start(seen.boxes),
            "box": seen.boxes,
            "class": seen.classes,
            "confidence": seen.confidence,
            "missed": np.zeros(count),
            "streak": np.zeros(count, np.int64),
            "hits": np.ones(count, np.int64),
            "detection": seen.index,
        }

    # shared steps

    def _overlap(self, seen: Seen) -> Pairs:
        """Return the predicted boxes and the detections that overlap, with how much they do."""
        return self._apart(touching(self._table["box"], seen.boxes), seen)

    def _apart(self, pairs: Pairs, seen: Seen) -> Pairs:
        """Return the pairs without those of a track of another class than the detection."""
        if not self.per_class:
            return pairs
        same = self._table["class"][pairs.row] == seen.classes[pairs.col]
        return pairs if same.all() else pairs.take(same)

    def _continue(self, rows: Indices, seen: Seen) -> None:
        """Continue these tracks in these detections."""
        table = self._table
        trust = seen.confidence if self.noise_by_confidence else None
        table["state"][rows] = self.motion.update(table["state"][rows], seen.boxes, trust)
        table["box"] = self.motion.boxes(table["state"])
        table["missed"][rows] = 0
        table["streak"][rows] += 1
        table["streak"][table["missed"] > 0] = 0
        table["hits"][rows] += 1
        table["confidence"][rows] = seen.confidence
        table["class"][rows] = seen.classes
        table["detection"][rows] = seen.index

    def _begin(self, seen: Seen) -> None:
        """Begin tracks at these detections."""
        if len(seen):
            new = self._rows(seen)
            self._next_id += len(seen)
            self._table = {name: np.concatenate([old, new[name]]) for name, old in self._table.items()}

    def _result(self) -> Tracks:
        table, shown = self._table, self._seen()
        return Tracks(
            xyxy=table["box"][shown].astype(np.float32),
            track_id=table["id"][shown],
            class_id=table["class"][shown],
            confidence=table["confidence"][shown].astype(np.float32),
            detection_index=table["detection"][shown],
        )

    def _keep(self, alive: npt.NDArray[np.bool_]) -> None:
        if not alive.all():
            self._table = {name: column[alive] for name, column in self._table.items()}

    def _step(self, time_s: float | None) -> float:
        """Return how many usual frames have passed."""
        if time_s is None:
            return 1.0
        if not np.isfinite(time_s):
            raise InputError(f"{type(self).__name__}.update: expected time_s in seconds, got {time_s}")
        last, self._last_time_s = self._last_time_s, time_s
        if last is None:
            return 1.0
        gap = time_s - last
        if gap <= 0:
            self._last_time_s = last
            where = type(self).__name__
            raise InputError(f"{where}: time_s must grow, got {time_s} after {last}; reset() starts a new stream")
        self._gaps.append(gap)
        step = gap / float(np.median(self._gaps))
        # the clocks of cameras tremble: what is nearly one frame is one frame
        return 1.0 if 0.75 < step < 1.25 else step

    def _vectors(self, embeddings: Embeddings | None, count: int) -> Array | None:
        """Return the unit vectors that the tracker shall use, `float32 (N, D)`, or None."""
        if embeddings is None:
            return None
        if len(embeddings) != count:
            raise InputError(
                f"{type(self).__name__}.update: expected one embedding a detection, got {len(embeddings)} for {count}"
            )
        if not self.uses_appearance:
            return None
        if self._space is None:
            self._space = embeddings.space
        self._space.require(embeddings.space, f"{type(self).__name__}.update")
        length = np.linalg.norm(embeddings.vectors, axis=1, keepdims=True)
        unit: Array = embeddings.vectors / np.maximum(length, np.float32(1e-12))
        return unit


def match(pairs: Pairs, rows: Array, cols: Array) -> tuple[Indices, Indices]:
    """Assign some rows to some columns; returns row and column numbers of the whole."""
    if not (len(pairs.row) and len(rows) and len(cols)):
        return _NONE, _NONE
    return assign(pairs.among(rows, cols))


def without(items: Array, taken: Array) -> Indices:
    """Return the items (numbers from 0, rising) that are not taken."""
    if not (len(items) and len(taken)):
        return items
    left = np.zeros(int(max(items[-1], taken.max())) + 1, np.bool_)
    left[items] = True
    left[taken] = False
    return np.flatnonzero(left)


def _sound(detections: Detections, vectors: Array | None) -> Seen:
    """Return the detections that are objects."""
    boxes = detections.xyxy.astype(np.float64)
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    index = np.flatnonzero(good & np.isfinite(detections.confidence))
    confidence = detections.confidence.astype(np.float64)
    return Seen(boxes, confidence, detections.class_id, np.arange(len(boxes)), vectors).take(index)


def _transform(camera: npt.NDArray[Any] | None) -> npt.NDArray[np.float64] | None:
    if camera is None:
        return None
    transform = np.asarray(camera, dtype=np.float64)
    if transform.shape != (3, 3) or not np.isfinite(transform).all() or transform[2, 2] == 0:
        raise InputError(f"update: camera must be a finite 3x3 transform, got shape {transform.shape}")
    return None if np.array_equal(transform, np.eye(3)) else transform
