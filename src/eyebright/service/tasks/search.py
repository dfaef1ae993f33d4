"""Jobs on the catalogue of pictures."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError
from eyebright.jobs import JobContext
from eyebright.media import Problem, display_path, list_images
from eyebright.search import ImageSearch, IndexReport, Progress
from eyebright.service.tasks.paths import is_inside

_LISTED = 1000  # of anything that a result lists


def index(
    context: JobContext,
    home: str,
    folder: str,
    roots: Sequence[str],
    metadata: str | None = None,
    types: dict[str, str] | None = None,
    prune: bool = False,
    model: str | None = None,
) -> dict[str, Any]:
    """Index a folder; files that links lead out of `roots` to are left out."""
    root, inside = Path(folder).resolve(), [Path(path) for path in roots]
    listing = list_images(root)
    outside = [path for path in listing.paths if not is_inside(path.resolve(), inside)]
    left_out = set(outside)
    only = [path for path in listing.paths if path not in left_out] if outside else None
    with ImageSearch(home=home, model=model) as search:
        report = search.index(root, metadata, types=types, prune=prune, only=only, progress=_told(context))
    report.problems += [Problem(path, "leads out of the folders that this server may use") for path in outside]
    if metadata is not None:
        Path(metadata).unlink(missing_ok=True)
    return _plain(report, root)


def reindex(context: JobContext, home: str, model: str | None = None) -> dict[str, Any]:
    """Describe every indexed picture anew."""
    with ImageSearch(home=home) as search:
        report = search.reindex(model, progress=_told(context))
    return dataclasses.asdict(report)


def find_duplicates(
    context: JobContext, home: str, roots: Sequence[str], folder: str | None, distance: int
) -> dict[str, Any]:
    """Find copies among the indexed pictures, or in a folder."""
    inside = [Path(path) for path in roots]
    with ImageSearch(home=home) as search:
        found = search.duplicates(folder, distance=distance, progress=_told(context))
    groups = []
    for group in found[:_LISTED]:
        pictures = []
        for copy in group.members:
            if folder is not None and copy.path is not None and not is_inside(copy.path.resolve(), inside):
                continue
            here = {"id": copy.id} if folder is None else {"path": str(copy.path)}
            pictures.append({"name": copy.id, "distance": copy.distance, **here})
        groups.append({"exact": group.kind == "exact", "pictures": pictures})
    return {"groups": groups, "total": len(found)}


def evaluate(
    context: JobContext, home: str, gallery: str, queries: str, exclude_self: bool = False, model: str | None = None
) -> dict[str, float | None]:
    """Measure the search on labelled lists, which are removed at the end."""
    with ImageSearch(home=home, model=model) as search:
        figures = search.eval(gallery, queries, exclude_self=exclude_self, progress=_told(context))
    shutil.rmtree(Path(gallery).parent, ignore_errors=True)
    return figures


def read_paths(name: str, data: bytes, folder: Path, roots: Sequence[Path]) -> str:
    """Return a labelled list (see `ImageSearch.eval`) with absolute paths in place of those relative to `folder`.

    Raises:
        InputError: a line without a path, or one that leads out of `roots`.
    """
    lines = []
    for number, line in enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        text, comma, rest = line.partition(",")
        try:
            place = (folder / text.strip()).resolve()
            inside = bool(comma) and is_inside(place, roots)
        except (OSError, ValueError, RuntimeError):  # no name of a file, or a loop of links
            inside = False
        if not inside:
            raise InputError(
                f"{name}, line {number}: expected 'path, label[, coarse label]' with a path in {display_path(folder)}, "
                f"got {line!r:.100}"
            )
        lines.append(f"{place},{rest}")
    return "\n".join(lines) + "\n"


def _told(context: JobContext) -> Callable[[Progress], None]:
    def tell(step: Progress) -> None:
        context.progress(step.done, step.total, stage=step.stage, rate=round(step.rate, 2))

    return tell


def _plain(report: IndexReport, root: Path) -> dict[str, Any]:
    facts = dataclasses.asdict(report)
    for name in ("gone", "rows_without_file"):
        facts[name] = facts[name][:_LISTED]
    facts["problems"] = [{"path": _short(p.path, root), "reason": p.reason} for p in report.problems[:_LISTED]]
    facts["problem_count"] = len(report.problems)
    return facts


def _short(path: Path, root: Path) -> str:
    return display_path(path.relative_to(root) if path.is_relative_to(root) else path)
