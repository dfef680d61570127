"""What a person sees of an answer on a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

from cds_service.ehr import show

CARD: dict[str, Any] = {
    "summary": "Vitamin B12 is low [bold]",
    "detail": "Because **150**",
    "indicator": "warning",
    "source": {"label": "B12 CDS", "url": "https://example.org"},
    "suggestions": [{"label": "Order MMA", "actions": [{"type": "create", "description": "A draft"}]}],
    "overrideReasons": [{"display": "Tested elsewhere"}],
}


def printed(what: RenderableType) -> str:
    console = Console(width=100, record=True, file=StringIO())
    console.print(what)
    return console.export_text()


def test_a_card_is_shown_with_all_that_a_clinician_could_use() -> None:
    text = printed(show.cards({"cards": [CARD]}))
    for part in ("Vitamin B12 is low [bold]", "150", "[ Order MMA ]", "create: A draft", "Tested elsewhere", "B12 CDS"):
        assert part in text


def test_no_cards_is_said_and_not_left_blank() -> None:
    assert "nothing to say" in printed(show.cards({"cards": []}))


def test_an_error_shows_where_and_what() -> None:
    outcome = {"issue": [{"expression": ["context.patientId"], "details": {"text": "is required"}}]}
    assert "context.patientId: is required" in printed(show.problem(400, outcome))


def test_an_assessment_shows_what_fires_what_is_missing_and_what_was_not_used() -> None:
    found = {
        "status": "unknown",
        "asOf": "2025-10-01",
        "knowledgeVersion": "1",
        "findings": [
            {
                "rule": "B12-TEST-01",
                "outcome": "fires",
                "facts": ["metformin: since 2021"],
                "recommends": ["order-b12"],
            },
            {"rule": "B12-DX-01", "outcome": "cannot-tell", "missing": ["total B12"]},
            {"rule": "B12-DX-02", "outcome": "does-not-fire"},
        ],
        "dataIssues": [{"resource": "Observation/1", "field": "valueString", "issue": "holds no number"}],
    }
    text = printed(show.assessment(found))
    for part in (
        "unknown",
        "B12-TEST-01",
        "since 2021",
        "order-b12",
        "missing: total B12",
        "Observation/1 valueString",
    ):
        assert part in text
    assert "B12-DX-02" not in text
