"""`eyebright authenticate`: is this product genuine?"""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli import _authenticate_cases as case_verbs
from eyebright.cli._authenticate_ledger import ledger_app
from eyebright.cli._progress import count_bar
from eyebright.cli.models import given_home
from eyebright.core.errors import InputError

if TYPE_CHECKING:
    from eyebright.authenticity import AuthenticityChecker, CheckResult

app = typer.Typer(no_args_is_help=True, help="Check whether a product is genuine.")
app.add_typer(ledger_app, name="ledger")
for _verb in (case_verbs.case, case_verbs.cases, case_verbs.queue, case_verbs.decide):
    app.command()(_verb)

EXIT_CODES = {"genuine": 0, "counterfeit": 3, "inconclusive": 4}

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where products are (default: authenticity/ in the home).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PhotosArgument = Annotated[list[Path], typer.Argument(metavar="PHOTO...")]
ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT")]


def checker(context: typer.Context, store: Path | None) -> AuthenticityChecker:
    """Open the store."""
    from eyebright.authenticity import AuthenticityChecker

    return AuthenticityChecker(store, home=given_home(context))


@app.command()
def enroll(
    context: typer.Context,
    product: ProductArgument,
    photos: PhotosArgument,
    gtin: Annotated[str, typer.Option("--gtin", help="8, 12, 13 or 14 digits.")] = "",
    brand: Annotated[str, typer.Option("--brand")] = "",
    text: Annotated[list[str] | None, typer.Option("--text", help="A line that must stand on it.")] = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", metavar="NAME=x1,y1,x2,y2", help="A place that matters.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Register a product by reference photos, or add more of them."""
    regions = dict(_region(item) for item in region or [])
    checker(context, store).enroll(product, photos, gtin=gtin, brand=brand, text=text or (), regions=regions)
    typer.echo(f"enrolled {product}: {_count(len(photos), 'reference photo')}")


@app.command("add-genuine")
def add_genuine(
    context: typer.Context, product: ProductArgument, photos: PhotosArgument, store: StoreOption = None
) -> None:
    """Add photos known to be genuine, for the next fit."""
    checker(context, store).add_genuine(product, photos)
    typer.echo(f"added {_count(len(photos), 'genuine photo')} of {product}")


@app.command("add-fake")
def add_fake(
    context: typer.Context,
    product: ProductArgument,
    photos: PhotosArgument,
    kind: Annotated[str, typer.Option("--kind", help="What kind of counterfeit.")] = "",
    store: StoreOption = None,
) -> None:
    """Add photos of known counterfeits, for the next fit."""
    checker(context, store).add_fake(product, photos, kind=kind)
    typer.echo(f"added {_count(len(photos), 'counterfeit')} of {product}")


@app.command()
def products(context: typer.Context, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the registered products."""
    found = checker(context, store).products()
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(item) for item in found], indent=2))
        return
    for item in found:
        counts = f"{_count(item.references, 'reference')}, {item.genuine} genuine, {_count(item.fakes, 'fake')}"
        typer.echo(f"{item.name}: {counts}{', GTIN ' + item.gtin if item.gtin else ''}")
    if not found:
        typer.echo("No product is registered. Register one: eyebright authenticate enroll PRODUCT PHOTO...")


@app.command()
def forget(context: typer.Context, product: ProductArgument, store: StoreOption = None) -> None:
    """Remove a product and its pictures."""
    checker(context, store).forget(product)
    typer.echo(f"forgot {product}")


