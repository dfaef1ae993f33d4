"""Finished footage in two passes: tracked, refined, and then watched again with the refined tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import MediaError
from eyebright.core.types import Floats, Frame, Tracks
from eyebright.tracking import refine_tracks
from eyebright.video._looking import Looked, SceneFrame
from eyebright.video._tracking import Tracking
from eyebright.video.results import FrameResult, Skip
from eyebright.video.settings import VideoSettings


class Record:
    """What the first pass found in each frame, and how every track looks."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, Skip | None, Tracks]] = []
        self._looks: dict[int, tuple[npt.NDArray[np.float64], int]] = {}

    def add(self, looked: Looked, result: FrameResult) -> None:
        """Take the next frame."""
        tracks = result.tracks
        self.frames.append((result.shot, result.skipped, tracks))
        if looked.embeddings is None or result.skipped:
            return
        seen = tracks.detection_index >= 0
        vectors = looked.embeddings.vectors[tracks.detection_index[seen]].astype(np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        for track_id, vector in zip(tracks.track_id[seen].tolist(), vectors, strict=True):
            total, count = self._looks.get(track_id, (np.zeros(len(vector)), 0))
            self._looks[track_id] = total + vector, count + 1

    def refined(self) -> list[Tracks]:
        """Return the refined tracks of each frame; nothing is linked across a scene cut."""
        looks = {track_id: total / count for track_id, (total, count) in self._looks.items()}
        out: list[Tracks] = []
        shots = np.array([shot for shot, _, _ in self.frames])
        for shot in np.unique(shots):
            tracks = [self.frames[at][2] for at in np.flatnonzero(shots == shot)]
            out += refine_tracks(tracks, looks=looks)
        return out


class Recording:
    """The stage of the first pass: tracks, and keeps what it found.

    Args:
        record: takes what is found.
        seen: called after each frame.
        tracking: keeps the identities; it needs no lines and zones.
    """

    def __init__(self, record: Record, seen: Callable[[], None] | None, tracking: Tracking) -> None:
        self._record, self._seen, self._tracking = record, seen, tracking

    def __call__(self, looked: Looked) -> FrameResult:
        """Take the next frame."""
        result = self._tracking(looked)
        self._record.add(looked, result)
        if self._seen is not None:
            self._seen()
        return result


class Replaying(Tracking):
    """The only stage of the second pass: counts with the refined tracks.

    Args:
        record: of the first pass.
        arguments: those of `Tracking` after the tracker.
    """

    def __init__(
        self, record: Record, settings: VideoSettings, number: int, sources: int, labels: Sequence[str]
    ) -> None:
        super().__init__(_Nothing(), settings, number, sources, labels)
        self._record = record
        self._refined = record.refined()
        self._ids: set[int] = set()

    def show(self, frame: Frame) -> FrameResult:
        """Take the next frame as it comes from the source.

        Raises:
            MediaError: there are more frames than in the first pass.
        """
        if self.frames >= len(self._refined):
            raise MediaError(f"{frame.source}: changed while it was tracked; run it again")
        shot, skipped, _ = self._record.frames[self.frames]
        scene = SceneFrame(frame.image, frame.index, frame.time_s, frame.source, shot)
        return self(Looked(scene, skipped, None))

    @property
    def whole(self) -> bool:
        """Whether all frames of the first pass came again."""
        return self.frames == len(self._refined)

    def _follow(self, looked: Looked) -> tuple[Tracks, Floats]:
        tracks = self._refined[self.frames]
        self._ids.update(tracks.track_id.tolist())
        self.objects = len(self._ids)
        return tracks, self._measure(tracks, looked.frame.image.shape[:2], looked.frame.time_s)

    def _watched(self, looked: Looked) -> bool:  # noqa: ARG002  (of Tracking)
        return True  # paths go on through blurred frames


class _Nothing:
    """A tracker that is never asked."""

    def update(self, *_: Any, **__: Any) -> Tracks:
        """Return no tracks."""
        return Tracks.empty()

    def reset(self) -> None:
        """Do nothing."""
