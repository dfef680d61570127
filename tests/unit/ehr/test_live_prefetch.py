"""Templates filled and asked as an EHR would."""

from __future__ import annotations

import pytest
from werkzeug import Response

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.live_prefetch import chosen_keys, filled, prefetched
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.fhir.templates import prefetch_templates
from cds_service.knowledge.model import Knowledge
from tests.fhir_server import FhirStub

TEMPLATES = {"a": "Patient/{{context.patientId}}", "b": "Observation?patient={{context.patientId}}", "c": "Patient/x"}
CONTEXT = {"patientId": "p1", "userId": "Practitioner/d1"}


def test_a_choice_is_all_none_half_or_some() -> None:
    choices = ("all", "none", "half", "c, a")
    assert [chosen_keys(choice, TEMPLATES) for choice in choices] == [
        ("a", "b", "c"),
        (),
        ("a", "c"),
        ("c", "a"),
    ]


def test_a_key_that_the_service_does_not_ask_for_is_said_with_those_it_does() -> None:
    with pytest.raises(UnusableFile, match=r"'z'.*a, b, c"):
        chosen_keys("a,z", TEMPLATES)


@pytest.mark.parametrize(
    ("template", "query"),
    [
        ("Patient/{{context.patientId}}", "Patient/p1"),
        ("Patient/{{ context.patientId }}", "Patient/p1"),
        ("Practitioner/{{userPractitionerId}}", "Practitioner/d1"),
        ("PractitionerRole/{{userPractitionerRoleId}}", None),
        ("Encounter/{{context.encounterId}}", None),
        ("Patient/{{patient.id}}", None),
        ("x?code=http://loinc.org|1-1", "x?code=http://loinc.org|1-1"),
    ],
)
def test_tokens_are_filled_or_the_key_is_left_out(template: str, query: str | None) -> None:
    assert filled(template, CONTEXT) == query


def test_an_id_cannot_change_the_query() -> None:
    assert (
        filled("O?patient={{context.patientId}}", {"patientId": "a&code=x/../y"}) == "O?patient=a%26code%3Dx%2F..%2Fy"
    )


def test_our_own_templates_are_answered(server: FhirServer, stub: FhirStub, knowledge: Knowledge) -> None:
    stub.add(resourceType="Patient", id="p1")
    b12 = {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]}
    stub.add(resourceType="Observation", id="o", code=b12, subject={"reference": "Patient/p1"})
    templates = {key.value: template for key, template in prefetch_templates(knowledge).items()}
    found, problems = prefetched(server, templates, tuple(templates), CONTEXT)
    assert problems == {}
    assert found["patient"]["id"] == "p1"
    assert [entry["resource"]["id"] for entry in found["labs"]["entry"]] == ["o"]


def test_what_is_not_there_is_null_and_what_fails_is_left_out_and_told(server: FhirServer, stub: FhirStub) -> None:
    stub.faults = [Response("", status=404), Response("", status=403)]
    found, problems = prefetched(server, TEMPLATES, ("a", "b", "c"), CONTEXT)
    assert found == {"a": None, "c": None}
    assert "403" in problems["b"]
