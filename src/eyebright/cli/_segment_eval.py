"""`eyebright segment eval`: how well objects are cut out, or pixels named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_files import JsonOption, print_json, table
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from eyebright.core.types import Detections, Frame
    from eyebright.interop import Annotations

    ClassMap = npt.NDArray[np.integer[Any]]


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
    as_json: JsonOption = False,
) -> None:
    """Measure segments against ground truth: mask AP, panoptic quality and mIoU of objects, mIoU of class maps."""
    from eyebright.interop import read_coco, read_predictions
    from eyebright.metrics import evaluate_masks, mean_iou

    if resamples < 0 or not 0 < conf <= 1:
        raise InputError(f"segment eval: expected --resamples from 0 and --conf in (0, 1], got {resamples}, {conf}")
    if (pred is None) == (model is None):
        raise InputError("segment eval: expected either --pred FILE or --model NAME")
    if pred is not None and gt.is_dir() != pred.is_dir():
        raise InputError("segment eval: expected two COCO files, or two folders of class maps")
    if gt.is_dir():
        if pred is None:
            raise InputError(
                "segment eval: --model is for a truth of objects; write class maps with segment run --masks"
            )
        truth, predicted = _maps(gt, pred)
        highest = int(max(int(m[m != ignore].max(initial=0)) for m in [*truth, *predicted]))
        names = [name.strip() for name in labels.split(",")] if labels else [f"class {k}" for k in range(highest + 1)]
        figures = mean_iou(truth, predicted, names, ignore=ignore, resamples=resamples)
    else:
        if labels is not None:
            raise InputError("--labels: is for folders of class maps; a COCO file names its classes")
        objects = read_coco(gt, masks=True)
        found = (
            read_predictions(pred, objects, masks=True)
            if pred is not None
            else _looked_at(context, str(model), objects, images or gt.parent)
        )
        figures = evaluate_masks(objects, found, resamples=resamples, confidence=conf)
    if as_json:
        print_json(figures)
    else:
        _show(figures)


def _looked_at(context: typer.Context, name: str, truth: Annotations, folder: Path) -> Annotations:
    """Return what an instance model cuts out of the pictures of `truth`."""
    from eyebright.cli._evaluation import predictions_of
    from eyebright.cli.models import given_home
    from eyebright.models import ObjectDetector, load_model

    loaded = load_model(name, home=given_home(context))
    if not isinstance(loaded, ObjectDetector):
        raise InputError(f"--model: {name} cuts out no objects; its card says task {loaded.card.task!r}")
    # average precision looks at the whole curve, so that the least scores count too
    model = ObjectDetector(loaded.card, home=given_home(context), confidence=0.01)

    class Cutting:
        name, labels = loaded.card.name, model.labels

        def __call__(self, frame: Frame) -> Detections:
            [found] = model.segment([frame.image])
            return found

    return predictions_of(Cutting(), truth, folder)


def _maps(gt: Path, pred: Path) -> tuple[list[ClassMap], list[ClassMap]]:
    """Return the class maps of two folders, paired by their names without suffix."""
    from eyebright.media import list_images

    sides = [{path.relative_to(f).with_suffix(""): path for path in list_images(f).paths} for f in (gt, pred)]
    if not sides[0]:
        raise InputError(f"{gt}: no class maps in this folder")
    for one, other, folder in ((sides[0], sides[1], pred), (sides[1], sides[0], gt)):
        lone = sorted(set(one) - set(other))
        if lone:
            raise InputError(f"{one[lone[0]]}: has no map of its name in {folder}")
    names = sorted(sides[0])
    return [_map(sides[0][name]) for name in names], [_map(sides[1][name]) for name in names]


def _map(path: Path) -> ClassMap:
    """Read numbers as they are stored: grey of 8 or 16 bits, or a palette's indices, never its colours."""
    import numpy as np
    import PIL.Image

    try:
        with PIL.Image.open(path) as image:
            if image.mode not in ("L", "P", "I", "I;16", "1"):
                raise InputError(
                    f"{path}: expected a class map, grey or with a palette, got a picture of mode {image.mode}"
                )
            numbers = np.asarray(image)  # of bytes mostly, and kept so: a set of maps is held at once
            return numbers.astype(np.uint8) if numbers.dtype == np.bool_ else numbers
    except OSError as error:
        raise InputError(f"{path}: cannot read the class map: {error}") from error


def _show(figures: dict[str, Any]) -> None:
    intervals = figures.get("intervals", {})
    for name, value in figures.items():
        if name in ("per_class", "intervals"):
            continue
        low_high = f"  [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]" if name in intervals else ""
        typer.echo(f"{name:14s} {_figure(value)}{low_high}")
    columns = [
        name for name in ("PQ", "SQ", "RQ", "IoU") if all(name in each for each in figures["per_class"].values())
    ]
    table(
        ["class", *columns],
        [[name, *(_figure(each[column]) for column in columns)] for name, each in figures["per_class"].items()],
    )


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
