"""The page that describes the interface: whole, without scripts, and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

from flask.testing import FlaskClient

from cds_service.web.api_page import api_page


def test_the_page_names_every_route_and_every_schema(client: FlaskClient) -> None:
    described = client.get("/openapi.json").get_json()
    page = client.get("/docs").get_data(as_text=True)

    assert described["openapi"] == "3.1.0"
    assert [path for path in described["paths"] if f" {path}</code>" not in page] == []
    assert [name for name in described["components"]["schemas"] if f'id="{name}"' not in page] == []
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(re.findall(r'id="(\w+)"', page))


def test_the_page_runs_and_loads_nothing(client: FlaskClient) -> None:
    response = client.get("/docs")
    page = response.get_data(as_text=True)

    assert "<script" not in page
    assert re.findall(r"(?:src|href)=[\"']?(?!#)([^\"'> ]+)", page) == ["openapi.json"]
    style = re.findall(r"<style>(.*?)</style>", page)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_text_of_the_description_is_text() -> None:
    operation = {"summary": "<b>", "responses": {"200": {"description": "<i>"}}}
    schemas = {"A<": {"properties": {"<u>": {"type": ["string", "null"], "description": "<s>"}}}}
    paths = {"/<p>": {"get": operation}}
    page = api_page({"info": {"title": "<T>", "version": "1"}, "paths": paths, "components": {"schemas": schemas}})

    assert not re.findall(r"<[biusT]>|/<p>", page)
    assert "/&lt;p&gt;" in page
    assert "string or null" in page
