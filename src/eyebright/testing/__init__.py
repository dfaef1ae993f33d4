"""Public contract checks and fakes, run over every implementation by our tests and by third parties."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.testing._store import check_store
    from eyebright.testing._tracker import check_tracker

_HOMES = {
    "check_store": "eyebright.testing._store",
    "check_tracker": "eyebright.testing._tracker",
}

__all__ = ["check_store", "check_tracker"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
