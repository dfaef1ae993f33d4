"""Jobs that look at many pictures or films."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eyebright.core.errors import InputError
from eyebright.jobs import JobContext
from eyebright.pipeline.batches import Looker
from eyebright.service.tasks.job_files import made_files, packed
from eyebright.service.tasks.paths import is_inside

_LISTED = 200  # pictures in a job's own result; all are in a file
_FOLDERS = ("pictures", "masks", "yolo", "voc")


def look(
    context: JobContext,
    home: str,
    roots: Sequence[str],
    place: str,
    upload: bool,
    task: str,
    options: dict[str, Any],
    formats: Sequence[str],
    files: str,
) -> dict[str, Any]:
    """Look at a picture, a film, or all pictures of a folder; `upload`: one that is removed at the end."""
    from eyebright.pipeline.batches import look_at_all, shots

    root = Path(place)
    try:
        inside = [Path(one) for one in roots]
        inputs, total = _inputs(root, inside)
        context.progress(0, total, stage="looking")
        problems: list[str] = []
        looker = _looker(task, options, Path(home), draw="pictures" in formats or "film" in formats)
        with made_files(files) as made:
            wanted = {name: made / name for name in formats if name in _FOLDERS}
            results = look_at_all(
                shots(inputs, lambda reason: problems.append(_told(reason, root))), looker,
                out=made / "film.webm" if "film" in formats else wanted.get("pictures"), masks=wanted.get("masks"),
                coco=made / "coco.json" if "coco" in formats else None, yolo=wanted.get("yolo"),
                voc=wanted.get("voc"), tell=lambda done: context.progress(done, total, stage="looking"),
            )  # fmt: skip
            if not results:
                raise InputError("there is not one picture that can be read: " + "; ".join(problems[:3]))
            for folder in wanted.values():
                packed(folder)
            whole = {"model": looker.name, "results": results, "problems": problems}
            (made / "results.json").write_text(json.dumps(whole))
            names = sorted(path.name for path in made.iterdir())
    finally:
        if upload and not context.interrupted:
            shutil.rmtree(root, ignore_errors=True)
    listed = {"results": results[:_LISTED], "problems": problems[:_LISTED]}
    return {"model": looker.name, "pictures": len(results), **listed, "files": names}


def _inputs(root: Path, roots: Sequence[Path]) -> tuple[list[str], int | None]:
    """Return what to open, and how many pictures it is where that is known.

    Raises:
        InputError: it, or a picture in it, leads out of the roots; the folder holds nothing.
    """
    from eyebright.media import list_images
    from eyebright.pipeline.finders import VIDEO_SUFFIXES

    films: list[Path] = []
    if not root.is_dir():
        found, films = [root], [root] if root.suffix.lower() in VIDEO_SUFFIXES else []
        inputs = [str(root)]
    else:
        films = sorted(path for path in root.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
        pictures = list_images(root).paths
        found = [*pictures, *films]
        inputs = [str(root)] * bool(pictures or not films) + [str(path) for path in films]
    for path in found:
        if not is_inside(path.resolve(), roots):
            raise InputError(f"{path.name}: leads out of the folders that this server may use")
    return inputs, None if films else len(found)


def _looker(task: str, options: dict[str, Any], home: Path, *, draw: bool) -> Looker:
    from eyebright.pipeline import lookers
    from eyebright.pipeline.finders import open_finder

    part, model = {"roi": options["roi"], "classes": options["classes"]}, options["model"]
    tiles = {"tiles": options["tiles"], "overlap": options["overlap"]}
    conf = options["confidence"]
    if task == "detect":
        return lookers.finding(open_finder(model, home=home, confidence=conf, **tiles), **part, draw=draw)
    if task == "segment":
        boxes = options["boxes"] and Path(options["boxes"])
        return lookers.segmenting(
            home, lambda: open_finder(model, home=home, confidence=conf), model=None if options["method"] else model,
            method=options["method"],
            box=options["box"], boxes=boxes, count=options["count"] or 200, confidence=conf, **part, **tiles,
            draw=draw,
        )  # fmt: skip
    if task == "pose":
        return lookers.posing(model, home=home, confidence=conf, **part, draw=draw)
    if task == "depth":
        return lookers.measuring_depth(model, home=home, roi=options["roi"])
    return lookers.proposing(
        options["method"] or "selective", mode=options["mode"], count=options["count"] or 2000, seed=options["seed"],
        draw=draw,
    )  # fmt: skip


def _told(reason: object, root: Path) -> str:
    """Return one line that names no folder of the server."""
    return " ".join(str(reason).replace(f"{root}/", "").replace(str(root.parent), "").split())
