"""Many pictures and films looked at one after the other: where they come from, and the files that come out."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eyebright.core.errors import MediaError
from eyebright.core.types import Detections, Frame, Image
from eyebright.interop import AnnotatedImage, Annotations, annotated, write_coco, write_voc, write_yolo
from eyebright.pipeline.finders import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from eyebright.media import VideoSink

Numbers = npt.NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """One picture to look at, the name that its results go by, and whether it is a frame of a film or camera."""

    name: str
    frame: Frame
    video: bool


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is said of one picture.

    Attributes:
        facts: plain values.
        drawn: the picture with them drawn.
        numbers: a number a pixel `int (H, W)`; None: there is none, or it can be made of the objects (`numbers_of`).
        found: the objects; None: there are only pixels, or one answer for the whole.
    """

    facts: dict[str, Any]
    drawn: Image
    numbers: Numbers | None = None
    found: Detections | None = None


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Looker:
    """What looks at one picture after the other, under a name and with names of classes."""

    name: str
    labels: tuple[str, ...]
    answer: Callable[[Shot], Answer]


def shots(inputs: Sequence[str], on_problem: Callable[[object], None]) -> Iterator[Shot]:
    """Yield all pictures and frames; `on_problem` is called with what cannot be read.

    Args:
        inputs: what `eyebright.media.open_source` takes: pictures, folders, films, patterns, cameras, streams.
        on_problem: called with an error, whose text says which file it is.
    """
    from eyebright.media import open_source
    from eyebright.media.sources import FilesSource, FolderSource, VideoSource

    for spec in inputs:
        try:
            source = open_source(spec)
            if isinstance(source, FolderSource | FilesSource | VideoSource):
                source.on_problem = on_problem
            moving = not isinstance(source, FolderSource | FilesSource)
            for frame in source:
                path = Path(frame.source)
                if moving:
                    stem = Path(spec).stem if _is_video(Path(spec)) else "camera"
                    name = f"{stem}_{frame.index:06d}.jpg"
                else:
                    inside = Path(spec).is_dir() and path.is_relative_to(spec)
                    name = str(path.relative_to(spec)) if inside else path.name
                yield Shot(name, frame, moving)
        except MediaError as error:
            on_problem(error)


def look_at_all(
    taken: Iterator[Shot],
    looker: Looker,
    *,
    out: Path | None = None,
    masks: Path | None = None,
    coco: Path | None = None,
    yolo: Path | None = None,
    voc: Path | None = None,
    tell: Callable[[int], None] | None = None,
) -> list[dict[str, Any]]:
    """Look at pictures and write what was asked for.

    Args:
        taken: from `shots`.
        looker: what looks.
        out: a folder of drawn pictures, or a film when the name says so.
        masks: a folder of grey pictures, a number a pixel.
        coco: a file.
        yolo: a folder.
        voc: a folder.
        tell: called after each picture with how many are done. Whatever it raises ends the work.

    Returns:
        An entry a picture: `image`, `width`, `height`, of films `frame` and `time_s`, and the looker's facts.

    Raises:
        EyebrightError: a file cannot be written, or the looker refuses.
    """
    results: list[dict[str, Any]] = []
    images: list[AnnotatedImage] = []
    drawings = Drawings(out)
    with drawings.closing:
        for shot in taken:
            height, width = shot.frame.image.shape[:2]
            entry: dict[str, Any] = {"image": shot.name, "width": width, "height": height}
            if shot.video:
                entry |= {"frame": shot.frame.index, "time_s": round(shot.frame.time_s, 3)}
            answer = looker.answer(shot)
            results.append(entry | answer.facts)
            if masks is not None and (numbers := numbers_of(answer, (height, width))) is not None:
                write_map(masks / Path(shot.name).with_suffix(".png"), numbers)
            if answer.found is not None:
                images.append(annotated(shot.name, (height, width), answer.found))
            drawings.add(shot, answer.drawn)
            if tell is not None:
                tell(len(results))
    write_formats(images, looker.labels, coco=coco, yolo=yolo, voc=voc)
    return results


class Drawings:
    """Annotated pictures: a folder of them, or a film when the name says so; None: nothing is written."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        self.closing = contextlib.ExitStack()
        self._sink: VideoSink | None = None

    def add(self, shot: Shot, image: Image) -> None:
        """Take one annotated picture."""
        from eyebright.media import VideoSink, write_image

        if self.out is None:
            return
        if _is_video(self.out):
            if self._sink is None:
                self._sink = self.closing.enter_context(VideoSink(self.out))
            self._sink.write(dataclasses.replace(shot.frame, image=image))
            return
        target = self.out / Path(shot.name)
        target = target if target.suffix.lower() in (".jpg", ".jpeg", ".png") else target.with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, image)


def write_formats(
    images: Sequence[AnnotatedImage],
    labels: tuple[str, ...],
    *,
    coco: Path | None = None,
    yolo: Path | None = None,
    voc: Path | None = None,
) -> None:
    """Write what was found in the formats that were asked for; classes beyond `labels` are `class N`."""
    if not (coco or yolo or voc):
        return
    highest = max((int(image.objects.class_id.max(initial=-1)) for image in images), default=-1)
    named = labels + tuple(f"class {number}" for number in range(len(labels), highest + 1))
    given = Annotations(named, tuple(images))
    if coco is not None:
        write_coco(coco, given)
    if yolo is not None:
        write_yolo(yolo, given)
    if voc is not None:
        write_voc(voc, given)


def map_bytes(numbers: Numbers) -> bytes:
    """Return numbers from 0 `int (H, W)` as a grey PNG: of bytes where they fit, else of 16 bits (65 535 at most)."""
    import PIL.Image

    small = numbers.max(initial=0) < 256
    pixels = numbers.clip(0).astype(np.uint8) if small else numbers.clip(0, 65535).astype(np.uint16)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def write_map(path: Path, numbers: Numbers) -> None:
    """Write what `map_bytes` makes.

    Raises:
        MediaError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(map_bytes(numbers))
    except OSError as error:
        raise MediaError(f"{path}: cannot write the image: {error}") from error


def numbers_of(answer: Answer, size: tuple[int, int]) -> Numbers | None:
    """Return the map of an answer: its own, or its objects with masks from 1 by row, later rows on top, 0 elsewhere."""
    if answer.numbers is not None or answer.found is None or answer.found.masks is None:
        return answer.numbers
    masks = answer.found.masks
    numbers = np.zeros(size, dtype=np.min_scalar_type(len(answer.found)))  # huge pictures: as small as can be
    for row, (crop, (x, y)) in enumerate(zip(masks.crops, masks.origins, strict=True), start=1):
        numbers[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = row
    return numbers


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES
