"""What `detect`, `segment`, `pose` and `depth` share: their options, and one loop over all pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_files import Problems, print_json, table

if TYPE_CHECKING:
    from eyebright.pipeline.batches import Looker

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Pictures, folders, videos, patterns, camera:N or rtsp://...")
]
Confidence = Annotated[float | None, typer.Option("--conf", help="Least score, above 0 and at most 1.")]
Classes = Annotated[str | None, typer.Option("--classes", metavar="A,B", help="Only these, by name or number.")]
Roi = Annotated[
    str | None, typer.Option("--roi", metavar="x1,y1,x2,y2", help="Look only in this part of the picture, in pixels.")
]


Row = Callable[[dict[str, Any]], list[list[str]]]


def look(
    inputs: Sequence[str],
    looker: Looker,
    columns: list[str],
    rows: Row,
    *,
    as_json: bool,
    called: str = "model",
    out: Path | None = None,
    masks: Path | None = None,
    coco: Path | None = None,
    yolo: Path | None = None,
    voc: Path | None = None,
) -> None:
    """Look at all inputs, write the files, and print JSON or a table; what cannot be read is told at the end.

    Args:
        inputs: pictures, folders, films and cameras.
        looker: what looks.
        columns: of the table.
        rows: what an entry becomes in it.
        as_json: print JSON instead.
        called: what the looker is called there.
        out: see `eyebright.pipeline.batches.look_at_all`, as for the other files.
        masks: likewise.
        coco: likewise.
        yolo: likewise.
        voc: likewise.
    """
    from eyebright.pipeline.batches import look_at_all, shots

    problems = Problems()
    results = look_at_all(shots(inputs, problems.add), looker, out=out, masks=masks, coco=coco, yolo=yolo, voc=voc)
    if as_json:
        print_json({called: looker.name, "results": results, "problems": problems.lines})
    else:
        table(columns, [row for entry in results for row in rows(entry)])
    problems.finish(len(results))
