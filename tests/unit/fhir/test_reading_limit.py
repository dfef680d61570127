"""How much text is read of one request: both sides of the bound, what is left out, and that it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.facts.patient import ANYTHING, DRAFTS, Availability, DataIssue, DataKey
from cds_service.fhir.draft_orders import concerns_us
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.reading_limit import (
    A_LINE,
    A_NAME,
    MOST_DRAFT_TEXT,
    MOST_TEXT,
    drafts_within_limit,
    within_limit,
)
from cds_service.fhir.record import PatientRecord, UnreadEntry
from cds_service.fhir.resources import Entry, Resource
from cds_service.fhir.sieve import MOST_WORDS
from tests import calls as counted
from tests.builders import TODAY, observation, record, resource
from tests.medication_builders import administration, medicine_knowledge, named, request

KNOWLEDGE = medicine_knowledge()
LONG = 400


def words(number: int, length: int = LONG) -> str:
    return f"{number} ".ljust(length, "x")


def conditions(count: int, length: int = LONG, first: int = 0) -> list[Resource]:
    numbers = range(first, first + count)
    return [resource("Condition", id=f"c{n}", code={"text": words(n, length)}) for n in numbers]


def directed(text: str, **fields: Any) -> Resource:
    return request(medicationCodeableConcept=named("x"), dosageInstruction=[{"text": text}], **fields)


def left(record: PatientRecord, key: DataKey = DataKey.CONDITIONS) -> list[str]:
    resources = [entry.resource for entry in within_limit(record).section(key).entries]
    return [one.id or "" for one in resources if one is not None]


JUST = MOST_TEXT // (LONG + A_NAME)


def test_as_much_as_is_read_is_not_too_much() -> None:
    full = record(conditions=conditions(JUST))

    assert within_limit(full) is full
    rest = MOST_TEXT - JUST * (LONG + A_NAME) - A_NAME
    assert left(record(conditions=[*conditions(JUST), *conditions(1, rest, first=JUST)])) != [f"c{JUST}"]
    assert left(record(conditions=[*conditions(JUST), *conditions(1, rest + 1, first=JUST)])) == [f"c{JUST}"]


def test_the_shortest_are_read_and_the_section_says_that_it_is_incomplete() -> None:
    much = [*conditions(JUST + 9, LONG + 1), *conditions(5, 30, first=10_000)]
    limited = within_limit(record(conditions=much, procedures=[resource("Procedure", code={"text": "Short"})]))

    section = limited.section(DataKey.CONDITIONS)
    assert [entry.resource.id for entry in section.entries if entry.resource] == [
        f"c{n}" for n in range(10_000, 10_005)
    ]
    assert section.availability is Availability.INCOMPLETE
    assert section.note == f"the record holds more than is read at once; entries of it not read: {JUST + 9}"
    assert limited.section(DataKey.PROCEDURES).availability is Availability.COMPLETE
    assert within_limit(limited) is limited


@pytest.mark.parametrize("length", [LONG, 100], ids=["as long as the others", "shorter"])
def test_much_in_one_section_takes_nothing_from_a_small_one(length: int) -> None:
    orders = [directed(words(n, length), id=f"m{n}") for n in range(3 * MOST_TEXT // length)]
    named_often = {"coding": [{"display": words(n)} for n in range(5)], "text": words(5)}
    allergy = resource("AllergyIntolerance", id="a", code=named_often)
    problems = [resource("Condition", id=f"c{n}", code={"text": words(n), **named_often}) for n in range(9)]
    given = record(medicationRequests=orders, allergies=[allergy], conditions=problems)

    limited = within_limit(given)

    assert limited.section(DataKey.ALLERGIES) is given.section(DataKey.ALLERGIES)
    assert limited.section(DataKey.CONDITIONS) is given.section(DataKey.CONDITIONS)
    assert limited.section(DataKey.MEDICATION_REQUESTS).availability is Availability.INCOMPLETE


def test_what_one_section_leaves_another_may_take() -> None:
    most = [*conditions(JUST - 50)]
    given = record(conditions=most, procedures=[resource("Procedure", code={"text": words(n)}) for n in range(60)])

    limited = within_limit(given)

    assert limited.section(DataKey.PROCEDURES) is given.section(DataKey.PROCEDURES)
    assert limited.section(DataKey.CONDITIONS).availability is Availability.INCOMPLETE
    assert within_limit(record(conditions=most)) == record(conditions=most)


def test_what_comes_with_the_patient_is_not_searched_and_takes_nothing() -> None:
    friends = [{"resourceType": "Practitioner", "code": {"text": words(n)}} for n in range(2 * JUST)]
    given = record(patient=[resource("Patient", id="p1", birthDate="2015-01-01", contained=friends)])

    assert within_limit(given) is given


def test_the_order_of_entries_does_not_matter() -> None:
    much = [one for n in range(2 * JUST) for one in conditions(1, LONG - n % 7, first=n)]
    back = record(conditions=[*reversed(much)])

    assert sorted(left(record(conditions=much))) == sorted(left(back)) != []


def test_what_is_said_again_counts_once() -> None:
    often = [resource("Condition", id=f"c{n}", code={"text": words(n % 3)}) for n in range(5 * JUST)]
    taken = [directed(words(n % 3), id=f"m{n}") for n in range(5 * JUST)]

    again = record(conditions=often, medicationRequests=taken)
    assert within_limit(again) is again


def test_what_is_too_long_to_be_kept_counts_each_time() -> None:
    several = {"coding": [{"display": words(n)} for n in range(3)]}
    often = record(conditions=[resource("Condition", id=f"c{n}", code=several) for n in range(JUST)])

    assert left(often) == []


@pytest.mark.parametrize(
    "sent",
    [
        lambda n: {"conditions": [resource("Condition", code={"coding": [{"display": words(n)}]})]},
        lambda n: {"conditions": [resource("Condition", code={"coding": [{}] * LONG + [{"code": str(n)}]})]},
        lambda n: {"procedures": [resource("Procedure", code={"text": words(n)})]},
        lambda n: {"allergies": [resource("AllergyIntolerance", reaction=[{"substance": {"text": words(n)}}])]},
        lambda n: {"socialHistory": [observation("8661-1", valueString=words(n))]},
        lambda n: {"socialHistory": [observation("8661-1", valueCodeableConcept={"text": words(n)})]},
        lambda n: {"socialHistory": [observation("8661-1", component=[{"code": {"text": words(n)}}])]},
        lambda n: {"socialHistory": [observation("8661-1", component=[{"valueString": words(n)}])]},
        lambda n: {"socialHistory": [observation("8661-1", component=[{"valueCodeableConcept": {"text": words(n)}}])]},
        lambda n: {"labs": [resource("Observation", component=[{"code": {"text": words(n)}}])]},
        lambda n: {"labs": [resource("Observation", code={"coding": [{"display": words(n)}] * 3})]},
        lambda n: {"labs": [resource("Medication", code={"text": words(n)})]},
        lambda n: {"serviceRequests": [resource("ServiceRequest", code={"text": words(n)})]},
        lambda n: {"medicationRequests": [directed(words(n))]},
        lambda n: {"medicationRequests": [request(dosageInstruction=[{"patientInstruction": words(n)}])]},
        lambda n: {"medicationRequests": [request(dosageInstruction=[{"timing": {"code": {"text": words(n)}}}])]},
        lambda n: {
            "medicationRequests": [
                request(dosageInstruction=[{"timing": {"code": {"coding": [{"code": words(n), "display": "x"}]}}}])
            ]
        },
        lambda n: {"medicationRequests": [request(medicationCodeableConcept=named(words(n)))]},
        lambda n: {"medicationRequests": [request(medicationReference={"display": words(n)})]},
        lambda n: {"medicationRequests": [request(medicationReference={"identifier": {"value": words(n)}})]},
        lambda n: {"medicationRequests": [request(contained=[{"code": {"text": words(n)}}])]},
        lambda n: {"labs": [observation(contained=[{"code": {"text": words(n)}}])]},
        lambda n: {"medicationRequests": [resource("Medication", identifier=[{"value": words(n)}])]},
        lambda n: {"medicationRequests": [resource("Medication", identifier={"value": words(n)})]},
        lambda n: {
            "medicationRequests": [resource("Medication", ingredient=[{"itemReference": {"display": words(n)}}])]
        },
        lambda n: {
            "medicationRequests": [
                resource("Medication", ingredient=[{"itemReference": {"identifier": {"value": words(n)}}}])
            ]
        },
        lambda n: {
            "medicationRequests": [resource("Medication", ingredient=[{"itemCodeableConcept": {"text": words(n)}}])]
        },
        lambda n: {"medicationAdministrations": [administration(dosage={"text": words(n)})]},
    ],
)
def test_every_text_that_is_read_counts(sent: Any) -> None:
    given = [sent(number) for number in range(2 * JUST)]
    (key,) = given[0]
    many = record(**{key: [one for each in given for one in each[key]]})

    assert within_limit(many).section(DataKey(key)).availability is Availability.INCOMPLETE


def test_short_names_of_results_are_read_however_many_there_are() -> None:
    """Or it would depend on which names the process has met before: those are passed over."""
    short = [resource("Observation", id=f"o{n}", code={"text": words(n, MOST_WORDS)}) for n in range(2 * JUST)]
    long = [resource("Observation", id=f"o{n}", code={"text": words(n, MOST_WORDS + 1)}) for n in range(2 * JUST)]
    many = record(labs=short)

    assert within_limit(many) is many
    assert left(record(labs=long), DataKey.LABS) == []


def test_many_lines_count_although_they_say_little() -> None:
    lines = [{"text": str(number)} for number in range(MOST_TEXT // 20)]
    many = record(medicationRequests=[request(dosageInstruction=lines)])

    assert within_limit(many).section(DataKey.MEDICATION_REQUESTS).entries == ()


def timed(number: int, **fields: Any) -> Resource:
    line = {"timing": {"repeat": {"frequency": 1, "period": number + 1, "periodUnit": "d"}}}
    return request(id=f"m{number}", dosageInstruction=[line], **fields)


def test_lines_that_say_it_without_words_count_once_each() -> None:
    """Thousands of doses that differ took a second."""
    many = [timed(number) for number in range(MOST_TEXT // A_LINE + 1)]
    of_other_days = [
        request(id=f"m{n}", dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": f"2025-01-{n}"}}}}])
        for n in range(MOST_TEXT // A_LINE + 1)
    ]

    fewer = many[:-2]  # they have a name, too
    assert len(left(record(medicationRequests=fewer), DataKey.MEDICATION_REQUESTS)) == len(fewer)
    assert left(record(medicationRequests=many), DataKey.MEDICATION_REQUESTS) == []
    assert len(left(record(medicationRequests=of_other_days), DataKey.MEDICATION_REQUESTS)) == len(of_other_days)


@pytest.mark.parametrize(
    "listing",
    [
        lambda n: {"timing": {"repeat": {"timeOfDay": ["08:00:00"] * n}}},
        lambda n: {"timing": {"repeat": {"dayOfWeek": ["mon"] * n}}},
        lambda n: {"timing": {"repeat": {"when": ["MORN"] * n}}},
        lambda n: {"timing": {"code": {"coding": [{"code": "QD"}] * n}}},
        lambda n: {"route": {"coding": [{"code": "PO"}] * n}},
        lambda n: {"asNeededCodeableConcept": {"coding": [{}] * n}},
    ],
)
def test_what_one_line_lists_counts_although_it_says_the_same(listing: Any) -> None:
    def orders(parts: int) -> list[Resource]:
        return [request(id=f"m{n}", dosageInstruction=[listing(parts)]) for n in range(1_000)]

    assert len(left(record(medicationRequests=orders(7)), DataKey.MEDICATION_REQUESTS)) == 1_000
    assert left(record(medicationRequests=orders(70)), DataKey.MEDICATION_REQUESTS) == []


def test_reactions_count_although_they_say_the_same() -> None:
    def allergies(reactions: int) -> list[Resource]:
        given = [{"substance": {"text": "x"}}] * reactions
        return [resource("AllergyIntolerance", id=f"a{n}", reaction=given) for n in range(1_000)]

    assert len(left(record(allergies=allergies(3)), DataKey.ALLERGIES)) == 1_000
    assert left(record(allergies=allergies(50)), DataKey.ALLERGIES) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"code": {"coding": [{}] * (MOST_TEXT + 1)}},
        {"reaction": [{}] * (MOST_TEXT // 5 + 1)},
        {"contained": [{}] * (MOST_TEXT // 5 + 1)},
    ],
)
def test_one_entry_of_very_many_parts_is_not_looked_at(parts: dict[str, Any]) -> None:
    given = record(allergies=[resource("AllergyIntolerance", **parts)])
    section = within_limit(given).section(DataKey.ALLERGIES)

    assert (section.entries, section.availability) == ((), Availability.INCOMPLETE)
    assert counted.calls_of(lambda: within_limit(given)) < 300


def test_lines_beside_another_count_although_they_say_the_same() -> None:
    lines = [{"text": "1 tablet"}] * (MOST_TEXT // 30 + 2)
    orders = [request(id=f"m{n}", dosageInstruction=[{"text": "1 tablet"}]) for n in range(MOST_TEXT // 30 + 2)]

    assert (
        within_limit(record(medicationRequests=[request(dosageInstruction=lines)]))
        .section(DataKey.MEDICATION_REQUESTS)
        .entries
        == ()
    )
    assert len(left(record(medicationRequests=orders), DataKey.MEDICATION_REQUESTS)) == len(orders)


def test_components_count_although_they_say_the_same() -> None:
    same = [{"code": {"text": "x"}}] * 100
    answers = [observation("8661-1", id=f"o{n}", component=same) for n in range(MOST_TEXT // 500 + 1)]

    for key in (DataKey.SOCIAL_HISTORY, DataKey.LABS):
        assert left(record(**{key.value: answers[: MOST_TEXT // 600]}), key) != []
        assert left(record(**{key.value: answers}), key) == []


def test_one_entry_of_very_many_components_is_not_looked_at() -> None:
    answer = observation("8661-1", component=[{}] * (MOST_TEXT // 5 + 1))
    for key in (DataKey.SOCIAL_HISTORY, DataKey.LABS):
        section = within_limit(record(**{key.value: [answer]})).section(key)
        assert (section.entries, section.availability) == ((), Availability.INCOMPLETE)


def test_doses_beside_another_count() -> None:
    def order(number: int, doses: int) -> Resource:
        line = {"text": "as told", "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "mg"}}] * doses}
        return request(id=f"m{number}", dosageInstruction=[line])

    of_one = [order(number, 1) for number in range(1_000)]
    of_many = [order(number, 100) for number in range(1_000)]
    assert len(left(record(medicationRequests=of_one), DataKey.MEDICATION_REQUESTS)) == 1_000
    assert left(record(medicationRequests=of_many), DataKey.MEDICATION_REQUESTS) == []


def test_what_was_incomplete_before_says_both() -> None:
    full = record(conditions=conditions(JUST + 1))
    section = replace(full.section(DataKey.CONDITIONS), availability=Availability.FAILED, note="it failed")
    limited = within_limit(replace(full, sections={DataKey.CONDITIONS: section})).section(DataKey.CONDITIONS)

    assert limited.availability is Availability.FAILED
    assert limited.note.startswith("it failed; the record holds more")


def test_an_entry_that_could_not_be_used_may_be_anything_where_its_name_is_not_read() -> None:
    lost = tuple(
        UnreadEntry((DataIssue(f"Condition/{n}", "", "It fits nothing."),), one)
        for n, one in enumerate(conditions(JUST + 1))
    )
    given = record()
    section = replace(given.section(DataKey.CONDITIONS), unread=lost)
    facts = read_facts(replace(given, sections={**given.sections, DataKey.CONDITIONS: section}), KNOWLEDGE, TODAY)

    assert {issue.matters_to for issue in facts.issues if issue.resource.startswith("Condition/")} == {ANYTHING}
    assert facts.available(DataKey.CONDITIONS) is Availability.INCOMPLETE


def draft(number: int, length: int = LONG, **fields: Any) -> Resource:
    return directed(words(number, length), id=f"d{number}", status="draft", **fields)


def session(*drafts: Resource, selections: tuple[str, ...] | None = None, **sections: Any) -> PatientRecord:
    return replace(record(**sections), drafts=tuple(Entry(resource=one) for one in drafts), selections=selections)


FOLIC_ACID = request(id="folic", status="draft", medicationCodeableConcept=named("folic acid 5 mg tablet"))
MANY_DRAFTS = [draft(number) for number in range(2 * MOST_DRAFT_TEXT // LONG)]


def test_drafts_are_read_whatever_the_record_holds() -> None:
    asked = session(FOLIC_ACID, conditions=conditions(JUST + 1))

    assert drafts_within_limit(asked) is asked
    assert within_limit(asked).drafts == asked.drafts
    assert [found.source for found in read_facts(asked, KNOWLEDGE, TODAY).drafts] == ["MedicationRequest/folic"]


def test_drafts_take_nothing_from_the_record() -> None:
    asked = session(*MANY_DRAFTS, conditions=conditions(JUST))

    assert within_limit(asked).section(DataKey.CONDITIONS).availability is Availability.COMPLETE


def test_of_too_much_in_the_drafts_the_shortest_are_read_and_it_is_told() -> None:
    asked = session(*MANY_DRAFTS, FOLIC_ACID, selections=("MedicationRequest/folic", "MedicationRequest/d1"))

    facts = read_facts(asked, KNOWLEDGE, TODAY)

    assert [found.source for found in facts.drafts] == ["MedicationRequest/folic"]
    told = [issue for issue in facts.issues if issue.matters_to == DRAFTS]
    assert [(issue.resource, issue.field) for issue in told] == [("context.draftOrders", "entry")]
    assert told[0].issue.endswith(f"drafts not read: {len(MANY_DRAFTS)}.")
    assert concerns_us(asked, KNOWLEDGE)


def test_drafts_that_are_not_read_concern_us_although_none_that_is_read_does() -> None:
    assert concerns_us(session(*MANY_DRAFTS), KNOWLEDGE)
    assert not concerns_us(session(*MANY_DRAFTS[:9]), KNOWLEDGE)
