"""Jobs on products and their labelled photos."""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eyebright.authenticity import AuthenticityChecker, evaluate
from eyebright.authenticity.folders import check_each
from eyebright.core.errors import InputError
from eyebright.jobs import JobContext
from eyebright.media import display_path, list_images
from eyebright.service.tasks.paths import is_inside

_LISTED = 1000  # of anything that a result lists


def fit(context: JobContext, home: str, false_alarm: float, words: bool = False) -> dict[str, Any]:
    """Learn how genuine photos look, and how known fakes do."""

    def told(done: int, total: int) -> None:
        context.progress(done, total, stage="comparing photos")

    return dataclasses.asdict(AuthenticityChecker(home=home).fit(false_alarm=false_alarm, words=words, progress=told))


def check_photos(
    context: JobContext, home: str, folder: str, roots: Sequence[str], product: str | None, place: str
) -> dict[str, Any]:
    """Check each photo of a folder; those that links lead out of `roots` to are left out."""
    root, inside = Path(folder), [Path(one) for one in roots]
    photos = [path for path in list_images(root).paths if is_inside(path.resolve(), inside)]
    rows: list[dict[str, Any]] = []
    verdicts: dict[str, int] = {}
    context.progress(0, len(photos), stage="checking")
    for row in check_each(AuthenticityChecker(home=home), photos, product=product, place=place):
        verdicts[row.verdict or "unreadable"] = verdicts.get(row.verdict or "unreadable", 0) + 1
        if len(rows) < _LISTED:
            shown = display_path(row.path.relative_to(root))
            rows.append({**dataclasses.asdict(row), "path": shown, "reason": row.reason.replace(f"{root}/", "")})
        context.progress(sum(verdicts.values()), len(photos), stage="checking")
    return {"photos": rows, "verdicts": verdicts}


def evaluate_manifest(
    context: JobContext,
    home: str,
    manifest: str,
    false_alarm: float,
    ledger: str | None = None,
    fit: bool | None = None,
) -> dict[str, Any]:
    """Measure on a manifest with absolute paths, which is removed at the end with the table of serials."""

    def told(done: int, total: int) -> None:
        context.progress(done, total, stage="checking")

    try:
        figures = evaluate(manifest, home=Path(home), ledger=ledger, false_alarm=false_alarm, fit=fit, progress=told)
    except InputError as error:  # without the folders of the server
        raise InputError(str(error).replace(f"{Path(manifest).parent}/", "")) from error
    finally:
        if not context.interrupted:
            shutil.rmtree(Path(manifest).parent, ignore_errors=True)
    photos = [{**photo, "path": display_path(Path(photo["path"]).name)} for photo in figures["photos"][:_LISTED]]
    return {**figures, "photos": photos}


def with_absolute_paths(name: str, data: bytes, folder: Path, roots: Sequence[Path]) -> str:
    """Return a manifest (see `eyebright.authenticity.evaluate`) with absolute paths in place of those below `folder`.

    Raises:
        InputError: no table with a column `path`, or a path that leads out of `roots`.
    """
    try:
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), skipinitialspace=True)
        columns = [column.strip() for column in table.fieldnames or ()]
        if "path" not in columns:
            raise InputError(f"{name}: expected a CSV table with the columns path, product, role, got {columns}")
        table.fieldnames = columns
        rows = [{column: row.get(column) or "" for column in columns} for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name}: cannot read it as a CSV table in UTF-8: {error}") from error
    for number, row in enumerate(rows, 1):
        try:
            place = (folder / row["path"].strip()).resolve()
            inside = is_inside(place, roots)
        except (OSError, ValueError, RuntimeError):  # no name of a file, or a loop of links
            inside = False
        if not inside:
            raise InputError(
                f"{name}, row {number}: expected a path in {display_path(folder)}, got {row['path']!r:.100}"
            )
        row["path"] = str(place)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
