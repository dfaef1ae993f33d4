"""The ways that tracks came."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from eyebright.core.types import Image, Tracks
from eyebright.viz.tracks import track_colour


class Trails:
    """Remembers the feet of tracks for some seconds and draws their ways.

    Args:
        seconds: how long.
        gone_s: a track not seen for this long leaves none.
    """

    def __init__(self, seconds: float = 3.0, gone_s: float = 0.5) -> None:
        self._seconds = seconds
        self._gone_s = gone_s
        self._ways: dict[int, deque[tuple[float, float, float]]] = {}

    def update(self, tracks: Tracks, time_s: float) -> None:
        """Add the tracks of a frame."""
        for track_id, (x1, _, x2, y2) in zip(tracks.track_id.tolist(), tracks.xyxy.tolist(), strict=True):
            self._ways.setdefault(track_id, deque(maxlen=512)).append((time_s, (x1 + x2) / 2, y2))
        for track_id, way in list(self._ways.items()):
            while way and time_s - way[0][0] > self._seconds:
                way.popleft()
            if not way or time_s - way[-1][0] > self._gone_s:
                del self._ways[track_id]

    def clear(self) -> None:
        """Forget all."""
        self._ways.clear()

    def draw(self, image: Image) -> None:
        """Draw the ways into `image`, RGB `uint8 (H, W, 3)`."""
        for track_id, way in self._ways.items():
            if len(way) > 1:
                points = np.rint(np.array(way)[:, 1:] * 8).astype(np.int32)[:, None]
                cv2.polylines(image, [points], False, track_colour(track_id), thickness(image), cv2.LINE_AA, 3)


def thickness(image: Image) -> int:
    """Return how thick lines are drawn in a picture of this size."""
    return max(1, round(float(min(image.shape[0], image.shape[1])) / 360))
