"""Measuring the search on labelled lists."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eyebright.core.errors import InputError
from eyebright.media import display_path
from eyebright.metrics import RetrievalMetric, precision_at
from eyebright.search._reading import Progress, relative_name

if TYPE_CHECKING:
    from eyebright.search._system import ImageSearch


class _Item(NamedTuple):
    path: Path
    label: str
    coarse: str | None


def read_list(path: Path) -> list[_Item]:
    """Read lines `path, label[, coarse label]`; paths are relative to the list's folder.

    Raises:
        InputError: no such file, a line of another form, or no lines.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the list: {error}") from error
    items = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) not in (2, 3) or not all(cells):
            raise InputError(f"{path}, line {number}: expected 'path, label[, coarse label]', got {line!r:.100}")
        items.append(_Item((path.parent / cells[0]).resolve(), cells[1], cells[2] if len(cells) == 3 else None))
    if not items:
        raise InputError(f"{path}: expected lines 'path, label[, coarse label]', got an empty list")
    return items


def evaluate(
    search: ImageSearch,
    gallery: Path,
    queries: Path,
    *,
    exclude_self: bool,
    progress: Callable[[Progress], None] | None,
) -> dict[str, float | None]:
    """Index the gallery into `search`, an empty one, ask all queries, and count; see `ImageSearch.eval`."""
    references, asked = read_list(gallery), read_list(queries)
    for source, items in ((gallery, references), (queries, asked)):
        missing = [item.path for item in items if not item.path.is_file()]
        if missing:
            raise InputError(f"{source}: {len(missing)} files are not there, such as {display_path(missing[0])}")
    labels = {item.path: item for item in references}
    root = Path(os.path.commonpath([path.parent for path in labels]))
    report = search.index(root, only=list(labels), progress=progress)
    if report.problems:
        first = report.problems[0]
        raise InputError(f"{gallery}: {display_path(first.path)}: {first.reason}; take it off the list")
    by_id = {relative_name(root, path): item for path, item in labels.items()}
    return _figures(search, by_id, asked, exclude_self) | {"images_per_s": report.described / report.seconds}


def _figures(
    search: ImageSearch, by_id: dict[str, _Item], asked: list[_Item], exclude_self: bool
) -> dict[str, float | None]:
    fine, times, coarse = RetrievalMetric(), [], []
    before, after = [], []
    ids_of = {item.path: i for i, item in by_id.items()}
    for item in asked:
        began = time.perf_counter()
        query = search.encode(item.path)
        search.rank(query, 10 + exclude_self)
        times.append(time.perf_counter() - began)
        hidden = {ids_of[item.path]} if exclude_self and item.path in ids_of else set()
        ids = [i for i, _ in search.rank(query, len(by_id)) if i not in hidden]
        right = np.array([by_id[i].label == item.label for i in ids], dtype=bool)
        fine.update(right, sum(r.label == item.label for i, r in by_id.items() if i not in hidden))
        if item.coarse is not None and ids:
            coarse.append(by_id[ids[0]].coarse == item.coarse)
        if right[:10].any() and not right[:10].all():
            like, dislike = ids[int(np.argmax(right))], ids[int(np.argmin(right))]
            unjudged = {like, dislike} | hidden
            again = [i for i, _ in search.rank(query, 10 + len(unjudged), like=[like], dislike=[dislike])]
            before.append(_precision(by_id, [i for i in ids if i not in unjudged], item.label))
            after.append(_precision(by_id, [i for i in again if i not in unjudged], item.label))
    figures = {name: value for name, value in fine.compute().items() if not name.startswith("queries")}
    return {name: None if np.isnan(value) else value for name, value in figures.items()} | {
        "coarse_recall@1": float(np.mean(coarse)) if coarse else None,
        "feedback_precision@10_before": float(np.mean(before)) if before else None,
        "feedback_precision@10_after": float(np.mean(after)) if after else None,
        "query_p50_ms": float(np.percentile(times, 50) * 1e3),
        "query_p95_ms": float(np.percentile(times, 95) * 1e3),
    }


def _precision(by_id: dict[str, _Item], ids: list[str], label: str) -> float:
    return precision_at(np.array([by_id[i].label == label for i in ids[:10]], dtype=bool), 10)
