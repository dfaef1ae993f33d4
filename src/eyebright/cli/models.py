"""`eyebright models`: what models there are, what they cost and allow, and getting them onto this machine."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eyebright.models import ModelCard, Status

app = typer.Typer(no_args_is_help=True, help="List, show, fetch and check models.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[list[str] | None, typer.Argument(help="Names of the catalogue, or paths of ONNX files.")]


def given_home(context: typer.Context) -> Path | None:
    """Return the folder of the global `--home`, None when it was not given."""
    home = context.find_root().params.get("home")
    return Path(home) if home else None


@app.command("list")
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List the catalogue: task, licence, size, source, and what is already here."""
    from eyebright.models import all_cards, status

    found = [status(card, home=given_home(context)) for card in all_cards()]
    if as_json:
        typer.echo(json.dumps([_facts(item) for item in found], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("name", "task", "licence", "size", "source", "here"):
        table.add_column(name, justify="right" if name == "size" else "left", no_wrap=True)
    for item in found:
        card = item.card
        here = "yes" if item.state == "present" else "no"
        table.add_row(card.name, card.task, card.licence, _size(card), card.source, here)
    # a pipe has no width; nothing must be cut off there
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the catalogue, or path of an ONNX file.")],
    as_json: Json = False,
) -> None:
    """Show the whole card of one model and where its file is."""
    from eyebright.models import get_card, status

    item = status(get_card(name), home=given_home(context))
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(item.card), **_facts(item)}, indent=2))
        return
    for key, value in {**dataclasses.asdict(item.card), "state": item.state, "path": item.path}.items():
        if key == "sha256" and value is None:
            value = "unverified: locked at the first download" + (f", here {item.expected}" if item.expected else "")
        if isinstance(value, tuple):
            value = ", ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
        if value != "":
            typer.echo(f"{key:17} {value:.6g}" if isinstance(value, float) else f"{key:17} {value}")


@app.command()
def pull(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Names of the catalogue.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIR", help="Copy weights and card there too, a home for a machine without network."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build or download models; verified by SHA-256, the licence shown before a download."""
    from eyebright.models import copy_to, file_sha256, get_card, resolve

    cards = [get_card(name) for name in names]
    home, done = given_home(context), []
    for card in cards:
        path = resolve(card, home=home, repair=True)
        copy = copy_to(card, to, home=home) if to else None
        done.append({"name": card.name, "path": str(path), "sha256": file_sha256(path), "copy": copy and str(copy)})
        if not as_json:
            typer.echo(f"{card.name}: {path} (SHA-256 {done[-1]['sha256']})")
            if copy:
                typer.echo(f"{card.name}: copied to {copy}; on the other machine: eyebright --home {to} ...")
    if as_json:
        typer.echo(json.dumps(done, indent=2))


@app.command()
def verify(context: typer.Context, names: Names = None, as_json: Json = False) -> None:
    """Hash again every model that is here; exit code 2 when one is damaged."""
    from eyebright.models import all_cards, get_card, status

    cards = [get_card(name) for name in names] if names else list(all_cards())
    found = [status(card, home=given_home(context), check=True) for card in cards]
    if as_json:
        typer.echo(json.dumps([_facts(item) for item in found], indent=2))
    for item in found:
        if item.state == "damaged":
            typer.echo(item.advice, err=True)
        elif not as_json and (names or item.state == "present"):
            locked = "" if item.expected else " (unverified: no hash is known)"
            typer.echo(f"{item.card.name}: {'whole' if item.state == 'present' else 'not here'}{locked}: {item.path}")
    if not as_json and not names and all(item.state == "absent" for item in found):
        typer.echo(
            "no model is here yet; efficientnet_lite0 is built at its first use, the others by: models pull NAME"
        )
    if any(item.state == "damaged" for item in found):
        raise typer.Exit(2)


def _facts(item: Status) -> dict[str, Any]:
    card = item.card
    return {
        "name": card.name,
        "task": card.task,
        "licence": card.licence,
        "size_bytes": card.size_bytes,
        "source": card.source,
        "state": item.state,
        "path": str(item.path),
        "sha256": item.sha256 or item.expected,
    }


def _size(card: ModelCard) -> str:
    return f"{card.size_bytes / 1e6:.1f} MB" if card.size_bytes else "?"
