"""Who is in pictures: the people of the gallery, enrolment, identification, verification, forgetting."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.core.errors import MediaError
from eyebright.media import display_path, encode_image
from eyebright.service.problems import problems
from eyebright.service.state import Shared
from eyebright.service.uploads import check_count, decoded, shown_name

router = APIRouter(prefix="/faces", tags=["Faces"])
SMALLEST_BLURRED, SMALLEST_WATCHED = 24, 60
"""Least size of faces, as on the command line: none may be left uncovered, and live ones must be found in time."""
Picture = Annotated[UploadFile, File(description="A picture.")]
Name = Annotated[str, Form(min_length=1, max_length=200, description="Name of the person.")]


class Person(BaseModel):
    """Somebody in the gallery."""

    name: str = Field(description="As enrolled.", examples=["Eileen Collins"])
    pictures: int = Field(description="How many pictures are enrolled.")
    since: str = Field(description="When the first was enrolled, UTC.")


class People(BaseModel):
    """A part of the gallery, by name."""

    items: list[Person] = Field(description="From `offset` on.")
    total: int = Field(description="How many people there are.")
    encrypted: bool = Field(description="Whether the gallery is sealed on the disk.")


class KeptFaces(BaseModel):
    """Kept faces of a person, or of nobody."""

    faces: list[str] = Field(description="Their ids; `/faces/chip` shows each.")
    sources: list[str] = Field(description="Name of the file that each was found in.")
    seen_at: list[str] = Field(description="When each was kept, ISO 8601, UTC.")


class NotTaken(BaseModel):
    """A picture that was not enrolled."""

    source: str = Field(description="As the client calls the file.")
    why: str = Field(description="The reason.")


class Enrolled(BaseModel):
    """What came of an enrolment."""

    added: int = Field(description="Pictures enrolled.")
    refused: list[NotTaken] = Field(description="Pictures that were not, and why.")


class Known(BaseModel):
    """A face of a picture, and who it is."""

    box: list[float] = Field(description="Left, top, right, bottom, in pixels.")
    person: str | None = Field(description="Name, or null: unknown.")
    score: float | None = Field(description="Likeness of the nearest person; null in an empty gallery.")
    margin: float | None = Field(description="Score less that of the next best person; null when there is none.")
    probability: float = Field(description="That both show one person, if that was as likely as not beforehand.")
    nearest: str | None = Field(description="The nearest person, also when the answer is unknown.")
    runner_up: str | None = Field(description="The next best person.")


class Identified(BaseModel):
    """Who is in a picture."""

    faces: list[Known] = Field(description="The largest first.")
    threshold: float = Field(description="The least score that is accepted.")
    fpir: float = Field(description="At what rate a stranger is taken for somebody, at the gallery's present size.")
    width: int = Field(description="Of the picture, in pixels.")
    height: int = Field(description="Of the picture, in pixels.")


class Verified(BaseModel):
    """Whether two pictures show one person."""

    same: bool = Field(description="Whether the score reaches the threshold.")
    probability: float = Field(description="That both show one person, if that was as likely as not beforehand.")
    score: float = Field(description="Likeness.")
    threshold: float = Field(description="What the score was held to.")


class Forgotten(BaseModel):
    """What was removed."""

    faces: int = Field(description="How many faces of the person there were.")


@router.get("/people", summary="List the people of the gallery", responses=problems(409))
def people(
    services: Shared,
    offset: Annotated[int, Query(ge=0, le=10**9, description="People to leave out.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="People at most.")] = 50,
) -> People:
    """List who is enrolled, by name."""
    everybody = services.faces.people()
    shown = [Person(**one._asdict()) for one in everybody[offset : offset + limit]]
    return People(items=shown, total=len(everybody), encrypted=services.faces.encrypted)


@router.get("/kept", summary="List the kept faces of a person", responses=problems(409))
def kept(
    services: Shared,
    name: Annotated[
        str | None, Query(min_length=1, max_length=200, description="Name of the person; none: unknown people.")
    ] = None,
) -> KeptFaces:
    """List the enrolled faces of a person, or those of unknown people, the oldest first."""
    found = services.faces.faces(name)
    return KeptFaces(
        faces=[face.id for face in found],
        sources=[display_path(Path(face.source).name) for face in found],
        seen_at=[face.seen_at for face in found],
    )


@router.get(
    "/chip",
    summary="Show an enrolled face",
    response_class=Response,
    responses={**problems(409), 200: {"content": {"image/jpeg": {}}}},
)
def chip(
    services: Shared, face: Annotated[str, Query(min_length=1, max_length=64, description="Id of a kept face.")]
) -> Response:
    """Show the upright picture that was kept of a face, as a JPEG that nothing may store."""
    data = encode_image(services.faces.chip(face), "jpeg", 90)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.post("/enroll", summary="Enrol a person", responses=problems(409, 413, 415))
def enroll(
    services: Shared,
    name: Name,
    files: Annotated[list[UploadFile], File(description="Pictures with one good face each.")],
    force: Annotated[bool, Form(description="Take poor pictures, and the largest of several faces.")] = False,
) -> Enrolled:
    """Enrol a person from pictures; each that is refused comes with its reason."""
    check_count(files, services.settings)
    added, refused = 0, []
    for file in files:
        try:
            report = services.faces.enroll(name, [decoded(file, services.settings)], force=force)
        except MediaError as error:
            refused.append(NotTaken(source=shown_name(file), why=" ".join(str(error).split())))
            continue
        added += report.count
        refused += [NotTaken(source=shown_name(file), why=one.why) for one in report.refused]
    return Enrolled(added=added, refused=refused)


@router.post("/identify", summary="Say who is in a picture", responses=problems(409, 413, 415))
def identify(
    services: Shared,
    image: Picture,
    keep_unknown: Annotated[bool, Form(description="Keep unknown faces, to be named later.")] = False,
) -> Identified:
    """Say of every face of a picture who it is, or that it is unknown. No liveness is checked."""
    pixels = decoded(image, services.settings)
    found = [
        Known(
            box=face.box.tolist(),
            person=match.person,
            score=_finite(match.score),
            margin=_finite(match.margin),
            probability=match.probability,
            nearest=match.nearest,
            runner_up=match.runner_up,
        )
        for face, match in services.faces.identify(pixels, keep_unknown=keep_unknown)
    ]
    recogniser = services.faces
    return Identified(
        faces=found,
        threshold=recogniser.calibration.threshold,
        fpir=recogniser.fpir,
        width=pixels.shape[1],
        height=pixels.shape[0],
    )


@router.post("/verify", summary="Compare two pictures", responses=problems(409, 413, 415))
def verify(services: Shared, first: Picture, second: Picture) -> Verified:
    """Say whether the largest faces of two pictures show one person."""
    pair = [decoded(file, services.settings) for file in (first, second)]
    return Verified(**services.faces.verify(*pair)._asdict())


@router.post("/forget", summary="Forget a person", responses=problems(409))
def forget(services: Shared, name: Name) -> Forgotten:
    """Remove a person's name, vectors and pictures, and their bytes from the disk."""
    gone = services.faces.forget(name)
    services.sightings.rename(name, None)
    return Forgotten(faces=gone)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
