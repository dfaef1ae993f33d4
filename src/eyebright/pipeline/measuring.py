"""Objects found in pictures against ground truth: what `detect eval` and `propose --gt` measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eyebright.core.errors import InputError
from eyebright.core.types import Floats, Frame, Image
from eyebright.interop import AnnotatedImage, Annotations, read_coco, read_predictions, read_voc
from eyebright.pipeline.finders import Finder

_GREEN, _RED = (26, 160, 80), (214, 40, 40)
LEAST = 0.01
"""Least score of what a detector finds for a measure: average precision looks at the whole curve."""


def measure_detections(
    gt: Path,
    *,
    pred: Path | None = None,
    finder: Finder | None = None,
    images: Path | None = None,
    subset: str | None = None,
    rename: Sequence[str] = (),
    resamples: int = 200,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Measure detections against ground truth; see `eyebright.metrics.evaluate_detections`.

    Args:
        gt: a COCO file, or a folder of Pascal VOC.
        pred: predictions as COCO has them; or
        finder: what looks at the pictures, down to `LEAST`.
        images: where these are; None: beside the truth.
        subset: a list of VOC's `ImageSets/Main`.
        rename: `MODEL'S=TRUTH'S`, classes that the finder calls otherwise.
        resamples: draws for the intervals; 0: none.
        worst: draw the worst pictures into this folder, the truth green and what was found red.

    Raises:
        InputError: options that do not go together, or classes that have no name in common.
        EyebrightError: a file cannot be read.
    """
    from eyebright.metrics import evaluate_detections

    check_choice("detect eval", pred, finder, resamples)
    truth, folder = truth_of(gt, images, subset)
    if pred is not None:
        predicted = read_predictions(pred, truth)
    else:
        assert finder is not None
        predicted = predictions_of(finder, truth, folder, rename)
    figures = evaluate_detections(truth, predicted, resamples=resamples)
    if worst is not None:
        draw_worst(worst, figures["worst"], truth, predicted, folder)
    return figures


def measure_proposals(
    gt: Path, boxes: Callable[[Image], Floats], *, count: int, images: Path | None = None, subset: str | None = None
) -> dict[str, Any]:
    """Return the recall of proposed boxes (see `eyebright.metrics.proposal_recall`) at 10, 30, ... and `count` boxes.

    Args:
        gt: see `measure_detections`.
        boxes: what proposes at most `count` boxes for a picture.
        count: how many.
        images: see `measure_detections`.
        subset: see `measure_detections`.

    Raises:
        EyebrightError: a file cannot be read.
    """
    from eyebright.media import read_image
    from eyebright.metrics import proposal_recall

    truth, folder = truth_of(gt, images, subset)
    objects = [image.objects.xyxy[~image.crowd] for image in truth.images]
    proposals = [boxes(read_image(folder / image.name)) for image in truth.images]
    counts = [step for step in (10, 30, 100, 300, 1000) if step < count] + [count]
    return dict(proposal_recall(objects, proposals, counts=counts))


def check_choice(verb: str, pred: Path | None, looks: object, resamples: int, confidence: float = 1.0) -> None:
    """Raise `InputError` where predictions and a model are both given, or none, or a number is out of its range."""
    if (pred is None) == (looks is None):
        raise InputError(f"{verb}: expected either --pred FILE or --model NAME")
    if resamples < 0 or not 0 < confidence <= 1:
        raise InputError(f"{verb}: expected --resamples from 0 and --conf in (0, 1], got {resamples}, {confidence}")


def truth_of(path: Path, images: Path | None, subset: str | None) -> tuple[Annotations, Path]:
    """Return the ground truth, and the folder of its pictures."""
    if path.is_dir():
        beside = path / "JPEGImages"
        return read_voc(path, subset=subset), images or (beside if beside.is_dir() else path)
    if subset is not None:
        raise InputError("--set: is for a folder of Pascal VOC; a COCO file is one set")
    return read_coco(path), images or path.parent


def predictions_of(finder: Finder, truth: Annotations, folder: Path, rename: Sequence[str] = ()) -> Annotations:
    """Return what a detector finds in the pictures of `truth`, in its classes, matched by name."""
    from eyebright.media import read_image

    place = {name.lower(): row for row, name in enumerate(truth.labels)}
    other = dict(_renamed(text, finder.labels, truth.labels) for text in rename)
    mapped = np.array([place.get(other.get(name, name).lower(), -1) for name in finder.labels], dtype=np.int64)
    if not len(mapped) or (mapped < 0).all():
        raise InputError(
            f"{finder.name}: finds {', '.join(finder.labels[:5]) or 'nothing named'}, none of which the ground truth "
            f"has: {', '.join(truth.labels[:5])}"
        )
    out = []
    for number, image in enumerate(truth.images):
        picture = read_image(folder / image.name)
        found = finder(Frame(picture, number, float(number), image.name))
        class_ids = mapped[found.class_id]
        plain = dataclasses.replace(found, class_id=class_ids)[class_ids >= 0]
        out.append(AnnotatedImage(image.name, image.size, plain, np.zeros(len(plain), bool), image.number))
    return Annotations(truth.labels, tuple(out), truth.category_ids)


def _renamed(text: str, labels: Sequence[str], wanted: Sequence[str]) -> tuple[str, str]:
    name, _, other = text.partition("=")
    if name not in labels or other not in wanted:
        raise InputError(f"--rename: expected a class of the model, =, and one of the truth, got {text!r}")
    return name, other


def draw_worst(
    folder: Path,
    worst: Sequence[dict[str, Any]],
    truth: Annotations,
    predicted: Annotations,
    images: Path,
    *,
    confidence: float = 0.25,
) -> None:
    """Draw the worst pictures with the truth in green and what was found, surely enough, in red."""
    from eyebright.media import read_image, write_image
    from eyebright.viz import draw_detections

    places = {image.name: row for row, image in enumerate(truth.images)}
    folder.mkdir(parents=True, exist_ok=True)
    for rank, each in enumerate(worst, start=1):
        want, got = truth.images[places[each["image"]]].objects, predicted.images[places[each["image"]]].objects
        got = got[got.confidence >= confidence]
        picture = read_image(images / each["image"])
        picture = draw_detections(picture, want, names=False, colours=[_GREEN] * len(want))
        picture = draw_detections(picture, got, truth.labels, colours=[_RED] * len(got))
        write_image(folder / f"{rank:02d}_{Path(each['image']).stem}.jpg", picture)
