"""Search by pictures, words and filters; feedback; why a picture was found."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field

from eyebright.core.errors import QueryError
from eyebright.core.types import Image
from eyebright.imaging import crop as cut
from eyebright.media import read_image
from eyebright.search import Encoded
from eyebright.service.api.schemas import HitView, shown
from eyebright.service.pictures import overlay
from eyebright.service.problems import problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import Box, contents, decoded, decoded_bytes, parsed_crop, sha256, shown_name

router = APIRouter(tags=["Search"])
WORKING_SIDE = 352
"""As the search itself reads its queries: photos are decoded at a reduced size that is at least this."""

Picture = Annotated[UploadFile | None, File(description="A picture to search with.")]
Crop = Annotated[
    str | None,
    Form(max_length=200, description="`x1,y1,x2,y2` in pixels of the upright picture: the part that counts."),
]


class SearchInfo(BaseModel):
    """What the index holds; nothing before the first indexing."""

    folder: str = Field(description="Where the index is kept.")
    records: int
    model: str
    space: str = Field(description="Of the vectors.")
    fitted_on: int = Field(description="Pictures from which the whitening was learned.")
    folders: dict[str, int] = Field(description="Indexed folders and their number of records.")
    columns: dict[str, str] = Field(description="Metadata columns: `text`, `integer`, `real` or `boolean`.")
    sessions: list[str] = Field(description="Feedback sessions, the latest first.")


class Answer(BaseModel):
    """The answers to a query, best first."""

    query: str = Field(description="What was asked.", examples=["shoe.jpg + words 'red'"])
    exact: bool = Field(description="Whether every admissible record was compared.")
    examined: int = Field(description="How many were compared.")
    seconds: float = Field(description="From the arrived request to the answer.")
    k: int
    offset: int
    next_offset: int | None = Field(description="Offset of the next page; null behind the last.")
    hits: list[HitView]


class Explanation(BaseModel):
    """Two pictures with the regions marked that are alike, as PNG in base64."""

    query_png: str
    hit_png: str
    score: float = Field(description="Cosine of the two whole descriptions.")


class FeedbackRequest(BaseModel):
    """Which answers were right and wrong."""

    session: str = Field(min_length=1, max_length=200, examples=["anna"])
    like: list[str] = Field(default=[], max_length=1000)
    dislike: list[str] = Field(default=[], max_length=1000)
    clear: bool = Field(default=False, description="Forget what the session said before.")


class FeedbackAnswer(BaseModel):
    """What a session has said so far."""

    session: str
    liked: list[str]
    disliked: list[str]


@router.get("/search/info", summary="What the index holds", responses=problems(409))
def search_info(services: Shared) -> SearchInfo:
    """Return size, model, folders, columns and sessions of the index."""
    found = services.search.info()
    return SearchInfo(
        folder=str(found.store), records=found.pictures, model=found.model, space=found.space,
        fitted_on=found.fitted_on, folders=found.folders, columns=found.columns, sessions=found.sessions,
    )  # fmt: skip


@router.post("/search/query", summary="Search", responses=problems(409, 415))
def query(
    services: Shared,
    image: Picture = None,
    id: Annotated[str | None, Form(max_length=2000, description="A record as the query.")] = None,  # noqa: A002  (the form's word)
    text: Annotated[str | None, Form(max_length=1000, description="Words in the metadata.")] = None,
    k: Annotated[int, Form(ge=1, le=200, description="How many answers.")] = 12,
    offset: Annotated[int, Form(ge=0, le=100_000, description="How many to skip.")] = 0,
    where: Annotated[
        str | None, Form(max_length=4000, description="A filter, such as `brand = 'Arla' and price < 20`.")
    ] = None,
    crop: Crop = None,
    group_by: Annotated[str | None, Form(max_length=200, description="Only the best of each value.")] = None,
    by: Annotated[Literal["looks", "hash"], Form(description="`hash` finds copies.")] = "looks",
    session: Annotated[str | None, Form(max_length=200, description="Use the feedback given under this name.")] = None,
    boost: Annotated[list[str] | None, Form(max_length=20, description="`FILTER:FACTOR`.")] = None,
) -> Answer:
    """Find what looks like a picture or an indexed record, or has certain words; best first."""
    began = time.perf_counter()
    asked = _Asked(services, image, id or None, parsed_crop(crop), by)
    # one more than asked for tells whether there is a next page; a part of a record may find the record itself
    skip, wanted = (0, offset + k + 2) if asked.itself else (offset, k + 1)
    found = services.search.query(
        asked.pictures, id=asked.record, text=text or None, k=wanted, offset=skip, where=where or None,
        group_by=group_by or None, by=by, session=session or None, boost=[item for item in boost or [] if item],
    )[0]  # fmt: skip
    hits = [hit for hit in found.hits if hit.id != asked.itself][offset - skip :]
    if image is not None or asked.pictures:
        services.metrics.pictures.labels("search").inc()
    return Answer(
        query=found.query.replace("a picture", asked.name, 1) if asked.pictures else found.query,
        exact=found.exact,
        examined=found.examined,
        seconds=time.perf_counter() - began,
        k=k,
        offset=offset,
        next_offset=offset + k if len(hits) > k else None,
        hits=[HitView(**shown(hit), score=hit.score) for hit in hits[:k]],
    )


class _Asked:
    """What a query asks with.

    An uploaded picture is described once and then known by its content, so that asking again with other filters or
    feedback is quick. A part of a record's picture is described like an upload; the record is left out of the answers.
    """

    def __init__(
        self, services: Services, image: UploadFile | None, record: str | None, crop: Box | None, by: str
    ) -> None:
        self.name = "a picture"
        self.record: str | None = None
        self.itself: str | None = None
        self.pictures: list[Image | Encoded] = []
        if image is not None and record is not None:
            raise QueryError("query: expected a picture or an id, got both")
        if image is not None:
            self.name = shown_name(image)
            data = contents(image)
            key = sha256(data)

            def read() -> Image:
                return decoded_bytes(data, self.name, services.settings, min_size=None if crop else WORKING_SIDE)
        elif record is not None and crop is not None:
            listed, self.itself = services.search.record(record), record
            path = listed.path
            if path is None:
                raise QueryError(f"query: record {record!r} came without a file; only all of it can be asked with")
            self.name, key = f"a part of {record}", f"{path} {listed.sha256}"

            def read() -> Image:
                return read_image(path)
        else:
            self.record = record
            return

        def part() -> Image:
            return cut(read(), crop) if crop else read()

        if by == "hash":
            self.pictures = [part()]
        else:
            # the same picture is described otherwise after a re-index
            known = (key, crop, services.search.space())
            self.pictures = [services.encoded.get(known, lambda: services.search.encode(part()))]


@router.post("/search/explain", summary="Show why a picture was found", responses=problems(409, 415))
def explain(
    services: Shared,
    hit_id: Annotated[str, Form(min_length=1, max_length=2000, description="The answer to explain.")],
    image: Picture = None,
    query_id: Annotated[str | None, Form(max_length=2000, description="A record as the query.")] = None,
    crop: Crop = None,
) -> Explanation:
    """Mark the regions of the query and of an answer that made the two alike."""
    box = parsed_crop(crop)
    if (image is None) == (not query_id):
        raise QueryError("explain: expected a picture or query_id, one of the two")
    asked: Image | str = query_id or ""
    if image is not None:
        asked = decoded(image, services.settings, min_size=None if box else WORKING_SIDE)
    found = services.search.compare(asked, hit_id, crop=box)
    return Explanation(
        query_png=overlay(found.query, found.query_heat),
        hit_png=overlay(found.picture, found.picture_heat),
        score=found.score,
    )


@router.post("/search/feedback", summary="Say what was right and wrong", responses=problems(409))
def feedback(services: Shared, body: FeedbackRequest) -> FeedbackAnswer:
    """Keep which answers were right or wrong; the next query with this session ranks with it at once."""
    judged = services.search.feedback(body.session, like=body.like, dislike=body.dislike, clear=body.clear)
    return FeedbackAnswer(session=body.session, liked=judged.liked, disliked=judged.disliked)
