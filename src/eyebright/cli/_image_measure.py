"""Verbs of `eyebright image` that measure: facts, quality, motion, depth, cuts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eyebright.cli._image_detail import print_matrix
from eyebright.cli._image_files import (
    FAILURES,
    Inputs,
    Job,
    JsonOption,
    Problems,
    find,
    is_video,
    print_json,
    read,
    remake,
    table,
    track,
    write,
)

if TYPE_CHECKING:
    from eyebright.core.types import Frame

ModelOption = Annotated[str, typer.Option("--model", help="translation, similarity, affine or homography.")]
_BARS = " ▁▂▃▄▅▆▇█"


def info(
    inputs: Inputs,
    histogram: Annotated[bool, typer.Option("--histogram", help="Draw it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what picture files are: grid, depth, channels, values, histogram, EXIF."""
    from eyebright.imaging import picture_info

    problems, found = Problems(), []
    for path, _ in track(find(inputs, problems)):
        try:
            facts = picture_info(path)
        except FAILURES as error:
            problems.add(error)
            continue
        found.append(_facts(path, facts))
        if not as_json:
            _print_info(found[-1], histogram)
    if as_json:
        print_json({"pictures": found, "problems": problems.lines})
    problems.finish(len(found))


def quality(inputs: Inputs, as_json: JsonOption = False) -> None:
    """Score blur, motion blur, exposure, noise and glare of pictures, and of every frame of videos."""
    from eyebright.imaging import quality as measure
    from eyebright.media import VideoSource

    problems, found = Problems(), []
    for path, _ in track(find(inputs, problems)):
        try:
            frames = VideoSource(path, on_problem=problems.add) if is_video(path) else ()
            found += [
                {"image": f"{path}#{frame.index}", **dataclasses.asdict(measure(frame.image))} for frame in frames
            ] or [{"image": str(path), **dataclasses.asdict(measure(read(path)))}]
        except FAILURES as error:
            problems.add(error)
    if as_json:
        print_json({"pictures": found, "problems": problems.lines})
    elif found:
        columns = ["picture", "blur", "motion", "along °", "exposure", "dark", "bright", "noise", "glare"]
        table(columns, [[row["image"], *(_short(value) for value in list(row.values())[1:])] for row in found])
    problems.finish(len(found))


def flow(
    paths: Annotated[list[Path], typer.Argument(metavar="A B [OUT] | VIDEO OUT")],
    limit: Annotated[int, typer.Option("--limit", help="Points to follow.")] = 1000,
    as_json: JsonOption = False,
) -> None:
    """Follow points from A to B, or through a video; draw where they went."""
    import numpy as np

    from eyebright import imaging
    from eyebright.core.errors import InputError

    if len(paths) == 2 and is_video(paths[0]):

        def drawn(frames: Iterator[Frame]) -> Iterator[Frame]:
            for one, two in itertools.pairwise(frames):
                found = imaging.sparse_flow(one.image, two.image, limit=limit)
                yield dataclasses.replace(two, image=imaging.draw_flow(two.image, found))

        problems = Problems()
        remake(Job(paths[0], paths[1]), drawn, problems)
        problems.finish(1)
        return
    if len(paths) not in (2, 3):
        raise InputError("flow: expected two pictures and perhaps where to draw, or a video and where to draw")
    earlier, later = read(paths[0]), read(paths[1])
    found = imaging.sparse_flow(earlier, later, limit=limit)
    if len(paths) == 3:
        write(paths[2], imaging.draw_flow(later, found))
    moved = found.end - found.start
    middle = np.median(moved, axis=0).tolist() if len(found) else None
    if as_json:
        print_json({"points": len(found), "median": middle, "start": found.start.tolist(), "end": found.end.tolist()})
        return
    typer.echo(
        f"{len(found)} points followed"
        + ("" if middle is None else f", median {middle[0]:+.2f}, {middle[1]:+.2f} pixels")
    )


def motion(
    paths: Annotated[list[Path], typer.Argument(metavar="A B | VIDEO")],
    model: ModelOption = "homography",
    as_json: JsonOption = False,
) -> None:
    """Find the camera's motion as a 3x3 matrix, from A to B or from frame to frame of a video."""
    from eyebright import imaging
    from eyebright.core.errors import InputError
    from eyebright.media import VideoSource

    steps: list[dict[str, Any]] = []
    if len(paths) == 1 and is_video(paths[0]):
        frames = ((frame.index, frame.time_s, frame.image) for frame in VideoSource(paths[0]))
    elif len(paths) == 2 and not any(is_video(path) for path in paths):
        frames = ((index, float(index), read(path)) for index, path in enumerate(paths))
    else:
        raise InputError("motion: expected two pictures, or one video")
    for (_, _, one), (index, time_s, two) in itertools.pairwise(frames):
        found = imaging.camera_motion(one, two, model)  # type: ignore[arg-type]  # checked there
        counts = {"found": found.found, "points": found.points, "inliers": found.inliers}
        steps.append({"frame": index, "time_s": round(time_s, 4), **counts, "matrix": found.matrix.tolist()})
    if as_json:
        print_json({"model": model, "motion": steps})
    elif len(paths) == 2:
        step = steps[0]
        typer.echo(f"{step['points']} points followed, {step['inliers']} rest in the scene")
        print_matrix(f"{model} from A to B", step["matrix"] if step["found"] else None)
    else:
        table(
            ["frame", "time s", "points", "resting", "shift x", "shift y"],
            [
                [str(s["frame"]), f"{s['time_s']:.3f}", str(s["points"]), str(s["inliers"])]
                + ([f"{s['matrix'][0][2]:.2f}", f"{s['matrix'][1][2]:.2f}"] if s["found"] else ["?", "?"])
                for s in steps
            ],
        )


