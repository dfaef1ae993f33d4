"""Verbs of `eyebright image` that look for edges and keypoints, filter, and make pyramids."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eyebright.cli._image_files import (
    FAILURES,
    InputsOut,
    JsonOption,
    Problems,
    each,
    plan,
    print_json,
    read,
    table,
    track,
    write,
)
from eyebright.cli.models import given_home

_METHODS = ("sobel", "scharr", "log", "zero-crossings", "canny", "learned")
_WRITTEN = f"{', '.join(_METHODS[:-1])} or {_METHODS[-1]}"
MethodOption = Annotated[str, typer.Option("--method", help="sift, orb or akaze.")]


def edges(
    context: typer.Context,
    paths: InputsOut,
    method: Annotated[str, typer.Option("--method", help=f"{_WRITTEN}.")] = "canny",
    low: Annotated[float | None, typer.Option("--low", help="For canny (default: from the gradient's median).")] = None,
    high: Annotated[float | None, typer.Option("--high", help="For canny (default: likewise).")] = None,
    sigma: Annotated[float | None, typer.Option("--sigma", help="Of the smoothing, in pixels.")] = None,
    model: Annotated[str, typer.Option("--model", help="For learned: of the catalogue, or an ONNX file.")] = "dexined",
) -> None:
    """Draw edges, white on black."""
    from eyebright import imaging
    from eyebright.core.errors import InputError

    if method not in _METHODS:
        raise InputError(f"--method: expected {_WRITTEN}, got {method!r}")
    if method != "learned":
        each(paths, lambda image: imaging.edges(image, method, low=low, high=high, sigma=sigma))  # type: ignore[arg-type]  # looked up above
        return
    from eyebright.models import load_model

    network = load_model(model, task="edges", home=given_home(context))
    network.load()  # missing weights are one error, not one a picture
    # DexiNed gives a map a stage and, last, their fusion
    each(paths, lambda image: imaging.learned_edges(image, lambda one: [*network.run(one).values()][-1]))


def keypoints(
    paths: InputsOut,
    method: MethodOption = "sift",
    limit: Annotated[int, typer.Option("--limit", help="How many of the strongest.")] = 500,
) -> None:
    """Draw keypoints with their size and direction."""
    from eyebright import imaging

    each(paths, lambda image: imaging.draw_keypoints(image, imaging.find_keypoints(image, method, limit), limit))  # type: ignore[arg-type]  # as above


def match(
    first: Annotated[Path, typer.Argument(metavar="A")],
    second: Annotated[Path, typer.Argument(metavar="B")],
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="Draw the agreeing keypoints.")] = None,
    method: MethodOption = "sift",
    ratio: Annotated[float, typer.Option("--ratio", help="Best to second best distance; 1 is off.")] = 0.8,
    mutual: Annotated[bool, typer.Option("--mutual/--one-way", help="Each must be the other's nearest.")] = True,
    threshold: Annotated[float, typer.Option("--threshold", help="Pixels that an inlier may be off.")] = 3.0,
    limit: Annotated[int, typer.Option("--limit", help="Keypoints of each picture.")] = 5000,
    as_json: JsonOption = False,
) -> None:
    """Find the keypoints two pictures share, and the homography from A to B."""
    from eyebright import imaging

    one, two = read(first), read(second)
    found = imaging.match_pictures(
        one, two, method, ratio=ratio, mutual=mutual, threshold=threshold, limit=limit,  # type: ignore[arg-type]  # checked there
    )  # fmt: skip
    if out is not None:
        write(out, imaging.draw_matches(one, two, found))
    facts = {"method": method, **found.facts()}
    if as_json:
        print_json(facts)
        return
    counts = [str(count) for count in (*facts["keypoints"], facts["matches"], facts["inliers"])]
    table(["method", "in A", "in B", "matches", "inliers"], [[method, *counts]])
    print_matrix("homography from A to B", facts["homography"])


def convolve(
    paths: InputsOut,
    kernel: Annotated[str, typer.Option("--kernel", help="A name such as sharpen, or '0,-1,0;-1,5,-1;0,-1,0'.")],
    offset: Annotated[float, typer.Option("--offset", help="Added to every result.")] = 0.0,
) -> None:
    """Convolve with a kernel."""
    from eyebright import imaging

    given = imaging.parse_kernel(kernel)
    each(paths, lambda image: imaging.convolve(image, given, offset=offset))


def pool(
    paths: InputsOut,
    size: Annotated[int, typer.Option("--size", help="Side of a block in pixels.")] = 2,
    method: Annotated[str, typer.Option("--method", help="max, mean or min.")] = "max",
) -> None:
    """One pixel a block."""
    from eyebright import imaging

    each(paths, lambda image: imaging.pool(image, size, method))  # type: ignore[arg-type]  # checked there


def pyramid(
    paths: InputsOut,
    levels: Annotated[int, typer.Option("--levels", help="How many, the picture itself among them.")] = 4,
    kind: Annotated[str, typer.Option("--kind", help="gaussian, or laplacian (shown around grey 128).")] = "gaussian",
) -> None:
    """Write a pyramid's levels as NAME_0.png, NAME_1.png, ... into the folder OUT."""
    from eyebright import imaging
    from eyebright.core.errors import InputError

    if kind not in ("gaussian", "laplacian"):
        raise InputError(f"--kind: expected gaussian or laplacian, got {kind!r}")
    problems = Problems()
    done = 0
    for job in track(plan(paths, problems, folder=True)):
        try:
            pictures = imaging.shown_pyramid(read(job.source), levels, kind)  # type: ignore[arg-type]  # looked up above
        except FAILURES as error:
            problems.add(error)
            continue
        for level, picture in enumerate(pictures):
            write(job.target.with_name(f"{job.target.stem}_{level}.png"), picture)
        done += 1
    problems.finish(done)


def print_matrix(name: str, matrix: Any) -> None:
    """Print a 3x3 matrix under its name."""
    typer.echo(f"{name}:" + (" none" if matrix is None else ""))
    for row in matrix or ():
        typer.echo("  " + "  ".join(f"{value:12.6g}" for value in row))
