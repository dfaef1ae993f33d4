"""Keypoints against ground truth: what `pose eval` measures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyebright.core.errors import InputError
from eyebright.pipeline.measuring import LEAST, check_choice, draw_worst, predictions_of

if TYPE_CHECKING:
    from eyebright.core.types import Detections, Frame
    from eyebright.interop import Annotations
    from eyebright.models import ObjectDetector, PoseEstimator


def measure_poses(
    gt: Path,
    *,
    pred: Path | None = None,
    model: str | None = None,
    home: Path | None = None,
    images: Path | None = None,
    sigmas: Sequence[float] | float | None = None,
    confidence: float = 0.25,
    resamples: int = 200,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Measure keypoints against ground truth; see `eyebright.metrics.evaluate_keypoints`.

    Args:
        gt: a COCO file of bodies with keypoints.
        pred: predictions as COCO has them; or
        model: what looks at the pictures.
        home: see `eyebright.media.home.home_dir`.
        images: where these are; None: beside the truth.
        sigmas: how far labels stray, one number or one a point; None: COCO's 17.
        confidence: least score of a body for `worst` and `per_point`, in (0, 1].
        resamples: draws for the intervals; 0: none.
        worst: draw the worst pictures into this folder, the truth green and what was found red.

    Raises:
        InputError: options that do not go together, or a model that finds no poses.
        EyebrightError: a file cannot be read.
    """
    from eyebright.interop import read_coco, read_predictions
    from eyebright.metrics import evaluate_keypoints

    check_choice("pose eval", pred, model, resamples, confidence)
    truth = read_coco(gt, keypoints=True)
    folder = images or gt.parent
    predicted = (
        read_predictions(pred, truth, keypoints=True)
        if pred is not None
        else _looked_at(str(model), home, truth, folder)
    )
    figures = evaluate_keypoints(truth, predicted, sigmas=sigmas, resamples=resamples, confidence=confidence)
    if worst is not None:
        draw_worst(worst, figures["worst"], truth, predicted, folder, confidence=confidence)
    return figures


def opened_pose(
    name: str, confidence: float | None, home: Path | None = None
) -> tuple[ObjectDetector | PoseEstimator, tuple[str, ...]]:
    """Return a model that finds poses, and the names of its classes: `person` where its card names none.

    Raises:
        InputError: a model for something else, or a confidence for one that always answers.
    """
    from eyebright.models import ObjectDetector, PoseEstimator, load_model

    loaded = load_model(name, home=home)
    if isinstance(loaded, ObjectDetector):
        if confidence is not None:
            loaded = ObjectDetector(loaded.card, home=home, confidence=confidence)
        return loaded, loaded.labels or ("person",)
    if not isinstance(loaded, PoseEstimator):
        raise InputError(f"--model: {name} finds no poses; its card says task {loaded.card.task!r}")
    if confidence is not None:
        raise InputError(f"--conf: {name} answers with one body whatever is in the picture; leave it out")
    return loaded, ("person",)


def _looked_at(name: str, home: Path | None, truth: Annotations, folder: Path) -> Annotations:
    """Return the bodies that a model finds in the pictures of `truth`."""
    from eyebright.models import ObjectDetector
    from eyebright.pipeline.looking import find_poses

    loaded, names = opened_pose(name, None, home)
    if isinstance(loaded, ObjectDetector):
        loaded = ObjectDetector(loaded.card, home=home, confidence=LEAST)
    # a model of one kind of body need not call it as the truth does
    names = truth.labels if len(names) == len(truth.labels) == 1 else names

    class Looking:
        name, labels = loaded.card.name, names

        def __call__(self, frame: Frame) -> Detections:
            return find_poses(loaded, frame.image)[0]

    return predictions_of(Looking(), truth, folder)
