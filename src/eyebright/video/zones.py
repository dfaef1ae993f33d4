"""Who is in a zone, and for how long."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools
from eyebright.video._text import Point, points_of


@dataclasses.dataclass(frozen=True, slots=True)
class Zone:
    """A part of the picture.

    Attributes:
        corners: at least three points in pixels; the outline may cross itself (even-odd rule).
        name: what reports call it.

    Raises:
        InputError: no area.
    """

    corners: tuple[Point, ...]
    name: str = "zone"

    def __post_init__(self) -> None:
        array = np.asarray(self.corners, np.float64)
        spread = np.ptp(array, axis=0) if array.ndim == 2 and len(array) >= 3 else np.zeros(2)
        flat = not np.isfinite(array).all() or np.linalg.matrix_rank(array - array[:1], tol=1e-6) < 2
        if not spread.all() or flat:
            raise InputError(f"zone {self.name!r}: expected at least three corners around an area, got {self.corners}")

    @classmethod
    def parse(cls, text: str, name: str = "zone") -> Self:
        """Return the zone of `x1,y1,x2,y2,x3,y3,...`; two points are opposite corners of a rectangle."""
        points = points_of(text, f"zone {name!r}", 2)
        if len(points) == 2:
            (x1, y1), (x2, y2) = points
            points = ((x1, y1), (x2, y1), (x2, y2), (x1, y2))
        return cls(points, name)

    def contains(self, points: npt.ArrayLike) -> Bools:
        """Return which of `(N, 2)` points lie inside, `bool (N,)`."""
        xy = np.asarray(points, np.float64).reshape(-1, 2)
        a = np.asarray(self.corners, np.float64)
        b = np.roll(a, -1, axis=0)
        x, y = xy[:, :1], xy[:, 1:]
        spans = (a[:, 1] > y) != (b[:, 1] > y)
        rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
        crossing = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / rise
        inside: Bools = ((spans & (x < crossing)).sum(axis=1) % 2).astype(bool)
        return inside


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """Something that a track did in a zone.

    Attributes:
        kind: `enter`, `dwell` or `exit`.
        track_id: who.
        class_name: of the track.
        dwell_s: seconds from its entry to when it was last seen inside.
    """

    kind: Literal["enter", "dwell", "exit"]
    track_id: int
    class_name: str
    dwell_s: float


@dataclasses.dataclass(slots=True)
class _Stay:
    class_name: str
    since_s: float
    inside_s: float
    told: bool


class ZoneMonitor:
    """Measures how long tracks stay in one zone.

    A track that is outside, or not seen, for less than `grace_s` has not left.

    Args:
        zone: the zone.
        dwell_s: say so when a track has stayed this long; None: do not.
        grace_s: seconds.
    """

    def __init__(self, zone: Zone, dwell_s: float | None = None, grace_s: float = 1.0) -> None:
        self.zone = zone
        self.visits = 0
        self.longest_s = 0.0
        self.total_s = 0.0
        self._dwell_s = dwell_s
        self._grace_s = grace_s
        self._stays: dict[int, _Stay] = {}

    @property
    def occupancy(self) -> int:
        """How many tracks are inside now."""
        return len(self._stays)

    def update(self, tracks: Iterable[tuple[int, Point, str]], time_s: float) -> list[Visit]:
        """Take id, point and class of the tracks of one frame; return what happened."""
        rows = list(tracks)
        visits: list[Visit] = []
        inside = self.zone.contains([point for _, point, _ in rows]).tolist()
        for (track_id, _, class_name), here in zip(rows, inside, strict=True):
            if not here:
                continue
            stay = self._stays.get(track_id)
            if stay is not None and time_s - stay.inside_s >= self._grace_s:
                visits.append(self._leave(track_id))  # away for long, and back: that is another visit
                stay = None
            if stay is None:
                self._stays[track_id] = stay = _Stay(class_name, time_s, time_s, False)
                visits.append(Visit("enter", track_id, class_name, 0.0))
            stay.inside_s = time_s
            if self._dwell_s is not None and not stay.told and time_s - stay.since_s >= self._dwell_s:
                stay.told = True
                visits.append(Visit("dwell", track_id, class_name, time_s - stay.since_s))
        gone = [k for k, stay in self._stays.items() if time_s - stay.inside_s >= self._grace_s]
        return visits + [self._leave(track_id) for track_id in gone]

    def finish(self) -> list[Visit]:
        """End all stays, at the end of the video or of a scene."""
        return [self._leave(track_id) for track_id in list(self._stays)]

    def to_dict(self) -> dict[str, Any]:
        """Return visits that ended, who is inside, and the mean and the longest dwell time in seconds."""
        mean = self.total_s / self.visits if self.visits else None
        return {
            "visits": self.visits,
            "inside": self.occupancy,
            "mean_dwell_s": None if mean is None else round(mean, 3),
            "longest_dwell_s": round(self.longest_s, 3),
        }

    def _leave(self, track_id: int) -> Visit:
        stay = self._stays.pop(track_id)
        seconds = stay.inside_s - stay.since_s
        self.visits += 1
        self.total_s += seconds
        self.longest_s = max(self.longest_s, seconds)
        return Visit("exit", track_id, stay.class_name, seconds)
