"""Tracking and counting of many objects in video."""

from eyebright.video.events import Event
from eyebright.video.ground import GroundPlane, HeatMap, SpeedMeter
from eyebright.video.lines import Crossing, Line, LineCounter
from eyebright.video.zones import Visit, Zone, ZoneMonitor

__all__ = [
    "Crossing",
    "Event",
    "GroundPlane",
    "HeatMap",
    "Line",
    "LineCounter",
    "SpeedMeter",
    "Visit",
    "Zone",
    "ZoneMonitor",
]