def stereo(
    left: Annotated[Path, typer.Argument(metavar="LEFT")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="Rectified like LEFT.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A picture, or .npy for the numbers.")],
    largest: Annotated[int, typer.Option("--largest", help="Disparities to look for, in pixels.")] = 128,
    block: Annotated[int, typer.Option("--block", help="Side of the compared blocks.")] = 5,
    focal: Annotated[float | None, typer.Option("--focal", metavar="PIXELS", help="With --baseline: depth.")] = None,
    baseline: Annotated[float | None, typer.Option("--baseline", help="Distance of the cameras, any unit.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find disparities, or depth, from a rectified pair."""
    import numpy as np

    from eyebright import imaging
    from eyebright.core.errors import InputError

    if (focal is None) != (baseline is None):
        raise InputError("stereo: depth needs both --focal and --baseline")
    found = imaging.disparity(read(left), read(right), largest=largest, block=block)
    values = found if focal is None or baseline is None else imaging.depth(found, focal, baseline)
    if out.suffix.lower() == ".npy":
        out.parent.mkdir(parents=True, exist_ok=True)
        np.save(out, values)
    else:
        write(out, imaging.draw_disparity(found))
    known = values[np.isfinite(values)]
    span = [float(value) for value in np.percentile(known, [1, 50, 99])] if known.size else None
    facts = {"known": known.size / values.size, "percentiles_1_50_99": span, "depth": focal is not None}
    if as_json:
        print_json(facts)
        return
    name = "disparity, pixels" if focal is None else "depth"
    shown = "" if span is None else f"; {name}: 1 % {span[0]:.2f}, median {span[1]:.2f}, 99 % {span[2]:.2f}"
    typer.echo(f"{facts['known']:.1%} of the pixels known{shown}")


def scenes(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video, or a folder of frames.")],
    threshold: Annotated[float | None, typer.Option("--threshold", help="Least change, above 0 to 1.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the hard cuts of a film."""
    from eyebright.imaging import scene_cuts
    from eyebright.media import open_source

    options = {} if threshold is None else {"threshold": threshold}
    cuts = [dataclasses.asdict(cut) for cut in scene_cuts(open_source(str(video)), **options)]
    if as_json:
        print_json({"video": str(video), "cuts": cuts})
    elif cuts:
        table(
            ["frame", "time s", "change"], [[str(c["index"]), f"{c['time_s']:.3f}", f"{c['score']:.2f}"] for c in cuts]
        )
    else:
        typer.echo("no cuts")


def _facts(path: Path, facts: Any) -> dict[str, Any]:
    header = dataclasses.asdict(facts.header)
    return {
        "image": str(path),
        **header,
        "channels": facts.channels,
        "file_bytes": facts.file_bytes,
        "mean": [round(float(value), 3) for value in facts.mean],
        "std": [round(float(value), 3) for value in facts.std],
        "least": facts.least.tolist(),
        "greatest": facts.greatest.tolist(),
        "exif": facts.exif,
        "histogram": facts.histogram.tolist(),
    }


def _print_info(facts: dict[str, Any], histogram: bool) -> None:
    typer.echo(
        f"{facts['image']}: {facts['format']}, {facts['width']} x {facts['height']} pixels, {facts['channels']} "
        f"channel{'s' * (facts['channels'] != 1)} ({facts['mode']}) of {facts['bits']} bits, "
        f"{facts['file_bytes']} bytes" + (f", {facts['frames']} frames" if facts["frames"] > 1 else "")
    )
    for channel, name in enumerate(("red", "green", "blue")):
        span = f"{facts['least'][channel]} to {facts['greatest'][channel]}"
        typer.echo(f"  {name:5}  mean {facts['mean'][channel]:5.1f}  std {facts['std'][channel]:5.1f}  {span}")
        if histogram:
            counts = facts["histogram"][channel]
            bins = [sum(counts[start : start + 4]) for start in range(0, 256, 4)]
            typer.echo("         " + "".join(_BARS[-(-8 * count // max(bins))] for count in bins))
    for name, value in facts["exif"].items():
        typer.echo(f"  {name}: {value}")


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
