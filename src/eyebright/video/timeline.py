"""Counts over the time of a video, for charts: bounded in memory however long it runs."""

from __future__ import annotations

import dataclasses
from typing import Any

from eyebright.video.events import Event
from eyebright.video.results import FrameResult, Output

_MOST_STEPS = 600
_LISTED = 1000


@dataclasses.dataclass(slots=True)
class _Step:
    frames: int
    tracks: int  # summed over the frames
    lines: dict[str, tuple[int, int]]  # in and out until here
    zones: dict[str, int]  # the most that were inside at once


class Timeline(Output):
    """How many objects are seen, have crossed and are inside, a step of time each, and the latest events. One source.

    A step is a second; whenever there are more than 600, neighbours become one and steps twice as long. Of events the
    first thousand are kept, of stays the last thousand, with how many there were.
    """

    name = "timeline"

    def __init__(self) -> None:
        self._step_s = 1.0
        self._steps: list[_Step] = []
        self._events: list[dict[str, Any]] = []
        self._stays: list[dict[str, Any]] = []
        self._counts = {"events": 0, "stays": 0}

    def write(self, result: FrameResult) -> None:
        """Count a frame."""
        number = max(0, int(result.frame.time_s / self._step_s))
        while number >= _MOST_STEPS:
            self._steps = [_joined(self._steps[k : k + 2]) for k in range(0, len(self._steps), 2)]
            self._step_s *= 2
            number = int(result.frame.time_s / self._step_s)
        while len(self._steps) <= number:  # a gap in the video keeps the counts that were reached
            lines = self._steps[-1].lines if self._steps else {one.line.name: (0, 0) for one in result.lines}
            self._steps.append(_Step(0, 0, lines, {}))
        step = self._steps[number]
        step.frames += 1
        step.tracks += len(result.tracks)
        step.lines = {one.line.name: (one.inwards, one.outwards) for one in result.lines}
        for zone in result.zones:
            step.zones[zone.zone.name] = max(step.zones.get(zone.zone.name, 0), zone.inside)

    def event(self, number: int, event: Event) -> None:  # noqa: ARG002  (the interface's)
        """Keep an event, and a stay when it ends."""
        facts = event.to_dict()
        self._counts["events"] += 1
        if len(self._events) < _LISTED:
            self._events.append(facts)
        if event.kind == "exit":
            self._counts["stays"] += 1
            self._stays = [*self._stays[1 - _LISTED :], facts]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values.

        Returns:
            `step_s`, `time_s` (starts of the steps), `objects` (the mean a frame), `lines` (name to `in` and `out` so
            far), `zones` (name to the most inside), `events` and `stays` with `event_count` and `stay_count`.
        """
        steps = self._steps
        lines = steps[-1].lines if steps else {}
        zones = {name: None for step in steps for name in step.zones}
        return {
            "step_s": self._step_s,
            "time_s": [number * self._step_s for number in range(len(steps))],
            "objects": [round(step.tracks / max(step.frames, 1), 2) for step in steps],
            "lines": {
                name: {
                    word: [step.lines.get(name, (0, 0))[way] for step in steps]
                    for way, word in enumerate(("in", "out"))
                }
                for name in lines
            },
            "zones": {name: [step.zones.get(name, 0) for step in steps] for name in zones},
            "events": self._events,
            "event_count": self._counts["events"],
            "stays": self._stays,
            "stay_count": self._counts["stays"],
        }


def _joined(steps: list[_Step]) -> _Step:
    zones: dict[str, int] = {}
    for step in steps:
        for name, inside in step.zones.items():
            zones[name] = max(zones.get(name, 0), inside)
    return _Step(sum(step.frames for step in steps), sum(step.tracks for step in steps), steps[-1].lines, zones)
