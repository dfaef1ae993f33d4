"""`eyebright faces people, rename, merge, split, not, forget, purge, export, import, migrate, audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eyebright.cli._faces_gallery import (
    DetectorOption,
    EmbedderOption,
    StoreOption,
    note,
    recognizer,
    show_report,
)
from eyebright.cli._image_files import JsonOption, print_json

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A person of the gallery.")]


def people(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="List this person's faces.")] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="List the kept faces of unknown people.")] = False,
    chips: Annotated[Path | None, typer.Option("--chips", metavar="DIR", help="Write the listed faces as PNG.")] = None,
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List people, or the faces of one."""
    from eyebright.core.errors import InputError
    from eyebright.media import encode_image

    faces = recognizer(context, store, embedder=embedder)
    if name is None and not unknown:
        if chips is not None:
            raise InputError("people: expected NAME or --unknown beside --chips")
        found = faces.people()
        if as_json:
            print_json([person._asdict() for person in found])
            return
        for person in found:
            typer.echo(f"{person.name}\t{person.pictures} pictures\tsince {person.since}")
        if not found:
            typer.echo("nobody is enrolled; eyebright faces enroll NAME IMAGES...")
        return
    kept = faces.faces(None if unknown else name)
    if chips is not None:
        chips.mkdir(parents=True, exist_ok=True)
        for face in kept:
            (chips / f"{face.id}.png").write_bytes(encode_image(faces.chip(face.id), "png"))
    if as_json:
        print_json([face._asdict() for face in kept])
    for face in [] if as_json else kept:
        typer.echo(f"{face.id}\t{face.source}\t{face.seen_at}")


def rename(
    context: typer.Context,
    name: NameArgument,
    to: Annotated[str, typer.Argument(metavar="NEW")],
    store: StoreOption = None,
) -> None:
    """Give a person another name."""
    recognizer(context, store).rename(name, to)
    typer.echo(f"{name} is now {to}")


def merge(
    context: typer.Context,
    name: NameArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The person that stays.")],
    store: StoreOption = None,
) -> None:
    """Make one person of two."""
    moved = recognizer(context, store).merge(name, into)
    typer.echo(f"{moved} faces of {name} are now of {into}")


def split(
    context: typer.Context,
    to: Annotated[str, typer.Argument(metavar="TO", help="Who gets the faces; made when new.")],
    ids: Annotated[list[str], typer.Argument(metavar="FACE...", help="Ids, as `faces people NAME` lists them.")],
    store: StoreOption = None,
) -> None:
    """Move faces to another person; also names unknown faces."""
    moved = recognizer(context, store).split(ids, to)
    typer.echo(f"{moved} faces are now of {to}")


def reject(
    context: typer.Context,
    name: NameArgument,
    faces: Annotated[list[str], typer.Argument(metavar="FACE|IMAGE...", help="Ids of kept faces, or pictures.")],
    detector: DetectorOption = "mtcnn",
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
) -> None:
    """Remember: these are not NAME."""
    gallery = recognizer(context, store, detector=detector, embedder=embedder)
    for face in faces:
        gallery.reject(face, name)
    typer.echo(f"remembered: {len(faces)} faces are not {name}")


def forget(context: typer.Context, name: NameArgument, store: StoreOption = None) -> None:
    """Remove a person: name, vectors and pictures, from every file."""
    gone = recognizer(context, store).forget(name)
    typer.echo(f"{name} is forgotten: {gone} faces removed")


def purge(
    context: typer.Context,
    unknown_after: Annotated[
        str | None,
        typer.Option("--unknown-after", metavar="AGE", help="Remove unknown faces kept longer ago: 30d, 12h."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Remove old faces of unknown people, and all bytes of what was removed."""
    from eyebright.video import parse_age

    gone = recognizer(context, store).purge(
        None if unknown_after is None else parse_age(unknown_after, "--unknown-after")
    )
    typer.echo(f"{gone} unknown faces removed")


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip")],
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
) -> None:
    """Write the gallery into one file; it is not encrypted."""
    count = recognizer(context, store, embedder=embedder).export(file)
    typer.echo(f"{count} faces written to {file}")
    note("the file is not encrypted")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip")],
    embedder: EmbedderOption = "dlib_resnet",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add what `export` wrote."""
    show_report(recognizer(context, store, embedder=embedder).import_(file), as_json)


def migrate(
    context: typer.Context,
    embedder: Annotated[
        str, typer.Argument(metavar="EMBEDDER", help="Model of the catalogue, or path of an ONNX file.")
    ],
    current: Annotated[str, typer.Option("--from", help="The embedder of the gallery so far.")] = "dlib_resnet",
    store: StoreOption = None,
) -> None:
    """Make all vectors anew from the kept face pictures, with another embedder."""
    count = recognizer(context, store, embedder=current).migrate(embedder)
    typer.echo(f"{count} faces are now of {embedder}")


def audit(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Print what was done when; people stand there by random ids."""
    entries = recognizer(context, store).audit()
    if as_json:
        print_json(entries)
    for entry in [] if as_json else entries:
        typer.echo(f"{entry['at']}\t{entry['action']}\t{entry['person'] or '-'}\t{entry['count']}")
