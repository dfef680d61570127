"""The pages' addresses: `/`, and `/playground/...` where the playground is on. None of them is part of CDS Hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound, RequestEntityTooLarge

from cds_service.errors import InvalidHookRequest
from cds_service.fhir.prefetch import decode_json
from cds_service.figures.draw import stylesheet
from cds_service.knowledge.loader import PACKAGED
from cds_service.knowledge.loader.files import effective_files
from cds_service.rule_book.changes import Change, changes
from cds_service.web.answer import encoded
from cds_service.web.edge import Edge
from cds_service.web.errors import Trouble, answer_http, operation_outcome
from cds_service.web.forms import form_fields, is_expected_form, takes_a_form
from cds_service.web.pages import knowledge as rule_book
from cds_service.web.pages.chart import chart_facts, patient_words
from cds_service.web.pages.html import HEADERS, html
from cds_service.web.pages.markdown import markdown_tree
from cds_service.web.pages.order_form import order_form
from cds_service.web.pages.patient import empty_patient_page, patient_page, refused_patient_page
from cds_service.web.pages.playground import Json, PlaygroundEhr, ServerTrouble, UnusableBundle
from cds_service.web.pages.timeline import drawn_page, empty_page, refused_page

_STATIC = Path(__file__).with_name("static")
_TYPES = {".svg": "image/svg+xml", ".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_SHARED = ("style.css", "icon.svg", "pages.css")
_PLAYGROUND = ("playground.js", "cards.js", "ehr.js", "draw.js", "timeline.css", "timeline.js")
_PATIENT = "/playground/patient"
_MOST_TEXTS, _LONGEST_TEXT = 50, 20_000
_LONGEST_FIELD = 500


def add_pages(app: Flask, edge: Edge, ehr: PlaygroundEhr | None) -> None:
    """Serve the pages of `app`: the playground on `ehr`, or where that is None a page that says what this is."""
    _add_file(app, "/", "playground.html" if ehr else "about.html")
    for name in (*_SHARED, *(_PLAYGROUND if ehr else ())):
        _add_file(app, f"/playground/{name}", name)
    if edge.settings.knowledge_pages:
        _add_knowledge(app, edge)
    if ehr is not None:
        _add_playground(app, edge, ehr)


def _add_knowledge(app: Flask, edge: Edge) -> None:
    """The rule book as it is loaded here. It holds nothing of any patient, and no secret."""
    site = edge.settings.knowledge_dir

    @cache
    def changed() -> list[Change] | None:
        ours = effective_files(PACKAGED, None)
        return changes(ours, effective_files(PACKAGED, site)) if site is not None else None

    def every() -> Response:
        return html(rule_book.list_page(edge.knowledge, request.args.get("q", "")))

    def one(kind: str, name: str) -> Response:
        page = rule_book.thing_page(edge.knowledge, kind, name)
        if page is None:
            raise NotFound
        return html(page)

    _add(app, "/knowledge", "GET", every)
    _add(app, "/knowledge/site", "GET", lambda: html(rule_book.site_page(edge.knowledge, changed())))
    _add(app, "/knowledge/<kind>/<name>", "GET", one)


def _add_playground(app: Flask, edge: Edge, ehr: PlaygroundEhr) -> None:
    form = order_form(edge.knowledge)
    rules = {rule.id: {"title": rule.title, "statement": rule.statement} for rule in edge.knowledge.rules.values()}

    def setup() -> Response:
        stories = [{"name": s.name, "title": s.title, "shows": s.shows, "hooks": s.hooks} for s in ehr.stories()]
        told = {"today": edge.today().isoformat(), "knowledgeVersion": edge.knowledge.version}
        more = {"servers": list(ehr.servers()), "hasOperations": edge.settings.has_operations_page}
        return _json({**told, **form, **more, "rules": rules, "stories": stories})

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

    def found_patients() -> Response:
        body = _body()
        try:
            found = ehr.find_patients(_text(body, "server"), _text(body, "search"))
        except ServerTrouble as trouble:
            return _json(*_server_trouble(trouble))
        return _json({"patients": [{"id": one["id"], **patient_words([one], one["id"])} for one in found]})

    def fetched_chart() -> Response:
        body = _body()
        try:
            fetched = ehr.fetch_chart(_text(body, "server"), _text(body, "patientId"))
        except ServerTrouble as trouble:
            return _json(*_server_trouble(trouble))
        return _json({"bundle": fetched.bundle, "missing": dict(fetched.missing)})

    def drawn() -> Response:
        texts = _body().get("texts")
        if not isinstance(texts, list) or len(texts) > _MOST_TEXTS:
            raise InvalidHookRequest([("texts", f"must be a list of at most {_MOST_TEXTS} texts")])
        return _json({"drawn": [markdown_tree(str(text)[:_LONGEST_TEXT]) for text in texts]})

    def timeline_form() -> Response:
        return html(*empty_page(ehr))

    def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
        if not is_expected_form():
            return answer_http(error)
        return html(*(refused_patient_page(ehr) if request.path == _PATIENT else refused_page(ehr)))

    app.register_error_handler(RequestEntityTooLarge, too_large)

    @takes_a_form
    def drawn_timeline() -> Response:
        return html(*drawn_page(edge, ehr, lambda: form_fields(g.body)))

    @takes_a_form
    def written_patient_page() -> Response:
        return html(*patient_page(edge, ehr, lambda: form_fields(g.body)))

    _add(app, _PATIENT, "GET", lambda: html(*empty_patient_page(ehr)))
    _add(app, _PATIENT, "POST", written_patient_page)
    _add(app, "/playground/timeline", "GET", timeline_form)
    _add(app, "/playground/timeline", "POST", drawn_timeline)
    _add_content(app, "/playground/figure.css", stylesheet().encode(), ".css")
    _add(app, "/playground/setup", "GET", setup)
    _add(app, "/playground/stories/<name>", "GET", story)
    _add(app, "/playground/chart", "POST", chart)
    _add(app, "/playground/fhir/patients", "POST", found_patients)
    _add(app, "/playground/fhir/chart", "POST", fetched_chart)
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


def _server_trouble(trouble: ServerTrouble) -> tuple[Json, int]:
    code = "forbidden" if trouble.is_refused else "transient"
    return operation_outcome([Trouble(code, str(trouble), "server")]), 400 if trouble.is_refused else 502


def _text(body: Mapping[str, Any], name: str) -> str:
    text = body.get(name, "")
    if not isinstance(text, str) or len(text) > _LONGEST_FIELD:
        raise InvalidHookRequest([(name, f"must be a text of at most {_LONGEST_FIELD} characters")])
    return text.strip()


def _body() -> Json:
    body = decode_json(g.body)
    if not isinstance(body, dict):
        raise InvalidHookRequest([("", "must be a JSON object")])
    return body


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return Response(encoded(body), status, content_type="application/json")


def _add_file(app: Flask, address: str, name: str) -> None:
    _add_content(app, address, (_STATIC / name).read_bytes(), Path(name).suffix)


def _add_content(app: Flask, address: str, content: bytes, suffix: str) -> None:
    kind = f"{_TYPES[suffix]}; charset=utf-8"
    _add(app, address, "GET", lambda: Response(content, headers=HEADERS, content_type=kind))


def _add(app: Flask, address: str, method: str, view: Callable[..., Response]) -> None:
    app.add_url_rule(address, f"{method} page {address}", view, methods=[method])
