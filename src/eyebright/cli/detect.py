"""`eyebright detect`: objects in pictures, folders and videos, and how well they are found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli._detection import Classes, Confidence, Inputs, Roi, look
from eyebright.cli._finders import finder_for
from eyebright.cli._image_files import JsonOption, print_json
from eyebright.cli.models import given_home

app = typer.Typer(no_args_is_help=True, help="Find objects in pictures, folders and videos.")

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help="A detector of the catalogue, path of an ONNX file, motion, people, or auto (the best present)."
    ),
]
TilesOption = Annotated[
    int | None, typer.Option("--tiles", metavar="SIDE", help="Look at tiles of this many pixels, for small objects.")
]
OverlapOption = Annotated[float, typer.Option("--overlap", help="Part of a tile that neighbours share, 0 to 0.5.")]


@app.command()
def run(
    context: typer.Context,
    inputs: Inputs,
    model: ModelOption = "auto",
    conf: Confidence = None,
    classes: Classes = None,
    roi: Roi = None,
    tiles: TilesOption = None,
    overlap: OverlapOption = 0.2,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR|VIDEO", help="Annotated pictures, or an annotated video.")
    ] = None,
    coco: Annotated[Path | None, typer.Option("--coco", metavar="FILE", help="Write COCO's JSON.")] = None,
    yolo: Annotated[Path | None, typer.Option("--yolo", metavar="DIR", help="Write YOLO's text files.")] = None,
    voc: Annotated[Path | None, typer.Option("--voc", metavar="DIR", help="Write Pascal VOC's XML files.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find objects and say what and where they are."""
    from eyebright.pipeline.lookers import finding

    finder = finder_for(model, inputs, home=given_home(context), confidence=conf, tiles=tiles, overlap=overlap)
    looker = finding(finder, roi=roi, classes=classes, draw=out is not None)
    look(
        inputs, looker, ["image", "class", "score", "box"], _rows, as_json=as_json, out=out, coco=coco, yolo=yolo,
        voc=voc,
    )  # fmt: skip


@app.command("eval")
def evaluate(
    context: typer.Context,
    gt: Annotated[Path, typer.Option("--gt", metavar="COCO.json|VOC-DIR", help="The ground truth.")],
    pred: Annotated[
        Path | None,
        typer.Option("--pred", metavar="FILE", help="Predictions: COCO's results, or what run --coco wrote."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Or a detector, which looks at the pictures.")] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="Where the pictures are (default: beside the truth).")
    ] = None,
    subset: Annotated[str | None, typer.Option("--set", metavar="NAME", help="A list of VOC's ImageSets/Main.")] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="MODEL'S=TRUTH'S", help="A class that the model calls otherwise."),
    ] = None,
    conf: Confidence = None,
    tiles: TilesOption = None,
    overlap: OverlapOption = 0.2,
    resamples: Annotated[int, typer.Option("--resamples", help="Draws for the intervals; 0: none.")] = 200,
    worst: Annotated[
        Path | None, typer.Option("--worst", metavar="DIR", help="Draw the worst pictures: truth green, found red.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure detections against ground truth: AP, AP50, AR, by class, errors by kind, intervals."""
    from eyebright.cli._evaluation import show
    from eyebright.pipeline.measuring import LEAST, check_choice, measure_detections

    check_choice("detect eval", pred, model, resamples)
    finder = None
    if model is not None:
        finder = finder_for(model, [], home=given_home(context), confidence=conf or LEAST, tiles=tiles, overlap=overlap)
    figures = measure_detections(
        gt, pred=pred, finder=finder, images=images, subset=subset, rename=rename or (), resamples=resamples,
        worst=worst,
    )  # fmt: skip
    if as_json:
        print_json(figures)
    else:
        show(figures)


def _rows(entry: dict[str, Any]) -> list[list[str]]:
    return [
        [entry["image"], one["class"], f"{one['confidence']:.2f}", " ".join(f"{v:.0f}" for v in one["box"])]
        for one in entry["detections"]
    ] or [[entry["image"], "nothing", "", ""]]
