"""`eyebright search`: image search for a shop's catalogue."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._progress import progress_bar
from eyebright.cli.models import given_home

if TYPE_CHECKING:
    from eyebright.core.types import Metadata
    from eyebright.search import ImageSearch, IndexReport, QueryResult

app = typer.Typer(no_args_is_help=True, help="Search a catalogue by pictures, words and filters.")

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where the index is (default: search/ in the home).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Model of the catalogue, or path of an ONNX file (default: the store's).")
]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="COLUMN=VALUE", help="A metadata value.")]


def _search(context: typer.Context, store: Path | None, model: str | None = None) -> ImageSearch:
    from eyebright.search import ImageSearch

    return ImageSearch(store, home=given_home(context), model=model)


@app.command()
def index(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Pictures, in any depth.")],
    metadata: Annotated[
        Path | None, typer.Option("--metadata", metavar="FILE.csv", help="A table with a column 'path'.")
    ] = None,
    column_type: Annotated[
        list[str] | None, typer.Option("--type", metavar="COLUMN=TYPE", help="text, integer, real or boolean.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove records whose file is gone.")] = False,
    model: ModelOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Index a folder; run it again at any time, only what changed is done."""
    types = dict(_pair(item, "--type") for item in column_type or [])
    with _search(context, store, model) as search, progress_bar(quiet=as_json) as progress:
        report = search.index(folder, metadata, types=types, prune=prune, progress=progress)
    if as_json:
        typer.echo(json.dumps(_plain_report(report), indent=2))
    else:
        _print_report(report)


@app.command()
def add(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...")],
    ids: Annotated[list[str] | None, typer.Option("--id", help="One a picture (default: the file's name).")] = None,
    values: SetOption = None,
    model: ModelOption = None,
    store: StoreOption = None,
) -> None:
    """Add single pictures."""
    with _search(context, store, model) as search:
        for name in search.add(images, ids=ids, metadata=_values(values)):
            typer.echo(f"added {name}")


@app.command()
def update(
    context: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="As a query prints it.")],  # noqa: A002  (the user's word)
    image: Annotated[Path | None, typer.Option("--image", help="A new picture.")] = None,
    values: SetOption = None,
    store: StoreOption = None,
) -> None:
    """Change the metadata or the picture of one record; an empty value removes it."""
    with _search(context, store) as search:
        search.update(id, image=image, metadata=_values(values))
    typer.echo(f"updated {id}")


@app.command()
def remove(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]")] = None,
    where: Annotated[str | None, typer.Option("--where", help="All records that this filter admits.")] = None,
    store: StoreOption = None,
) -> None:
    """Remove records, by id or by filter."""
    with _search(context, store) as search:
        count = search.remove(ids or (), where=where)
    typer.echo(f"removed {count}")


