"""What `segment run` segments with: a model, or a method that needs none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyebright.cli._detection import Shot
from eyebright.cli.models import given_home
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import typer

    from eyebright.core.types import Detections, Image

METHODS = ("grabcut", "watershed", "slic")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Facts, the picture drawn, a number a pixel (if there is one), and objects with masks (if there are any)."""

    facts: dict[str, Any]
    drawn: Image
    numbers: npt.NDArray[np.integer[Any]] | None
    found: Detections | None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """What segments one picture after the other, under a name and with names of classes."""

    name: str
    labels: tuple[str, ...]
    answer: Callable[[Shot], Answer]


def opened(
    context: typer.Context,
    inputs: list[str],
    *,
    model: str | None,
    method: str | None,
    box: Sequence[str] | None,
    boxes: Path | None,
    count: int,
    confidence: float | None,
    roi: str | None = None,
    classes: str | None = None,
    tiles: int | None = None,
    overlap: float = 0.2,
    draw: bool = True,
) -> Segmenter:
    """Return what the options ask for.

    Raises:
        InputError: options that do not go together.
        ModelError: no such model.
    """
    from eyebright.pipeline.finders import box_of, class_ids, find

    part = None if roi is None else box_of(roi)
    if method is None:
        if box or boxes:
            raise InputError("--box and --boxes are for --method grabcut")
        how = {"roi": part, "tiles": tiles, "overlap": overlap, "draw": draw}
        return _model(context, model or "pphumanseg", confidence, classes, how)
    if method not in METHODS:
        raise InputError(f"--method: expected {', '.join(METHODS)}, got {method!r:.80}")
    if tiles is not None:
        raise InputError("--tiles: is for models that segment; --method looks at the whole picture")
    if (roi or classes) and (method != "grabcut" or box or boxes):
        raise InputError("--roi and --classes choose among what a model finds; --method needs a --model with them")
    if method != "grabcut":
        if box or boxes or model is not None:
            raise InputError(f"--method {method}: cuts the whole picture; it takes no --box, --boxes and --model")
        return _cutter(method, (), count, None)
    if sum((bool(box), boxes is not None, model is not None)) > 1:
        raise InputError("--method grabcut: expected boxes from one of --box, --boxes and --model")
    if box:
        from eyebright.core.types import Detections

        given = [box_of(text) for text in box]
        fixed = Detections([list(b) for b in given], [1.0] * len(given), [0] * len(given))  # type: ignore[arg-type]  # lists become columns
        return _cutter(method, ("object",), count, lambda _: fixed)
    if boxes is not None:
        from eyebright.core.types import Detections
        from eyebright.interop import read_coco

        truth = read_coco(boxes)
        by_name = {image.name: image.objects for image in truth.images}
        return _cutter(method, truth.labels, count, lambda shot: by_name.get(shot.name, Detections.empty()))
    from eyebright.cli._finders import finder_for

    finder = finder_for(model or "auto", inputs, home=given_home(context), confidence=confidence)
    wanted = class_ids(classes, finder.labels)
    return _cutter(method, finder.labels, count, lambda shot: find(finder, shot.frame, part, wanted))


def write_map(path: Path, numbers: npt.NDArray[np.integer[Any]]) -> None:
    """Write numbers from 0 as a grey picture: of bytes where they fit, else of 16 bits (65 535 at most)."""
    import numpy as np
    import PIL.Image

    from eyebright.cli._image_files import write
    from eyebright.core.errors import MediaError

    if numbers.max() < 256:
        write(path, numbers.clip(0).astype(np.uint8))
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(numbers.clip(0, 65535).astype(np.uint16)).save(path)
    except OSError as error:
        raise MediaError(f"{path}: cannot write the image: {error}") from error


def _model(
    context: typer.Context, name: str, confidence: float | None, classes: str | None, how: dict[str, Any]
) -> Segmenter:
    from eyebright.models import ObjectDetector, SemanticSegmenter, load_model
    from eyebright.pipeline.finders import class_ids

    loaded = load_model(name, home=given_home(context))
    if isinstance(loaded, ObjectDetector):
        detector = loaded
        if confidence is not None:
            detector = ObjectDetector(loaded.card, home=given_home(context), confidence=confidence)
        wanted = class_ids(classes, detector.labels)
        return Segmenter(loaded.card.name, detector.labels, lambda shot: _looked(detector, shot, wanted, how))
    if not isinstance(loaded, SemanticSegmenter):
        raise InputError(f"--model: {name} does not segment; its card says task {loaded.card.task!r}")
    if confidence is not None:
        raise InputError(f"--conf: {name} names each pixel and has no scores; leave it out")
    wanted = class_ids(classes, loaded.labels)
    return Segmenter(loaded.card.name, (), lambda shot: _looked(loaded, shot, wanted, how))


def _looked(model: Any, shot: Shot, wanted: set[int] | None, how: dict[str, Any]) -> Answer:
    from eyebright.core.types import Detections
    from eyebright.pipeline.looking import segment_picture

    facts, drawn, answer = segment_picture(model, shot.frame.image, wanted=wanted, **how)
    if isinstance(answer, Detections):
        return Answer(facts, drawn, None, answer)
    return Answer(facts, drawn, answer.class_ids, None)


def _cutter(method: str, labels: tuple[str, ...], count: int, boxes: Callable[[Shot], Detections] | None) -> Segmenter:
    from eyebright.pipeline.cutting import cut_picture

    def answer(shot: Shot) -> Answer:
        given = None if boxes is None else boxes(shot)
        cut = cut_picture(shot.frame.image, method, boxes=given, labels=labels, count=count)  # type: ignore[arg-type]  # one of METHODS
        return Answer(cut.facts, cut.drawn, cut.labels, cut.found)

    return Segmenter(method, labels, answer)
