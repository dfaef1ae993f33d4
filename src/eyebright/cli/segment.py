"""`eyebright segment`, `pose` and `depth`: what each pixel shows, where joints are, how far things are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._detection import Classes, Confidence, Drawings, Inputs, Roi, shots, write_formats
from eyebright.cli._image_files import JsonOption, Problems, print_json, table
from eyebright.cli._pose_eval import evaluate_poses
from eyebright.cli._segment_eval import evaluate
from eyebright.cli._segmenting import opened, write_map
from eyebright.cli.detect import OverlapOption, TilesOption
from eyebright.cli.models import given_home
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.interop import AnnotatedImage

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
    from eyebright.interop import annotated

    segmenter = opened(
        context, list(inputs), model=model, method=method, box=box, boxes=boxes, count=count, confidence=conf,
        roi=roi, classes=classes, tiles=tiles, overlap=overlap, draw=out is not None,
    )  # fmt: skip
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    images: list[AnnotatedImage] = []
    rows: list[list[str]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            height, width = shot.frame.image.shape[:2]
            entry: dict[str, Any] = {"image": shot.name, "width": width, "height": height}
            answer = segmenter.answer(shot)
            entry |= answer.facts
            if "parts" in entry:
                rows += [[shot.name, name, f"{part:.1%}"] for name, part in entry["parts"].items()]
            elif "regions" in entry:
                rows.append([shot.name, f"{entry['regions']} regions", f"{entry['median_size'] / width / height:.1%}"])
            else:
                rows += [
                    [shot.name, each["class"], f"{each.get('mask_area', 0) / width / height:.1%}"]
                    for each in entry["detections"]
                ]
            if masks is not None and answer.numbers is not None:
                write_map(masks / Path(shot.name).with_suffix(".png"), answer.numbers)
            if answer.found is not None:
                images.append(annotated(shot.name, (height, width), answer.found))
            results.append(entry)
            drawings.add(shot, answer.drawn)
    write_formats(images, segmenter.labels, coco, yolo, voc)
    if as_json:
        print_json({"model": segmenter.name, "results": results, "problems": problems.lines})
    else:
        table(["image", "class", "part of the picture"], rows)
    problems.finish(len(results))


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
    from eyebright.interop import annotated
    from eyebright.pipeline.finders import box_of, class_ids
    from eyebright.pipeline.looking import find_poses
    from eyebright.pipeline.measuring_poses import opened_pose
    from eyebright.viz import draw_detections

    loaded, labels = opened_pose(model, conf, given_home(context))
    part, wanted = None if roi is None else box_of(roi), class_ids(classes, labels)
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    images: list[AnnotatedImage] = []
    rows: list[list[str]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            height, width = shot.frame.image.shape[:2]
            entry: dict[str, Any] = {"image": shot.name, "width": width, "height": height}
            found, entry["poses"] = find_poses(loaded, shot.frame.image, roi=part, wanted=wanted)
            images.append(annotated(shot.name, (height, width), found))
            results.append(entry)
            rows += [[shot.name, str(len(each.get("keypoints", ())))] for each in entry["poses"]]
            if out is not None:
                drawings.add(shot, draw_detections(shot.frame.image, found, names=False))
    write_formats(images, labels, coco, None, None)
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        table(["image", "keypoints"], rows)
    problems.finish(len(results))


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
    from eyebright.models import DepthEstimator, load_model
    from eyebright.pipeline.finders import box_of
    from eyebright.pipeline.looking import depth_picture

    loaded = load_model(model, home=given_home(context))
    if not isinstance(loaded, DepthEstimator):
        raise InputError(f"--model: {model} estimates no depth; its card says task {loaded.card.task!r}")
    part = None if roi is None else box_of(roi)
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            facts, drawn = depth_picture(loaded, shot.frame.image, roi=part)
            results.append({"image": shot.name, **facts})
            drawings.add(shot, drawn)
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        columns = ("least", "median", "most")
        table(["image", *columns], [[each["image"], *(f"{each[c]:.3f}" for c in columns)] for each in results])
    problems.finish(len(results))
