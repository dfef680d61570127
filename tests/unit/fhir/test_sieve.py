"""Results of nothing that concerns us are passed over, and nothing else is: what is passed over was read before."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.bundles import Reading
from cds_service.fhir.prefetch import decode_hook_body, read_answer
from cds_service.fhir.remembered import MOST_ANSWERS
from cds_service.fhir.sieve import A_NAME, LONGEST, MOST_NAMED, MOST_WORDS, Sieve
from cds_service.knowledge.loader import load

KNOWLEDGE = load()
LOINC = "http://loinc.org"
GLUCOSE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "glucose",
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "2345-7"}], "text": "Glucose"},
}
B12: dict[str, Any] = GLUCOSE | {"id": "b12", "code": {"coding": [{"system": LOINC, "code": "2132-9"}]}}


@pytest.fixture
def sieve() -> Sieve:
    return Sieve(KNOWLEDGE)


def labs(sieve: Sieve, *resources: object, **more: object) -> Reading:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources], **more}
    return decode_hook_body(json.dumps({"prefetch": {"labs": bundle}}).encode(), sieve).readings[DataKey.LABS]


def passes_over(sieve: Sieve, resource: object) -> bool:
    return sieve.spelled_code(msgspec.Raw(json.dumps(resource).encode())) in sieve.of_others


def read(reading: Reading) -> list[str | None]:
    return [entry.resource.id for entry in reading.section.entries if entry.resource is not None]


def test_a_result_of_something_else_is_read_once_and_then_passed_over(sieve: Sieve) -> None:
    assert read(labs(sieve, GLUCOSE, GLUCOSE | {"id": "second"}, B12)) == ["glucose", "b12"]
    assert read(labs(sieve, GLUCOSE, B12)) == ["b12"]


@pytest.mark.parametrize(
    "resource",
    [
        B12,
        GLUCOSE | {"code": {"text": "Vitamin B12"}},  # told by its name
        GLUCOSE | {"code": {"coding": [{"system": LOINC, "code": "82810-3"}]}},  # pregnancy status
        GLUCOSE | {"code": {"coding": [{"system": LOINC, "code": "11778-8"}]}},  # date of delivery
        GLUCOSE | {"code": {}},  # it does not say what it is
        GLUCOSE | {"code": None},
        {name: value for name, value in GLUCOSE.items() if name != "code"},
        GLUCOSE | {"code": {"coding": [{"system": LOINC, "code": "2132-8"}]}},  # a slip: no such code
        GLUCOSE | {"component": [{"code": B12["code"]}]},  # a panel
        GLUCOSE | {"component": None},
        GLUCOSE | {"contained": [B12]},
        GLUCOSE | {"resourceType": "Condition"},
        GLUCOSE | {"resourceType": None},
    ],
)
def test_what_may_concern_us_is_always_read(resource: object, sieve: Sieve) -> None:
    labs(sieve, resource, resource)
    again = labs(sieve, resource)

    assert len(read(again)) + len(again.section.unread) == 1


def test_what_is_passed_over_counts_as_given(sieve: Sieve) -> None:
    labs(sieve, GLUCOSE)

    assert labs(sieve, GLUCOSE, total=1).section.availability is Availability.COMPLETE
    assert labs(sieve, GLUCOSE, total=2).section.availability is Availability.INCOMPLETE
    assert labs(sieve, GLUCOSE, GLUCOSE).given == 2
    included = {"resourceType": "Bundle", "entry": [{"resource": GLUCOSE, "search": {"mode": "include"}}]}
    assert read_answer(DataKey.LABS, json.dumps(included).encode(), sieve).given == 0


def test_where_an_entry_stood_is_told_also_behind_one_that_is_passed_over(sieve: Sieve) -> None:
    labs(sieve, GLUCOSE)

    (lost,) = labs(sieve, GLUCOSE, None).section.unread
    assert lost.issues[0].field == "entry[1].resource"


def test_a_field_that_does_not_fit_is_no_loss_in_a_result_that_concerns_nobody(sieve: Sieve) -> None:
    """Whatever was met before: the answer to one request never depends on another."""
    odd = GLUCOSE | {"effectiveDateTime": 5}

    assert labs(sieve, odd) == labs(sieve, odd)
    assert labs(sieve, odd).section.unread == ()
    assert labs(sieve, odd).given == 1
    assert len(labs(sieve, odd | {"code": {"text": 5}}).section.unread) == 1
    assert len(labs(sieve, B12 | {"effectiveDateTime": 5}).section.unread) == 1


def test_an_answer_of_a_server_and_a_body_with_a_misfit_elsewhere_are_sieved_too(sieve: Sieve) -> None:
    labs(sieve, GLUCOSE)
    bundle = {"resourceType": "Bundle", "entry": [{"resource": GLUCOSE}, {"resource": B12}]}
    fetched = read_answer(DataKey.LABS, json.dumps(bundle).encode(), sieve)
    slow = decode_hook_body(json.dumps({"prefetch": {"labs": bundle, "conditions": 5}}).encode(), sieve)

    assert fetched == slow.readings[DataKey.LABS] == labs(sieve, GLUCOSE, B12)
    assert read(fetched) == ["b12"]


def test_a_name_that_counts_as_text_is_never_passed_over(sieve: Sieve) -> None:
    """Or an answer near the bound of text would depend on what the process has met before."""

    def named(text: str) -> dict[str, Any]:
        return GLUCOSE | {"code": {"text": text}}

    at_the_bound, beyond = named("x" * MOST_WORDS), named("y" * (MOST_WORDS + 1))
    labs(sieve, at_the_bound, beyond)
    assert passes_over(sieve, at_the_bound)
    assert not passes_over(sieve, beyond)


def test_what_is_kept_is_bounded_in_number_and_length(sieve: Sieve) -> None:
    def named(text: str) -> dict[str, Any]:
        return GLUCOSE | {"code": {"coding": [{"system": LOINC, "code": "2345-7"}], "text": text}}

    def passes(text: str) -> bool:
        return passes_over(sieve, named(text))

    long = "x" * LONGEST
    labs(sieve, named(long), named("short"))
    assert (passes(long), passes("short")) == (False, True)
    for start in range(0, MOST_ANSWERS, 1024):
        labs(sieve, *(named(f"{number}") for number in range(start, start + 1024)))
    assert not passes("short")


def results(count: int, length: int, kind: str = "vitamin b12") -> list[dict[str, Any]]:
    return [
        GLUCOSE | {"id": f"{kind}-{length}-{n}", "code": {"text": f"{n} {kind} ".ljust(length, "x")}}
        for n in range(count)
    ]


TOO_MANY = "it names more different tests than are read at once, and results with long names were not read"


def test_of_too_many_names_the_shortest_are_read_and_it_is_told(sieve: Sieve) -> None:
    """Ten thousand names that differ took seconds, each held against a dozen patterns."""
    just = MOST_NAMED // (A_NAME + MOST_WORDS)
    enough = labs(sieve, *results(just, MOST_WORDS)).section
    many = labs(sieve, *results(just, MOST_WORDS), *results(1, 30), B12, B12 | {"code": {"text": "b12 " * 70}})

    assert (enough.availability, len(enough.entries)) == (Availability.COMPLETE, just)
    assert (many.section.availability, many.section.note) == (Availability.INCOMPLETE, TOO_MANY)
    assert [name[:14] for name in read(many) if name] == ["vitamin b12-30", "b12", "b12"]
    assert many.given == just + 3


def test_names_that_come_again_are_not_too_many(sieve: Sieve) -> None:
    again = results(MOST_NAMED // (A_NAME + MOST_WORDS), MOST_WORDS) * 3

    assert labs(sieve, *again).section.availability is Availability.COMPLETE


def test_how_many_names_are_read_does_not_depend_on_what_was_met_before(sieve: Sieve) -> None:
    of_others = results(800, MOST_WORDS, "glucose")
    first = labs(sieve, *of_others[:100], *of_others, B12)
    labs(sieve, *of_others[:300])
    labs(sieve, *of_others[300:599])
    again = labs(sieve, *of_others[:100], *of_others, B12)

    assert first == again
    assert (read(first), first.section.note) == (["b12"], TOO_MANY)


def test_learning_ends_where_there_is_too_much_to_learn(sieve: Sieve, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    monkeypatch.setattr("cds_service.fhir.sieve.match_analyte", lambda code, _: looked_at.append(code))
    labs(sieve, *results(2_000, MOST_WORDS, "glucose"))

    assert len(looked_at) == MOST_NAMED // (A_NAME + MOST_WORDS) + 1
