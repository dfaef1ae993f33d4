"""`eyebright segment`, `pose` and `depth`: what each pixel shows, where joints are, how far things are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._detection import Confidence, Drawings, Inputs, plain, shots
from eyebright.cli._image_files import JsonOption, Problems, print_json, table
from eyebright.cli.models import given_home
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.core.types import Image
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
    from eyebright.viz import draw_detections

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
            if isinstance(loaded, ObjectDetector):
                [found] = loaded.segment([shot.frame.image])
                entry |= {"kind": "instance", "detections": plain(found, loaded.labels)}
                rows += [
                    [shot.name, each["class"], f"{each.get('mask_area', 0) / width / height:.1%}"]
                    for each in entry["detections"]
                ]
                drawn = draw_detections(shot.frame.image, found, loaded.labels)
            else:
                [answer] = loaded.segment([shot.frame.image])
                parts = {name: round(part, 6) for name, part in answer.parts().items()}
                entry |= {"kind": "semantic", "parts": parts}
                rows += [[shot.name, name, f"{part:.1%}"] for name, part in parts.items()]
                drawn = _coloured(shot.frame.image, answer)
                if masks is not None:
                    _write_map(masks / Path(shot.name).with_suffix(".png"), answer)
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
    import numpy as np

    from eyebright.core.types import Detections
    from eyebright.models import ObjectDetector, PoseEstimator, load_model
    from eyebright.viz import draw_detections

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
            if isinstance(loaded, ObjectDetector):
                [found] = loaded.predict([shot.frame.image])
                entry["poses"] = plain(found, loaded.labels)
            else:
                [one] = loaded.pose([shot.frame.image])
                box = np.concatenate([one.points.min(axis=0), one.points.max(axis=0)])[None]
                found = Detections(box, one.scores.mean(keepdims=True), np.zeros(1, np.int64), None, one.points[None])
                points = [[round(float(v), 2) for v in point] for point in one.points]
                entry["poses"] = [{"keypoints": points, "scores": [round(float(s), 6) for s in one.scores]}]
            results.append(entry)
            rows += [[shot.name, str(len(each.get("keypoints", ())))] for each in entry["poses"]]
            drawings.add(shot, draw_detections(shot.frame.image, found, names=False))
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
    import numpy as np

    from eyebright.models import DepthEstimator, load_model

    loaded = load_model(model, home=given_home(context))
    if not isinstance(loaded, DepthEstimator):
        raise InputError(f"--model: {model} estimates no depth; its card says task {loaded.card.task!r}")
    problems, drawings = Problems(), Drawings(out)
    results: list[dict[str, Any]] = []
    with drawings.closing:
        for shot in shots(inputs, problems):
            [found] = loaded.depth([shot.frame.image])
            low, middle, high = (round(float(v), 6) for v in np.percentile(found, [0, 50, 100]))
            results.append({"image": shot.name, "least": low, "median": middle, "most": high})
            grey = ((found - low) / max(high - low, 1e-9) * 255).clip(0, 255).astype(np.uint8)
            drawings.add(shot, np.repeat(grey[:, :, None], 3, axis=2))
    if as_json:
        print_json({"model": loaded.card.name, "results": results, "problems": problems.lines})
    else:
        columns = ("least", "median", "most")
        table(["image", *columns], [[each["image"], *(f"{each[c]:.3f}" for c in columns)] for each in results])
    problems.finish(len(results))


def _coloured(image: Image, answer: SemanticMap) -> Image:
    """Return the picture with a tint a class; the first class, mostly the background, stays as it is."""
    import numpy as np

    from eyebright.viz import class_colour

    drawn = image.copy()
    for number in np.unique(answer.class_ids[answer.class_ids > 0]):
        where = answer.class_ids == number
        drawn[where] = (drawn[where] * 0.5 + np.array(class_colour(int(number))) * 0.5).astype(np.uint8)
    return drawn


def _write_map(path: Path, answer: SemanticMap) -> None:
    import numpy as np

    from eyebright.cli._image_files import write

    write(path, answer.class_ids.clip(0, 255).astype(np.uint8))
