"""Stored checks, what people decide about them, and the serial ledger."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Path, Query, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import Response

from eyebright.authenticity import CaseSummary, Decision, ImportReport, SerialEntry, Sighting, picture_of, report
from eyebright.core.errors import QueryError
from eyebright.service.api.authenticity import jpeg
from eyebright.service.api.records import JPEG
from eyebright.service.api.schemas import Limit, Offset, next_offset
from eyebright.service.pictures import LONGEST
from eyebright.service.problems import Refusal, problems
from eyebright.service.state import Services, Shared
from eyebright.service.uploads import contents, shown_name

router = APIRouter(prefix="/authenticity", tags=["Authenticity"])
CaseId = Annotated[str, Path(max_length=100, description="Id of a case.")]
Serial = Annotated[str, Field(min_length=1, max_length=200, examples=["S-0001"])]
_HTML = {"text/html": {"schema": {"type": "string"}}}


class CasePage(BaseModel):
    """Some cases, the newest first."""

    items: list[CaseSummary]
    total: int
    next_offset: int | None


class DecisionRequest(BaseModel):
    """What a person decides."""

    label: Literal["genuine", "counterfeit"]
    decided_by: str = Field(min_length=1, max_length=200, description="Name of the person.", examples=["Ann"])
    revise: bool = Field(default=False, description="Replace an earlier decision.")


class SerialPage(BaseModel):
    """Some serials, in their order."""

    items: list[SerialEntry]
    total: int
    next_offset: int | None


class NewSerial(BaseModel):
    """A serial to add."""

    serial: Serial
    product: str = Field(default="", max_length=200, description="Whose it is; empty: of any product.")


class Added(BaseModel):
    """Whether it was new."""

    added: bool


class Revocation(BaseModel):
    """A serial that is valid no more."""

    serial: Serial
    reason: str = Field(default="", max_length=500, description="Shown in reports.")


class History(BaseModel):
    """Where and when a serial was seen, oldest first."""

    items: list[Sighting]


@router.get("/cases", summary="List checks", responses=problems(409))
def list_cases(
    services: Shared,
    verdict: Annotated[
        Literal["genuine", "counterfeit", "inconclusive"] | None, Query(description="Only those answered so.")
    ] = None,
    product: Annotated[str | None, Query(max_length=200, description="Only of this product.")] = None,
    undecided: Annotated[bool, Query(description="Only inconclusive ones that nobody has decided: the queue.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
) -> CasePage:
    """Return stored checks, the newest first."""
    items, total = services.authenticity.cases.page(
        verdict=verdict, product=product or None, undecided=undecided, limit=limit, offset=offset
    )
    return CasePage(items=items, total=total, next_offset=next_offset(offset, len(items), total))


@router.get("/cases/{id}", summary="Show a check", responses=problems(404, 409))
def show_case(services: Shared, id: CaseId) -> dict[str, Any]:  # noqa: A002  (the path's own word)
    """Return one check with its evidence, and what a person decided."""
    _known(services, id)
    return services.authenticity.case(id)


@router.get(
    "/cases/{id}/report", summary="The report of a check", response_class=Response,
    responses={**problems(404, 409), 200: {"description": "One HTML file to keep.", "content": _HTML}},
)  # fmt: skip
def show_report(services: Shared, id: CaseId) -> Response:  # noqa: A002  (the path's own word)
    """Return the whole report as one HTML file with its pictures inside."""
    _known(services, id)
    text = report(services.authenticity.cases.open(id))
    headers = {"Content-Disposition": 'attachment; filename="report.html"'}
    return Response(text, media_type="text/html", headers=headers)


@router.get(
    "/cases/{id}/picture", summary="A picture of a check", response_class=Response,
    responses={**problems(404, 409), **JPEG},
)  # fmt: skip
def show_picture(
    services: Shared,
    id: CaseId,  # noqa: A002  (the path's own word)
    view: Annotated[
        Literal["photo", "reference", "laid", "heat"],
        Query(description="The photo, its reference, the photo laid over the reference, or the heat map."),
    ] = "photo",
    number: Annotated[int, Query(ge=0, le=1000, description="Which photo, from 0.")] = 0,
    size: Annotated[int, Query(ge=16, le=LONGEST, description="Pixels of the longer side, at most.")] = LONGEST,
) -> Response:
    """Return a picture of a check as a JPEG; places that differ are framed."""
    _known(services, id)
    try:
        return jpeg(picture_of(services.authenticity.cases.open(id), number, view), size)
    except QueryError as error:
        raise Refusal(404, "picture", str(error)) from error


@router.post("/cases/{id}/decision", summary="Decide a case", responses=problems(404, 409))
def decide(services: Shared, id: CaseId, body: DecisionRequest) -> Decision:  # noqa: A002  (the path's own word)
    """Record what a person decided; the photos become labelled samples for the next fit."""
    _known(services, id)
    return services.authenticity.cases.decide(id, body.label, body.decided_by, revise=body.revise)


@router.delete("/cases/{id}", status_code=204, summary="Remove a check", responses=problems(404, 409))
def delete_case(services: Shared, id: CaseId) -> None:  # noqa: A002  (the path's own word)
    """Remove a check with its pictures; samples that a decision made of it stay."""
    _known(services, id)
    services.authenticity.cases.delete(id)


@router.get("/ledger", summary="List serials", responses=problems(409))
def list_serials(
    services: Shared,
    text: Annotated[str, Query(max_length=100, description="Only serials that contain it.")] = "",
    limit: Limit = 50,
    offset: Offset = 0,
) -> SerialPage:
    """Return the serials of the ledger, in their order."""
    items, total = services.authenticity.ledger.page(text, limit=limit, offset=offset)
    return SerialPage(items=items, total=total, next_offset=next_offset(offset, len(items), total))


@router.post("/ledger", status_code=201, summary="Add a serial", responses=problems(409))
def add_serial(services: Shared, body: NewSerial) -> Added:
    """Add one serial; one that is known already stays as it is."""
    return Added(added=services.authenticity.ledger.add(body.serial, body.product))


@router.post("/ledger/import", summary="Import serials", responses=problems(409))
def import_serials(
    services: Shared,
    table: Annotated[UploadFile, File(description="A CSV table with a column `serial` and, if you like, `product`.")],
) -> ImportReport:
    """Add every serial of a table; checks go on meanwhile, and running it again adds nothing twice."""
    return services.authenticity.ledger.import_table(contents(table), shown_name(table))


@router.post("/ledger/revoke", status_code=204, summary="Revoke a serial", responses=problems(409))
def revoke(services: Shared, body: Revocation) -> None:
    """Revoke a serial, known or not: every check of it is a counterfeit from now on."""
    services.authenticity.ledger.revoke(body.serial, body.reason)


@router.get("/ledger/history", summary="Where a serial was seen", responses=problems(409))
def history(
    services: Shared, serial: Annotated[str, Query(min_length=1, max_length=200, description="The serial.")]
) -> History:
    """Return where and when checks saw a serial, oldest first."""
    return History(items=services.authenticity.ledger.history(serial))


def _known(services: Services, case_id: str) -> None:
    try:
        services.authenticity.case(case_id)
    except QueryError as error:
        raise Refusal(404, "case", str(error)) from error
