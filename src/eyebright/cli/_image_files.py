"""What the image verbs share: pictures, folders and videos in, the same kinds out, damaged files at the end."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.core.errors import MediaError, QueryError

if TYPE_CHECKING:
    from eyebright.core.types import Frame
    from eyebright.imaging import Picture

Inputs = Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures and folders of pictures.")]
InputsOut = Annotated[
    list[Path],
    typer.Argument(
        metavar="IN... OUT", help="Pictures, folders or videos; OUT is a file for one picture or video, else a folder."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

FAILURES = (MediaError, QueryError, OSError)
"""What is the fault of one file, so that the others are still done; a wrong option is everybody's."""

_VIDEOS = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"}
_WRITABLE = {".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One input and where its result goes."""

    source: Path
    target: Path


class Problems:
    """Collects what could not be read while the rest is done."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, reason: object) -> None:
        """Take one problem, told in one line."""
        self.lines.append(" ".join(str(reason).split("\n")))

    def finish(self, done: int) -> None:
        """Print all problems on stderr; leave with exit code 2 when nothing was done at all."""
        for line in self.lines:
            typer.echo(f"left out: {line}", err=True)
        if not done:
            raise typer.Exit(2)


def is_video(path: Path) -> bool:
    """Say whether a file's name is that of a video."""
    return path.suffix.lower() in _VIDEOS


def find(inputs: Iterable[Path], problems: Problems) -> list[tuple[Path, Path]]:
    """Return every input file with its name in an output folder (folders keep their structure)."""
    from eyebright.media import list_images

    found: list[tuple[Path, Path]] = []
    for path in inputs:
        if not path.is_dir():
            found.append((path, Path(path.name)))
            continue
        try:
            listing = list_images(path)
        except MediaError as error:
            problems.add(error)
            continue
        for problem in listing.problems:
            problems.add(problem)
        if not listing.paths:
            problems.add(f"{path}: no pictures in this folder")
        found += [(file, file.relative_to(path)) for file in listing.paths]
    return found


def read(path: Path) -> Picture:
    """Read a picture: grey files as `(H, W)`, all others as RGB `(H, W, 3)`."""
    from eyebright.media import image_info, read_image

    image = read_image(path)
    mode = image_info(path).mode
    return image[:, :, 0].copy() if mode in ("1", "F", "I", "L") or mode.startswith("I;") else image


def write(path: Path, picture: Picture) -> None:
    """Write a picture whole or not at all; grey ones become grey files."""
    from eyebright.media import display_path, write_image

    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.ndim == 3 or path.suffix.lower() not in _WRITABLE:
        write_image(path, picture)
        return
    import PIL.Image

    from eyebright.media.images import publish

    data = io.BytesIO()
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(suffix := path.suffix.lower()[1:], suffix.upper())
    try:
        PIL.Image.fromarray(picture).save(data, kind, **({"quality": 90} if kind in ("AVIF", "JPEG", "WEBP") else {}))
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data.getvalue())
        publish(Path(temporary), path)
    except (OSError, ValueError) as error:
        raise MediaError(f"{display_path(path)}: cannot write the image: {error}") from error


def plan(paths: list[Path], problems: Problems, *, folder: bool = False) -> list[Job]:
    """Split `IN... OUT` and say where each result goes; `folder` makes OUT a folder in any case."""
    from eyebright.core.errors import InputError

    if len(paths) < 2:
        raise InputError("expected at least one input and, last, where the result goes: IN... OUT")
    *inputs, out = paths
    found = find(inputs, problems)
    single = len(inputs) == 1 and not inputs[0].is_dir()
    if single and not folder and not out.is_dir() and out.suffix:
        if is_video(inputs[0]) and not is_video(out):
            raise InputError(f"{out}: a video gives a video; name it .mp4, .webm or .avi, or name a folder")
        return [Job(inputs[0], out)]
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder for the results of several inputs, got a file")
    jobs, taken = [], dict[Path, Path]()
    for source, name in found:
        target = out / _named(name)
        if target in taken:
            raise InputError(f"{source} and {taken[target]} would both become {target}; give them folders of their own")
        taken[target] = source
        jobs.append(Job(source, target))
    return jobs


def each(paths: list[Path], change: Callable[[Picture], Picture]) -> None:
    """Apply `change` to every picture, and to every frame of every video."""
    problems = Problems()
    done = 0
    for job in track(plan(paths, problems)):
        try:
            if is_video(job.source):
                remake(job, lambda frames: (dataclasses.replace(f, image=change(f.image)) for f in frames), problems)
            else:
                write(job.target, change(read(job.source)))
            done += 1
        except FAILURES as error:
            problems.add(_located(job.source, error))
    if done > 1:
        typer.echo(f"{done} done")
    problems.finish(done)


def remake(job: Job, change: Callable[[Iterator[Frame]], Iterable[Frame]], problems: Problems) -> None:
    """Write a video of the frames that `change` makes of another video's, at its rate."""
    import numpy as np

    from eyebright.media import VideoSink, VideoSource

    job.target.parent.mkdir(parents=True, exist_ok=True)
    with VideoSink(job.target) as sink:
        for frame in change(iter(VideoSource(job.source, on_problem=problems.add))):
            picture = frame.image
            colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
            sink.write(dataclasses.replace(frame, image=colour))


def track(jobs: list[Any]) -> Iterator[Any]:
    """Yield the jobs behind a progress bar; nothing is drawn for one, or when stderr is no terminal."""
    if len(jobs) < 2 or not sys.stderr.isatty():
        yield from jobs
        return
    from rich.console import Console
    from rich.progress import track as bar

    yield from bar(jobs, "Working", console=Console(stderr=True))


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table; the first column is text, the others numbers."""
    from rich.console import Console
    from rich.table import Table

    out = Table(box=None, pad_edge=False)
    for place, name in enumerate(columns):
        out.add_column(name, justify="right" if place else "left", no_wrap=bool(place), overflow="fold")
    for row in rows:
        out.add_row(*row)
    console = Console()
    # a pipe has no width; nothing must be cut off there
    console.print(out) if console.is_terminal else Console(width=200).print(out)


def print_json(facts: Any) -> None:
    """Print facts as JSON."""
    typer.echo(json.dumps(facts, indent=2))


def _located(source: Path, error: Exception) -> str:
    return str(error) if str(source) in str(error) else f"{source}: {error}"


def _named(name: Path) -> Path:
    if is_video(name):
        return name if name.suffix.lower() in (".mp4", ".webm", ".avi") else name.with_suffix(name.suffix + ".mp4")
    return name if name.suffix.lower() in _WRITABLE else name.with_suffix(name.suffix + ".png")
