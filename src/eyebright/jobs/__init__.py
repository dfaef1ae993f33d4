"""Background work in processes of its own, kept in SQLite: it outlives the page, the server and its crashes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyebright.jobs.context import JobCancelledError, JobContext
    from eyebright.jobs.job import Job
    from eyebright.jobs.queue import JobQueue

_HOMES = {
    "Job": "eyebright.jobs.job",
    "JobCancelledError": "eyebright.jobs.context",
    "JobContext": "eyebright.jobs.context",
    "JobQueue": "eyebright.jobs.queue",
}

__all__ = ["Job", "JobCancelledError", "JobContext", "JobQueue"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eyebright.jobs' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
