"""Tracking and counting of many objects in video. Names are loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.video.clips import ClipOutput, parse_age
    from eyebright.video.detectors import open_detector, open_embedder
    from eyebright.video.events import Event
    from eyebright.video.ground import GroundPlane, HeatMap, SpeedMeter
    from eyebright.video.lines import Crossing, Line, LineCounter
    from eyebright.video.pictures import HeatOutput, VideoOutput, annotate
    from eyebright.video.results import FrameResult, LineCount, Output, RunReport, SourceReport, ZoneCount
    from eyebright.video.settings import VideoSettings
    from eyebright.video.tables import CsvOutput, EventLog, JsonlOutput, MotOutput
    from eyebright.video.tracker import VideoTracker
    from eyebright.video.webhook import Webhook
    from eyebright.video.zones import Visit, Zone, ZoneMonitor

_HOMES = {
    "ClipOutput": "clips",
    "Crossing": "lines",
    "CsvOutput": "tables",
    "Event": "events",
    "EventLog": "tables",
    "FrameResult": "results",
    "GroundPlane": "ground",
    "HeatMap": "ground",
    "HeatOutput": "pictures",
    "JsonlOutput": "tables",
    "Line": "lines",
    "LineCount": "results",
    "LineCounter": "lines",
    "MotOutput": "tables",
    "Output": "results",
    "RunReport": "results",
    "SourceReport": "results",
    "SpeedMeter": "ground",
    "VideoOutput": "pictures",
    "VideoSettings": "settings",
    "VideoTracker": "tracker",
    "Visit": "zones",
    "Webhook": "webhook",
    "Zone": "zones",
    "ZoneCount": "results",
    "ZoneMonitor": "zones",
    "annotate": "pictures",
    "open_detector": "detectors",
    "open_embedder": "detectors",
    "parse_age": "clips",
}

__all__ = [
    "ClipOutput",
    "Crossing",
    "CsvOutput",
    "Event",
    "EventLog",
    "FrameResult",
    "GroundPlane",
    "HeatMap",
    "HeatOutput",
    "JsonlOutput",
    "Line",
    "LineCount",
    "LineCounter",
    "MotOutput",
    "Output",
    "RunReport",
    "SourceReport",
    "SpeedMeter",
    "VideoOutput",
    "VideoSettings",
    "VideoTracker",
    "Visit",
    "Webhook",
    "Zone",
    "ZoneCount",
    "ZoneMonitor",
    "annotate",
    "open_detector",
    "open_embedder",
    "parse_age",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.video' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.video.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
