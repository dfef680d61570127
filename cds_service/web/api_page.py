"""/docs: the description of the interface for people. One page without scripts, made from /openapi.json."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from flask import Flask, Response
from flask_smorest import Api

_STYLE = (
    "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}"
    "h2{margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}code{background:#f3f3f3;padding:.1em .3em}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;"
    "vertical-align:top}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_METHODS = ("get", "post", "put", "patch", "delete")


def add_api_page(app: Flask, api: Api) -> None:
    """Serve the page at /docs."""

    def docs() -> Response:
        page = api_page(api.spec.to_dict())
        return Response(page, headers={"Content-Security-Policy": _POLICY}, content_type="text/html; charset=utf-8")

    app.add_url_rule("/docs", "docs", docs, methods=["GET"])


def api_page(spec: Mapping[str, Any]) -> str:
    """The page of an OpenAPI description."""
    title = escape(f"{spec['info']['title']} {spec['info']['version']}")
    schemas = spec.get("components", {}).get("schemas", {})
    parts = [part for path, item in spec["paths"].items() for part in _operations(path, item)]
    parts += [part for name, schema in schemas.items() for part in _schema(name, schema)]
    head = f"<meta charset=utf-8><meta name=viewport content='width=device-width'><title>{title}</title>"
    intro = 'For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).'
    body = "\n".join([f"<h1>{title}</h1>", f"<p>{intro}</p>", *parts])
    return f"<!doctype html><html lang=en><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>"


def _operations(path: str, item: Mapping[str, Any]) -> Iterator[str]:
    for method, operation in item.items():
        if method not in _METHODS:
            continue
        yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        yield f"<p>{escape(operation.get('summary', ''))} {escape(operation.get('description', ''))}</p>"
        yield from (f"<p>Body: {_type(schema)}</p>" for schema in _contents(operation.get("requestBody", {})))
        rows = ((escape(status), _answer(answer)) for status, answer in sorted(operation["responses"].items()))
        yield _table(("Status", "Answer"), rows)


def _answer(answer: Mapping[str, Any]) -> str:
    return " ".join([escape(answer.get("description", "")), *map(_type, _contents(answer))])


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2 id="{escape(name)}">{escape(name)}</h2>'
    required = schema.get("required", ())
    rows = (
        (f"<code>{escape(member)}</code>", _type(inner), "yes" if member in required else "", _words(inner))
        for member, inner in schema.get("properties", {}).items()
    )
    yield _table(("Member", "Type", "Required", "Meaning"), rows)


def _contents(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from (content["schema"] for content in holder.get("content", {}).values() if "schema" in content)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "allOf", "oneOf"):
        if choice in schema:
            return " or ".join(map(_type, schema[choice]))
    kinds = schema.get("type", "anything")
    told = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{escape(told)} of {_type(schema['items'])}" if "items" in schema else escape(told)


def _words(schema: Mapping[str, Any]) -> str:
    more = [f"{name}: {schema[name]}" for name in ("enum", "format") if name in schema]
    return escape("; ".join([*([schema["description"]] if "description" in schema else []), *more]))


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    names = "".join(f"<th>{name}</th>" for name in head)
    return f"<table><tr>{names}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
