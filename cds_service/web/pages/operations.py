"""The operations page: whether the service is well, what went wrong of late, and what clinicians do with the cards.

It shows counts, times and names of ours. Nothing of a patient is kept that it could show, and a reason's code that a
client made up is told as "another reason".
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, request
from markupsafe import Markup

from cds_service.errors import TemporarilyUnavailable
from cds_service.figures.bars import bar, columns
from cds_service.storage.feedback import RuleUse
from cds_service.web.edge import Edge
from cds_service.web.pages.html import filled, html
from cds_service.web.pages.operator import OperatorGate
from cds_service.web.routes import database_trouble
from cds_service.web.trust.admission import Admission
from cds_service.web.trust.key_source import FRESH_SECONDS, STALE_SECONDS, KeyState

PATH = "/operations"
_DAYS = (7, 30, 365)
_USUAL = 30
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_MOST_REASONS = 3
_NO_STORE = {"Cache-Control": "no-store"}


def add_operations_page(app: Flask, edge: Edge, callers: Admission) -> None:
    """Serve the page, where it has a password or nobody but this machine can call; else there is none."""
    if not edge.settings.has_operations_page:
        return
    gate = OperatorGate(edge.settings.operations_password)

    def page() -> Response:
        refused = gate.refusal()
        if refused is not None:
            answer = html(filled("operations-refused.html", root="", why=refused.why), refused.status)
            answer.headers.update(refused.headers)
        else:
            answer = html(operations_page(edge, callers, request.args.get("days", ""), edge.now()))
        answer.headers.update(_NO_STORE)
        return answer

    app.add_url_rule(PATH, "GET page /operations", page, methods=["GET"])


def operations_page(edge: Edge, callers: Admission, days: str, now: datetime) -> str:
    """The page as HTML. `days` is how far back cards are counted; anything but the offered numbers is the usual one."""
    chosen = next((number for number in _DAYS if str(number) == days), _USUAL)
    database, use = _stored(edge, chosen, now)
    return filled(
        "operations.html",
        root="",
        now=_moment(now),
        pid=os.getpid(),
        started=_moment(edge.started),
        settings=edge.settings,
        knowledge=edge.knowledge,
        cards_not_noted=edge.counts["cards not noted"],
        database=database,
        clients=[_client(client.id, client.keys.state(), now) for client in callers.clients()],
        asks_clients=edge.settings.trust.checks_callers,
        trouble_with_clients=callers.trouble_with_clients(),
        errors=[(seen.kind, seen.times, _moment(seen.last)) for seen in edge.errors.newest_first()],
        choices=_DAYS,
        days=chosen,
        use=use,
    )


def _stored(edge: Edge, days: int, now: datetime) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The state of the database, and what it knows of the cards; None while it does not answer."""
    store, trouble = edge.store, database_trouble(edge.store)
    try:
        if not trouble:
            numbers = (store.count_cards(), store.count_feedback(), store.count_tokens())
            state = dict(zip(("cards", "feedback", "tokens"), numbers, strict=True))
            return {"kind": store.kind, "trouble": "", "revision": store.revision(), **state}, _use(edge, days, now)
    except TemporarilyUnavailable:
        trouble = "went away while it was read"
    return {"kind": store.kind, "trouble": trouble}, None


@dataclass(frozen=True, slots=True)
class _KeyLine:
    """One client's keys, in words. `is_well` False: its calls are refused, or soon will be."""

    client: str
    source: str
    number: int
    state: str
    is_well: bool
    fetched: str
    asked: str


def _client(name: str, keys: KeyState, now: datetime) -> _KeyLine:
    if not keys.is_fetched:
        return _KeyLine(name, "the client file", keys.number, "listed", True, "", "")
    state, is_well = _fetched_state(keys, now)
    return _KeyLine(name, "fetched", keys.number, state, is_well, _moment(keys.fetched_at), _moment(keys.asked_at))


def _fetched_state(keys: KeyState, now: datetime) -> tuple[str, bool]:
    problem = f"; the last call failed ({keys.problem})" if keys.problem else ""
    if keys.fetched_at is None:
        return (f"never fetched{problem}: its calls are refused", False) if keys.asked_at else ("not needed yet", True)
    age = (now - keys.fetched_at).total_seconds()
    if age < FRESH_SECONDS:
        return f"fresh{problem}", True
    if age < STALE_SECONDS:
        return (f"kept from before{problem}", False) if problem else ("fetched again at its next call", True)
    return f"too old{problem}: its calls are refused until they are fetched", False


def _use(edge: Edge, days: int, now: datetime) -> dict[str, Any]:
    """The cards of so many days back: over time, and by rule."""
    step = _DAY if days <= _USUAL else _WEEK
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    edges = [midnight - step * number for number in range(-(-days // step.days), -1, -1)]
    counts = edge.store.shown_between(edges)
    found = edge.store.use_since(edges[0])
    label = _in_words(counts, edges, step)
    return {
        "total": sum(counts),
        "step": "day" if step is _DAY else "week",
        "highest": max(counts),
        "first": f"{edges[0]:%Y-%m-%d}",
        "last": f"{now:%Y-%m-%d}",
        # Written by ElementTree, which escapes; and all of it is ours.
        "columns": Markup(columns(counts, label)),  # noqa: S704 - as said above
        "counts": [(f"{first:%Y-%m-%d}", count) for first, count in zip(edges, counts, strict=False)],
        "rules": list(_lines(found, edge)),
    }


def _in_words(counts: Sequence[int], edges: Sequence[datetime], step: timedelta) -> str:
    each = "day" if step is _DAY else "week"
    if not any(counts):
        return "No cards were shown."
    place = max(range(len(counts)), key=counts.__getitem__)
    return f"Cards shown each {each}: {sum(counts)} in all, at most {counts[place]} from {edges[place]:%Y-%m-%d} on."


def _lines(found: Sequence[RuleUse], edge: Edge) -> Iterator[dict[str, Any]]:
    """A line a rule, those with most cards first."""
    displays = {(r.code.system, r.code.code): r.code.display for r in edge.knowledge.override_reasons.values()}
    most = max((use.shown for use in found), default=0)
    for use in sorted(found, key=lambda each: (-each.shown, each.rule)):
        rule = edge.knowledge.rules.get(use.rule)
        answered = use.accepted + use.overridden
        reasons: Counter[str] = Counter()
        for key, count in use.reasons.items():
            reasons[displays.get(key, "another reason")] += count
        parts = [("accepted", use.accepted), ("overridden", use.overridden), ("unanswered", use.unanswered)]
        yield {
            "rule": use.rule,
            "title": rule.title if rule else "not a rule of this knowledge",
            "is_known": rule is not None,
            "use": use,
            "bar": Markup(bar(parts, most)),  # noqa: S704 - by ElementTree too
            "rate_bar": Markup(bar([("overridden", use.overridden), ("unanswered", use.accepted)], answered)),  # noqa: S704 - the same
            "rate": f"{use.overridden} of {answered}" if answered else "",
            "percent": f"{round(100 * use.overridden / answered)} %" if answered else "",
            "reasons": reasons.most_common(_MOST_REASONS),
        }


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else ""
