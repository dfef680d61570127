"""How much work the worst bodies are that we made, counted in calls and not in time.

Each holds as many parts as one body can that each ask for work. Before what is read of them was bounded they took many
times the calls; a body that takes more than it may has found, or opened, a way around a bound.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.payloads import TODAY
from cds_service.composition import services
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.resources import CodeableConcept, Coding, Contained, Resource
from cds_service.fhir.result_words import finding_of
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.loader import load
from cds_service.service import HookAnswer
from cds_service.web.hook_request import read_hook_request
from tests import calls as counted

HOOK = "patient-view"
KNOWLEDGE = load()
SERVICE = next(service for service in services(KNOWLEDGE) if service.hook == HOOK)
SUBJECT = {"reference": "Patient/p1"}
ORDER = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT}


def body(**prefetch: Iterator[dict[str, Any]]) -> bytes:
    sections = {"patient": iter([{"resourceType": "Patient", "id": "p1"}]), "labs": iter(()), **prefetch}
    bundles = {
        key: {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}
        for key, resources in sections.items()
    }
    context = {"userId": "Practitioner/u1", "patientId": "p1"}
    instance = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
    return json.dumps({"hook": HOOK, "hookInstance": instance, "context": context, "prefetch": bundles}).encode()


def answered(sent: bytes) -> HookAnswer:
    request = read_hook_request(sent, HOOK, Sieve(KNOWLEDGE))
    return SERVICE.respond(HookCall(HOOK, request.user_id, request.record, TODAY, wants_assessment=True))


def orders_of_one_product(codes: int) -> Iterator[dict[str, Any]]:
    """Each under another name, so that none is known from another."""
    yield {"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": str(n)} for n in range(codes)]}}
    for number in range(1_800):
        reference = {"reference": "Medication/m", "display": f"product {number}"}
        yield {**ORDER, "id": f"o{number}", "medicationReference": reference}


def results_of_components() -> Iterator[dict[str, Any]]:
    for number in range(9_000):
        result = {"resourceType": "Observation", "id": f"r{number}", "status": "final", "subject": SUBJECT}
        yield {**result, "code": {"text": "panel"}, "component": [{"code": {"text": "b12"}}] * 40}


def answers_in_components() -> Iterator[dict[str, Any]]:
    for number in range(9_000):
        answer = {"resourceType": "Observation", "id": f"d{number}", "status": "final", "subject": SUBJECT}
        yield {**answer, "component": [{"code": {"text": "vegan"}, "valueString": f"no {n}"} for n in range(20)]}


def problems_that_do_not_fit() -> Iterator[dict[str, Any]]:
    odd = dict.fromkeys(
        ["onsetDateTime", "recordedDate", "authoredOn", "quantity", "reaction", "issued", "replaces"], 3
    )
    for number in range(9_000):
        yield {"resourceType": "Condition", "id": f"c{number}", "code": {"text": f"x {number}"}, **odd}


def result(number: int, **fields: Any) -> dict[str, Any]:
    code = {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]}
    given = {"status": "final", "subject": SUBJECT, "effectiveDateTime": "2025-09-20", "code": code}
    return {"resourceType": "Observation", "id": f"r{number}", **given, **fields}


def results_of_long_names() -> Iterator[dict[str, Any]]:
    """Of two things each, so that every pattern is held against every name."""
    for number in range(9_000):
        yield result(number, code={"text": f"{number} platelets b12 ".ljust(240, "x")})


def results_of_many_ranges() -> Iterator[dict[str, Any]]:
    for number in range(9_000):
        ranges = [{"low": {"value": 1, "unit": f"u{number}.{each}"}} for each in range(12)]
        yield result(number, valueQuantity={"value": 150, "unit": "pg/mL"}, referenceRange=ranges)


def results_of_many_words() -> Iterator[dict[str, Any]]:
    for number in range(9_000):
        yield result(number, valueCodeableConcept={"coding": [{"display": f"{number}.{n} pg/mL x"} for n in range(20)]})


def doses_that_differ() -> Iterator[dict[str, Any]]:
    for number in range(9_000):
        line = {"timing": {"repeat": {"frequency": 1, "period": number + 1, "periodUnit": "d"}}}
        name = {"text": "cyanocobalamin 1 mg tablet"}
        yield {**ORDER, "id": f"o{number}", "medicationCodeableConcept": name, "dosageInstruction": [line]}


def problems_of_many_kinds() -> Iterator[dict[str, Any]]:
    name = "pernicious anaemia coeliac crohn gastrectomy short bowel neuropathy ataxia dementia glossitis vegan"
    for number in range(9_000):
        given = {"resourceType": "Condition", "id": f"c{number}", "subject": SUBJECT}
        yield {**given, "code": {"text": name}, "onsetDateTime": f"x{number}"}


def procedures_of_short_names() -> Iterator[dict[str, Any]]:
    for number in range(3_000):
        given = {"resourceType": "Procedure", "id": f"p{number}", "status": "completed", "subject": SUBJECT}
        yield {**given, "code": {"text": f"{number} b12 metformin"}}
    for number in range(3_000):
        yield {"resourceType": "Procedure", "code": {"text": f"{number} b12 resection of the stomach"}}


def products_of_many_medicines() -> Iterator[dict[str, Any]]:
    name = "metformin omeprazole cimetidine vitamin b12 folic acid warfarin methotrexate nitrous oxide"
    for number in range(9_000):
        odd = {"authoredOn": f"x{number}", "status": f"s{number}"}
        yield {**ORDER, **odd, "id": f"o{number}", "medicationCodeableConcept": {"text": name}}


def of_many_days(count: int, code: str, unit: str, year: int, **fields: Any) -> Iterator[dict[str, Any]]:
    for number in range(count):
        day = f"{year}-0{number % 8 + 1}-{number % 28 + 1:02}T00:{number % 60:02}:{number // 60 % 60:02}Z"
        given = {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "effectiveDateTime": day}
        yield result(number, valueQuantity={"value": 0.1 + number % 9 / 10, "unit": unit}, **{**given, **fields})


def metabolites_after_a_level(count: int) -> bytes:
    level = result(count, effectiveDateTime="2025-01-01", valueQuantity={"value": 300, "unit": "pg/mL"})
    return body(labs=iter([level, *of_many_days(count, "13964-2", "umol/L", 2025)]))


def orders_that_are_done(count: int) -> bytes:
    code = {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]}
    given = {"resourceType": "ServiceRequest", "status": "completed", "intent": "order", "subject": SUBJECT}
    orders = ({**given, "id": f"s{n}", "code": code, "authoredOn": TODAY.isoformat()} for n in range(count))
    return body(labs=of_many_days(count, "2132-9", "ng/mL", 2024), serviceRequests=orders)


TOO_MUCH = "holds more than is read at once"
HOSTILE: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "a product of many codes": (
        lambda: body(medicationRequests=orders_of_one_product(3_000)),
        750_000,
        "refer to more than is read at once",
    ),
    "products of many medicines": (
        lambda: body(medicationRequests=products_of_many_medicines()),
        1_150_000,
        "more medicines than are read at once",
    ),
    "lines of directions": (
        lambda: body(medicationRequests=iter([{**ORDER, "dosageInstruction": [{}] * 1_000_000}])),
        3_000,
        TOO_MUCH,
    ),
    "results in components": (lambda: body(labs=results_of_components()), 5_200_000, TOO_MUCH),
    "answers in components": (lambda: body(socialHistory=answers_in_components()), 6_500_000, TOO_MUCH),
    "long names of results": (
        lambda: body(labs=results_of_long_names()),
        350_000,
        "names more different tests than are read at once",
    ),
    "ranges in units that are not known": (
        lambda: body(labs=results_of_many_ranges()),
        1_700_000,
        "more codings and ranges than are read at once",
    ),
    "words of results": (
        lambda: body(labs=results_of_many_words()),
        1_700_000,
        "more codings and ranges than are read at once",
    ),
    "doses that differ": (lambda: body(medicationRequests=doses_that_differ()), 650_000, TOO_MUCH),
    "problems of many kinds": (
        lambda: body(conditions=problems_of_many_kinds()),
        920_000,
        "more problems than are read at once",
    ),
    "short names of procedures": (lambda: body(procedures=procedures_of_short_names()), 4_200_000, TOO_MUCH),
    "problems that do not fit": (
        lambda: body(conditions=problems_that_do_not_fit()),
        600_000,
        "entries of this answer could not be used",
    ),
}


@pytest.mark.parametrize(("make", "most", "told"), HOSTILE.values(), ids=HOSTILE)
def test_no_body_is_more_work_than_it_may_be_and_what_is_not_read_is_told(
    make: Callable[[], bytes], most: int, told: str
) -> None:
    sent = make()
    answers: list[HookAnswer] = []
    calls = counted.calls_of(lambda: answers.append(answered(sent)))

    assert calls < most, f"{calls} calls"
    assessment = answers[0].assessment
    issues = assessment.issues if assessment is not None else ()
    assert any(told in issue.issue for issue in issues)


@pytest.mark.parametrize("make", [metabolites_after_a_level, orders_that_are_done])
def test_what_many_results_ask_for_grows_as_they_do(make: Callable[[int], bytes]) -> None:
    """Each was held against each other: nine thousand took more than ten seconds."""
    few, many = (make(count) for count in (500, 2_000))
    answered(few)
    assert counted.calls_of(lambda: answered(many)) < 5 * counted.calls_of(lambda: answered(few))


def test_a_flag_that_states_nothing_is_next_to_no_work() -> None:
    """A result is given its flag by several questions, and ten megabytes hold millions of codings without content."""
    flag = CodeableConcept(coding=[Coding()] * 1_000)
    assert counted.calls_of(lambda: finding_of([flag])) < 1_100


def test_links_beyond_any_number_are_not_read_and_there_may_be_further_pages() -> None:
    """One that does not fit makes each be read on its own."""
    sent = body(conditions=iter(())).replace(
        b'"entry": []}}', b'"entry": [], "link": [%s]}}' % b",".join([b"1"] * 10**6)
    )
    assert counted.calls_of(lambda: read_hook_request(sent, HOOK, Sieve(KNOWLEDGE))) < 3_000
    section = read_hook_request(sent, HOOK, Sieve(KNOWLEDGE)).record.section(DataKey.CONDITIONS)
    assert (section.availability, section.note) == (
        Availability.INCOMPLETE,
        "it has a link that cannot be read, so there may be further pages",
    )


def test_a_contained_resource_takes_little_memory() -> None:
    """Three characters of a body are one: as large as a whole resource, ten megabytes of them took 1.4 GB."""
    assert sys.getsizeof(Contained()) * 6 < sys.getsizeof(Resource())
