"""What a person can choose about a run."""

from __future__ import annotations

import dataclasses
from typing import Literal

from eyebright.core.errors import InputError
from eyebright.video.ground import GroundPlane
from eyebright.video.lines import Line
from eyebright.video.zones import Zone

CameraMode = Literal["auto", "on", "off"]


@dataclasses.dataclass(frozen=True, slots=True)
class VideoSettings:
    """Choices of a run.

    Attributes:
        confidence: detections below are left out, 0 to 1.
        classes: names or numbers of the classes that count; empty: all.
        roi: only detections whose middle lies here count.
        lines: to be crossed; names are unique.
        zones: to stay in; names are unique.
        dwell_s: tell when a track stays this long in a zone.
        ground: what turns pixels into metres.
        camera: whether the camera's own motion is measured in every frame, never, or (`auto`) while it moves, which a
            look once a second finds out.
        max_blur: frames of a `blur_score` (at half size) from here on are skipped; above 1: none is.
        cuts: whether to look for scene cuts, which end all tracks; this holds back four frames.

    Raises:
        InputError: a number out of range, or two lines or zones of one name.
    """

    confidence: float = 0.0
    classes: tuple[str, ...] = ()
    roi: Zone | None = None
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    dwell_s: float | None = None
    ground: GroundPlane | None = None
    camera: CameraMode = "auto"
    max_blur: float = 0.7
    cuts: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise InputError(f"confidence: expected a number from 0 to 1, got {self.confidence}")
        if self.dwell_s is not None and not self.dwell_s > 0:
            raise InputError(f"dwell: expected seconds above 0, got {self.dwell_s}")
        if self.camera not in ("auto", "on", "off"):
            raise InputError(f"camera: expected auto, on or off, got {self.camera!r}")
        if not self.max_blur > 0:
            raise InputError(f"max_blur: expected a number above 0, got {self.max_blur}")
        names = [*(line.name for line in self.lines), *(zone.name for zone in self.zones)]
        if len(set(names)) < len(names):
            raise InputError(f"lines and zones: expected different names, got {', '.join(names)}")
