"""Segments against ground truth: what `segment eval` measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyebright.core.errors import InputError
from eyebright.pipeline.measuring import LEAST, check_choice, draw_worst, predictions_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from eyebright.core.types import Detections, Frame
    from eyebright.interop import Annotations

    ClassMap = npt.NDArray[np.integer[Any]]


def measure_segments(
    gt: Path,
    *,
    pred: Path | None = None,
    model: str | None = None,
    home: Path | None = None,
    images: Path | None = None,
    labels: str | None = None,
    ignore: int = 255,
    confidence: float = 0.5,
    resamples: int = 200,
    worst: Path | None = None,
) -> dict[str, Any]:
    """Measure objects with masks (`metrics.evaluate_masks`) or class maps (`metrics.ClassMapMetric`).

    Args:
        gt: a COCO file of objects with masks, or a folder of class maps.
        pred: the same, predicted; or
        model: what looks at the pictures: an instance model for objects, a semantic one for class maps.
        home: see `eyebright.media.home.home_dir`.
        images: where the pictures are; None: beside a COCO file.
        labels: names of the classes of maps from 0, with commas between them.
        ignore: pixels of this class in the truth do not count.
        confidence: least score of an object for panoptic quality and mIoU, in (0, 1].
        resamples: draws for the intervals; 0: none.
        worst: draw the worst pictures into this folder.

    Raises:
        InputError: options that do not go together.
        EyebrightError: a file cannot be read.
    """
    check_choice("segment eval", pred, model, resamples, confidence)
    if pred is not None and gt.is_dir() != pred.is_dir():
        raise InputError("segment eval: expected two COCO files, or two folders of class maps")
    if gt.is_dir():
        return _of_maps(
            gt, pred, model=model, home=home, images=images, labels=labels, ignore=ignore, resamples=resamples,
            worst=worst,
        )  # fmt: skip
    if labels is not None:
        raise InputError("--labels: is for folders of class maps; a COCO file names its classes")
    return _of_objects(
        gt, pred, model=model, home=home, images=images or gt.parent, conf=confidence, resamples=resamples, worst=worst
    )


def _of_objects(
    gt: Path,
    pred: Path | None,
    *,
    model: str | None,
    home: Path | None,
    images: Path,
    conf: float,
    resamples: int,
    worst: Path | None,
) -> dict[str, Any]:
    from eyebright.interop import read_coco, read_predictions
    from eyebright.metrics import evaluate_masks

    objects = read_coco(gt, masks=True)
    found = (
        read_predictions(pred, objects, masks=True)
        if pred is not None
        else _looked_at(str(model), home, objects, images)
    )
    figures = evaluate_masks(objects, found, resamples=resamples, confidence=conf)
    if worst is not None:
        draw_worst(worst, figures["worst"], objects, found, images, confidence=conf)
    return figures


def _of_maps(
    gt: Path,
    pred: Path | None,
    *,
    model: str | None,
    home: Path | None,
    images: Path | None,
    labels: str | None,
    ignore: int,
    resamples: int,
    worst: Path | None,
) -> dict[str, Any]:
    from eyebright.metrics import ClassMapMetric

    if pred is None and images is None:
        raise InputError("segment eval: --model needs --images DIR, the pictures that the class maps are of")
    truth = _by_name(gt)
    if not truth:
        raise InputError(f"{gt}: no class maps in this folder")
    pictures = {} if images is None else _by_name(images)
    named: Sequence[str] | None = None
    made: Callable[[Path], ClassMap] = _map
    if pred is not None:
        paths = _paired(truth, gt, pred)
    else:
        paths = {name: _picture(pictures, name, images) for name in truth}
        made, named = _naming(str(model), home)

    def found(name: Path) -> ClassMap:
        return made(paths[name])

    names = [name.strip() for name in labels.split(",")] if labels else named or None
    metric = ClassMapMetric(names, ignore=ignore, resamples=resamples)
    for name in sorted(truth):  # one pair of maps is held at a time
        metric.update(_map(truth[name]), found(name), str(name))
    figures = metric.compute()
    if worst is not None:
        _draw_wrong(worst, figures["worst"], truth, found, pictures, ignore)
    return figures


def _draw_wrong(
    folder: Path,
    rows: list[dict[str, Any]],
    truth: dict[Path, Path],
    found: Callable[[Path], ClassMap],
    pictures: dict[Path, Path],
    ignore: int,
) -> None:
    import numpy as np

    from eyebright.media import read_image, write_image
    from eyebright.viz import draw_map_errors

    folder.mkdir(parents=True, exist_ok=True)
    for rank, row in enumerate(rows, start=1):
        name = Path(row["image"])
        given = _map(truth[name])
        picture = read_image(pictures[name]) if name in pictures else np.full((*given.shape, 3), 235, np.uint8)
        drawn = draw_map_errors(picture, given, found(name), ignore=ignore)
        write_image(folder / f"{rank:02d}_{name.name}.png", drawn)


def _naming(name: str, home: Path | None) -> tuple[Callable[[Path], ClassMap], tuple[str, ...]]:
    """Return what makes the class map of a picture by a semantic model, and its names of the classes."""
    from eyebright.media import read_image
    from eyebright.models import SemanticSegmenter, load_model

    loaded = load_model(name, home=home)
    if not isinstance(loaded, SemanticSegmenter):
        raise InputError(f"--model: {name} names no pixels; its card says task {loaded.card.task!r}")
    return lambda path: loaded.segment([read_image(path)])[0].class_ids, loaded.labels


def _looked_at(name: str, home: Path | None, truth: Annotations, folder: Path) -> Annotations:
    """Return what an instance model cuts out of the pictures of `truth`."""
    from eyebright.models import ObjectDetector, load_model

    loaded = load_model(name, home=home)
    if not isinstance(loaded, ObjectDetector):
        raise InputError(f"--model: {name} cuts out no objects; its card says task {loaded.card.task!r}")
    model = ObjectDetector(loaded.card, home=home, confidence=LEAST)

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


def _paired(truth: dict[Path, Path], gt: Path, pred: Path) -> dict[Path, Path]:
    """Return the maps of `pred`, which must have the names of those of `gt`."""
    predicted = _by_name(pred)
    for one, other, folder in ((truth, predicted, pred), (predicted, truth, gt)):
        lone = sorted(set(one) - set(other))
        if lone:
            raise InputError(f"{one[lone[0]]}: has no map of its name in {folder}")
    return predicted


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
            numbers = np.asarray(image)
            return numbers.astype(np.uint8) if numbers.dtype == np.bool_ else numbers
    except OSError as error:
        raise InputError(f"{path}: cannot read the class map: {error}") from error
