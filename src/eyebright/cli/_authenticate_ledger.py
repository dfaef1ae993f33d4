"""`eyebright authenticate ledger`: serial numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.authenticity import Ledger

ledger_app = typer.Typer(no_args_is_help=True, help="The serial ledger.")

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where products are (default: authenticity/ in the home).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SerialArgument = Annotated[str, typer.Argument(metavar="SERIAL")]


def _ledger(context: typer.Context, store: Path | None) -> Ledger:
    from eyebright.authenticity import AuthenticityChecker

    return AuthenticityChecker(store, home=given_home(context)).ledger


@ledger_app.command("import")
def import_(
    context: typer.Context,
    table: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns serial and, if you like, product.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add every serial of a table; running it again adds nothing twice."""
    report = _ledger(context, store).import_csv(table)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report), indent=2))
        return
    typer.echo(f"{report.added} added, {report.unchanged} known already, {len(report.problems)} left out")
    for line in report.problems[:20]:
        typer.echo(f"  {line}", err=True)


@ledger_app.command()
def add(
    context: typer.Context,
    serial: SerialArgument,
    product: Annotated[str, typer.Option("--product", help="Whose serial it is.")] = "",
    store: StoreOption = None,
) -> None:
    """Add one serial."""
    new = _ledger(context, store).add(serial, product)
    typer.echo(f"added {serial}" if new else f"{serial} was known already")


@ledger_app.command()
def revoke(
    context: typer.Context,
    serial: SerialArgument,
    reason: Annotated[str, typer.Option("--reason", help="Shown in reports.")] = "",
    store: StoreOption = None,
) -> None:
    """Revoke a serial: every check of it is a counterfeit from now on."""
    _ledger(context, store).revoke(serial, reason)
    typer.echo(f"revoked {serial}")


@ledger_app.command()
def history(
    context: typer.Context, serial: SerialArgument, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Show where and when a serial was seen."""
    seen = _ledger(context, store).history(serial)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(item) for item in seen], indent=2))
        return
    for item in seen:
        typer.echo(f"{item.seen_at}  {item.place or 'place not said'}  case {item.case_id}")
    if not seen:
        typer.echo(f"{serial} was never seen")