@app.command()
def fit(
    context: typer.Context,
    false_alarm: Annotated[
        float, typer.Option("--false-alarm", help="Share of genuine items that may be called counterfeit.")
    ] = 0.01,
    words: Annotated[
        bool, typer.Option("--words", help="Read the words of all photos too, so that words count in checks.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn how genuine photos look, and how known fakes do."""
    with count_bar("Comparing photos", quiet=as_json) as progress:
        report = checker(context, store).fit(false_alarm=false_alarm, words=words, progress=progress)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(report), indent=2))
        return
    source = "made recaptures of the references" if report.made else "genuine photos"
    typer.echo(f"{report.genuine} {source}, {_count(report.fakes, 'known fake')}")
    if report.banked:
        typer.echo(f"{_count(report.banked, 'more genuine photo')} taught patch banks what is usual, and nothing else")
    typer.echo(
        f"{report.ranked} of the {report.genuine} rank a photo: they support a false alarm rate of "
        f"{report.supported:.3g} or more"
    )
    if report.recaptures:
        typer.echo(f"{_count(report.recaptures, 'made recapture')} helped to find what is usual for single products")
    if report.supported > false_alarm:
        typer.echo(f"a rate of {false_alarm:g} needs more: until then no item is called counterfeit by its looks")
    if report.words:
        typer.echo("words were read: in a check with --words they count")
    typer.echo(
        "a classifier was taught"
        if report.classifier
        else "no classifier: it needs at least 5 known fakes and 20 genuine photos"
    )


@app.command()
def check(
    context: typer.Context,
    photos: Annotated[list[Path] | None, typer.Argument(metavar="[PHOTO...]", help="All of one item.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="What it claims to be.")] = None,
    serial: Annotated[str, typer.Option("--serial")] = "",
    place: Annotated[str, typer.Option("--place", help="Where it was seen.")] = "",
    words: Annotated[
        bool, typer.Option("--words", help="Compare the text too (about a second more); counts after fit --words.")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report.")] = None,
    folder: Annotated[Path | None, typer.Option("--folder", metavar="DIR", help="Check each photo in it.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Where --folder writes to.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check one item; the exit code is 0 for genuine, 3 for counterfeit, 4 for inconclusive."""
    system = checker(context, store)
    if folder is not None:
        if photos or table is None:
            raise InputError("check: --folder goes with --csv FILE, and without photos")
        _check_folder(system, folder, table, product, place)
        return
    result = system.check(photos or (), product=product, serial=serial, place=place, words=words)
    if html is not None:
        from eyebright.authenticity import save_report

        save_report(html, result)
    if as_json:
        typer.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _print(result)
    raise typer.Exit(EXIT_CODES[result.verdict])


@app.command()
def simulate(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The genuine one.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to.")],
    genuine: Annotated[int, typer.Option("--genuine", help="How many recaptures.")] = 10,
    fake: Annotated[int, typer.Option("--fake", help="How many counterfeits.")] = 10,
    kinds: Annotated[
        list[str] | None, typer.Option("--kinds", metavar="KIND,...", help="Of counterfeits (default: all possible).")
    ] = None,
    logo: Annotated[
        str | None, typer.Option("--logo", metavar="x1,y1,x2,y2", help="Where the logo is, for moved and swapped.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another for testing than for fitting.")] = 0,
) -> None:
    """Make recaptures and counterfeits of a photo; labels.csv beside them is a manifest for eval."""
    from eyebright.authenticity import KINDS, make_photos, save_photos
    from eyebright.media import read_image

    asked = tuple(name.strip() for item in kinds or () for name in item.split(",")) or None
    picture = read_image(photo)
    box = None if logo is None else _region(f"logo={logo}", "--logo: expected x1,y1,x2,y2")[1]
    made = make_photos(picture, genuine, fake, seed=seed, kinds=asked, logo=box)
    save_photos(out, photo.stem, picture, made)
    typer.echo(f"made {_count(len(made), 'photo')} in {out}")
    left = [kind for kind in KINDS if kind not in {item.kind for item in made}]
    if asked is None and left and fake >= len(KINDS):
        typer.echo(f"not possible on this photo (no text or code can be read): {', '.join(left)}")


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="The reference.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="What is laid over it.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a picture, or HTML.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Lay B over A and say where they differ; boxes are in pixels of B."""
    from eyebright.authenticity import compare as laid
    from eyebright.authenticity import save_comparison
    from eyebright.media import read_image

    reference, photo = read_image(first), read_image(second)
    found = laid(reference, photo)
    if found is None:
        if as_json:
            typer.echo(json.dumps({"registered": False, "regions": []}))
            return
        raise InputError(f"{second}: has nothing in common with {first} by which it could be laid over it")
    if out is not None:
        save_comparison(out, reference, photo, found)
    if as_json:
        typer.echo(json.dumps(found.facts(), indent=2))
        return
    typer.echo(f"correlation {found.registration.correlation:.3f}, {_count(len(found.regions), 'place')} differ")
    for region in found.regions:
        typer.echo("  " + " ".join(f"{v:.0f}" for v in region.box) + f"  strength {region.strength:.2f}")


@app.command("eval")
def eval_(
    context: typer.Context,
    manifest: Annotated[
        Path, typer.Option("--manifest", metavar="CSV", help="path, product, role, serial, kind, boxes.")
    ],
    ledger: Annotated[
        Path | None, typer.Option("--ledger", metavar="FILE.csv", help="Serials that were given out: serial, product.")
    ] = None,
    fit: Annotated[
        bool | None,
        typer.Option(
            "--fit/--no-fit",
            help="Learn from made recaptures of the references first; by default where they are at most 25.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on labelled photos, in a store of its own."""
    from eyebright.authenticity import evaluate

    with count_bar("Checking photos", quiet=as_json) as progress:
        figures = evaluate(manifest, home=given_home(context), ledger=ledger, fit=fit, progress=progress)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        if not isinstance(value, list | dict):
            typer.echo(f"{name}: {'not defined' if value is None else f'{value:.4g}'}")


def _check_folder(system: AuthenticityChecker, folder: Path, table: Path, product: str | None, place: str) -> None:
    from eyebright.authenticity.folders import check_each
    from eyebright.media import list_images

    rows: list[tuple[Any, ...]] = [
        (row.path, row.product, row.verdict, row.suspicion, row.p_value, row.reason, row.case)
        for row in check_each(system, list_images(folder).paths, product=product, place=place)
    ]
    _write_table(table, ("path", "product", "verdict", "suspicion", "p_value", "reason", "case"), rows)
    typer.echo(f"{_count(len(rows), 'photo')}: {table}")


def _print(result: CheckResult) -> None:
    typer.echo(f"{result.product}: {result.verdict}")
    typer.echo(f"{result.reason} (decided by: {result.decided_by})")
    if result.advice:
        typer.echo(f"advice: {result.advice}")
    for look in result.looks:
        if look.comparison is not None:
            number = len(look.comparison.regions)
            typer.echo(f"{look.photo}: {_count(number, 'place')} differ{'s' if number == 1 else ''}")
        for name in look.marked:
            typer.echo(f"{look.photo}: {name} differs")
        for word in look.words or ():
            typer.echo(f"text {word.kind}: {word.expected!r} -> {word.found!r}")
    for code in result.codes:
        typer.echo(f"code: {code.symbology} {code.text!r}")
    if result.serial is not None:
        typer.echo(f"serial {result.serial.serial}: {result.serial.state}")
    typer.echo(f"case: {result.case_id}")


def _region(
    item: str, wanted: str = "--region: expected NAME=x1,y1,x2,y2"
) -> tuple[str, tuple[float, float, float, float]]:
    name, _, numbers = item.partition("=")
    try:
        x1, y1, x2, y2 = (float(v) for v in numbers.split(","))
    except ValueError:
        raise InputError(f"{wanted}, got {item!r}") from None
    return name, (x1, y1, x2, y2)


def _write_table(path: Path, header: tuple[str, ...], rows: list[Any]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])
    except OSError as error:
        raise InputError(f"{path}: cannot write the table: {error.strerror}") from error


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
