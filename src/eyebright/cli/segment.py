"""`eyebright segment`, `pose` and `depth`: what each pixel shows, where joints are, how far things are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli._detection import Classes, Confidence, Inputs, Roi, look
from eyebright.cli._finders import finder_for
from eyebright.cli._image_files import JsonOption
from eyebright.cli._pose_eval import evaluate_poses
from eyebright.cli._segment_eval import evaluate
from eyebright.cli.detect import OverlapOption, TilesOption
from eyebright.cli.models import given_home

segment_app = typer.Typer(no_args_is_help=True, help="Say what each pixel shows, or cut objects out.")
pose_app = typer.Typer(no_args_is_help=True, help="Find the joints of bodies.")
depth_app = typer.Typer(no_args_is_help=True, help="Say how far things are.")

Model = Annotated[str, typer.Option("--model", help="A model of the catalogue, or path of an ONNX file.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR|VIDEO", help="Drawn pictures, or a video.")]


@segment_app.command("run")
def segment_run(
    context: typer.Context,
    inputs: Inputs,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A model of the catalogue, or path of an ONNX file (default: pphumanseg)."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="No segmenter: grabcut (cut objects out of boxes), watershed or slic (regions)."),
    ] = None,
    box: Annotated[
        list[str] | None, typer.Option("--box", metavar="x1,y1,x2,y2", help="A box for grabcut, in pixels.")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option("--boxes", metavar="COCO.json", help="Or the boxes of each picture, by its name.")
    ] = None,
    count: Annotated[int, typer.Option("--count", help="About how many regions.")] = 200,
    conf: Confidence = None,
    classes: Classes = None,
    roi: Roi = None,
    tiles: TilesOption = None,
    overlap: OverlapOption = 0.2,
    out: Out = None,
    masks: Annotated[
        Path | None,
        typer.Option("--masks", metavar="DIR", help="Write class maps as grey PNG; objects and regions by number."),
    ] = None,
    coco: Annotated[
        Path | None, typer.Option("--coco", metavar="FILE", help="Write objects with their masks as COCO's JSON.")
    ] = None,
    yolo: Annotated[
        Path | None, typer.Option("--yolo", metavar="DIR", help="Their boxes as YOLO's text files.")
    ] = None,
    voc: Annotated[Path | None, typer.Option("--voc", metavar="DIR", help="Or as Pascal VOC's XML files.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Segment: a semantic model names each pixel, an instance model cuts out each object."""
    from eyebright.pipeline.lookers import segmenting

    home = given_home(context)
    looker = segmenting(
        home, lambda: finder_for(model or "auto", inputs, home=home, confidence=conf), model=model, method=method,
        box=box, boxes=boxes, count=count, confidence=conf, roi=roi, classes=classes, tiles=tiles, overlap=overlap,
        draw=out is not None,
    )  # fmt: skip
    look(
        inputs, looker, ["image", "class", "part of the picture"], _segments, as_json=as_json, out=out, masks=masks,
        coco=coco, yolo=yolo, voc=voc,
    )  # fmt: skip


segment_app.command("eval")(evaluate)


@pose_app.command("run")
def pose_run(
    context: typer.Context,
    inputs: Inputs,
    model: Model,
    conf: Confidence = None,
    classes: Classes = None,
    roi: Roi = None,
    out: Out = None,
    coco: Annotated[
        Path | None, typer.Option("--coco", metavar="FILE", help="Write bodies with their keypoints as COCO's JSON.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the keypoints of bodies."""
    from eyebright.pipeline.lookers import posing

    looker = posing(model, home=given_home(context), confidence=conf, roi=roi, classes=classes, draw=out is not None)
    look(inputs, looker, ["image", "keypoints"], _poses, as_json=as_json, out=out, coco=coco)


pose_app.command("eval")(evaluate_poses)


@depth_app.command("run")
def depth_run(
    context: typer.Context,
    inputs: Inputs,
    model: Model,
    roi: Roi = None,
    out: Out = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate how far each pixel is; pictures are drawn from dark (least) to bright (most)."""
    from eyebright.pipeline.lookers import measuring_depth

    looker = measuring_depth(model, home=given_home(context), roi=roi)
    look(inputs, looker, ["image", *_DEPTHS], _depths, as_json=as_json, out=out)


_DEPTHS = ("least", "median", "most")


def _segments(entry: dict[str, Any]) -> list[list[str]]:
    name, area = entry["image"], entry["width"] * entry["height"]
    if "parts" in entry:
        return [[name, part, f"{share:.1%}"] for part, share in entry["parts"].items()]
    if "regions" in entry:
        return [[name, f"{entry['regions']} regions", f"{entry['median_size'] / area:.1%}"]]
    return [[name, one["class"], f"{one.get('mask_area', 0) / area:.1%}"] for one in entry["detections"]]


def _poses(entry: dict[str, Any]) -> list[list[str]]:
    return [[entry["image"], str(len(one.get("keypoints", ())))] for one in entry["poses"]]


def _depths(entry: dict[str, Any]) -> list[list[str]]:
    return [[entry["image"], *(f"{entry[name]:.3f}" for name in _DEPTHS)]]
