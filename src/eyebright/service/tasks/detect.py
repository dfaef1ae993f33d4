"""Jobs that measure what is found in pictures against ground truth, in folders of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError
from eyebright.jobs import JobContext
from eyebright.media import display_path
from eyebright.service.tasks.job_files import made_files
from eyebright.service.tasks.paths import is_inside


def evaluate(
    context: JobContext,
    home: str,
    roots: Sequence[str],
    gt: str,
    options: dict[str, Any],
    model: dict[str, Any] | None,
    files: str | None = None,
) -> dict[str, Any]:
    """Measure detections; `model`: what `open_finder` takes, where there are no predictions."""
    from eyebright.pipeline.finders import open_finder
    from eyebright.pipeline.measuring import LEAST, measure_detections

    context.progress(0, stage="looking" if model else "measuring")
    paths = _checked(roots, gt, options)
    finder = None
    if model is not None:
        model["confidence"] = model["confidence"] or LEAST
        finder = open_finder(home=Path(home), **model)
    return _drawn(files, lambda worst: measure_detections(finder=finder, worst=worst, **paths))


def evaluate_segments(
    context: JobContext, home: str, roots: Sequence[str], gt: str, options: dict[str, Any], files: str | None = None
) -> dict[str, Any]:
    """Measure objects with masks, or class maps."""
    from eyebright.pipeline.measuring_segments import measure_segments

    context.progress(0, stage="measuring")
    paths = _checked(roots, gt, options, maps=True)
    return _drawn(files, lambda worst: measure_segments(home=Path(home), worst=worst, **paths))


def evaluate_poses(
    context: JobContext, home: str, roots: Sequence[str], gt: str, options: dict[str, Any], files: str | None = None
) -> dict[str, Any]:
    """Measure keypoints."""
    from eyebright.pipeline.measuring_poses import measure_poses

    context.progress(0, stage="measuring")
    paths = _checked(roots, gt, options)
    return _drawn(files, lambda worst: measure_poses(home=Path(home), worst=worst, **paths))


def evaluate_proposals(
    context: JobContext, roots: Sequence[str], gt: str, options: dict[str, Any], proposing: dict[str, Any]
) -> dict[str, Any]:
    """Measure how many objects have a proposed box."""
    from eyebright.pipeline.measuring import measure_proposals
    from eyebright.pipeline.proposing import propose_boxes

    context.progress(0, stage="proposing")
    paths = _checked(roots, gt, options)
    figures = measure_proposals(
        boxes=lambda image: propose_boxes(image, **proposing), count=int(proposing["count"]), **paths
    )
    return {"method": proposing["method"], **figures}


def _drawn(files: str | None, measure: Callable[[Path | None], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures, with `files`, the names of the pictures of the worst, where these were asked for."""
    if files is None:
        return measure(None)
    with made_files(files) as folder:
        figures = measure(folder)
        return {**figures, "files": sorted(path.name for path in folder.iterdir())}


def _checked(roots: Sequence[str], gt: str, options: dict[str, Any], *, maps: bool = False) -> dict[str, Any]:
    """Return the options with their paths, all of which stay below the roots: links in folders, and named pictures.

    Raises:
        InputError: a way out.
    """
    from eyebright.pipeline.measuring import truth_of

    inside = [Path(root) for root in roots]
    out = {**options, "gt": Path(gt)}
    for name in ("pred", "images"):
        if out.get(name) is not None:
            out[name] = Path(out[name])
    for path in (out["gt"], out.get("pred"), out.get("images")):
        links = [path, *(one for one in path.rglob("*") if one.is_symlink())] if path is not None else []
        for link in links:
            _check(link, inside)
    if not (maps and out["gt"].is_dir()):
        truth, folder = truth_of(out["gt"], out.get("images"), out.get("subset"))
        for image in truth.images:
            _check(folder / image.name, inside)
    return out


def _check(path: Path, roots: Sequence[Path]) -> None:
    try:
        inside = is_inside(path.resolve(), roots)
    except (OSError, RuntimeError, ValueError):  # no name of a file, or a loop of links
        inside = False
    if not inside:
        raise InputError(f"{display_path(Path(path.name))}: leads out of the folders that this server may use")
