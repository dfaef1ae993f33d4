"""`eyebright authenticate case`, `cases`, `queue` and `decide`: stored checks, and what people decide about them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eyebright.cli._authenticate_ledger import JsonOption, StoreOption
from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.authenticity import Cases, CaseSummary

CaseArgument = Annotated[str, typer.Argument(metavar="CASE", help="As `check` prints it.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]


def _cases(context: typer.Context, store: Path | None) -> Cases:
    from eyebright.authenticity import AuthenticityChecker

    return AuthenticityChecker(store, home=given_home(context)).cases


def case(
    context: typer.Context,
    case_id: CaseArgument,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write its report.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Remove it, with its pictures.")] = False,
    store: StoreOption = None,
) -> None:
    """Open a stored check again, as JSON or as its report."""
    found = _cases(context, store)
    if html is not None:
        from eyebright.authenticity import save_report

        save_report(html, found.open(case_id))
        typer.echo(f"report: {html}")
    elif not delete:
        typer.echo(json.dumps(found.facts(case_id), indent=2))
    if delete:
        found.delete(case_id)
        typer.echo(f"removed case {case_id}")


def cases(
    context: typer.Context,
    verdict: Annotated[str | None, typer.Option("--verdict", help="genuine, counterfeit or inconclusive.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only of this product.")] = None,
    limit: LimitOption = 50,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List stored checks, the newest first."""
    _print(*_cases(context, store).page(verdict=verdict, product=product, limit=limit), as_json)


def queue(
    context: typer.Context,
    product: Annotated[str | None, typer.Option("--product", help="Only of this product.")] = None,
    limit: LimitOption = 50,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the inconclusive checks that nobody has decided."""
    _print(*_cases(context, store).page(product=product, undecided=True, limit=limit), as_json)


def decide(
    context: typer.Context,
    case_id: CaseArgument,
    label: Annotated[str, typer.Argument(metavar="genuine|counterfeit")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")],
    revise: Annotated[bool, typer.Option("--revise", help="Replace an earlier decision.")] = False,
    store: StoreOption = None,
) -> None:
    """Decide a case; its photos become labelled samples for the next fit."""
    found = _cases(context, store).decide(case_id, label, by, revise=revise)
    typer.echo(f"case {case_id}: {found.label}, by {found.decided_by}")


def _print(items: list[CaseSummary], total: int, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(item) for item in items], indent=2))
        return
    for item in items:
        decided = "" if item.decision is None else f", {item.decision.decided_by} decided {item.decision.label}"
        typer.echo(f"{item.case_id}  {item.checked_at[:16]}  {item.product}: {item.verdict}{decided} ({item.reason})")
    if total > len(items):
        typer.echo(f"{total - len(items)} more: --limit {total}")
    if not total:
        typer.echo("no case")
