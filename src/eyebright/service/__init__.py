"""The HTTP API and its pages. Needs the extra `serve`: `pip install "eyebright[serve]"`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.service.app import create_app
    from eyebright.service.server import serve
    from eyebright.service.settings import Settings

_HOMES = {
    "Settings": "eyebright.service.settings",
    "create_app": "eyebright.service.app",
    "serve": "eyebright.service.server",
}

__all__ = ["Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.service' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
