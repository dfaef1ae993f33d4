"""Query results and duplicates as pages and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyebright.core.errors import MediaError
from eyebright.core.types import Image, Metadata
from eyebright.media import display_path, read_image, write_image
from eyebright.search._duplicates import Copy, DuplicateGroup
from eyebright.search._results import Hit, QueryResult
from eyebright.viz import Tile, contact_sheet, heat_overlay, html

_SHOWN = 480


def save_results(path: Path, results: Sequence[QueryResult], title: str = "Image search") -> None:
    """Write one page with the answers to all queries.

    Raises:
        MediaError: the file cannot be written.
    """
    count = f"{len(results)} quer{'y' if len(results) == 1 else 'ies'}"
    html.save(path, html.page(title, f"{count}, best answers first.", *(result_section(r) for r in results)))


def result_section(result: QueryResult, heading: str | None = None) -> str:
    """Return one query and its answers as HTML; the heading is the query's name unless given."""
    how = "all" if result.exact else "the nearest of many:"
    cost = f"{how} {result.examined} vectors compared, {result.seconds * 1e3:.0f} ms"
    figures = []
    if result.path is not None:
        figures.append(
            html.figure(_picture(result.path), display_path(result.path.name), badge="query", accent="query")
        )
    explained = any(hit.heat is not None for hit in result.hits)
    for rank, hit in enumerate(result.hits, start=1):
        figures.append(_answer(rank, hit, result.path))
    words = [html.paragraph(cost, soft=True)]
    if explained:
        words.append(
            html.paragraph(
                "Bright regions made the two pictures alike: the query on the left, the answer on the right."
            )
        )
    grid = html.grid(figures, size="wide" if explained else "small", empty="No record fits.")
    return html.section(heading or result.query, *words, grid)


def explanation(query: Path | None, hit: Hit) -> Image:
    """Return query and answer side by side, each under its heat map."""
    pictures = [_picture(query), _picture(hit.path)]
    if hit.heat is not None:
        pictures = [heat_overlay(picture, heat) for picture, heat in zip(pictures, hit.heat, strict=True)]
    height, width = (max(p.shape[axis] for p in pictures) for axis in (0, 1))
    frame = np.full((height, 2 * width + 8, 3), 245, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        top, left = (height - picture.shape[0]) // 2, place * (width + 8) + (width - picture.shape[1]) // 2
        frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return frame


def save_explanation(path: Path, results: Sequence[QueryResult]) -> None:
    """Draw queries and answers with their regions into one picture."""
    rows = [
        (r.query, [Tile(explanation(r.path, hit), f"{hit.id}\n{hit.score:.3f}") for hit in r.hits[:6]]) for r in results
    ]
    write_image(path, contact_sheet(rows, columns=2, side=440))


def save_duplicates(path: Path, groups: Sequence[DuplicateGroup]) -> None:
    """Write one page with all groups."""
    parts = []
    for number, group in enumerate(groups, start=1):
        figures = [html.figure(_picture(m.path), m.id, detail=_away(m)) for m in group.members]
        parts.append(html.section(f"Group {number}: {_kind(group)}", html.grid(figures)))
    extra = sum(len(group.members) - 1 for group in groups)
    intro = f"{len(groups)} groups, {extra} pictures more than needed." if groups else "No duplicates were found."
    html.save(path, html.page("Duplicates", intro, *parts))


def save_duplicate_sheet(path: Path, groups: Sequence[DuplicateGroup]) -> None:
    """Draw all groups on one contact sheet."""
    rows = [
        (f"Group {number}: {_kind(group)}", [Tile(_picture(m.path), f"{m.id}\n{_away(m)}") for m in group.members])
        for number, group in enumerate(groups, start=1)
    ]
    write_image(path, contact_sheet(rows or [("No duplicates were found.", [])]))


def _answer(rank: int, hit: Hit, query: Path | None) -> str:
    badge = f"{rank} · {hit.score:.3f}"
    picture = _picture(hit.path) if hit.heat is None else explanation(query, hit)
    return html.figure(picture, hit.id, detail=_details(hit.metadata), badge=badge, longest=_SHOWN)


def _details(metadata: Metadata) -> str:
    return " · ".join(f"{name} {_plain(value)}" for name, value in metadata.items() if value is not None)


def _plain(value: object) -> str:
    return (
        ("yes" if value else "no")
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _kind(group: DuplicateGroup) -> str:
    return "the same file" if group.kind == "exact" else "nearly the same picture"


def _away(member: Copy) -> str:
    return "same hash" if member.distance == 0 else f"{member.distance} of 128 bits differ"


def _picture(path: Path | None) -> Image:
    """The picture, or a grey square where it cannot be read any more."""
    try:
        if path is not None:
            from eyebright.imaging import fit_within

            return fit_within(read_image(path, min_size=_SHOWN), _SHOWN)
    except MediaError:
        pass
    return np.full((120, 120, 3), 128, dtype=np.uint8)
