"""`eyebright faces eval`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from eyebright.cli._faces_gallery import (
    DetectorOption,
    EmbedderOption,
    MinFaceOption,
    StoreOption,
    recognizer,
)
from eyebright.cli._image_files import JsonOption, print_json

_SHOWN = ("auc", "eer", "tar@far=1e-2", "tar@far=1e-3", "rank1", "fpir", "fnir", "fmr", "fnmr", "wrong", "faces_missed")


def evaluate(
    context: typer.Context,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="A folder that holds a folder a person.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", metavar="CSV", help="A table with file_x, file_y and decision (yes or no)."),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", metavar="CSV", help="Columns person and group (default: groups.csv in DIR)."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write det.png and worst.png.")] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Least score that is accepted (default: the gallery's).")
    ] = None,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on your own pictures: verification, identification, unknown people, by group."""
    from eyebright.core.errors import InputError
    from eyebright.media import encode_image

    if (root is None) == (pairs is None):
        raise InputError("eval: expected --root DIR or --pairs CSV, one of them")
    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    found = faces.evaluate(root=root, pairs=pairs, groups=groups, threshold=threshold)
    if out is not None:
        from eyebright.faces._charts import det_chart, worst_pairs

        out.mkdir(parents=True, exist_ok=True)
        (out / "det.png").write_bytes(encode_image(det_chart(found), "png"))
        worst = worst_pairs(found)
        if worst is not None:
            (out / "worst.png").write_bytes(encode_image(worst, "png"))
    if as_json:
        print_json(found.facts())
        return
    for name in _SHOWN:
        if name in found.figures:
            value = found.figures[name]
            low, high = found.intervals.get(name, (math.nan, math.nan))
            between = "" if math.isnan(low) else f"  ({low:.4f} to {high:.4f} when people are resampled)"
            shown = (
                "too few pairs"
                if math.isnan(value)
                else f"{value:.0f}"
                if value > 1 or name == "faces_missed"
                else f"{value:.4f}"
            )
            typer.echo(f"{name:<14} {shown}{between}")
    for group, figures in found.groups.items():
        typer.echo(f"group {group}: " + ", ".join(f"{name} {figures[name]:.4f}" for name in ("fmr", "fnmr", "auc")))
    typer.echo(f"threshold {found.figures['threshold']:.4f}; fpir, fnir, fmr and fnmr are at this threshold")
    for problem in found.problems:
        typer.echo(f"eyebright: {problem}", err=True)
