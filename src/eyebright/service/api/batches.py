"""Many pictures, or a film, looked at in the background, as the command line does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, UploadFile

from eyebright.core.errors import InputError
from eyebright.pipeline.finders import VIDEO_SUFFIXES, box_of, choose_detector
from eyebright.service.api.detect import Classes, Least, Overlap, Roi, TileSide, usable, usable_finder
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed, new_upload_folder, uploads_folder
from eyebright.service.job_files import new_files
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import check_count, kept

router = APIRouter(prefix="/detect", tags=["Detect"])

Format = Literal["pictures", "film", "masks", "coco", "yolo", "voc"]
_FITTING: dict[str, set[Format]] = {
    "detect": {"pictures", "film", "coco", "yolo", "voc"},
    "segment": {"pictures", "film", "masks", "coco", "yolo", "voc"},
    "pose": {"pictures", "film", "coco"},
    "depth": {"pictures", "film"},
    "propose": {"pictures", "film"},
}
_TASKS = {"segment": "segmentation", "pose": "pose", "depth": "depth"}
_NO_MODEL = ("grabcut", "watershed", "slic")
_PROPOSALS = ("selective", "windows")
MAX_BOXES = 50


@router.post("/batch", status_code=202, summary="Look at many pictures or a film", responses=problems(404, 409))
def look(
    services: Shared,
    task: Annotated[Literal["detect", "segment", "pose", "depth", "propose"], Form(description="What is asked.")],
    place: Annotated[
        str | None, Form(max_length=4000, description="A folder of the server, or a picture or film in one.")
    ] = None,
    files: Annotated[list[UploadFile] | None, File(description="Or pictures and films.")] = None,
    formats: Annotated[
        list[Format] | None, Form(description="Files to make, beside `results.json`; `film`: drawn, as WebM.")
    ] = None,
    model: Annotated[
        str | None,
        Form(max_length=200, description="By name; `detect`: also `people`, for films `motion`, or `auto`."),
    ] = None,
    method: Annotated[
        Literal["grabcut", "watershed", "slic", "selective", "windows"] | None,
        Form(description="Without a model: of `segment` the first three, of `propose` the others."),
    ] = None,
    conf: Least = None,
    classes: Classes = None,
    roi: Roi = None,
    tiles: TileSide = None,
    overlap: Overlap = 0.2,
    box: Annotated[
        list[str] | None, Form(max_length=MAX_BOXES, description="`x1,y1,x2,y2` in pixels, for grabcut; or")
    ] = None,
    boxes: Annotated[
        str | None, Form(max_length=4000, description="a COCO file of the server, with boxes by name of picture.")
    ] = None,
    count: Annotated[int | None, Form(ge=1, le=10_000, description="Regions (200) or proposals (2000).")] = None,
    mode: Annotated[
        Literal["single", "fast", "quality"], Form(description="How many segmentations selective search joins.")
    ] = "fast",
    seed: Annotated[int, Form(ge=0, le=2**31, description="Of the random part of the ranking of proposals.")] = 0,
) -> JobAccepted:
    """Look at a folder or uploads in the background; the job's `result` has the answers, and the names of its files.

    The files are at `/jobs/ID/files/NAME`.
    """
    _check(task, method, formats or [])
    if bool(place) == bool(files):
        raise InputError("batch: expected a place or files, one of the two")
    given = [text for text in box or [] if text]
    for text in given:
        box_of(text)
    settings = services.settings
    where = allowed(settings, place) if place else None
    names = [file.filename or "" for file in files or []] or [str(where)]
    films = all(Path(name).suffix.lower() in VIDEO_SUFFIXES for name in names)
    options = {
        "model": _model(services, task, model or None, method, films=films, boxed=bool(given or boxes)),
        "method": method, "confidence": conf, "classes": classes or None, "roi": roi or None, "tiles": tiles,
        "overlap": overlap, "box": given, "boxes": str(allowed(settings, boxes)) if boxes else None, "count": count,
        "mode": mode, "seed": seed,
    }  # fmt: skip
    title = f"{task.capitalize()}: {where.name if where else f'{len(names)} uploads'}"
    upload = None if where is not None else new_upload_folder(settings)
    try:
        if upload is not None:
            check_count(files or (), settings)
            with kept(files or (), settings, upload):
                pass
        roots = (*settings.roots, uploads_folder(settings).resolve())
        arguments = {
            "home": str(services.home), "roots": [str(root) for root in roots],
            "place": str(where or upload), "upload": where is None, "task": task, "options": options,
            "formats": formats or [], "files": new_files(services),
        }  # fmt: skip
        return JobAccepted(job=JobView.of(services.jobs.enqueue("detect.batch", arguments, title=title)))
    except BaseException:
        if upload is not None:
            shutil.rmtree(upload, ignore_errors=True)
        raise


def _check(task: str, method: str | None, formats: list[Format]) -> None:
    unfit = sorted(set(formats) - _FITTING[task])
    if unfit:
        raise InputError(f"formats: {task} makes {', '.join(sorted(_FITTING[task]))}, not {', '.join(unfit)}")
    if {"pictures", "film"} <= set(formats):
        raise InputError("formats: expected pictures or a film, not both")
    fitting = {"segment": _NO_MODEL, "propose": _PROPOSALS}.get(task, ())
    if method is not None and method not in fitting:
        raise InputError(f"method: {task} takes {', '.join(fitting) or 'none'}, not {method}")


def _model(
    services: Services, task: str, model: str | None, method: str | None, *, films: bool, boxed: bool
) -> str | None:
    """Return what the job opens.

    Raises:
        InputError: a model where none is needed, or none where one is.
        Refusal: no such model, or one that must be fetched first.
    """
    finds = task == "detect" or (method == "grabcut" and not boxed)
    if finds:
        if films and model == "motion":
            return model
        choice = choose_detector(moving=True, home=services.home).name if films else "auto"
        return choice if choice == "motion" and model in (None, "auto") else usable_finder(services, model or choice)[1]
    if method is not None or task == "propose":
        if model is not None:
            raise InputError(f"model: {method or task} takes none here")
        return None
    name = model or ("pphumanseg" if task == "segment" else None)
    if name is None:
        raise InputError(f"model: {task} needs one, by name")
    return str(usable(services, name, _TASKS[task]))
