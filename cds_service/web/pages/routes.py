"""The pages' addresses: `/`, and `/playground/...` where the playground is on. None of them is part of CDS Hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, g
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from cds_service.errors import InvalidHookRequest
from cds_service.fhir.prefetch import decode_json
from cds_service.figures.draw import stylesheet
from cds_service.web.answer import encoded
from cds_service.web.edge import Edge
from cds_service.web.errors import Trouble, answer_http, operation_outcome
from cds_service.web.forms import form_fields, is_expected_form, takes_a_form
from cds_service.web.pages.chart import chart_facts
from cds_service.web.pages.markdown import markdown_tree
from cds_service.web.pages.order_form import order_form
from cds_service.web.pages.playground import Json, PlaygroundEhr, UnusableBundle
from cds_service.web.pages.timeline import drawn_page, empty_page, refused_page

_STATIC = Path(__file__).with_name("static")
_TYPES = {".svg": "image/svg+xml", ".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_SHARED = ("style.css", "icon.svg")
_PLAYGROUND = ("playground.js", "cards.js", "ehr.js", "draw.js", "timeline.css", "timeline.js")
_MOST_TEXTS, _LONGEST_TEXT = 50, 20_000


def add_pages(app: Flask, edge: Edge, ehr: PlaygroundEhr | None) -> None:
    """Serve the pages of `app`: the playground on `ehr`, or where that is None a page that says what this is."""
    _add_file(app, "/", "playground.html" if ehr else "about.html")
    for name in (*_SHARED, *(_PLAYGROUND if ehr else ())):
        _add_file(app, f"/playground/{name}", name)
    if ehr is not None:
        _add_playground(app, edge, ehr)


def _add_playground(app: Flask, edge: Edge, ehr: PlaygroundEhr) -> None:
    form = order_form(edge.knowledge)
    rules = {rule.id: {"title": rule.title, "statement": rule.statement} for rule in edge.knowledge.rules.values()}

    def setup() -> Response:
        stories = [{"name": s.name, "title": s.title, "shows": s.shows, "hooks": s.hooks} for s in ehr.stories()]
        told = {"today": edge.today().isoformat(), "knowledgeVersion": edge.knowledge.version}
        return _json({**told, **form, "rules": rules, "stories": stories})

    def story(name: str) -> Response:
        found = ehr.story(name, edge.today())
        if found is None:
            raise NotFound
        return _json(found)

    def chart() -> Response:
        try:
            return _json(_chart(_body(), ehr))
        except UnusableBundle as problem:
            return _json(operation_outcome([Trouble("invalid", str(problem), "bundle")]), 400)

    def drawn() -> Response:
        texts = _body().get("texts")
        if not isinstance(texts, list) or len(texts) > _MOST_TEXTS:
            raise InvalidHookRequest([("texts", f"must be a list of at most {_MOST_TEXTS} texts")])
        return _json({"drawn": [markdown_tree(str(text)[:_LONGEST_TEXT]) for text in texts]})

    def timeline_form() -> Response:
        return _html(*empty_page(ehr))

    def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
        return _html(*refused_page(ehr)) if is_expected_form() else answer_http(error)

    app.register_error_handler(RequestEntityTooLarge, too_large)

    @takes_a_form
    def drawn_timeline() -> Response:
        return _html(*drawn_page(edge, ehr, lambda: form_fields(g.body)))

    _add(app, "/playground/timeline", "GET", timeline_form)
    _add(app, "/playground/timeline", "POST", drawn_timeline)
    _add_content(app, "/playground/figure.css", stylesheet().encode(), ".css")
    _add(app, "/playground/setup", "GET", setup)
    _add(app, "/playground/stories/<name>", "GET", story)
    _add(app, "/playground/chart", "POST", chart)
    _add(app, "/playground/markdown", "POST", drawn)


def _chart(body: Mapping[str, Any], ehr: PlaygroundEhr) -> Json:
    bundle, patient_id = body.get("bundle"), body.get("patientId") or ""
    if not isinstance(bundle, dict) or not isinstance(patient_id, str):
        raise UnusableBundle("A FHIR Bundle is needed: a JSON object with resourceType Bundle.")
    opened = ehr.open_chart(bundle, patient_id)
    drafts = list(opened.drafts)
    signed = [resource for resource in opened.resources if resource not in drafts]
    return {
        "patientId": opened.patient_id,
        "drafts": drafts,
        "prefetch": dict(opened.prefetch),
        **chart_facts(signed, opened.patient_id),
    }


def _body() -> Json:
    body = decode_json(g.body)
    if not isinstance(body, dict):
        raise InvalidHookRequest([("", "must be a JSON object")])
    return body


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(encoded(body), status, content_type="application/json")


def _html(text: str, status: int) -> Response:
    return Response(text, status, headers=_HEADERS, content_type="text/html; charset=utf-8")


def _add_file(app: Flask, address: str, name: str) -> None:
    _add_content(app, address, (_STATIC / name).read_bytes(), Path(name).suffix)


def _add_content(app: Flask, address: str, content: bytes, suffix: str) -> None:
    kind = f"{_TYPES[suffix]}; charset=utf-8"
    _add(app, address, "GET", lambda: Response(content, headers=_HEADERS, content_type=kind))


def _add(app: Flask, address: str, method: str, view: Callable[..., Response]) -> None:
    app.add_url_rule(address, f"{method} page {address}", view, methods=[method])
