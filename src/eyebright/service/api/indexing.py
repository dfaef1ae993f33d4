"""Long work on the search index, as background jobs, and the folders that it may read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.core.errors import InputError, MediaError
from eyebright.imaging import NEAR_DUPLICATE_DISTANCE
from eyebright.media import IMAGE_SUFFIXES, display_path
from eyebright.service.api.records import JPEG, SearchModel, search_model, with_suffix
from eyebright.service.api.schemas import JobAccepted, JobView
from eyebright.service.folders import allowed, allowed_folder, new_upload_folder, subfolders, uploads_folder
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.tasks.search import read_paths
from eyebright.service.uploads import contents, kept

router = APIRouter(tags=["Search"])
Folder = Annotated[str | None, Form(max_length=4000, description="A folder of the server.")]


class FolderEntry(BaseModel):
    """A folder inside another one."""

    name: str
    path: str


class Folders(BaseModel):
    """What clients may choose from."""

    roots: list[str] = Field(description="The folders that this server may use, with everything below them.")
    under: str | None = Field(description="The folder that was asked for.")
    parent: str | None = Field(description="The folder above it, when that may be used too.")
    folders: list[FolderEntry] = Field(description="The folders in it.")
    pictures: int = Field(description="Pictures directly in it.")


class ReindexRequest(BaseModel):
    """How to describe the pictures anew."""

    model: str | None = Field(default=None, max_length=200, description="Of the catalogue; null: the one in use.")


class DuplicatesRequest(BaseModel):
    """Where to look for copies."""

    folder: str | None = Field(default=None, max_length=4000, description="Of the server; null: the indexed pictures.")
    distance: int = Field(default=NEAR_DUPLICATE_DISTANCE, ge=0, le=64, description="Bits of 128 that may differ.")


@router.post("/search/index", status_code=202, summary="Index a folder or uploads", responses=problems(404, 409, 415))
def index(
    services: Shared,
    folder: Folder = None,
    files: Annotated[list[UploadFile] | None, File(description="Pictures, instead of a folder.")] = None,
    metadata: Annotated[UploadFile | None, File(description="A CSV table with a column `path`.")] = None,
    types: Annotated[list[str] | None, Form(max_length=200, description="`COLUMN=TYPE`, not to be guessed.")] = None,
    prune: Annotated[bool, Form(description="Remove records whose file is gone.")] = False,
    model: SearchModel = None,
) -> JobAccepted:
    """Index pictures in the background; done again it does only what changed."""
    settings = services.settings
    chosen = dict(_pair(item) for item in types or [] if item)
    if bool(folder) == bool(files):
        raise InputError("index: expected a folder or files, one of the two")
    root = allowed_folder(settings, folder) if folder else None
    table = None if metadata is None or not metadata.size else contents(metadata)
    title = f"Index {display_path(root.name or str(root))}" if root else f"Index {len(files or ())} uploaded pictures"
    place = new_upload_folder(settings) if root is None or table is not None else None
    try:
        if place and root is None:
            root = place / "pictures"
            root.mkdir()
            with kept(files or (), settings, root) as paths:
                _named(paths)
        if place and table is not None:
            (place / "table.csv").write_bytes(table)
        arguments = {
            "home": str(services.home),
            "folder": str(root),
            "roots": [str(one) for one in (*settings.roots, uploads_folder(settings).resolve())],
            "metadata": str(place / "table.csv") if place and table is not None else None,
            "types": chosen,
            "prune": prune,
            "model": search_model(services, model),
        }
        return _queued(services, "search.index", arguments, title)
    except BaseException:
        _discard(place)
        raise


@router.post("/search/reindex", status_code=202, summary="Describe every picture anew", responses=problems(404, 409))
def reindex(services: Shared, body: ReindexRequest | None = None) -> JobAccepted:
    """Describe every picture anew in the background; the old index answers until the new one is whole."""
    arguments = {"home": str(services.home), "model": search_model(services, body.model if body else None)}
    return _queued(services, "search.reindex", arguments, "Describe every picture anew")


@router.post("/search/duplicates", status_code=202, summary="Find copies", responses=problems(404, 409))
def duplicates(services: Shared, body: DuplicatesRequest | None = None) -> JobAccepted:
    """Find exact and near copies in the background, among the indexed pictures or in a folder."""
    asked = body or DuplicatesRequest()
    root = allowed_folder(services.settings, asked.folder) if asked.folder else None
    arguments = {
        "home": str(services.home),
        "roots": [str(one) for one in services.settings.roots],
        "folder": root and str(root),
        "distance": asked.distance,
    }
    where = display_path(root.name) if root else "the index"
    return _queued(services, "search.duplicates", arguments, f"Find copies in {where}")


@router.post("/search/eval", status_code=202, summary="Measure the search", responses=problems(404, 409))
def evaluate(
    services: Shared,
    gallery: Annotated[UploadFile, File(description="Lines `path, label[, coarse label]`.")],
    queries: Annotated[UploadFile, File(description="The same.")],
    folder: Annotated[str, Form(min_length=1, max_length=4000, description="To which the paths are relative.")],
    exclude_self: Annotated[bool, Form(description="A query is not its own answer.")] = False,
    model: SearchModel = None,
) -> JobAccepted:
    """Measure the search on labelled lists in the background; the index is not touched."""
    root = allowed_folder(services.settings, folder)
    described_by = search_model(services, model)
    place = new_upload_folder(services.settings)
    arguments: dict[str, Any] = {"home": str(services.home), "exclude_self": exclude_self, "model": described_by}
    try:
        for name, file in (("gallery", gallery), ("queries", queries)):
            path = place / f"{name}.csv"
            path.write_text(read_paths(name, contents(file), root, services.settings.roots), encoding="utf-8")
            arguments[name] = str(path)
        return _queued(services, "search.eval", arguments, "Measure the search")
    except BaseException:
        _discard(place)
        raise


@router.get("/search/folders", summary="Browse folders of the server", responses=problems(404))
def folders(
    services: Shared,
    under: Annotated[str | None, Query(max_length=4000, description="A folder; none: the first that there is.")] = None,
) -> Folders:
    """Return the folders that may be indexed."""
    roots = services.settings.roots
    if not roots and not under:
        return Folders(roots=[], under=None, parent=None, folders=[], pictures=0)
    here = allowed_folder(services.settings, under or "")
    inside, pictures = subfolders(here, roots)
    parent = here.parent if any(here.parent.is_relative_to(root) for root in roots) else None
    return Folders(
        roots=[_text(root) for root in roots],
        under=_text(here),
        parent=None if parent is None else _text(parent),
        folders=[FolderEntry(name=_text(Path(path.name)), path=_text(path)) for path in inside],
        pictures=pictures,
    )


@router.get(
    "/search/folders/thumbnail", summary="A small picture of a file in a folder", response_class=Response,
    responses={**problems(404), **JPEG},
)  # fmt: skip
def folder_thumbnail(
    services: Shared,
    request: Request,
    path: Annotated[str, Query(min_length=1, max_length=4000, description="A picture below an allowed folder.")],
    size: Annotated[int, Query(ge=16, le=1024, description="Pixels of the longer side, at most.")] = 256,
) -> Response:
    """Return a small JPEG of a picture that is not indexed, such as a copy that was found."""
    found = allowed(services.settings, path)
    if found.suffix.lower() not in IMAGE_SUFFIXES:
        raise Refusal(404, "picture-gone", f"{display_path(found.name)}: is no picture")
    return services.pictures.answer(request, found, size, "")


def _queued(services: Services, kind: str, arguments: dict[str, Any], title: str) -> JobAccepted:
    return JobAccepted(job=JobView.of(services.jobs.enqueue(kind, arguments, title=title)))


def _discard(place: Path | None) -> None:
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)


def _named(paths: list[Path]) -> None:
    """See that indexing will find every file that is a picture; the others it will not look at."""
    usable = 0
    problem: MediaError | None = None
    for path in paths:
        try:
            usable += bool(path.suffix.lower() in IMAGE_SUFFIXES or with_suffix(path))
        except MediaError as error:
            problem = error
    if problem is not None and not usable:
        raise problem


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"types: expected COLUMN=TYPE, got {text!r:.100}")
    return name.strip(), value.strip()


def _text(path: Path) -> str:
    return str(path).encode(errors="replace").decode()
