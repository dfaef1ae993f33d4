"""`eyebright faces cluster, name, blur`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eyebright.cli._faces_gallery import (
    DetectorOption,
    EmbedderOption,
    MinFaceOption,
    StoreOption,
    recognizer,
)
from eyebright.cli._image_files import JsonOption, print_json


def cluster(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="Pictures, in any depth.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Write the groups as one picture.")
    ] = None,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 40,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Group the faces of unknown people of a folder, and those kept before; `faces name` names a group."""
    from eyebright.media import encode_image

    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    groups, problems = faces.cluster(folder)
    if sheet is not None and groups:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        sheet.write_bytes(encode_image(faces.group_sheet(groups), sheet.suffix or ".png"))
    if as_json:
        print_json([{"id": group.id, "faces": [face._asdict() for face in group.faces]} for group in groups])
    for group in [] if as_json else groups:
        shown = ", ".join(f"{face.id} ({Path(face.source).name})" for face in group.faces[:4])
        more = f" and {len(group.faces) - 4} more" if len(group.faces) > 4 else ""
        typer.echo(f"{group.id}\t{len(group.faces)} faces\t{shown}{more}")
    if not groups and not as_json:
        typer.echo("no faces of unknown people")
    for problem in problems:
        typer.echo(f"eyebright: {problem}", err=True)


def name(
    context: typer.Context,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Id of a group, as `faces cluster` prints it.")],
    person: Annotated[str, typer.Argument(metavar="NAME", help="Known or new.")],
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
) -> None:
    """Give a group of unknown faces to a person."""
    count = recognizer(context, store, embedder=embedder).name(group, person)
    typer.echo(f"{count} faces are now of {person}")


def blur(
    context: typer.Context,
    paths: Annotated[
        list[Path], typer.Argument(metavar="IN... OUT", help="Pictures, folders or videos; then where to.")
    ],
    unknown_only: Annotated[
        bool, typer.Option("--unknown-only", help="Leave people that are enrolled as they are.")
    ] = False,
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    min_face: MinFaceOption = 24,
    store: StoreOption = None,
) -> None:
    """Make faces unrecognisable in photos and video; faces that are too small or turned away may be missed: look."""
    import numpy as np

    from eyebright.cli._image_files import FAILURES, Problems, is_video, plan, read, remake, track, write

    faces = recognizer(context, store, detector=detector, embedder=embedder, min_face=min_face)
    problems, done = Problems(), 0
    for job in track(plan(paths, problems)):
        try:
            if is_video(job.source):
                remake(job, lambda frames: faces.blur_video(frames, unknown_only=unknown_only), problems)
            else:
                picture = read(job.source)
                colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
                write(job.target, faces.blur(colour, unknown_only=unknown_only))
            done += 1
        except FAILURES as error:
            problems.add(error)
    problems.finish(done)
