"""Routes of the pages, and the static files beside them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from eyebright import __version__
from eyebright.service.pages._reference import reference
from eyebright.service.pages.words import SCRIPT_WORDS, WORDS
from eyebright.service.rates import Buckets
from eyebright.service.security import COOKIE, log_in, token_matches
from eyebright.service.settings import Settings

_HERE = Path(__file__).resolve().parent.parent
_STATIC = _HERE / "static"
_GUESS_S, _GUESSES = 0.2, 10  # wrong tokens a second, and at once, by one client

NAVIGATION = (
    ("search", "/app/search"),
    ("image", "/app/image"),
    ("classify", "/app/classify"),
    ("detect", "/app/detect"),
    ("faces", "/app/faces"),
    ("track", "/app/track"),
    ("authenticate", "/app/authenticate"),
    ("live", "/app/live"),
    ("models", "/app/models"),
    ("jobs", "/app/jobs"),
    ("docs", "/docs"),
)
"""Word and address of each entry of the menu; a new system adds a line here, a template and a script."""

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def mount_static(app: FastAPI) -> None:
    """Serve style sheets and scripts from the package, and count wrong logins for this application."""
    app.state.logins = Buckets(_GUESS_S, _GUESSES)
    app.mount("/static", _Static(directory=_STATIC), name="static")


class _Static(StaticFiles):
    """Files that a browser asks about again each time: scripts import each other by plain names."""

    def file_response(self, *arguments: Any, **more: Any) -> Response:
        response = super().file_response(*arguments, **more)
        response.headers["Cache-Control"] = "no-cache"
        return response


def page(request: Request, name: str, active: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill the template `name` into the shell; `active` is its entry in the menu."""
    settings: Settings = request.app.state.settings
    text = (
        _templates()
        .get_template(f"{name}.html")
        .render(
            t=WORDS,
            script_words=SCRIPT_WORDS,
            navigation=NAVIGATION,
            active=active,
            asset=_asset,
            version=__version__,
            guarded=settings.token is not None,
            **values,
        )
    )
    return HTMLResponse(text, status, headers={"Cache-Control": "no-cache"})


@router.get("/app")
@router.get("/app/")
def home() -> RedirectResponse:
    """Lead to the first page."""
    return RedirectResponse("/app/search", 307)


@router.get("/app/search")
def search(request: Request) -> HTMLResponse:
    """Search by a picture, words and filters."""
    return page(request, "search", "search")


@router.get("/app/search/index")
def index(request: Request) -> HTMLResponse:
    """Index a folder of the server, or uploaded pictures."""
    return page(request, "index", "search")


@router.get("/app/search/duplicates")
def duplicates(request: Request) -> HTMLResponse:
    """Copies among the indexed pictures."""
    return page(request, "duplicates", "search")


@router.get("/app/image")
def image(request: Request) -> HTMLResponse:
    """Try the classic toolbox on pictures."""
    return page(request, "image", "image")


@router.get("/app/classify")
def classify(request: Request) -> HTMLResponse:
    """Name what pictures show."""
    return page(request, "classify", "classify")


@router.get("/app/detect")
def detect(request: Request) -> HTMLResponse:
    """Find objects in a picture."""
    return page(request, "detect", "detect")


@router.get("/app/faces")
def faces(request: Request) -> HTMLResponse:
    """Recognise people, enrol and forget them."""
    return page(request, "faces", "faces")


@router.get("/app/faces/unnamed")
def faces_unnamed(request: Request) -> HTMLResponse:
    """Groups of faces that nobody has named yet."""
    return page(request, "faces_unnamed", "faces")


@router.get("/app/faces/live")
def faces_live(request: Request) -> HTMLResponse:
    """A live view with names, and who was seen when."""
    return page(request, "faces_live", "faces")


@router.get("/app/faces/gallery")
def faces_gallery(request: Request) -> HTMLResponse:
    """The threshold, the gallery as a file, and the audit log."""
    return page(request, "faces_gallery", "faces")


@router.get("/app/track")
def track(request: Request) -> HTMLResponse:
    """Follow and count what moves in a video."""
    return page(request, "track", "track")


@router.get("/app/authenticate")
def authenticate(request: Request) -> HTMLResponse:
    """Check whether a product is genuine."""
    return page(request, "authenticate", "authenticate")


@router.get("/app/authenticate/products")
def authenticate_products(request: Request) -> HTMLResponse:
    """Registered products, their references and marked places."""
    return page(request, "authenticate_products", "authenticate")


@router.get("/app/authenticate/cases")
def authenticate_cases(request: Request) -> HTMLResponse:
    """Stored checks, and the queue of those that a person decides."""
    return page(request, "authenticate_cases", "authenticate")


@router.get("/app/authenticate/ledger")
def authenticate_ledger(request: Request) -> HTMLResponse:
    """Serial numbers, and where they were seen."""
    return page(request, "authenticate_ledger", "authenticate")


@router.get("/app/live")
def live(request: Request) -> HTMLResponse:
    """Look at a camera, a stream or a video."""
    return page(request, "live", "live")


@router.get("/app/models")
def models(request: Request) -> HTMLResponse:
    """The catalogue of models."""
    return page(request, "models", "models")


@router.get("/app/jobs")
def jobs(request: Request) -> HTMLResponse:
    """Background jobs."""
    return page(request, "jobs", "jobs")


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The reference of the API, from its OpenAPI document."""
    return page(request, "docs", "docs", groups=reference(request.app.openapi()))


@router.get("/app/login")
def login(request: Request, next: str = "") -> HTMLResponse:  # noqa: A002  (the query's word)
    """Ask for the token."""
    return page(request, "login", "", wrong=None, next=_own_page(next))


@router.post("/app/login")
def log_in_with_token(
    request: Request,
    token: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",  # noqa: A002  (the form's word)
) -> Response:
    """Set the cookie when the token is right, and lead to the page that was asked for."""
    wanted = _own_page(next)
    settings: Settings = request.app.state.settings
    tries: Buckets = request.app.state.logins
    client = request.client.host if request.client else ""
    wait_s = tries.wait_s(client)
    if wait_s:
        answer = page(request, "login", "", 429, wrong=WORDS["login"]["slow"], next=wanted)
        answer.headers["Retry-After"] = str(max(1, round(wait_s)))
        return answer
    if not token_matches(settings, token.strip()):
        tries.take(client)
        return page(request, "login", "", 401, wrong=WORDS["login"]["wrong"], next=wanted)
    response = RedirectResponse(wanted, 303)
    log_in(response, settings)
    return response


@router.post("/app/logout")
def log_out() -> Response:
    """Forget the cookie."""
    response = RedirectResponse("/app/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


@router.get("/app/{rest:path}")
def missing(request: Request, rest: str) -> HTMLResponse:
    """Say that there is no such page."""
    return page(request, "missing", "", 404, asked=rest[:200])


@router.get("/favicon.ico")
def favicon() -> Response:
    """The sign in the browser's tab."""
    return Response((_STATIC / "eyebright.svg").read_bytes(), media_type="image/svg+xml")


def _own_page(path: str) -> str:
    """Return a path of this server's pages; anything else becomes the first page, so that no link leads away."""
    return path if path == "/docs" or path.startswith("/app/") else "/app/search"


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _asset(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that no browser keeps an old one."""
    return f"/static/{name}?v={hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:10]}"
