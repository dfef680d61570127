"""/docs: the description of the interface for people. One page without scripts, made from /openapi.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask, Response
from flask_smorest import Api
from markupsafe import Markup, escape

from cds_service.web.pages.html import filled, html

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_METHODS = ("get", "post", "put", "patch", "delete")


def add_api_page(app: Flask, api: Api) -> None:
    """Serve the page at /docs."""

    def docs() -> Response:
        answer = html(api_page(api.spec.to_dict()))
        answer.headers["Content-Security-Policy"] = _POLICY
        return answer

    app.add_url_rule("/docs", "docs", docs, methods=["GET"])


def api_page(spec: Mapping[str, Any]) -> str:
    """The page of an OpenAPI description: every operation, and every schema that one of them leads to."""
    schemas = spec.get("components", {}).get("schemas", {})
    operations = [shown for path, item in spec["paths"].items() for shown in _operations(path, item)]
    used = list(dict.fromkeys(_used(spec["paths"], schemas)))
    return filled(
        "api.html",
        root="",
        title=f"{spec['info']['title']} {spec['info']['version']}",
        operations=operations,
        schemas=[(name, list(_members(schemas[name]))) for name in used],
    )


def _operations(path: str, item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for method, operation in item.items():
        if method in _METHODS:
            answers = [(status, _answer(answer)) for status, answer in sorted(operation["responses"].items())]
            yield {
                "name": f"{method.upper()} {path}",
                "words": f"{operation.get('summary', '')} {operation.get('description', '')}".strip(),
                "bodies": [_type(schema) for schema in _contents(operation.get("requestBody", {}))],
                "answers": [(status, told) for status, told in answers if told],
            }


def _answer(answer: Mapping[str, Any]) -> Markup:
    return Markup(" ").join([escape(answer.get("description", "")), *map(_type, _contents(answer))]).strip()


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Markup, str, str]]:
    required = schema.get("required", ())
    for member, inner in schema.get("properties", {}).items():
        yield member, _type(inner), "yes" if member in required else "no", _words(inner)


def _used(part: Any, schemas: Mapping[str, Any]) -> Iterator[str]:
    """The names of the schemas that a part of the description refers to, and of those that they refer to."""
    if isinstance(part, Mapping):
        name = str(part["$ref"]).rpartition("/")[2] if "$ref" in part else ""
        if name in schemas:
            yield name
            yield from _used(schemas[name], schemas)
        for inner in part.values():
            yield from _used(inner, schemas)
    elif isinstance(part, list):
        for inner in part:
            yield from _used(inner, schemas)


def _contents(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (content["schema"] for content in holder.get("content", {}).values() if "schema" in content)


def _type(schema: Mapping[str, Any]) -> Markup:
    if "$ref" in schema:
        return Markup('<a href="#{0}">{0}</a>').format(schema["$ref"].rpartition("/")[2])
    for choice in ("anyOf", "allOf", "oneOf"):
        if choice in schema:
            return Markup(" or ").join(map(_type, schema[choice]))
    kinds = schema.get("type", "anything")
    told = escape(" or ".join(kinds) if isinstance(kinds, list) else str(kinds))
    return Markup("{0} of {1}").format(told, _type(schema["items"])) if "items" in schema else told


def _words(schema: Mapping[str, Any]) -> str:
    choices = [f"One of: {', '.join(map(str, schema['enum']))}"] if "enum" in schema else []
    form = [f"Format: {schema['format']}"] if "format" in schema else []
    return "; ".join([*([schema["description"]] if "description" in schema else []), *choices, *form])
