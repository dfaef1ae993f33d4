"""`eyebright segment`, `pose` and `depth`: what each pixel shows, where joints are, how far things are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._detection import Confidence, Drawings, Inputs, shots
from eyebright.cli._image_files import JsonOption, Problems, print_json, table
from eyebright.cli.models import given_home
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.models import SemanticMap

segment_app = typer.Typer(no_args_is_help=True, help="Say what each pixel shows, or cut objects out.")
pose_app = typer.Typer(no_args_is_help=True, help="Find the joints of bodies.")
depth_app = typer.Typer(no_args_is_help=True, help="Say how far things are.")

Model = Annotated[str, typer.Option("--model", help="A model of the catalogue, or path of an ONNX file.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR|VIDEO", help="Drawn pictures, or a video.")]


@segment_app.command("run")
def segment_run(
    context: typer.Context,
    inputs: Inputs,
    model: Model = "pphumanseg",
    conf: Confidence = None,
    out: Out = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", metavar="DIR", help="Write class maps as grey PNG (semantic models).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Segment: a semantic model names each pixel, an instance model cuts out each object."""
    from eyebright.models import ObjectDetector, SemanticSegmenter, load_model
    from eyebright.pipeline.looking import segment_picture

    loaded = load_model(model, home=given_home(context))
    if isinstance(loaded, ObjectDetector) and conf is not None:
        loaded = ObjectDetector(loaded.card, home=given_home(context), confidence=conf)
    if not isinstance(loaded, ObjectDetector | SemanticSegmenter):
        raise InputError(f"--model: {model} does not segment; its card says task {loaded.card.task!r}")
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            height, width = shot.frame.image.shape[:2]
            entry: dict[str, Any] = {"image": shot.name, "width": width, "height": height}
            facts, drawn, classes = segment_picture(loaded, shot.frame.image)
            entry |= facts
            if classes is None:
                rows += [
                    [shot.name, each["class"], f"{each.get('mask_area', 0) / width / height:.1%}"]
                    for each in entry["detections"]
                ]
            else:
                rows += [[shot.name, name, f"{part:.1%}"] for name, part in entry["parts"].items()]
                if masks is not None:
                    _write_map(masks / Path(shot.name).with_suffix(".png"), classes)
            results.append(entry)
            drawings.add(shot, drawn)
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        table(["image", "class", "part of the picture"], rows)
    problems.finish(len(results))


@pose_app.command("run")
def pose_run(
    context: typer.Context, inputs: Inputs, model: Model, out: Out = None, as_json: JsonOption = False
) -> None:
    """Find the keypoints of bodies."""
    from eyebright.models import ObjectDetector, PoseEstimator, load_model
    from eyebright.pipeline.looking import pose_picture

    loaded = load_model(model, home=given_home(context))
    if not isinstance(loaded, ObjectDetector | PoseEstimator):
        raise InputError(f"--model: {model} finds no poses; its card says task {loaded.card.task!r}")
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    rows: list[list[str]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            height, width = shot.frame.image.shape[:2]
            entry: dict[str, Any] = {"image": shot.name, "width": width, "height": height}
            facts, drawn = pose_picture(loaded, shot.frame.image)
            entry |= facts
            results.append(entry)
            rows += [[shot.name, str(len(each.get("keypoints", ())))] for each in entry["poses"]]
            drawings.add(shot, drawn)
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        table(["image", "keypoints"], rows)
    problems.finish(len(results))


@depth_app.command("run")
def depth_run(
    context: typer.Context, inputs: Inputs, model: Model, out: Out = None, as_json: JsonOption = False
) -> None:
    """Estimate how far each pixel is; pictures are drawn from dark (least) to bright (most)."""
    from eyebright.models import DepthEstimator, load_model
    from eyebright.pipeline.looking import depth_picture

    loaded = load_model(model, home=given_home(context))
    if not isinstance(loaded, DepthEstimator):
        raise InputError(f"--model: {model} estimates no depth; its card says task {loaded.card.task!r}")
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            facts, drawn = depth_picture(loaded, shot.frame.image)
            results.append({"image": shot.name, **facts})
            drawings.add(shot, drawn)
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        columns = ("least", "median", "most")
        table(["image", *columns], [[each["image"], *(f"{each[c]:.3f}" for c in columns)] for each in results])
    problems.finish(len(results))


def _write_map(path: Path, answer: SemanticMap) -> None:
    import numpy as np

    from eyebright.cli._image_files import write

    write(path, answer.class_ids.clip(0, 255).astype(np.uint8))
