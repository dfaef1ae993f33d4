"""The verbs of `eyebright track` that measure: eval, score, tune."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SettingOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the tracker.")
]


def evaluate(
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Folders with det/, gt/ and seqinfo.ini.")],
    tracker: Annotated[str, typer.Option("--tracker", metavar="NAME", help="Which tracker.")] = "eyebright",
    refine: Annotated[bool, typer.Option("--refine", help="Link, fill and smooth the finished tracks.")] = False,
    settings: SettingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Track the detections of each sequence and score the tracks: HOTA, CLEAR and IDF1."""
    from eyebright.video.evaluation import evaluate as measure

    _print(measure(root, tracker, parse_settings(settings), refine=refine), as_json)


def score(
    truth: Annotated[Path, typer.Option("--gt", metavar="DIR", help="Folders with gt/gt.txt and seqinfo.ini.")],
    predicted: Annotated[Path, typer.Option("--pred", metavar="DIR", help="One NAME.txt a sequence.")],
    as_json: JsonOption = False,
) -> None:
    """Score ready files of tracks."""
    from eyebright.video.evaluation import score as measure

    _print(measure(truth, predicted), as_json)


def tune(
    root: Annotated[Path, typer.Option("--root", metavar="DIR", help="Folders with det/, gt/ and seqinfo.ini.")],
    tracker: Annotated[str, typer.Option("--tracker", metavar="NAME", help="Which tracker.")] = "eyebright",
    trials: Annotated[int, typer.Option("--trials", metavar="N", help="How many settings are tried.")] = 100,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="hota, idf1, mota, assa or deta: the greatest wins.")
    ] = "hota",
    refine: Annotated[bool, typer.Option("--refine", help="Refine the finished tracks.")] = False,
    only: Annotated[str | None, typer.Option("--only", metavar="A,B", help="Only these sequences.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the search; the same one gives the same settings.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Search the settings of a tracker that score best (extra `tune`); judge them on other sequences."""
    from eyebright.video.tuning import tune as search

    def tell(number: int, best: float) -> None:
        if number % 10 == 0 or number == trials:
            typer.echo(f"{number} of {trials}: {metric} {best:.2f}", err=True)

    names = tuple(name.strip() for name in (only or "").split(",") if name.strip())
    report = search(root, tracker, trials=trials, metric=metric, refine=refine, names=names, seed=seed, tell=tell)
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    for name in ("default", "best"):
        figures = report[name]["figures"]
        typer.echo(f"{name:8s}" + "".join(f"  {key} {figures[key]:.2f}" for key in ("hota", "idf1", "mota")))
    typer.echo(" ".join(f"--set {name}={value}" for name, value in report["best"]["settings"].items()))


def parse_settings(items: list[str] | None) -> dict[str, Any]:
    """Return `NAME=VALUE` as settings; a value is read as JSON, else as text."""
    from eyebright.core.errors import InputError

    out: dict[str, Any] = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise InputError(f"--set: expected NAME=VALUE, got {item!r}")
        try:
            out[name.strip()] = json.loads(value)
        except json.JSONDecodeError:
            out[name.strip()] = value
    return out


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    names = list(report["combined"])
    typer.echo(f"{'':20s}" + "".join(f"{name:>9s}" for name in names if name != "frames_per_s"))
    for name, figures in [*report["sequences"].items(), ("combined", report["combined"])]:
        line = "".join(
            f"{value:9d}" if isinstance(value, int) else f"{value:9.2f}"
            for key, value in figures.items()
            if key != "frames_per_s"
        )
        speed = f"  {figures['frames_per_s']:.0f} frames/s" if "frames_per_s" in figures else ""
        typer.echo(f"{name:20.20s}{line}{speed}")
