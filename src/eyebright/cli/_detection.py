"""What `detect`, `segment`, `pose` and `depth` share: inputs, the choice of a detector, and files out."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_files import Problems, is_video
from eyebright.core.errors import MediaError

if TYPE_CHECKING:
    from eyebright.core.types import Frame
    from eyebright.interop import AnnotatedImage

Inputs = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Pictures, folders, videos, patterns, camera:N or rtsp://...")
]
Confidence = Annotated[float | None, typer.Option("--conf", help="Least score, above 0 and at most 1.")]
Classes = Annotated[str | None, typer.Option("--classes", metavar="A,B", help="Only these, by name or number.")]
Roi = Annotated[
    str | None, typer.Option("--roi", metavar="x1,y1,x2,y2", help="Look only in this part of the picture, in pixels.")
]


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """One picture to look at, and the name that its results go by."""

    name: str
    frame: Frame
    video: bool


def shots(inputs: Sequence[str], problems: Problems) -> Iterator[Shot]:
    """Yield all pictures and frames; what cannot be read is told at the end."""
    from eyebright.media import open_source
    from eyebright.media.sources import FilesSource, FolderSource, VideoSource

    for spec in inputs:
        try:
            source = open_source(spec)
            if isinstance(source, FolderSource | FilesSource | VideoSource):
                source.on_problem = problems.add
            moving = not isinstance(source, FolderSource | FilesSource)
            for frame in source:
                path = Path(frame.source)
                if moving:
                    stem = Path(spec).stem if is_video(Path(spec)) else "camera"
                    name = f"{stem}_{frame.index:06d}.jpg"
                else:
                    name = (
                        str(path.relative_to(spec)) if Path(spec).is_dir() and path.is_relative_to(spec) else path.name
                    )
                yield Shot(name, frame, moving)
        except MediaError as error:
            problems.add(error)


class Drawings:
    """Annotated pictures: a folder of them, or a video when the name says so."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        self.sink: Any = None
        self.closing = contextlib.ExitStack()

    def add(self, shot: Shot, image: Any) -> None:
        """Take one annotated picture."""
        from eyebright.media import VideoSink, write_image

        if self.out is None:
            return
        if is_video(self.out):
            if self.sink is None:
                self.sink = self.closing.enter_context(VideoSink(self.out))
            self.sink.write(dataclasses.replace(shot.frame, image=image))
            return
        target = self.out / Path(shot.name)
        target = target if target.suffix.lower() in (".jpg", ".jpeg", ".png") else target.with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, image)


def write_formats(
    images: Sequence[AnnotatedImage], labels: tuple[str, ...], coco: Path | None, yolo: Path | None, voc: Path | None
) -> None:
    """Write what was found in the formats that were asked for."""
    from eyebright.interop import Annotations, write_coco, write_voc, write_yolo

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
