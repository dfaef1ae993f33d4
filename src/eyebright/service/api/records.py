"""The records of the search index: list, add, change, remove, and their pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.core.errors import InputError, QueryError
from eyebright.media import image_info
from eyebright.search import ImageSearch, Listed
from eyebright.service.api.detect import usable
from eyebright.service.api.schemas import Limit, Offset, RecordId, RecordView, Value, Where, next_offset
from eyebright.service.folders import uploads_folder
from eyebright.service.pictures import LONGEST
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.tasks.paths import is_inside
from eyebright.service.uploads import check_count, decoded, kept

router = APIRouter(tags=["Search"])
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "It has not changed."},
}

SearchModel = Annotated[
    str | None,
    Form(max_length=200, description="What describes the pictures, by name; none: what the index has."),
]


class RecordPage(BaseModel):
    """Some records, in the order of their indexing."""

    items: list[RecordView]
    total: int
    next_offset: int | None


class FullRecord(RecordView):
    """A record with what is known of its file."""

    width: int = Field(description="Pixels, as it was read.")
    height: int
    file_name: str | None = Field(description="Name of its file; null when it came without one.")


class Added(BaseModel):
    """The records that were added."""

    added: list[str] = Field(description="Their ids.", examples=[["shoe.jpg"]])


class Removed(BaseModel):
    """How many records were removed."""

    removed: int


@router.get("/search/records", summary="List records", responses=problems(409))
def list_records(services: Shared, where: Where = None, limit: Limit = 50, offset: Offset = 0) -> RecordPage:
    """Return the records that a filter admits, or all of them."""
    found, total = services.search.records(where=where or None, limit=limit, offset=offset)
    items = [RecordView.of(record) for record in found]
    return RecordPage(items=items, total=total, next_offset=next_offset(offset, len(items), total))


@router.post("/search/records", status_code=201, summary="Add pictures", responses=problems(404, 409, 415))
def add_records(
    services: Shared,
    files: Annotated[list[UploadFile], File(description="Pictures.")],
    ids: Annotated[list[str] | None, Form(description="One a picture; by default the name of its file.")] = None,
    metadata: Annotated[
        str | None, Form(max_length=100_000, description="A JSON object of plain values, the same for all.")
    ] = None,
    model: SearchModel = None,
) -> Added:
    """Add pictures to the index at once; a given id that is there already is replaced."""
    check_count(files, services.settings)
    names = [name for name in ids or [] if name] or None
    described_by = search_model(services, model)
    values = parsed_metadata(metadata)
    for file in files:
        decoded(file, services.settings, min_size=64)  # within the limits, before anything is kept
    with kept(files, services.settings) as paths:
        if described_by is None:
            return Added(added=services.search.add(paths, ids=names, metadata=values))
        with ImageSearch(home=services.home, model=described_by) as search:  # refused where the index has another
            return Added(added=search.add(paths, ids=names, metadata=values))


@router.delete("/search/records", summary="Remove records by filter", responses=problems(409))
def remove_records(
    services: Shared,
    where: Annotated[str, Query(min_length=1, max_length=4000, description="All records that this filter admits.")],
) -> Removed:
    """Remove all records that a filter admits; pictures that were uploaded go with them."""
    found, _ = services.search.records(where=where, limit=10_000_000)
    removed = services.search.remove(where=where)
    for record in found:
        _forget_upload(services, record)
    return Removed(removed=removed)


@router.get("/search/record", summary="Show a record", responses=problems(404, 409))
def show_record(services: Shared, id: RecordId) -> FullRecord:  # noqa: A002  (the query's word)
    """Return one record."""
    return _full(known_record(services, id))


@router.patch("/search/record", summary="Change a record", responses=problems(404, 409, 415))
def change_record(
    services: Shared,
    id: RecordId,  # noqa: A002  (the query's word)
    metadata: Annotated[
        str | None, Form(max_length=100_000, description="A JSON object; null removes a value.")
    ] = None,
    image: Annotated[UploadFile | None, File(description="A new picture.")] = None,
) -> FullRecord:
    """Change some metadata values of a record, or its picture, or both."""
    old = known_record(services, id)
    values = parsed_metadata(metadata)
    if image is None and not values:
        raise InputError("expected metadata or an image to change, got neither")
    if image is None:
        services.search.update(id, metadata=values)
    else:
        decoded(image, services.settings, min_size=64)
        with kept([image], services.settings) as paths:
            services.search.update(id, image=paths[0], metadata=values)
        _forget_upload(services, old)
    return _full(known_record(services, id))


@router.delete("/search/record", summary="Remove a record", responses=problems(404, 409))
def remove_record(services: Shared, id: RecordId) -> Removed:  # noqa: A002  (the query's word)
    """Remove one record; a picture that was uploaded goes with it."""
    record = known_record(services, id)
    removed = services.search.remove([id])
    _forget_upload(services, record)
    return Removed(removed=removed)


@router.get(
    "/search/thumbnail", summary="A small picture of a record", response_class=Response,
    responses={**problems(404, 409), **JPEG},
)  # fmt: skip
def thumbnail(
    services: Shared,
    request: Request,
    id: RecordId,  # noqa: A002  (the query's word)
    size: Annotated[int, Query(ge=16, le=1024, description="Pixels of the longer side, at most.")] = 256,
) -> Response:
    """Return a small JPEG, which caches may keep for some minutes."""
    record = known_record(services, id)
    return services.pictures.answer(request, _file(record), size, record.sha256)


@router.get(
    "/search/picture", summary="The picture of a record", response_class=Response,
    responses={**problems(404, 409), **JPEG},
)  # fmt: skip
def picture(services: Shared, request: Request, id: RecordId) -> Response:  # noqa: A002  (the query's word)
    """Return the picture upright, at most 1600 pixels a side."""
    record = known_record(services, id)
    return services.pictures.answer(request, _file(record), LONGEST, record.sha256)


def known_record(services: Services, record: str) -> Listed:
    """Return a record.

    Raises:
        Refusal: there is none with this id.
    """
    try:
        return services.search.record(record)
    except QueryError as error:
        raise Refusal(404, "record", f"there is no record {record!r:.200}") from error


def parsed_metadata(text: str | None) -> dict[str, Value]:
    """Return the plain values of a JSON object.

    Raises:
        InputError: something else.
    """
    if not text:
        return {}
    try:
        values = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"metadata: expected a JSON object: {error}") from error
    if not isinstance(values, dict) or not all(
        value is None or isinstance(value, str | int | float | bool) for value in values.values()
    ):
        raise InputError("metadata: expected a JSON object whose values are text, numbers, booleans or null")
    wrong = next((name for name in values if not name.strip() or name.startswith("_")), None)
    if wrong is not None:
        raise InputError(f"metadata: {wrong!r} cannot be the name of a column; names begin with no underscore")
    return values


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no value of JSON")


def _full(record: Listed) -> FullRecord:
    name = None if record.path is None else record.path.name.encode(errors="replace").decode()
    return FullRecord(**RecordView.of(record).model_dump(), width=record.width, height=record.height, file_name=name)


def _file(record: Listed) -> Path:
    if record.path is None:
        raise Refusal(404, "picture-gone", f"record {record.id!r:.200} came without a file")
    return record.path


def _forget_upload(services: Services, record: Listed) -> None:
    """Remove the file of a record that is gone, when the server itself keeps it."""
    folder = uploads_folder(services.settings).resolve()
    if record.path is not None and is_inside(record.path.resolve(), [folder]):
        record.path.unlink(missing_ok=True)


def with_suffix(path: Path) -> Path:
    """Give an uploaded picture without a usual ending the one of its format."""
    return path.rename(path.with_name(f"{path.name}.{image_info(path).format.lower()}"))


def search_model(services: Services, name: str | None) -> str | None:
    """Return what describes pictures; None: what the index has.

    Raises:
        Refusal: no such model, one that describes no pictures, or one that must be fetched first.
    """
    return str(usable(services, name, "embedding", "face-embedding", "reid")) if name else None
