"""What `detect eval` shows."""

from __future__ import annotations

from typing import Any

import typer

from eyebright.cli._image_files import table


def show(figures: dict[str, Any]) -> None:
    """Print the figures of an evaluation."""
    intervals = figures.get("intervals", {})
    for name in ("AP", "AP50", "AP75", "AR", "AP_small", "AP_medium", "AP_large"):
        low_high = f"  [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]" if name in intervals else ""
        typer.echo(f"{name:10s} {_figure(figures[name])}{low_high}")
    rows = [
        [name, _figure(each["AP"]), _figure(each["AP50"]), _figure(each["AR"]), str(each["objects"])]
        for name, each in figures["per_class"].items()
    ]
    table(["class", "AP", "AP50", "AR", "objects"], rows)
    show_errors(figures)


def show_errors(figures: dict[str, Any]) -> None:
    """Print the kinds of error and the worst pictures, of objects or of class maps."""
    errors = figures["errors"]
    if "delta_AP50" in errors:
        kinds = errors["delta_AP50"]
        typer.echo("AP50 lost by kind of error: " + ", ".join(f"{name} {_figure(kinds[name])}" for name in kinds))
        for each in figures["worst"][:3]:
            typer.echo(f"worst: {each['image']}: {each['missed']} missed, {each['wrong']} wrong, {each['found']} found")
        return
    typer.echo(f"wrong pixels: {errors['edge']:.1%} near an edge, {errors['inside']:.1%} elsewhere")
    for each in errors["confused"][:3]:
        typer.echo(f"{each['truth']} taken for {each['taken_for']}: {each['part']:.1%}")
    for each in figures["worst"][:3]:
        typer.echo(f"worst: {each['image']}: {each['wrong']:.1%} of its pixels wrong, mIoU {each['mIoU']:.3f}")


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
