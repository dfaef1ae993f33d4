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
    worst: Annotated[
        Path | None,
        typer.Option("--worst", metavar="DIR", help="Draw the worst pictures: truth green, found (or wrong) red."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure segments against ground truth: mask AP, panoptic quality and mIoU of objects, mIoU of class maps."""
    if resamples < 0 or not 0 < conf <= 1:
        raise InputError(f"segment eval: expected --resamples from 0 and --conf in (0, 1], got {resamples}, {conf}")
    if (pred is None) == (model is None):
        raise InputError("segment eval: expected either --pred FILE or --model NAME")
    if pred is not None and gt.is_dir() != pred.is_dir():
        raise InputError("segment eval: expected two COCO files, or two folders of class maps")
    if gt.is_dir():
        figures = _of_maps(
            context,
            gt,
            pred,
            model=model,
            images=images,
            labels=labels,
            ignore=ignore,
            resamples=resamples,
            worst=worst,
        )
    else:
        if labels is not None:
            raise InputError("--labels: is for folders of class maps; a COCO file names its classes")
        figures = _of_objects(
            context, gt, pred, model=model, images=images or gt.parent, conf=conf, resamples=resamples, worst=worst
        )
    if as_json:
        print_json(figures)
    else:
        _show(figures)


def _of_objects(
    context: typer.Context,
    gt: Path,
    pred: Path | None,
    *,
    model: str | None,
    images: Path,
    conf: float,
    resamples: int,
    worst: Path | None,
) -> dict[str, Any]:
    from eyebright.cli._evaluation import draw_worst
    from eyebright.interop import read_coco, read_predictions
    from eyebright.metrics import evaluate_masks

    objects = read_coco(gt, masks=True)
    found = (
        read_predictions(pred, objects, masks=True)
        if pred is not None
        else _looked_at(context, str(model), objects, images)
    )
    figures = evaluate_masks(objects, found, resamples=resamples, confidence=conf)
    if worst is not None:
        draw_worst(worst, figures["worst"], objects, found, images, confidence=conf)
    return figures


def _of_maps(
    context: typer.Context,
    gt: Path,
    pred: Path | None,
    *,
    model: str | None,
    images: Path | None,
    labels: str | None,
    ignore: int,
    resamples: int,
    worst: Path | None,
) -> dict[str, Any]:
    from eyebright.metrics import mean_iou

    if pred is None and images is None:
        raise InputError("segment eval: --model needs --images DIR, the pictures that the class maps are of")
    truth = {name: _map(path) for name, path in _by_name(gt).items()}
    if not truth:
        raise InputError(f"{gt}: no class maps in this folder")
    pictures = {} if images is None else _by_name(images)
    named: tuple[str, ...] = ()
    if pred is not None:
        found = {name: _map(path) for name, path in _paired(gt, pred).items()}
    else:
        found, named = _named_pixels(context, str(model), {name: _picture(pictures, name, images) for name in truth})
    order = sorted(truth)
    both = [truth[name] for name in order], [found[name] for name in order]
    highest = int(max(int(m[m != ignore].max(initial=0)) for side in both for m in side))
    names = [name.strip() for name in labels.split(",")] if labels else list(named)
    names = names or [f"class {k}" for k in range(highest + 1)]
    figures = mean_iou(*both, names, ignore=ignore, names=[str(name) for name in order], resamples=resamples)
    if worst is not None:
        _draw_wrong(worst, figures["worst"], truth, found, pictures, ignore)
    return figures


def _draw_wrong(
    folder: Path,
    rows: list[dict[str, Any]],
    truth: dict[Path, ClassMap],
    found: dict[Path, ClassMap],
    pictures: dict[Path, Path],
    ignore: int,
) -> None:
    import numpy as np

    from eyebright.media import read_image, write_image
    from eyebright.viz import draw_map_errors

    folder.mkdir(parents=True, exist_ok=True)
    for rank, row in enumerate(rows, start=1):
        name = Path(row["image"])
        height, width = truth[name].shape
        blank = np.full((height, width, 3), 235, np.uint8)
        picture = read_image(pictures[name]) if name in pictures else blank
        drawn = draw_map_errors(picture, truth[name], found[name], ignore=ignore)
        write_image(folder / f"{rank:02d}_{name.name}.png", drawn)


def _named_pixels(
    context: typer.Context, name: str, pictures: dict[Path, Path]
) -> tuple[dict[Path, ClassMap], tuple[str, ...]]:
    """Return the class maps that a semantic model makes of these pictures, and its names of the classes."""
    from eyebright.cli.models import given_home
    from eyebright.media import read_image
    from eyebright.models import SemanticSegmenter, load_model

    loaded = load_model(name, home=given_home(context))
    if not isinstance(loaded, SemanticSegmenter):
        raise InputError(f"--model: {name} names no pixels; its card says task {loaded.card.task!r}")
    answers = {key: loaded.segment([read_image(path)])[0] for key, path in pictures.items()}
    return {key: answer.class_ids for key, answer in answers.items()}, next(iter(answers.values())).labels


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


def _by_name(folder: Path) -> dict[Path, Path]:
    """Return the pictures of a folder by their names without suffix."""
    from eyebright.media import list_images

    out: dict[Path, Path] = {}
    for path in list_images(folder).paths:
        name = path.relative_to(folder).with_suffix("")
        if name in out:
            raise InputError(f"{path}: two pictures are named {name} in {folder}; take one of them away")
        out[name] = path
    return out


def _paired(gt: Path, pred: Path) -> dict[Path, Path]:
    """Return the maps of `pred`, which must have the names of those of `gt`."""
    sides = [_by_name(folder) for folder in (gt, pred)]
    for one, other, folder in ((sides[0], sides[1], pred), (sides[1], sides[0], gt)):
        lone = sorted(set(one) - set(other))
        if lone:
            raise InputError(f"{one[lone[0]]}: has no map of its name in {folder}")
    return sides[1]


def _picture(pictures: dict[Path, Path], name: Path, folder: Path | None) -> Path:
    if name not in pictures:
        raise InputError(f"{folder}: has no picture named {name}, as one of the class maps is")
    return pictures[name]


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
