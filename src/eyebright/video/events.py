"""What happens in a video, as plain facts."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

EventKind = Literal["crossing", "enter", "dwell", "exit", "cut"]


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: `crossing` (of a line), `enter`, `dwell` (stayed as long as asked for) and `exit` (of a zone), or `cut`
            (a new scene began; all tracks ended).
        source: where the frame came from.
        frame: its index.
        time_s: seconds since the start of the source.
        track_id: who; None for a cut.
        class_name: of the track.
        where: name of the line or zone.
        direction: `in` or `out`, of a crossing.
        dwell_s: seconds in the zone so far, of `dwell` and `exit`.
        speed_mps: metres a second on the ground, where a homography is known.
    """

    kind: EventKind
    source: str
    frame: int
    time_s: float
    track_id: int | None = None
    class_name: str | None = None
    where: str | None = None
    direction: Literal["in", "out"] | None = None
    dwell_s: float | None = None
    speed_mps: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is known, ready for JSON; `type` is the kind."""
        facts = {"type": self.kind, **dataclasses.asdict(self)}
        del facts["kind"]
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in facts.items()
            if value is not None
        }
