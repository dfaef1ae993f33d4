"""Kalman filters, association and trackers: NumPy and SciPy only. Names are loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.tracking.association import assign
    from eyebright.tracking.botsort import BotSort
    from eyebright.tracking.bytetrack import ByteTrack
    from eyebright.tracking.deepsort import DeepSort
    from eyebright.tracking.eyebright import Eyebright
    from eyebright.tracking.kalman import BoxFilter
    from eyebright.tracking.making import TRACKERS, make_tracker
    from eyebright.tracking.ocsort import OcSort
    from eyebright.tracking.refine import refine_tracks
    from eyebright.tracking.sort import Sort

_HOMES = {
    "BotSort": "botsort",
    "BoxFilter": "kalman",
    "ByteTrack": "bytetrack",
    "DeepSort": "deepsort",
    "Eyebright": "eyebright",
    "OcSort": "ocsort",
    "Sort": "sort",
    "TRACKERS": "making",
    "assign": "association",
    "make_tracker": "making",
    "refine_tracks": "refine",
}

__all__ = [
    "TRACKERS",
    "BotSort",
    "BoxFilter",
    "ByteTrack",
    "DeepSort",
    "Eyebright",
    "OcSort",
    "Sort",
    "assign",
    "make_tracker",
    "refine_tracks",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.tracking' has no attribute {name!r}")
    return getattr(importlib.import_module(f"eyebright.tracking.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
