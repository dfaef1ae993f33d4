"""What `detect eval` reads, shows and draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import typer

from eyebright.cli._image_files import table
from eyebright.core.errors import InputError
from eyebright.core.types import Frame
from eyebright.interop import AnnotatedImage, Annotations, read_coco, read_voc
from eyebright.pipeline.finders import Finder

_GREEN, _RED = (26, 160, 80), (214, 40, 40)


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


def show(figures: dict[str, Any]) -> None:
    """Print the figures of an evaluation."""
    intervals = figures.get("intervals", {})
    for name in ("AP", "AP50", "AP75", "AR", "AP_small", "AP_medium", "AP_large"):
        low_high = f"  [{intervals[name][0]:.3f}, {intervals[name][1]:.3f}]" if name in intervals else ""
        typer.echo(f"{name:10s} {_figure(figures[name])}{low_high}")
    rows = [
        [name, _figure(each["AP"]), _figure(each["AP50"]), _figure(each["AR"]), str(each["objects"])]
        for name, each in figures["per_class"].items()
    ]
    table(["class", "AP", "AP50", "AR", "objects"], rows)
    show_errors(figures)


def show_errors(figures: dict[str, Any]) -> None:
    """Print the kinds of error and the worst pictures, of objects or of class maps."""
    errors = figures["errors"]
    if "delta_AP50" in errors:
        kinds = errors["delta_AP50"]
        typer.echo("AP50 lost by kind of error: " + ", ".join(f"{name} {_figure(kinds[name])}" for name in kinds))
        for each in figures["worst"][:3]:
            typer.echo(f"worst: {each['image']}: {each['missed']} missed, {each['wrong']} wrong, {each['found']} found")
        return
    typer.echo(f"wrong pixels: {errors['edge']:.1%} near an edge, {errors['inside']:.1%} elsewhere")
    for each in errors["confused"][:3]:
        typer.echo(f"{each['truth']} taken for {each['taken_for']}: {each['part']:.1%}")
    for each in figures["worst"][:3]:
        typer.echo(f"worst: {each['image']}: {each['wrong']:.1%} of its pixels wrong, mIoU {each['mIoU']:.3f}")


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


def _figure(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
