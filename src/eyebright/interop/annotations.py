"""What the annotation formats share: pictures by name, with their objects and classes."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import InputError
from eyebright.core.types import Bools, Detections


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class AnnotatedImage:
    """One picture and what is in it.

    Attributes:
        name: its file name as the annotations give it.
        size: height and width in pixels.
        objects: ground truth has confidence 1.
        crowd: `bool (N,)`: the box stands for many objects, which count neither as found nor as missed.
        number: the number that a COCO file gives it.
        areas: `float64 (N,)` square pixels that a COCO file gives its objects, by which keypoints are compared; None:
            those of their boxes.
    """

    name: str
    size: tuple[int, int]
    objects: Detections
    crowd: Bools
    number: int = 0
    areas: npt.NDArray[np.float64] | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """A set of pictures with one list of classes.

    Attributes:
        labels: class names in order of `class_id`.
        images: every picture of the set, those without objects too.
        category_ids: the number that a COCO file gives each class.
    """

    labels: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    category_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for image in self.images:
            if image.name in seen:
                raise InputError(f"annotations: two images are named {image.name!r:.120}; give each its own name")
            seen.add(image.name)


def annotated(name: str, size: tuple[int, int], objects: Detections, number: int = 0) -> AnnotatedImage:
    """Return one picture whose objects are no crowds."""
    return AnnotatedImage(name, size, objects, np.zeros(len(objects), dtype=bool), number)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the annotations: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: expected JSON: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, its folder made when missing.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot write the annotations: {error.strerror}") from error
