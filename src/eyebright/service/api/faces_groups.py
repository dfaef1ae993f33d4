"""Faces that nobody has named yet: gathered from pictures, grouped, shown and named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.core.errors import InputError
from eyebright.media import display_path, encode_image
from eyebright.service.api.faces import Name
from eyebright.service.api.faces_people import Moved
from eyebright.service.api.schemas import JobAccepted, JobView, Limit, Offset, next_offset
from eyebright.service.folders import allowed_folder
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import check_count, kept

router = APIRouter(prefix="/faces", tags=["Faces"])
_DRAWN = 50  # groups of a sheet


class UnnamedFace(BaseModel):
    """A kept face of nobody."""

    id: str = Field(description="`/faces/chip` shows it.", examples=["3313cbfae163f0cf"])
    source: str = Field(description="Name of the file it was found in.", examples=["party.jpg"])
    seen_at: str = Field(description="When it was kept, ISO 8601, UTC.")


class GroupView(BaseModel):
    """Faces that seem to show one unknown person."""

    id: str = Field(description="By which it is named.", examples=["904a16"])
    faces: list[UnnamedFace] = Field(description="The oldest first.")


class GroupPage(BaseModel):
    """Some groups, the largest first."""

    items: list[GroupView]
    total: int
    next_offset: int | None


@router.post("/cluster", status_code=202, summary="Gather unknown faces", responses=problems(404, 413, 415))
def cluster(
    services: Shared,
    folder: Annotated[str | None, Form(max_length=4000, description="Of the server, with pictures.")] = None,
    files: Annotated[list[UploadFile] | None, File(description="Pictures, instead of a folder.")] = None,
) -> JobAccepted:
    """Keep the faces of pictures that belong to nobody enrolled, in the background; `/faces/groups` shows them."""
    if bool(folder) == bool(files):
        raise InputError("cluster: expected a folder of the server, or pictures, one of the two")
    if folder:
        return _queued(services, allowed_folder(services.settings, folder), upload=False)
    check_count(files or [], services.settings)
    with kept(files or [], services.settings) as paths:
        return _queued(services, paths[0].parent, upload=True)


@router.get("/groups", summary="List groups of unknown faces", responses=problems(409))
def groups(services: Shared, limit: Limit = 50, offset: Offset = 0) -> GroupPage:
    """Group the kept faces of unknown people; the largest group first."""
    found, _ = services.faces.cluster()
    items = [
        GroupView(
            id=group.id,
            faces=[
                UnnamedFace(id=face.id, source=display_path(Path(face.source).name), seen_at=face.seen_at)
                for face in group.faces
            ],
        )
        for group in found[offset : offset + limit]
    ]
    return GroupPage(items=items, total=len(found), next_offset=next_offset(offset, len(items), len(found)))


@router.get(
    "/groups/sheet",
    summary="Groups of unknown faces as one picture",
    response_class=Response,
    responses={**problems(409), 200: {"description": "A contact sheet.", "content": {"image/jpeg": {}}}},
)
def sheet(services: Shared) -> Response:
    """Draw the largest fifty groups as rows of at most twelve faces."""
    found, _ = services.faces.cluster()
    picture = services.faces.group_sheet(found[:_DRAWN])
    return Response(encode_image(picture, "jpeg", 90), media_type="image/jpeg", headers={"Cache-Control": "no-store"})


@router.post("/name", summary="Name a group", responses=problems(409))
def name_group(
    services: Shared,
    group: Annotated[str, Form(pattern="^[0-9a-f]{6}$", description="Id of a group.", examples=["904a16"])],
    name: Name,
) -> Moved:
    """Give the faces of a group to a person, who is made when new."""
    return Moved(faces=services.faces.name(group, name))


def _queued(services: Services, folder: Path, *, upload: bool) -> JobAccepted:
    roots = [str(root) for root in services.settings.roots]
    arguments = {"home": str(services.home), "folder": str(folder), "roots": roots, "upload": upload}
    return JobAccepted(job=JobView.of(services.jobs.enqueue("faces.cluster", arguments, title="Gather unknown faces")))
