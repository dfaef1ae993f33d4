"""A progress bar with rate and time left, on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from eyebright.search import Progress

_STAGES = {"learning": "Learning from a sample", "indexing": "Working"}


@contextlib.contextmanager
def count_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what takes how many are done and in all; nothing is drawn when stderr is no terminal."""
    with _bars(quiet=quiet) as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task(title, total=None, rate="")
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Yield what takes the progress of a run; nothing is drawn when stderr is no terminal."""
    with _bars(quiet=quiet) as bar:
        if bar is None:
            yield None
            return
        tasks: dict[str, TaskID] = {}

        def show(step: Progress) -> None:
            if step.stage not in tasks:
                tasks[step.stage] = bar.add_task(_STAGES[step.stage], total=step.total, rate="")
            bar.update(tasks[step.stage], completed=step.done, rate=f"{step.rate:.1f} pictures/s")

        yield show


@contextlib.contextmanager
def _bars(*, quiet: bool) -> Iterator[Bars | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[rate]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        yield bar
