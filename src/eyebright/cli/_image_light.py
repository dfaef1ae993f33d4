"""Verbs of `eyebright image` that change light and size."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from eyebright.cli._image_files import FAILURES, InputsOut, Problems, each, find, plan, read, track, write


def grey(paths: InputsOut) -> None:
    """Colour to grey."""
    from eyebright import imaging

    each(paths, imaging.grey)


def resize(
    paths: InputsOut,
    width: Annotated[int | None, typer.Option("--width", help="In pixels; alone it keeps the proportions.")] = None,
    height: Annotated[int | None, typer.Option("--height", help="In pixels; alone it keeps the proportions.")] = None,
    longest: Annotated[int | None, typer.Option("--longest", help="Shrink until no side is longer.")] = None,
    interpolation: Annotated[str, typer.Option("--interpolation", help="area, nearest, linear or cubic.")] = "area",
) -> None:
    """Change the size."""
    from eyebright import imaging
    from eyebright.core.errors import InputError

    if (longest is None) == (width is None and height is None):
        raise InputError("resize: expected --longest, or --width and --height, or one of these two")

    def change(image: Any) -> Any:
        if longest is not None:
            return imaging.fit_within(image, longest)
        return imaging.resize(image, *imaging.proportional_size(image, width, height), interpolation)  # type: ignore[arg-type]  # resize checks it

    each(paths, change)


def crop(
    paths: InputsOut, box: Annotated[str, typer.Option("--box", metavar="x1,y1,x2,y2", help="In pixels.")]
) -> None:
    """Cut a part out."""
    from eyebright import imaging

    x1, y1, x2, y2 = numbers(box, "--box", 4)
    each(paths, lambda image: imaging.crop(image, (x1, y1, x2, y2)))


def letterbox(
    paths: InputsOut,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Of the canvas, in pixels.")] = "640x640",
    fill: Annotated[int, typer.Option("--fill", help="Grey of the bars, 0 to 255.")] = 114,
) -> None:
    """Fit into a canvas without changing the shape."""
    from eyebright import imaging

    width, height = extent(size, "--size")
    each(paths, lambda image: imaging.letterboxed(image, width, height, fill=fill))


def tiles(
    paths: InputsOut,
    size: Annotated[str, typer.Option("--size", metavar="WxH", help="Of a tile, in pixels.")] = "640x640",
    overlap: Annotated[int, typer.Option("--overlap", help="Pixels that neighbours share.")] = 0,
) -> None:
    """Cut into tiles, files named NAME_X_Y.png in the folder OUT."""
    from eyebright import imaging

    width, height = extent(size, "--size")
    problems = Problems()
    written = done = 0
    for job in track(plan(paths, problems, folder=True)):
        try:
            parts = imaging.cut_tiles(read(job.source), (height, width), overlap)
        except FAILURES as error:
            problems.add(error)
            continue
        for part in parts:
            write(job.target.with_name(f"{job.target.stem}_{part.x}_{part.y}.png"), part.image)
        written, done = written + len(parts), done + 1
    typer.echo(f"{written} tiles of {done} picture{'s' * (done != 1)}")
    problems.finish(done)


def join(paths: InputsOut) -> None:
    """Put tiles (NAME_X_Y.png) of one picture together again."""
    from eyebright import imaging
    from eyebright.core.errors import InputError

    if len(paths) < 2:
        raise InputError("join: expected a folder of tiles, or tiles, and, last, the picture to write")
    problems = Problems()
    parts = []
    for path, _ in find(paths[:-1], problems):
        parts.append(imaging.tile_from_file(str(path), read(path)))
    names = sorted({name for name, _ in parts})
    if len(names) > 1:
        raise InputError(f"join: expected the tiles of one picture, got those of {', '.join(names[:5])}")
    write(paths[-1], imaging.join_tiles([tile for _, tile in parts]))
    problems.finish(len(parts))


def equalise(paths: InputsOut) -> None:
    """Equalise the histogram of the luma."""
    from eyebright import imaging

    each(paths, imaging.equalise)


def clahe(
    paths: InputsOut,
    clip: Annotated[float, typer.Option("--clip", help="How far contrast may grow.")] = 2.0,
    grid: Annotated[str, typer.Option("--grid", metavar="ROWSxCOLUMNS", help="Tiles.")] = "8x8",
) -> None:
    """Equalise tile by tile, with limited contrast."""
    from eyebright import imaging

    rows, columns = extent(grid, "--grid")
    each(paths, lambda image: imaging.clahe(image, clip, (rows, columns)))


def gamma(
    paths: InputsOut,
    value: Annotated[float | None, typer.Option("--gamma", help="Below 1 brightens (default: estimated).")] = None,
) -> None:
    """Correct the gamma, by a given value or one estimated from each picture."""
    from eyebright import imaging

    each(paths, lambda image: imaging.gamma(image, value))


def white_balance(paths: InputsOut) -> None:
    """Remove a colour cast (grey world)."""
    from eyebright import imaging

    each(paths, imaging.white_balance)


def normalise(
    paths: InputsOut,
    method: Annotated[str, typer.Option("--method", help="min-max or mean-std.")] = "min-max",
    per_channel: Annotated[bool, typer.Option("--per-channel", help="Each channel by itself.")] = False,
    cut: Annotated[float, typer.Option("--cut", help="Share that min-max may clip at each end.")] = 0.0,
    mean: Annotated[float, typer.Option("--mean", help="For mean-std.")] = 128.0,
    std: Annotated[float, typer.Option("--std", help="For mean-std.")] = 64.0,
) -> None:
    """Bring the range, or mean and spread, to one scale."""
    from eyebright import imaging

    def change(image: Any) -> Any:
        return imaging.normalise(image, method, per_channel=per_channel, cut=cut, mean=mean, std=std)  # type: ignore[arg-type]  # checked there

    each(paths, change)


def deshadow(paths: InputsOut, kind: Annotated[str, typer.Option("--kind", help="scene or page.")] = "scene") -> None:
    """Light up cast shadows, or even out the light on a page."""
    from eyebright import imaging

    each(paths, lambda image: imaging.remove_shadows(image, kind))  # type: ignore[arg-type]  # checked there


def denoise(
    paths: InputsOut,
    method: Annotated[str, typer.Option("--method", help="non-local, bilateral or median.")] = "non-local",
    strength: Annotated[
        float | None, typer.Option("--strength", help="Noise in grey levels (default: measured).")
    ] = None,
) -> None:
    """Remove noise."""
    from eyebright import imaging

    each(paths, lambda image: imaging.denoise(image, method, strength))  # type: ignore[arg-type]  # checked there


def numbers(text: str, option: str, count: int) -> list[float]:
    """Parse numbers between commas."""
    from eyebright.core.errors import InputError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count:
        raise InputError(f"{option}: expected {count} numbers with commas between them, got {text!r}")
    return found


def extent(text: str, option: str) -> tuple[int, int]:
    """Parse two whole numbers with an x between them."""
    from eyebright.core.errors import InputError

    first, _, second = text.lower().partition("x")
    if not (first.isdigit() and second.isdigit()):
        raise InputError(f"{option}: expected two whole numbers such as 640x480, got {text!r}")
    return int(first), int(second)
