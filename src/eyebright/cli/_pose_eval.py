"""`eyebright pose eval`: how well keypoints lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_files import JsonOption, print_json
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.core.types import Detections, Frame
    from eyebright.interop import Annotations
    from eyebright.models import ObjectDetector, PoseEstimator


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
    from eyebright.cli._evaluation import draw_worst
    from eyebright.interop import read_coco, read_predictions
    from eyebright.metrics import evaluate_keypoints

    if resamples < 0 or not 0 < conf <= 1:
        raise InputError(f"pose eval: expected --resamples from 0 and --conf in (0, 1], got {resamples}, {conf}")
    if (pred is None) == (model is None):
        raise InputError("pose eval: expected either --pred FILE or --model NAME")
    truth = read_coco(gt, keypoints=True)
    folder = images or gt.parent
    predicted = (
        read_predictions(pred, truth, keypoints=True)
        if pred is not None
        else _looked_at(context, str(model), truth, folder)
    )
    figures = evaluate_keypoints(truth, predicted, sigmas=_numbers(sigmas), resamples=resamples, confidence=conf)
    if worst is not None:
        draw_worst(worst, figures["worst"], truth, predicted, folder, confidence=conf)
    if as_json:
        print_json(figures)
    else:
        _show(figures)


def opened_pose(
    context: typer.Context, name: str, confidence: float | None
) -> tuple[ObjectDetector | PoseEstimator, tuple[str, ...]]:
    """Return a model that finds poses, and the names of its classes: `person` where its card names none.

    Raises:
        InputError: a model for something else, or a confidence for one that always answers.
    """
    from eyebright.cli.models import given_home
    from eyebright.models import ObjectDetector, PoseEstimator, load_model

    loaded = load_model(name, home=given_home(context))
    if isinstance(loaded, ObjectDetector):
        if confidence is not None:
            loaded = ObjectDetector(loaded.card, home=given_home(context), confidence=confidence)
        return loaded, loaded.labels or ("person",)
    if not isinstance(loaded, PoseEstimator):
        raise InputError(f"--model: {name} finds no poses; its card says task {loaded.card.task!r}")
    if confidence is not None:
        raise InputError(f"--conf: {name} answers with one body whatever is in the picture; leave it out")
    return loaded, ("person",)


def _looked_at(context: typer.Context, name: str, truth: Annotations, folder: Path) -> Annotations:
    """Return the bodies that a model finds in the pictures of `truth`."""
    from eyebright.cli._evaluation import predictions_of
    from eyebright.cli.models import given_home
    from eyebright.models import ObjectDetector
    from eyebright.pipeline.looking import find_poses

    loaded, names = opened_pose(context, name, None)
    if isinstance(loaded, ObjectDetector):
        # average precision looks at the whole curve, so that the least scores count too
        loaded = ObjectDetector(loaded.card, home=given_home(context), confidence=0.01)
    # a model of one kind of body need not call it as the truth does
    names = truth.labels if len(names) == len(truth.labels) == 1 else names

    class Looking:
        name, labels = loaded.card.name, names

        def __call__(self, frame: Frame) -> Detections:
            return find_poses(loaded, frame.image)[0]

    return predictions_of(Looking(), truth, folder)


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
