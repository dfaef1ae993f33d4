"""The classic toolbox on uploads: one route a tool, made from the table of `eyebright.service.image_tools`."""

# No `from __future__ import annotations` here: each route is annotated with the parameters of its own tool.
import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, File, Query, UploadFile
from PIL import Image as PILImage
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from eyebright.core.errors import InputError
from eyebright.imaging import Picture, learned_edges
from eyebright.models import load_model
from eyebright.service.api.detect import usable
from eyebright.service.image_parameters import Edges, Scenes
from eyebright.service.image_tools import MAX_PIXELS, TOOLS, Tool, film_cuts, join, picture_facts, plain
from eyebright.service.problems import problems
from eyebright.service.settings import Settings
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import check_count, contents, decoded_bytes, shown_name

router = APIRouter(tags=["Image tools"])

Upload = Annotated[UploadFile, File(description="A picture.")]
_PNG = {"image/png": {"schema": {"type": "string", "format": "binary"}}}
_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_JSON = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
_CONTENT: dict[str, dict[str, Any]] = {"picture": _PNG, "pictures": _ZIP, "facts": _JSON, "either": {**_PNG, **_JSON}}


class ToolView(BaseModel):
    """One tool of the box."""

    name: str = Field(examples=["clahe"])
    summary: str
    path: str = Field(description="Where to post to.", examples=["/image/clahe"])
    takes: list[str] = Field(description="Names of the uploads.", examples=[["image"]])
    gives: str = Field(description="`picture`, `facts`, `pictures` (ZIP), or `either`, as the parameter `draw` says.")
    parameters: dict[str, Any] = Field(description="JSON Schema of the query parameters.")


class Toolbox(BaseModel):
    """All tools."""

    items: list[ToolView]


@router.get("/image", summary="List the tools", responses=problems())
def list_tools() -> Toolbox:
    """Return every tool with the schema of its parameters, so that a form can be made from it."""
    items = [
        ToolView(
            name=tool.name, summary=tool.summary, path=f"/image/{tool.name}", takes=list(tool.takes), gives=tool.gives,
            parameters=tool.parameters.model_json_schema(),
        )
        for tool in TOOLS
    ]  # fmt: skip
    empty: dict[str, Any] = {"type": "object", "properties": {}}
    more = [
        ("info", "Say what a picture file is", ["image"], "facts", empty),
        ("join", "Put tiles together again", ["files"], "picture", empty),
        ("scenes", "Find the hard cuts of a film", ["video"], "facts", Scenes.model_json_schema()),
    ]
    items += [
        ToolView(name=name, summary=summary, path=f"/image/{name}", takes=takes, gives=gives, parameters=schema)
        for name, summary, takes, gives, schema in more
    ]
    return Toolbox(items=items)


@router.post("/image/info", summary="Say what a picture file is", responses=problems(415))
def info(services: Shared, image: Upload) -> dict[str, Any]:
    """Return grid, depth, channels, values, histogram and EXIF data."""
    data = contents(image)
    decoded_bytes(data, shown_name(image), services.settings)  # within the limits
    return picture_facts(data)


@router.post(
    "/image/join", summary="Put tiles together again", response_class=Response,
    responses={**problems(415), 200: {"description": "The picture.", "content": _PNG}},
)  # fmt: skip
def join_tiles(
    services: Shared, files: Annotated[list[UploadFile], File(description="Tiles named NAME_X_Y.png.")]
) -> Response:
    """Put tiles of one picture together again; their names say where they belong."""
    check_count(files, services.settings)
    pictures = [_read(file, services.settings) for file in files]
    _same_kind(pictures)
    return _answer(join([shown_name(file) for file in files], pictures))


@router.post("/image/scenes", summary="Find the hard cuts of a film", responses=problems(415))
def scenes(
    asked: Annotated[Scenes, Query()], video: Annotated[UploadFile, File(description="A video file.")]
) -> dict[str, Any]:
    """Return the frames at which a film's hard cuts are."""
    with tempfile.NamedTemporaryFile(suffix=".video") as file:
        file.write(contents(video))
        file.flush()
        return film_cuts(Path(file.name), asked)


def _make(tool: Tool) -> Callable[..., Response]:
    if len(tool.takes) == 1:

        def one(services: Shared, image: Upload, asked: Annotated[tool.parameters, Query()]) -> Response:  # type: ignore[name-defined]  # made for each tool
            return _done(services, tool, [image], asked)

        return one

    def two(
        services: Shared,
        image: Upload,
        other: Upload,
        asked: Annotated[tool.parameters, Query()],  # type: ignore[name-defined]  # made for each tool
    ) -> Response:
        return _done(services, tool, [image, other], asked)

    return two


for _tool in TOOLS:
    router.add_api_route(
        f"/image/{_tool.name}",
        _make(_tool),
        methods=["POST"],
        summary=_tool.summary,
        description=f"As `eyebright image {_tool.name}`. A picture is answered with PNG.",
        operation_id=f"image_{_tool.name.replace('-', '_')}",
        response_class=Response,
        responses={**problems(404, 409, 415), 200: {"description": "What it made.", "content": _CONTENT[_tool.gives]}},
    )


def _done(services: Services, tool: Tool, files: list[UploadFile], asked: BaseModel) -> Response:
    pictures = [_read(file, services.settings) for file in files]
    if isinstance(asked, Edges) and asked.method == "learned":
        return _answer(_learned(services, pictures[0], asked.model))
    result = tool.run(pictures, asked)
    services.metrics.pictures.labels("image").inc(len(files))
    return _answer(result)


def _learned(services: Services, picture: Picture, model: str) -> Picture:
    """Draw edges with a network, when its weights are here."""
    where = usable(services, model, "edges")
    network = services.finders.get(
        ("edges", where), lambda: load_model(where, task="edges", home=services.home, threads=1)
    )
    # DexiNed gives a map a stage and, last, their fusion
    return learned_edges(picture, lambda one: [*network.run(one).values()][-1])


def _read(file: UploadFile, settings: Settings) -> Picture:
    """Return an upload as RGB, or as `(H, W)` when it has no colours."""
    image = decoded_bytes(contents(file), shown_name(file), settings, max_pixels=MAX_PIXELS)
    first = image[:, :, :1]
    return image[:, :, 0].copy() if (image[:, :, 1:] == first).all() else image


def _same_kind(pictures: list[Picture]) -> None:
    """Give grey tiles among coloured ones three channels."""
    if len({picture.ndim for picture in pictures}) > 1:
        pictures[:] = [
            picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2) for picture in pictures
        ]


def _answer(result: Any) -> Response:
    if isinstance(result, np.ndarray):
        return Response(_png(result), media_type="image/png")
    if result and all(isinstance(value, np.ndarray) for value in result.values()):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, picture in result.items():
                archive.writestr(name, _png(picture))
        return Response(out.getvalue(), media_type="application/zip")
    return JSONResponse(plain(result))


def _png(picture: Picture) -> bytes:
    if picture.size == 0:
        raise InputError("nothing is left of the picture")
    out = io.BytesIO()
    PILImage.fromarray(picture).save(out, "PNG", compress_level=3)
    return out.getvalue()
