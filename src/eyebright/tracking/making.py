"""Trackers by name."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any

from eyebright.core.errors import InputError
from eyebright.core.protocols import Tracker

_HOMES = {
    "botsort": ("botsort", "BotSort"),
    "bytetrack": ("bytetrack", "ByteTrack"),
    "deepsort": ("deepsort", "DeepSort"),
    "eyebright": ("eyebright", "Eyebright"),
    "ocsort": ("ocsort", "OcSort"),
    "sort": ("sort", "Sort"),
}
TRACKERS = tuple(sorted(_HOMES))
"""The names that `make_tracker` knows."""


def make_tracker(name: str, **settings: Any) -> Tracker:
    """Return a new tracker.

    Args:
        name: one of `TRACKERS`.
        settings: keyword arguments of its class.

    Raises:
        InputError: the name or a setting is unknown, or a value is out of range.
    """
    if name not in _HOMES:
        near = difflib.get_close_matches(str(name), TRACKERS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"tracker {name!r} is unknown; there are {', '.join(TRACKERS)}{hint}")
    module, attribute = _HOMES[name]
    kind = getattr(importlib.import_module(f"eyebright.tracking.{module}"), attribute)
    known = sorted(
        key
        for one in kind.__mro__[:-1]
        if "__init__" in vars(one) and one.__name__ != "OnlineTracker"
        for key, parameter in inspect.signature(one).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )
    for key in settings:
        if key not in known:
            raise InputError(f"tracker {name!r} has no setting {key!r}; it has {', '.join(known)}")
    tracker: Tracker = kind(**settings)
    return tracker
