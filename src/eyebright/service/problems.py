"""Errors as problem details (RFC 9457), one form for every answer that is no success."""

from __future__ import annotations

import http
import logging
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eyebright.core.errors import (
    EyebrightError,
    ImageTooLargeError,
    InputError,
    JobError,
    ModelError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    TooManyJobsError,
    UnsupportedImageError,
)

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)

_STATUS: tuple[tuple[type[EyebrightError], int, str], ...] = (
    (ImageTooLargeError, 413, "picture-too-large"),
    (UnsupportedImageError, 415, "not-a-picture"),
    (InputError, 422, "unusable-input"),
    (TooManyJobsError, 429, "too-many-jobs"),
    (JobError, 409, "job"),
    (ModelError, 409, "model"),
    (StoreMissingError, 409, "no-index"),
    (StoreBusyError, 409, "store-busy"),
    (StoreFullError, 507, "disk-full"),
    (StoreError, 409, "store"),
)


class Problem(BaseModel):
    """What went wrong, as RFC 9457 writes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:eyebright:problem:not-a-picture",
                    "title": "Unsupported Media Type",
                    "status": 415,
                    "detail": "notes.txt: expected a JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF or HEIC picture, got ...",
                    "instance": "/classify",
                }
            ]
        }
    )

    type: str = Field(description="Name of the kind of problem, a URN that stays the same.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What failed, what was expected, what came, and what to do next, in one line.")
    instance: str = Field(description="The path that was asked for.")
    errors: list[dict[str, Any]] | None = Field(
        default=None, description="For a request of the wrong form: each wrong value, with `location` and `message`."
    )


class Refusal(HTTPException):
    """A request that is refused, raised anywhere below the routes.

    Args:
        status: 4xx.
        slug: name of the kind of problem; also the reason that the metrics count.
        detail: one line.
        retry_after_s: when to come again.
    """

    def __init__(self, status: int, slug: str, detail: str, *, retry_after_s: float | None = None) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
        super().__init__(status, detail, headers or None)
        self.slug = slug


def problem(
    status: int, detail: str, instance: str, *, slug: str | None = None, headers: Any = None, **more: Any
) -> JSONResponse:
    """Return the response for a problem."""
    title = http.HTTPStatus(status).phrase
    kind = slug or title.lower().replace(" ", "-")
    body = {
        "type": f"urn:eyebright:problem:{kind}", "title": title, "status": status, "detail": detail,
        "instance": instance, **more,
    }  # fmt: skip
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def of_error(error: Exception) -> tuple[int, str, str]:
    """Return status, slug and detail for anything that an endpoint raises."""
    if isinstance(error, Refusal):
        return error.status_code, error.slug, str(error.detail)
    for kind, status, slug in _STATUS:
        if isinstance(error, kind):
            return status, slug, " ".join(str(error).split())
    return 500, "internal", "something went wrong inside the server; its log has the details"


def respond(error: Exception, instance: str) -> JSONResponse:
    """Return the response for an error, and log what is the server's own fault."""
    status, slug, detail = of_error(error)
    if status >= 500:
        _LOG.error("%s: %s", instance, error, exc_info=error)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 429:
        headers.setdefault("Retry-After", "5")
    return problem(status, detail, instance, slug=slug, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of the routes a problem."""

    def known(request: Request, error: Exception) -> Response:
        note(request, of_error(error)[1])
        return respond(error, request.url.path)

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, Refusal):
            return known(request, error)
        if error.status_code < 400:
            return Response(status_code=error.status_code, headers=error.headers)
        detail = str(error.detail)
        if detail.startswith("Too many f"):  # the form parser's only way to say so
            return known(request, Refusal(413, "too-many-files", f"{detail} Send fewer in one request."))
        if error.status_code == 404 and detail == "Not Found":
            detail = f"there is nothing at {request.url.path}; /docs lists what there is"
        return problem(error.status_code, detail, request.url.path, headers=error.headers)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [{"location": [str(part) for part in one["loc"]], "message": one["msg"]} for one in error.errors()]
        first = f"{'.'.join(wrong[0]['location'])}: {wrong[0]['message']}" if wrong else "wrong form"
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return problem(422, f"{first}{more}", request.url.path, slug="wrong-form", errors=wrong)

    app.add_exception_handler(EyebrightError, known)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)


def note(request: Request, reason: str) -> None:
    """Leave the reason of a refusal for the metrics."""
    request.scope["eyebright.refused"] = reason


_WORDS = {
    400: "The request, or its Host header, is malformed.",
    401: "The token is missing or wrong.",
    403: "Another site's page asked for it, or the folder is not among those the server may use.",
    404: "There is no such thing.",
    405: "This path takes other methods.",
    408: "The request did not arrive, or was not answered, in the time allowed.",
    409: "The state of the server does not allow it now; the detail says what to do first.",
    413: "The body, a picture or the number of files is over the limit.",
    415: "The upload is no picture of a known format.",
    421: "The Host header names another host.",
    422: "A value is wrong, or a picture is damaged.",
    429: "Too many requests or jobs; come again after `Retry-After` seconds.",
    503: "Not ready.",
}
_EVERYWHERE = (400, 401, 403, 405, 408, 413, 421, 422, 429)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of its problems: these, and those that every route may answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    chosen = sorted({*statuses, *_EVERYWHERE})
    out: dict[int | str, dict[str, Any]] = {}
    for status in chosen:
        out[status] = {"description": _WORDS[status], "content": content}
    out[429]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return out
