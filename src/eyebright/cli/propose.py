"""`eyebright propose`: boxes that may hold an object, before anybody knows which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._detection import look
from eyebright.cli._image_files import JsonOption, print_json, table
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.core.types import Floats, Image

_DRAWN = 50  # of `eyebright.pipeline.proposing`, which the help must not load


def propose(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[IN...]", help="Pictures, folders, videos; none with --gt.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="selective (selective search) or windows (a grid, whatever is there).")
    ] = "selective",
    mode: Annotated[
        str, typer.Option("--mode", help="How many segmentations selective search joins: single, fast, quality.")
    ] = "fast",
    count: Annotated[int, typer.Option("--count", help="At most so many boxes a picture.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Of the random part of the ranking.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR|VIDEO", help=f"Pictures with the best {_DRAWN} drawn.")
    ] = None,
    gt: Annotated[
        Path | None, typer.Option("--gt", metavar="COCO.json|VOC-DIR", help="Measure the recall of this truth instead.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Where its pictures are (default: beside it).")
    ] = None,
    subset: Annotated[str | None, typer.Option("--set", metavar="NAME", help="A list of VOC's ImageSets/Main.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Propose boxes for whatever may be an object, best first."""
    if (gt is None) == (not inputs):
        raise InputError("propose: expected either pictures, or --gt with the truth to measure with")
    from eyebright.pipeline.proposing import METHODS, propose_boxes

    if method not in METHODS:
        raise InputError(f"--method: expected {' or '.join(METHODS)}, got {method!r:.80}")

    def boxes(image: Image) -> Floats:
        return propose_boxes(image, method, mode=mode, count=count, seed=seed)

    if gt is not None:
        _measure(gt, images, subset, boxes, method, count, as_json)
        return
    from eyebright.pipeline.lookers import proposing

    looker = proposing(method, mode=mode, count=count, seed=seed, draw=out is not None)
    look(inputs or (), looker, ["image", "proposals"], _row, as_json=as_json, called="method", out=out)


def _row(entry: dict[str, Any]) -> list[list[str]]:
    return [[entry["image"], str(len(entry["proposals"]))]]


def _measure(
    gt: Path, images: Path | None, subset: str | None, boxes: Any, method: str, count: int, as_json: bool
) -> None:
    from eyebright.pipeline.measuring import measure_proposals

    figures = {"method": method, **measure_proposals(gt, boxes, count=count, images=images, subset=subset)}
    if as_json:
        print_json(figures)
        return
    rows = [[step, f"{part:.3f}", f"{figures['best_overlap'][step]:.3f}"] for step, part in figures["recall"].items()]
    table(["proposals", "recall", "best overlap"], rows)
    low, high = figures["interval"]
    typer.echo(f"{figures['objects']} objects; recall of the last between {low:.3f} and {high:.3f} (95 %)")
