"""The page that describes the interface: whole, without scripts, and without anything from elsewhere."""

from __future__ import annotations

import re

from flask.testing import FlaskClient

from cds_service.web.api_page import api_page


def test_the_page_names_every_route_and_every_schema(client: FlaskClient) -> None:
    described = client.get("/openapi.json").get_json()
    page = client.get("/docs").get_data(as_text=True)

    assert described["openapi"] == "3.1.0"
    assert [path for path in described["paths"] if f" {path}</code>" not in page] == []
    schemas = set(described["components"]["schemas"])
    told = set(re.findall(r'<h3 class="schema" id="(\w+)"', page))
    assert schemas - told == {"Error", "PaginationMetadata"}  # of the library that writes it, and nobody's answer
    assert set(re.findall(r'href="#(\w+)"', page)) - {"content"} == told


def test_the_page_runs_and_loads_nothing(client: FlaskClient) -> None:
    response = client.get("/docs")
    page = response.get_data(as_text=True)

    assert "<script" not in page
    addresses = set(re.findall(r"(?:src|href)=[\"']?(?!#)([^\"'> ]+)", page))
    assert not [address for address in addresses if ":" in address or address.startswith("/")]
    assert "<style" not in page
    assert "style=" not in page
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'self'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_text_of_the_description_is_text() -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/A<"}}}
    operation = {"summary": "<b>", "responses": {"200": {"description": "<i>", "content": content}}}
    schemas = {"A<": {"properties": {"<u>": {"type": ["string", "null"], "description": "<s>"}}}}
    paths = {"/<p>": {"get": operation}}
    page = api_page({"info": {"title": "<T>", "version": "1"}, "paths": paths, "components": {"schemas": schemas}})

    assert not re.findall(r"<[biusT]>|/<p>", page)
    assert "/&lt;p&gt;" in page
    assert "string or null" in page
