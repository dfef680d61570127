"""How laboratories spell results, and what becomes of each: tests/spec/result_spellings.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.facts.labs import LabResult
from cds_service.fhir.observations import read_labs
from cds_service.knowledge.loader import load
from tests.builders import TODAY, concept, observation, record

SPELLINGS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("result_spellings.yaml").read_text("utf-8"))
FORMS = {"string": "valueString", "quantity": "valueQuantity", "range": "valueRange", "concept": "valueCodeableConcept"}
KNOWLEDGE = load()


def _sent(row: dict[str, Any]) -> dict[str, Any]:
    fields = {field: row[form] for form, field in FORMS.items() if form in row}
    if "flag" in row:
        flags = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
        fields["interpretation"] = [concept((flags, row["flag"]))]
    return fields


def _written(result: LabResult) -> str:
    if result.finding is not None:
        return result.finding.value
    assert result.value is not None
    value = f"{result.value:f}"
    value = value.rstrip("0").rstrip(".") if "." in value else value
    return f"{result.comparator.value if result.comparator else ''}{value} {result.unit}"


def _label(row: dict[str, Any]) -> str:
    return " ".join(str(row[name]) for name in ("string", "quantity", "range", "concept", "flag") if name in row)[:70]


@pytest.mark.parametrize("row", SPELLINGS, ids=_label)
def test_a_spelling_is_read_as_listed_or_the_reason_is_said(row: dict[str, Any]) -> None:
    given = observation(row.get("code", "2132-9"), **_sent(row))

    results, issues = read_labs(record(labs=[given]), KNOWLEDGE, TODAY)

    if "not_used" in row:
        assert results == []
        assert [issue.used_with_care for issue in issues] == [False]
        assert row["not_used"] in issues[0].issue
    elif row["is"] == "nothing":
        assert (results, issues) == ([], [])
    else:
        assert [_written(result) for result in results] == [row["is"]]
        assert [issue.used_with_care for issue in issues] == [True] * ("care" in row)
        assert all(row["care"] in issue.issue for issue in issues)


def test_the_table_has_no_row_twice() -> None:
    rows = [str(sorted((name, str(part)) for name, part in row.items())) for row in SPELLINGS]

    assert len(set(rows)) == len(rows)
    assert len(rows) > 100
