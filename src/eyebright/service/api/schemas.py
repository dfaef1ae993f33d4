"""What requests and answers are made of, where several routes share it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from eyebright.jobs import Job
from eyebright.search import Hit, Listed

Value = str | int | float | bool | None
Limit = Annotated[int, Query(ge=1, le=500, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Skip so many; `next_offset` of the page before.")]
Where = Annotated[
    str | None,
    Query(
        max_length=4000,
        description="A filter over the metadata columns.",
        openapi_examples={"brand": {"value": "brand = 'Arla' and price < 20"}},
    ),
]
RecordId = Annotated[str, Query(min_length=1, max_length=2000, description="Id of a record, as a query gives it.")]


class JobView(BaseModel):
    """A background job."""

    id: str = Field(examples=["9f1c2a7be01d4c55"])
    kind: str = Field(examples=["search.index"])
    title: str = Field(examples=["Index catalogue"])
    state: str = Field(description="`queued`, `running`, `done`, `failed` or `cancelled`.", examples=["running"])
    done: int = Field(description="Steps finished.")
    total: int | None = Field(description="Steps there are; null: not known.")
    stage: str = Field(description="What it is busy with.", examples=["indexing"])
    rate: float | None = Field(description="Steps a second.")
    created_at: str = Field(description="ISO 8601, UTC.")
    started_at: str | None
    finished_at: str | None
    result: Any = Field(description="What it returned, once done.")
    problem: str | None = Field(description="Why it failed, in one line.")
    attempts: int = Field(description="How often it was started; more than once after a crash.")
    cancelling: bool = Field(description="Whether it was asked to end and has not yet.")

    @classmethod
    def of(cls, job: Job) -> JobView:
        """Return what clients see of a job; its arguments hold paths of the server and stay here."""
        return cls(**{name: getattr(job, name) for name in cls.model_fields})


class JobAccepted(BaseModel):
    """A job was queued."""

    job: JobView


class RecordView(BaseModel):
    """A record of the index."""

    id: str = Field(examples=["more/flower.jpg"])
    title: str = Field(description="Its title or name among the metadata, else the id.", examples=["A yellow dahlia"])
    metadata: dict[str, Value] = Field(examples=[{"brand": "Garden", "price": 4.5}])
    thumbnail: str = Field(description="Where a small picture of it is.")
    picture: str = Field(description="Where the picture is, at most 1600 pixels a side.")

    @classmethod
    def of(cls, record: Hit | Listed) -> RecordView:
        """Return what clients see of a record."""
        return cls(**shown(record))


class HitView(RecordView):
    """An answer to a query."""

    score: float = Field(description="Grows with likeness; comparable within one answer only.")


def shown(record: Hit | Listed) -> dict[str, Any]:
    """Return the fields of `RecordView`."""
    from urllib.parse import quote

    metadata = record.metadata
    title = next((str(metadata[name]) for name in ("title", "name") if metadata.get(name)), record.id)
    asked = f"?id={quote(record.id, safe='', errors='replace')}"
    return {
        "id": record.id,
        "title": title,
        "metadata": metadata,
        "thumbnail": f"/search/thumbnail{asked}",
        "picture": f"/search/picture{asked}",
    }


def next_offset(offset: int, shown_now: int, total: int) -> int | None:
    """Return where the next page begins, None behind the last."""
    return offset + shown_now if shown_now and offset + shown_now < total else None
