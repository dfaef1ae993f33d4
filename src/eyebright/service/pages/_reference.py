"""The OpenAPI document, arranged for reading."""

from __future__ import annotations

import json
from typing import Any

_SHOWN_PROBLEMS = {"400", "401", "403", "405", "408", "413", "421", "429"}  # every route has them; told once
_DEEPEST = 3  # objects within objects


def reference(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the operations by tag: summary, parameters, fields of the body, answers, and a line for curl."""
    groups: dict[str, dict[str, Any]] = {
        tag["name"]: {"name": tag["name"], "description": tag.get("description", ""), "operations": []}
        for tag in document.get("tags", [])
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = (operation.get("tags") or ["Other"])[0]
            group = groups.setdefault(name, {"name": name, "description": "", "operations": []})
            group["operations"].append(_operation(document, path, method, operation))
    return [group for group in groups.values() if group["operations"]]


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {
            "name": parameter["name"],
            "place": parameter["in"],
            "type": _type(document, parameter.get("schema", {})),
            "required": parameter.get("required", False),
            "description": parameter.get("description", ""),
        }
        for parameter in operation.get("parameters", [])
    ]
    kind, fields = _body(document, operation)
    return {
        "id": f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": parameters + fields,
        "answers": [
            {"status": status, "description": answer.get("description", "")}
            for status, answer in operation.get("responses", {}).items()
            if status not in _SHOWN_PROBLEMS
        ],
        "returns": _returned(document, operation),
        "curl": _curl(path, method, kind, fields, parameters),
    }


def _body(document: dict[str, Any], operation: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return "", []
    kind, media = next(iter(content.items()))
    schema = _resolved(document, media.get("schema", {}))
    required = set(schema.get("required", []))
    fields = [
        {
            "name": name,
            "place": "json" if kind == "application/json" else "form",
            "type": _type(document, field),
            "required": name in required,
            "description": field.get("description", ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]
    return kind, fields


def _returned(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of the answer when all went well; those of inner objects by their whole path."""
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            return _fields(document, schema, "", _DEEPEST)
    return []


def _fields(document: dict[str, Any], schema: dict[str, Any], path: str, depth: int) -> list[dict[str, Any]]:
    schema = _resolved(document, schema)
    if schema.get("type") == "array":
        return _fields(document, schema.get("items", {}), f"{path}[]", depth)
    rows = []
    for name, field in schema.get("properties", {}).items():
        whole = f"{path}.{name}" if path else name
        rows.append(
            {
                "name": whole,
                "type": _type(document, field),
                "description": _resolved(document, field).get("description", ""),
            }
        )
        if depth > 1:
            rows += _fields(document, field, whole, depth - 1)
    return rows


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        kinds = [_type(document, one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " | ".join(dict.fromkeys(kinds))
    if schema.get("contentMediaType") or schema.get("format") == "binary":
        return "file"
    if schema.get("type") == "array":
        return f"{_type(document, schema.get('items', {}))}, repeated"
    return str(schema.get("type", "any"))


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _curl(path: str, method: str, kind: str, fields: list[dict[str, Any]], parameters: list[dict[str, Any]]) -> str:
    parts = ["curl"] + ([] if method == "get" else ["-X", method.upper()])
    if kind == "application/json":
        example = {field["name"]: _example(field) for field in fields if field["required"]}
        parts += ["-H", "'Content-Type: application/json'", "-d", f"'{json.dumps(example)}'"]
    elif kind:
        chosen = [field for field in fields if field["required"]] or fields[:1]
        for field in chosen:
            value = "@picture.jpg" if field["type"].startswith("file") else _example(field)
            parts += ["-F", f"{field['name']}={value}"]
    asked = "&".join(
        f"{one['name']}={_example(one)}" for one in parameters if one["place"] == "query" and one["required"]
    )
    address = f"http://127.0.0.1:8000{path}"
    return " ".join([*parts, f"'{address}?{asked}'" if asked else address])


def _example(field: dict[str, Any]) -> Any:
    if field["type"].endswith("repeated"):
        return []
    return {"integer": 1, "number": 1.0, "boolean": True}.get(field["type"], field["name"].upper())