@app.command()
def info(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Say what the index holds."""
    with _search(context, store) as search:
        found = search.info()
    facts = {**dataclasses.asdict(found), "store": str(found.store)}
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    typer.echo(f"{found.store}: {_pictures(found.pictures)}")
    if not found.pictures:
        typer.echo("Index a folder: eyebright search index FOLDER")
        return
    typer.echo(f"model: {found.space}, fitted on {found.fitted_on} pictures")
    for name, count in found.folders.items():
        typer.echo(f"folder: {name} ({count})")
    typer.echo("columns: " + (", ".join(f"{name} ({kind})" for name, kind in found.columns.items()) or "none"))
    typer.echo("sessions: " + (", ".join(found.sessions) or "none"))


@app.command()
def reindex(context: typer.Context, model: ModelOption = None, store: StoreOption = None) -> None:
    """Describe every picture anew; the old index answers until the new one is whole."""
    with _search(context, store) as search, progress_bar(quiet=False) as progress:
        report = search.reindex(model, progress=progress)
    typer.echo(f"{report.pictures} pictures described by {report.model} in {report.seconds:.1f} s")


@app.command()
def query(
    context: typer.Context,
    images: Annotated[list[Path] | None, typer.Argument(metavar="[IMAGE...]", help="Each is a query.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="An indexed picture as the query.")] = None,  # noqa: A002  (the user's word)
    text: Annotated[str | None, typer.Option("--text", metavar="WORDS", help="Words in the metadata.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many answers.")] = 10,
    offset: Annotated[int, typer.Option("--offset", help="How many answers to skip.")] = 0,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="Such as \"brand = 'Arla' and price < 20\".")
    ] = None,
    crop: Annotated[
        str | None, typer.Option("--crop", metavar="x1,y1,x2,y2", help="The part of the picture that counts.")
    ] = None,
    group_by: Annotated[
        str | None, typer.Option("--group-by", metavar="COLUMN", help="Only the best of each value.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="looks, or hash to find copies.")] = "looks",
    session: Annotated[str | None, typer.Option("--session", metavar="NAME", help="Use its feedback.")] = None,
    boost: Annotated[
        list[str] | None, typer.Option("--boost", metavar="FILTER:FACTOR", help="Such as 'in_stock = true:1.2'.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Draw which regions were alike.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what looks like a picture, an indexed record, or words."""
    box = None if crop is None else _box(crop)
    with _search(context, store) as search:
        results = search.query(
            images or (), id=id, text=text, k=k, offset=offset, where=where, crop=box, group_by=group_by,
            explain=explain, by=by, session=session, boost=boost or (), html=html,  # type: ignore[arg-type]  # query checks `by`
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps([result.to_dict() for result in results], indent=2))
    else:
        for result in results:
            _print_result(result)
    if explain and html is None:
        from eyebright.search import save_explanation

        drawing = Path("eyebright-explain.png")
        save_explanation(drawing, results)
        typer.echo(f"explanation: {drawing.absolute()}", err=as_json)
    if html is not None:
        typer.echo(f"report: {html.absolute()}", err=as_json)


@app.command()
def feedback(
    context: typer.Context,
    session: Annotated[str, typer.Option("--session", metavar="NAME", help="Any name.")],
    like: Annotated[list[str] | None, typer.Option("--like", metavar="ID", help="A right answer.")] = None,
    dislike: Annotated[list[str] | None, typer.Option("--dislike", metavar="ID", help="A wrong answer.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was said before.")] = False,
    store: StoreOption = None,
) -> None:
    """Say which answers were right or wrong; the next query with this session ranks with it."""
    with _search(context, store) as search:
        judged = search.feedback(session, like=like or (), dislike=dislike or (), clear=clear)
    typer.echo(f"{session}: {len(judged.liked)} liked, {len(judged.disliked)} disliked")


@app.command()
def duplicates(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Look there (default: among the indexed pictures).")] = None,
    distance: Annotated[int | None, typer.Option("--distance", help="Bits of 128 that may differ.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report.")] = None,
    sheet: Annotated[Path | None, typer.Option("--sheet", metavar="FILE", help="Draw a contact sheet.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find exact and near copies."""
    from eyebright.imaging import NEAR_DUPLICATE_DISTANCE
    from eyebright.media import display_path

    bits = NEAR_DUPLICATE_DISTANCE if distance is None else distance
    with _search(context, store) as search, progress_bar(quiet=as_json) as progress:
        groups = search.duplicates(folder, distance=bits, html=html, sheet=sheet, progress=progress)
    if as_json:
        plain = [
            {
                "kind": group.kind,
                "members": [
                    {"id": m.id, "path": m.path and display_path(m.path), "distance": m.distance} for m in group.members
                ],
            }
            for group in groups
        ]
        typer.echo(json.dumps(plain, indent=2))
        return
    for number, group in enumerate(groups, start=1):
        typer.echo(f"group {number} ({group.kind})")
        for member in group.members:
            typer.echo(f"  {member.id}" + (f"  {member.distance} bits" if group.kind == "near" else ""))
    typer.echo(f"{len(groups)} groups of duplicates" if groups else "no duplicates")
    for made in (html, sheet):
        if made is not None:
            typer.echo(f"written: {made.absolute()}")


@app.command("eval")
def evaluate(
    context: typer.Context,
    gallery: Annotated[Path, typer.Option("--gallery", metavar="LIST", help="Lines: path, label[, coarse label].")],
    queries: Annotated[Path, typer.Option("--queries", metavar="LIST", help="The same.")],
    exclude_self: Annotated[bool, typer.Option("--exclude-self", help="A query is not its own answer.")] = False,
    model: ModelOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the search on labelled lists."""
    with _search(context, store, model) as search, progress_bar(quiet=as_json) as progress:
        figures = search.eval(gallery, queries, exclude_self=exclude_self, progress=progress)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        typer.echo(f"{name:30s} {'undefined' if value is None else f'{value:.3f}'}")


def _pair(text: str, option: str) -> tuple[str, str]:
    from eyebright.core.errors import InputError

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"{option}: expected COLUMN=VALUE, got {text!r}")
    return name.strip(), value


def _values(items: list[str] | None) -> Metadata:
    from eyebright.search import parse_value

    return {name: parse_value(value) for name, value in (_pair(item, "--set") for item in items or [])}


def _box(text: str) -> tuple[float, float, float, float]:
    from eyebright.core.errors import QueryError

    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError as error:
        raise QueryError(f"--crop: expected four numbers x1,y1,x2,y2, got {text!r}") from error
    return x1, y1, x2, y2


def _plain_report(report: IndexReport) -> dict[str, Any]:
    from eyebright.media import display_path

    facts = dataclasses.asdict(report)
    facts["problems"] = [{"path": display_path(p.path), "reason": p.reason} for p in report.problems]
    return facts


def _pictures(count: int) -> str:
    return f"{count} picture{'s' * (count != 1)}"


def _print_report(report: IndexReport) -> None:
    from eyebright.media import display_path

    parts = [
        f"{count} {word}"
        for word, count in (
            ("added", report.added),
            ("updated", report.updated),
            ("unchanged", report.unchanged),
            ("moved", report.moved),
            ("with new metadata", report.annotated),
            ("removed", report.pruned),
        )
        if count
    ]
    rate = f" ({report.described / report.seconds:.1f} pictures/s)" if report.described else ""
    typer.echo(f"{_pictures(report.total)}: {', '.join(parts) or 'none usable'}; {report.seconds:.1f} s{rate}")
    gone = len(report.gone) - report.pruned
    if gone:
        typer.echo(f"{gone} records have no file any more, such as {report.gone[0]}; remove them with --prune")
    if report.files_without_row:
        typer.echo(f"without a row in the metadata: {_pictures(report.files_without_row)}")
    if report.rows_without_file:
        shown = ", ".join(repr(key) for key in report.rows_without_file[:5])
        typer.echo(f"{len(report.rows_without_file)} rows of the metadata fit no picture: {shown}")
    if report.problems:
        typer.echo(f"{len(report.problems)} not indexed:")
        for problem in report.problems:
            typer.echo(f"  {display_path(problem.path)}: {problem.reason}")


def _print_result(result: QueryResult) -> None:
    how = "exact" if result.exact else "approximate"
    typer.echo(f"{result.query}  ({how}, {result.examined} vectors compared, {result.seconds * 1e3:.0f} ms)")
    if not result.hits:
        typer.echo("  nothing fits")
    for hit in result.hits:
        facts = "  ".join(f"{name}={value}" for name, value in hit.metadata.items() if value is not None)
        typer.echo(f"  {hit.score:7.3f}  {hit.id}" + (f"  {facts}" if facts else ""))
