"""Counting what crosses a line, once each time and in which direction."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal, Self

from eyebright.core.errors import InputError
from eyebright.video._text import Point, points_of

Direction = Literal["in", "out"]


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line to be crossed.

    Looking along it from `start` to `end` in the picture, `in` goes from the left hand to the right hand: a line drawn
    from left to right counts what moves down the picture as `in`.

    Attributes:
        start: x and y in pixels.
        end: likewise, elsewhere.
        name: what reports call it.

    Raises:
        InputError: both ends are one point, or not finite.
    """

    start: Point
    end: Point
    name: str = "line"

    def __post_init__(self) -> None:
        length = math.dist(self.start, self.end)
        if not (math.isfinite(length) and length > 0):
            raise InputError(f"line {self.name!r}: expected two different points, got {self.start} and {self.end}")

    @classmethod
    def parse(cls, text: str, name: str = "line") -> Self:
        """Return the line of `x1,y1,x2,y2`."""
        start, end = points_of(text, f"line {name!r}", 2, 2)
        return cls(start, end, name)

    def place(self, point: Point) -> tuple[float, float]:
        """Return the pixels from the line (positive on its right hand) and the place along it (0 start, 1 end)."""
        dx, dy = self.end[0] - self.start[0], self.end[1] - self.start[1]
        px, py = point[0] - self.start[0], point[1] - self.start[1]
        length = math.hypot(dx, dy)
        return (dx * py - dy * px) / length, (px * dx + py * dy) / length**2


@dataclasses.dataclass(frozen=True, slots=True)
class Crossing:
    """One track went over the line."""

    track_id: int
    class_name: str
    direction: Direction


@dataclasses.dataclass(slots=True)
class _Path:
    side: int  # the last side that was clear of the line; 0 before there was one
    offset: float
    along: float
    through: bool  # whether the latest change of sides went through the line, not around its ends
    seen_s: float


class LineCounter:
    """Counts the crossings of one line.

    A track changes its side only when it is clear of the line by its margin, so that a trembling box counts nothing.
    Between any two crossings in one direction lies one in the other, so in and out of one track never differ by more
    than one on a line that crosses the whole picture.

    Args:
        line: the line.
        memory_s: how long the side of a track that is not seen is remembered.
    """

    def __init__(self, line: Line, memory_s: float = 60.0) -> None:
        self.line = line
        self.counts: Counter[tuple[Direction, str]] = Counter()
        self._memory_s = memory_s
        self._paths: dict[int, _Path] = {}
        self._swept_s = -math.inf

    def update(self, tracks: Iterable[tuple[int, Point, float, str]], time_s: float) -> list[Crossing]:
        """Take the places of one frame.

        Args:
            tracks: of each track its id, the point that counts, the margin in pixels, and its class.
            time_s: of the frame.

        Returns:
            Those that crossed since the frame before.
        """
        crossings: list[Crossing] = []
        for track_id, point, margin, class_name in tracks:
            offset, along = self.line.place(point)
            side = 0 if abs(offset) < margin or offset == 0 else 1 if offset > 0 else -1
            path = self._paths.get(track_id)
            if path is None:
                self._paths[track_id] = _Path(side, offset, along, False, time_s)
                continue
            if (path.offset < 0) != (offset < 0):
                share = path.offset / (path.offset - offset)
                path.through = 0 <= path.along + share * (along - path.along) <= 1
            if side and path.side and side != path.side and path.through:
                direction: Direction = "in" if side > 0 else "out"
                crossings.append(Crossing(track_id, class_name, direction))
                self.counts[direction, class_name] += 1
            path.side, path.offset, path.along, path.seen_s = side or path.side, offset, along, time_s
        if time_s - self._swept_s > 1:
            self._swept_s = time_s
            self._paths = {k: path for k, path in self._paths.items() if time_s - path.seen_s <= self._memory_s}
        return crossings

    def forget(self) -> None:
        """End all tracks; the counts stay."""
        self._paths.clear()

    def total(self, direction: Direction) -> int:
        """Return the count of all classes."""
        return sum(count for (way, _), count in self.counts.items() if way == direction)

    def to_dict(self) -> dict[str, int | dict[str, int]]:
        """Return the counts: `in` and `out` of all classes, and of each under `in_by_class`, `out_by_class`."""
        facts: dict[str, int | dict[str, int]] = {"in": self.total("in"), "out": self.total("out")}
        for way in ("in", "out"):
            facts[f"{way}_by_class"] = {name: n for (other, name), n in sorted(self.counts.items()) if other == way}
        return facts
