"""Whatever the command line does has a route, and a verb without one must say why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from eyebright.cli._root import app as command_line
from eyebright.service import Settings, create_app
from eyebright.service.image_tools import TOOLS

IMAGE = [tool.name for tool in TOOLS] + ["info", "join", "scenes"]

ROUTES = {
    "authenticate add-fake": "POST /authenticity/products/samples",
    "authenticate add-genuine": "POST /authenticity/products/samples",
    "authenticate case": "GET /authenticity/cases/{id}, GET /authenticity/cases/{id}/report, "
    "DELETE /authenticity/cases/{id}",
    "authenticate cases": "GET /authenticity/cases",
    "authenticate check": "POST /authenticity/check, POST /authenticity/check/folder",
    "authenticate compare": "POST /authenticity/compare",
    "authenticate decide": "POST /authenticity/cases/{id}/decision",
    "authenticate enroll": "POST /authenticity/products, PUT /authenticity/products/regions",
    "authenticate eval": "POST /authenticity/eval",
    "authenticate fit": "POST /authenticity/fit",
    "authenticate forget": "DELETE /authenticity/products",
    "authenticate ledger add": "POST /authenticity/ledger",
    "authenticate ledger history": "GET /authenticity/ledger/history",
    "authenticate ledger import": "POST /authenticity/ledger/import",
    "authenticate ledger revoke": "POST /authenticity/ledger/revoke",
    "authenticate products": "GET /authenticity/products",
    "authenticate queue": "GET /authenticity/cases",
    "authenticate simulate": "POST /authenticity/simulate",
    "classify": "POST /classify",
    "depth run": "POST /detect/depth",
    "detect eval": "POST /detect/eval",
    "detect run": "POST /detect/run",
    "faces audit": "GET /faces/audit",
    "faces blur": "POST /faces/blur, POST /faces/blur/video",
    "faces calibrate": "POST /faces/calibrate",
    "faces cluster": "POST /faces/cluster, GET /faces/groups/sheet",
    "faces enroll": "POST /faces/enroll, POST /faces/enroll/folder",
    "faces eval": "POST /faces/eval",
    "faces export": "GET /faces/export",
    "faces forget": "POST /faces/forget",
    "faces identify": "POST /faces/identify",
    "faces import": "POST /faces/import",
    "faces merge": "POST /faces/merge",
    "faces migrate": "POST /faces/migrate",
    "faces name": "POST /faces/name",
    "faces not": "POST /faces/not",
    "faces people": "GET /faces/people, GET /faces/kept, GET /faces/chip, GET /faces/groups",
    "faces presence": "POST /faces/presence",
    "faces purge": "POST /faces/purge",
    "faces rename": "POST /faces/rename",
    "faces split": "POST /faces/split",
    "faces verify": "POST /faces/verify",
    "faces watch": "POST /faces/watch, POST /faces/live",
    **{f"image {verb}": f"POST /image/{verb}" for verb in IMAGE},
    "models list": "GET /models",
    "models pull": "POST /models/{name}/pull",
    "models show": "GET /models/{name}",
    "models verify": "POST /models/{name}/verify",
    "pose eval": "POST /detect/pose/eval",
    "pose run": "POST /detect/pose",
    "propose": "POST /detect/propose, POST /detect/propose/eval",
    "search add": "POST /search/records",
    "search duplicates": "POST /search/duplicates",
    "search eval": "POST /search/eval",
    "search feedback": "POST /search/feedback",
    "search index": "POST /search/index",
    "search info": "GET /search/info",
    "search query": "POST /search/query, POST /search/explain",
    "search reindex": "POST /search/reindex",
    "search remove": "DELETE /search/record, DELETE /search/records",
    "search update": "PATCH /search/record",
    "segment eval": "POST /detect/segment/eval",
    "segment run": "POST /detect/segment, POST /detect/cut",
    "track eval": "POST /track/eval",
    "track run": "POST /track/sources, POST /track/run, GET /track/results/{id}, GET /track/results/{id}/files/{name}",
    "track score": "POST /track/score",
    "track tune": "POST /track/tune",
}
WITHOUT = {"serve": "it is the server"}


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    below = getattr(command, "commands", None)
    if not below:
        yield " ".join(path)
        return
    for name, one in below.items():
        yield from verbs(one, (*path, name))


def routes() -> set[str]:
    paths = create_app(Settings()).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, given in paths.items() for method in given}


def test_every_verb_has_a_route_or_says_why_not():
    here = set(verbs(typer.main.get_command(command_line)))
    assert len(here) > 80
    assert here - set(ROUTES) - set(WITHOUT) == set(), "a verb without a route: add one, or a reason"
    assert set(ROUTES) | set(WITHOUT) == here, "a route for a verb that is gone"


def test_the_routes_are_there():
    named = {route for given in ROUTES.values() for route in given.split(", ")}
    assert named - routes() == set()
