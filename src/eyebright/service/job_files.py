"""Files that background jobs make for clients, a folder a job, in the home; they go when the job is forgotten."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from eyebright.service.problems import Refusal

if TYPE_CHECKING:
    from eyebright.jobs import Job
    from eyebright.service.state import Services

ARGUMENT = "files"
"""The argument of a job that names its folder."""
_SWEPT = 1_000  # more jobs than a queue remembers


def new_files(services: Services) -> str:
    """Return a folder for a job that is about to be queued, and remove those whose jobs are forgotten.

    The job makes it: one that never runs leaves nothing.
    """
    place = services.home / "jobs" / "files"
    if place.is_dir():
        jobs, _ = services.jobs.page(_SWEPT)
        known = {Path(str(job.arguments[ARGUMENT])).name for job in jobs if job.arguments.get(ARGUMENT)}
        for folder in place.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
    return str(place / secrets.token_hex(8))


def file_of(job: Job, name: str) -> Path:
    """Return a file of a job.

    Raises:
        Refusal: it has none of this name (404).
    """
    folder = Path(str(job.arguments.get(ARGUMENT) or "")) if job.arguments.get(ARGUMENT) else None
    names = {path.name: path for path in folder.iterdir()} if folder is not None and folder.is_dir() else {}
    if job.state != "done" or name not in names:
        raise Refusal(404, "job-file", f"job {job.id}: has no file {name!r:.200}; its result lists those that it has")
    return names[name]


def forget_files(job: Job) -> None:
    """Remove the files of a job."""
    if job.arguments.get(ARGUMENT):
        shutil.rmtree(str(job.arguments[ARGUMENT]), ignore_errors=True)
