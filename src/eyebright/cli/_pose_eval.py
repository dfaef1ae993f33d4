"""`eyebright pose eval`: how well keypoints lie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli._image_files import JsonOption, print_json
from eyebright.core.errors import InputError


def evaluate_poses(
    context: typer.Context,
    gt: Annotated[Path, typer.Option("--gt", metavar="COCO.json", help="The truth: bodies with keypoints.")],
    pred: Annotated[
        Path | None,
        typer.Option("--pred", metavar="FILE", help="Predictions: COCO's results, or what pose run --coco wrote."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Or a model, which looks at the pictures.")] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Where the pictures are (default: beside the truth).")
    ] = None,
    sigmas: Annotated[
        str | None,
        typer.Option(
            "--sigmas", metavar="S[,S...]", help="How far labels stray, one number or one a point (COCO's 17)."
        ),
    ] = None,
    conf: Annotated[float, typer.Option("--conf", help="Least score of a body for worst and per_point.")] = 0.25,
    resamples: Annotated[int, typer.Option("--resamples", help="Draws for the intervals; 0: none.")] = 200,
    worst: Annotated[
        Path | None, typer.Option("--worst", metavar="DIR", help="Draw the worst pictures: truth green, found red.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure keypoints against ground truth: AP by object keypoint similarity (OKS), by point, intervals."""
    from eyebright.cli.models import given_home
    from eyebright.pipeline.measuring_poses import measure_poses

    figures = measure_poses(
        gt, pred=pred, model=model, home=given_home(context), images=images, sigmas=_numbers(sigmas), confidence=conf,
        resamples=resamples, worst=worst,
    )  # fmt: skip
    if as_json:
        print_json(figures)
    else:
        _show(figures)


def _numbers(text: str | None) -> list[float] | float | None:
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"--sigmas: expected numbers with commas between them, got {text!r:.80}") from error
    return numbers if len(numbers) > 1 else numbers[0]


def _show(figures: dict[str, Any]) -> None:
    intervals = figures.get("intervals", {})
    for name in ("AP", "AP50", "AP75", "AR", "AP_medium", "AP_large"):
        low_high = f"  [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]" if name in intervals else ""
        typer.echo(f"{name:10s} {_figure(figures[name])}{low_high}")
    typer.echo(f"bodies     {figures['bodies']}")
    typer.echo("similarity by point: " + " ".join(_figure(value) for value in figures["per_point"]))
    for each in figures["worst"][:3]:
        typer.echo(f"worst: {each['image']}: {each['missed']} missed, {each['wrong']} wrong, {each['found']} found")


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
