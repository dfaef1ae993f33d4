"""`eyebright classify`: what pictures show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli.models import given_home

_AT_ONCE = 16


def classify(
    context: typer.Context,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option("--top", help="How many classes of each picture.")] = 5,
    model: Annotated[str, typer.Option("--model", help="A classifier of the catalogue, or path of an ONNX file.")] = (
        "efficientnet_lite0"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Name what pictures show, likeliest first."""
    from eyebright.core.errors import InputError
    from eyebright.media import display_path
    from eyebright.models import load_model

    if top < 1:
        raise InputError(f"--top: expected 1 or more, got {top}")
    classifier = load_model(model, task="classification", home=given_home(context))
    problems: list[dict[str, str]] = []
    results: list[dict[str, Any]] = []
    for paths, pictures in _batches(images, problems):
        for path, best in zip(paths, classifier.top(pictures, top), strict=True):
            name = display_path(path)
            results.append({"image": name, "top": [{"label": label, "probability": p} for label, p in best]})
            if not as_json:
                typer.echo(name)
                for label, probability in best:
                    typer.echo(f"  {probability:6.1%}  {label}")
    if as_json:
        typer.echo(json.dumps({"model": model, "results": results, "problems": problems}, indent=2))
    for problem in problems:
        typer.echo(f"not classified: {problem['reason']}", err=True)
    if not results:
        raise typer.Exit(2)


def _batches(images: list[Path], problems: list[dict[str, str]]) -> Iterator[tuple[list[Path], list[Any]]]:
    """Yield the readable pictures a few at a time, so that a thousand need no more memory than sixteen."""
    from eyebright.core.errors import MediaError
    from eyebright.media import display_path, read_image

    for start in range(0, len(images), _AT_ONCE):
        paths, pictures = [], []
        for path in images[start : start + _AT_ONCE]:
            try:
                pictures.append(read_image(path))
                paths.append(path)
            except MediaError as error:
                problems.append({"image": display_path(path), "reason": str(error)})
        yield paths, pictures
