"""Corrections and care of the gallery of faces: names, merges, mistakes, the threshold, the audit log, old faces."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field, StringConstraints

from eyebright.core.errors import InputError
from eyebright.service.api.faces import Name
from eyebright.service.api.schemas import Limit, Offset, next_offset
from eyebright.service.problems import problems
from eyebright.service.state import Shared
from eyebright.service.uploads import check_count, decoded

router = APIRouter(prefix="/faces", tags=["Faces"])
FaceId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]
"""Random; a client can mean nothing else by it, such as a file of the server."""
Faces = Annotated[list[FaceId], Form(min_length=1, max_length=1000, description="Ids of kept faces.")]

_LONGEST_AGE_S = 1000 * 365 * 86_400.0  # farther back there is no date


class Moved(BaseModel):
    """Faces that belong to somebody else now."""

    faces: int = Field(description="How many.")


class Denied(BaseModel):
    """What is remembered."""

    faces: int = Field(description="How many faces are known not to be this person, of this request.")


class Purged(BaseModel):
    """What was removed."""

    faces: int = Field(description="How many faces of unknown people.")


class Threshold(BaseModel):
    """What decisions are held to."""

    far: float = Field(description="False accept rate of one comparison.", examples=[0.001])
    threshold: float = Field(description="The least score that is accepted.")
    low: float = Field(description="Lower end of the interval that holds 95 % when people are resampled.")
    high: float = Field(description="Upper end.")
    impostor_pairs: int = Field(description="Pairs of pictures of different people that it was measured on.")
    people: int = Field(description="In these pairs.")
    source: str = Field(description="`gallery`, or what else it was measured on.", examples=["gallery"])
    fpir: float = Field(description="At what rate a stranger is taken for somebody, at the gallery's present size.")


class AuditEntry(BaseModel):
    """Something that was done."""

    at: str = Field(description="ISO 8601, UTC.")
    action: str = Field(description="Such as `enrol`, `identify`, `forget`.", examples=["enrol"])
    person: str | None = Field(description="Random id of the person; null: nobody in particular.")
    count: int = Field(description="How many faces.")


class AuditPage(BaseModel):
    """Some of what was done, the newest first."""

    items: list[AuditEntry]
    total: int
    next_offset: int | None


@router.post("/rename", status_code=204, summary="Rename a person", responses=problems(409))
def rename(
    services: Shared,
    name: Name,
    to: Annotated[str, Form(min_length=1, max_length=200, description="The new name, that nobody has yet.")],
) -> None:
    """Give a person another name."""
    services.faces.rename(name, to)
    services.sightings.rename(name, to)


@router.post("/merge", summary="Make one person of two", responses=problems(409))
def merge(
    services: Shared,
    name: Name,
    into: Annotated[str, Form(min_length=1, max_length=200, description="The person that stays.")],
) -> Moved:
    """Give all faces of one person, and what is known not to be them, to another."""
    moved = services.faces.merge(name, into)
    services.sightings.rename(name, into)
    return Moved(faces=moved)


@router.post("/split", summary="Move faces to another person", responses=problems(409))
def split(
    services: Shared,
    faces: Faces,
    to: Annotated[str, Form(min_length=1, max_length=200, description="Who gets them; made when new.")],
) -> Moved:
    """Move kept faces to another person; also names unknown faces."""
    return Moved(faces=services.faces.split(list(dict.fromkeys(faces)), to))


@router.post("/not", summary="Say that faces are not a person", responses=problems(409, 413, 415))
def reject(
    services: Shared,
    name: Name,
    faces: Annotated[list[FaceId] | None, Form(max_length=1000, description="Ids of kept faces.")] = None,
    files: Annotated[list[UploadFile] | None, File(description="Pictures; the largest face of each counts.")] = None,
) -> Denied:
    """Remember "this is not NAME"; a kept face of this person becomes one of nobody."""
    kept, pictures = list(dict.fromkeys(faces or [])), files or []
    if not kept and not pictures:
        raise InputError("not: expected ids of kept faces, or pictures")
    check_count(pictures, services.settings)
    images = [decoded(file, services.settings) for file in pictures]
    for face in kept:
        services.faces.chip(face)  # all are there before anything is remembered
    for face in kept:
        services.faces.reject(face, name)
    for image in images:
        services.faces.reject(image, name)
    return Denied(faces=len(kept) + len(images))


@router.get("/calibration", summary="Show the threshold", responses=problems(409))
def calibration(services: Shared) -> Threshold:
    """Return what decisions are held to: the gallery's own calibration, or the default of the network."""
    return _shown(services.faces)


@router.post("/calibrate", summary="Calibrate the threshold", responses=problems(409))
def calibrate(
    services: Shared,
    far: Annotated[float, Form(ge=1e-9, lt=1, description="Wanted false accept rate of one comparison.")] = 1e-3,
) -> Threshold:
    """Set the threshold from the gallery's own pairs of different people; a rate they cannot support is refused."""
    services.faces.calibrate(far)
    return _shown(services.faces)


@router.get("/audit", summary="Show the audit log", responses=problems(409))
def audit(services: Shared, limit: Limit = 50, offset: Offset = 0) -> AuditPage:
    """Return what was done when, the newest first; people stand there by random ids."""
    entries = services.faces.audit()[::-1]
    items = [AuditEntry(**entry) for entry in entries[offset : offset + limit]]  # type: ignore[arg-type]  # of SQLite
    return AuditPage(items=items, total=len(entries), next_offset=next_offset(offset, len(items), len(entries)))


@router.post("/purge", summary="Remove old unknown faces", responses=problems(409))
def purge(
    services: Shared,
    unknown_after: Annotated[
        str | None,
        Form(max_length=20, description="Remove unknown faces kept longer ago, such as `30d`.", examples=["30d"]),
    ] = None,
) -> Purged:
    """Remove old faces of unknown people, and all bytes of what was removed."""
    from eyebright.video import parse_age

    age = None if not unknown_after else min(_LONGEST_AGE_S, parse_age(unknown_after, "unknown_after"))
    return Purged(faces=services.faces.purge(age))


def _shown(faces: Any) -> Threshold:
    facts = faces.calibration._asdict()
    return Threshold(fpir=faces.fpir, **{name: facts[name] for name in Threshold.model_fields if name != "fpir"})
