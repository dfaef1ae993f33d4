"""One vector store under all systems: the exact twin in memory, and the embedded one on SQLite and FAISS."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.store._plan import IndexPlan
    from eyebright.store.embedded import EmbeddedStore
    from eyebright.store.exact import ExactStore

_HOMES = {
    "EmbeddedStore": "eyebright.store.embedded",
    "ExactStore": "eyebright.store.exact",
    "IndexPlan": "eyebright.store._plan",
}

__all__ = ["EmbeddedStore", "ExactStore", "IndexPlan"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.store' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
