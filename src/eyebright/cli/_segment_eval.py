"""`eyebright segment eval`: how well objects are cut out, or pixels named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli._image_files import JsonOption, print_json, table


def evaluate(
    context: typer.Context,
    gt: Annotated[
        Path, typer.Option("--gt", metavar="COCO.json|DIR", help="The truth: objects with masks, or class maps.")
    ],
    pred: Annotated[
        Path | None,
        typer.Option("--pred", metavar="FILE|DIR", help="What segment run --coco or --masks wrote, or COCO's."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Or an instance model, which looks at the pictures.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Where the pictures are (default: beside the truth).")
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", metavar="A,B", help="Names of the classes of maps, from 0.")
    ] = None,
    ignore: Annotated[int, typer.Option("--ignore", help="Pixels of this class in the truth do not count.")] = 255,
    conf: Annotated[float, typer.Option("--conf", help="Least score of an object for PQ and mIoU.")] = 0.5,
    resamples: Annotated[int, typer.Option("--resamples", help="Draws for the intervals; 0: none.")] = 200,
    worst: Annotated[
        Path | None,
        typer.Option("--worst", metavar="DIR", help="Draw the worst pictures: truth green, found (or wrong) red."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure segments against ground truth: mask AP, panoptic quality and mIoU of objects, mIoU of class maps."""
    from eyebright.cli.models import given_home
    from eyebright.pipeline.measuring_segments import measure_segments

    figures = measure_segments(
        gt, pred=pred, model=model, home=given_home(context), images=images, labels=labels, ignore=ignore,
        confidence=conf, resamples=resamples, worst=worst,
    )  # fmt: skip
    if as_json:
        print_json(figures)
    else:
        _show(figures)


def _show(figures: dict[str, Any]) -> None:
    from eyebright.cli._evaluation import show_errors

    intervals = figures.get("intervals", {})
    for name, value in figures.items():
        if isinstance(value, dict | list):
            continue
        low_high = f"  [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]" if name in intervals else ""
        typer.echo(f"{name:14s} {_figure(value)}{low_high}")
    columns = [
        name for name in ("AP", "PQ", "SQ", "RQ", "IoU") if all(name in each for each in figures["per_class"].values())
    ]
    table(
        ["class", *columns],
        [[name, *(_figure(each[column]) for column in columns)] for name, each in figures["per_class"].items()],
    )
    show_errors(figures)


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
