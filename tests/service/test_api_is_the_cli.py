"""Whatever the command line does can be asked over HTTP, verb by verb and option by option; what cannot says why."""

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
    "depth run": "POST /detect/depth, POST /detect/batch",
    "detect eval": "POST /detect/eval",
    "detect run": "POST /detect/run, POST /detect/batch, GET /jobs/{id}/files/{name}",
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
    "pose run": "POST /detect/pose, POST /detect/batch",
    "propose": "POST /detect/propose, POST /detect/batch, POST /detect/propose/eval",
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
    "segment run": "POST /detect/segment, POST /detect/cut, POST /detect/batch",
    "track eval": "POST /track/eval",
    "track run": "POST /track/sources, POST /track/run, GET /track/results/{id}, GET /track/results/{id}/files/{name}, "
    "GET /track/results/{id}/clips/{name}",
    "track score": "POST /track/score",
    "track tune": "POST /track/tune",
}
WITHOUT = {"serve": "it is the server"}

EVERYWHERE = {
    "json": "answers are JSON",
    "store": "one server has one home",
    "detector": "the faces of a gallery are compared as they were enrolled; the server chooses",
    "embedder": "the embedder belongs to the gallery; migrate changes it",
    "min-face": "the server's own",
}
"""Options that no route has, and why."""
CALLED = {
    "*": {
        "inputs": "image place files", "images": "image files", "photos": "files photo", "paths": "image files source",
        "out": "answer formats picture draw", "id": "id ids", "set": "metadata subset settings", "case_id": "id",
        "root": "folder", "size": "width height", "coco": "answer formats", "yolo": "answer formats",
        "voc": "answer formats", "type": "types", "region": "regions", "boxes": "boxes box", "masks": "answer formats",
        "names": "name", "ids": "ids id faces", "person": "group", "words": "name files folder", "file": "file",
    },
    "authenticate decide": {"by": "decided_by"},
    "authenticate compare": {"first": "reference", "second": "photo", "out": "draw"},
    "image clahe": {"grid": "rows columns"},
    "image match": {"first": "image", "second": "other", "out": "draw"},
    "image stereo": {"left": "image", "right": "other", "out": "draw"},
    "image flow": {"paths": "image other"},
    "image motion": {"paths": "image other"},
    "track run": {"sources": "source video", "out": "name", "mot": "name", "csv": "name", "jsonl": "name",
                  "heat": "name", "events": "name"},
    "search add": {"images": "files"},
}  # fmt: skip
"""What options and arguments are called over HTTP: one of these parameters. `name` of `track run` is that of a file."""
NOT_HERE = {
    "authenticate case": {
        "html": "it has a route of its own, /report",
        "delete": "it has a method of its own, DELETE",
    },
    "authenticate check": {
        "html": "the report of a case has a route of its own",
        "csv": "a table of what the job's result lists",
    },
    "authenticate simulate": {"out": "the answer is the archive"},
    "faces eval": {
        "groups": "only a file of pairs",
        "out": "the figures are the answer",
    },
    "faces identify": {
        "out": "the answer has the boxes, and the page draws them",
        "every": "videos are watched: /faces/watch",
    },
    "faces cluster": {"sheet": "it has a route of its own, /faces/groups/sheet"},
    "faces watch": {
        "out": "the live view shows it",
        "events": "the job's result has them",
        "show": "that is the live view",
    },
    "faces presence": {"out": "the table is the answer"},
    "faces people": {
        "unknown": "it has a route of its own, /faces/groups",
        "chips": "each has a route of its own, /faces/chip",
    },
    "faces export": {"file": "the file is the answer"},
    "faces migrate": {"from": "folders of the server stay as they were enrolled"},
    "image info": {"histogram": "the answer always has it"},
    "models pull": {"to": "clients choose no folders of the server"},
    "search query": {
        "explain": "it has a route of its own, /search/explain",
        "html": "the page shows it",
    },
    "search duplicates": {
        "html": "the page shows it",
        "sheet": "the page shows it",
    },
    "track run": {"webhook": "a server that posts to wherever a client says could reach what the client cannot"},
}
"""Options without a parameter, and why."""


def routes() -> set[str]:
    paths = create_app(Settings()).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, given in paths.items() for method in given}


def test_every_verb_has_a_route_or_says_why_not():
    here = {verb for verb, _ in commands(typer.main.get_command(command_line))}
    assert len(here) > 80
    assert here - set(ROUTES) - set(WITHOUT) == set(), "a verb without a route: add one, or a reason"
    assert set(ROUTES) | set(WITHOUT) == here, "a route for a verb that is gone"


def test_the_routes_are_there():
    named = {route for given in ROUTES.values() for route in given.split(", ")}
    assert named - routes() == set()


def test_every_option_has_a_parameter_or_says_why_not():
    missing = []
    document = create_app(Settings()).openapi()
    for verb, command in commands(typer.main.get_command(command_line)):
        if verb in WITHOUT:
            continue
        told = set().union(*(parameters(document, route) for route in ROUTES[verb].split(", ")))
        names = {option_name(option): option for option in command.params if option.name != "help"}
        excused = NOT_HERE.get(verb, {})
        assert set(excused) <= set(names), f"{verb}: a reason for an option that is gone: {set(excused) - set(names)}"
        for name, option in names.items():
            called = {name.replace("-", "_"), option.name, *CALLED["*"].get(name, "").split()}
            called |= set(CALLED.get(verb, {}).get(name, "").split())
            if not (called & told or name in excused or name in EVERYWHERE):
                missing.append(f"{verb}: {name}")
    assert not missing, "an option without a parameter: add one to the route, or a reason here"


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if not below:
        yield " ".join(path), command
        return
    for name, one in below.items():
        yield from commands(one, (*path, name))


def option_name(option: Any) -> str:
    """Return an option as the user writes it, without dashes; an argument by its name."""
    if option.param_type_name == "argument":
        return str(option.name)
    return str(max(option.opts, key=len)).lstrip("-")


def parameters(document: dict[str, Any], route: str) -> set[str]:
    """Return the names of everything that a route can be told."""
    method, path = route.split()
    here = document["paths"][path]
    operation = here[method.lower()]
    found = {one["name"] for one in (*operation.get("parameters", ()), *here.get("parameters", ()))}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found |= fields(document, content["schema"])
    return found


def fields(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """Return the names of the properties of a schema and of its alternatives."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = set(schema.get("properties", ()))
    for each in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        found |= fields(document, each)
    return found
