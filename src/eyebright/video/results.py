"""What a run gives: results of single frames while it goes on, and reports at the end."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from eyebright.core.types import Floats, Frame, Tracks
from eyebright.video.events import Event
from eyebright.video.lines import Line
from eyebright.video.zones import Zone

Skip = Literal["blurred", "identical"]


@dataclasses.dataclass(frozen=True, slots=True)
class LineCount:
    """Counts of one line so far."""

    line: Line
    inwards: int
    outwards: int


@dataclasses.dataclass(frozen=True, slots=True)
class ZoneCount:
    """How many tracks are in a zone now, and how long the one there longest has been."""

    zone: Zone
    inside: int
    longest_s: float


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """One frame and what is known about it.

    Attributes:
        frame: the frame.
        number: of its source in the run, from 0.
        tracks: with ids that are unique in the run.
        class_names: one a track.
        speeds: metres a second on the ground, `float32 (N,)`, NaN where unknown.
        shot: counts scenes from 0.
        skipped: why nothing was detected in it: `blurred` (no tracks) or `identical` (those of the frame before).
        events: what happened.
        lines: counts of each line.
        zones: of each zone.
    """

    frame: Frame
    number: int
    tracks: Tracks
    class_names: tuple[str, ...]
    speeds: Floats
    shot: int
    skipped: Skip | None
    events: tuple[Event, ...]
    lines: tuple[LineCount, ...]
    zones: tuple[ZoneCount, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SourceReport:
    """What was done with one source.

    Attributes:
        source: as a person names it.
        complete: whether it ended by itself (live sources: or was ended by the caller).
        frames: that went through.
        dropped: frames of a live source that came too fast.
        blurred: frames skipped since nothing in them is sharp.
        identical: frames skipped since they repeat the one before.
        scenes: one more than cuts.
        tracks: different objects.
        media_s: time of the last frame.
        seconds: it took.
        fps: frames a second.
        busy_s: seconds of work by stage.
        lines: counts by name of line.
        zones: visits and dwell times by name of zone.
        problem: why it ended early; None when it did not.
    """

    source: str
    complete: bool
    frames: int
    dropped: int
    blurred: int
    identical: int
    scenes: int
    tracks: int
    media_s: float
    seconds: float
    fps: float
    busy_s: dict[str, float]
    lines: dict[str, Any]
    zones: dict[str, Any]
    problem: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes:
        sources: one report a source.
        events: how many of each kind.
        outputs: what each output says about itself, such as its file or its undelivered messages.
    """

    sources: tuple[SourceReport, ...]
    events: dict[str, int]
    outputs: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        facts: dict[str, Any] = _rounded(dataclasses.asdict(self))
        return facts


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


class Output:
    """Where results go. Every method is optional; each source calls from a thread of its own."""

    name = "output"

    def write(self, result: FrameResult) -> None:
        """Take a frame, in order of its source."""

    def event(self, number: int, event: Event) -> None:
        """Take an event of source `number`, at once, after the frame it happened in."""

    def finish(self, number: int, complete: bool) -> None:
        """Source `number` has ended; unless `complete`, what was written of it must not replace anything good."""

    def close(self) -> None:
        """All sources have ended."""

    def report(self) -> Any:
        """Return what to say about this output, as plain values; None: nothing."""
        return None
