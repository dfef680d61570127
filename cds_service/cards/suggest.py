"""Suggestions: what an EHR can apply, from what the rules recommend. Folic acid is never deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from cds_service.assessment.outcome import Answer
from cds_service.cards.card import Action, Suggestion
from cds_service.facts.orders import Test
from cds_service.fhir.draft_resources import (
    draft_medication_request,
    draft_service_request,
    product_and_dosage,
    without_empties,
)
from cds_service.fhir.hook_call import HookCall
from cds_service.knowledge.model import Knowledge, Recommendation, Regimen
from cds_service.knowledge.wording import Wording

_TESTS = {
    Recommendation.ORDER_B12: (Test.B12,),
    Recommendation.ORDER_MMA: (Test.MMA,),
    Recommendation.ORDER_HOMOCYSTEINE: (Test.HOMOCYSTEINE,),
    Recommendation.ORDER_CBC: (Test.CBC,),
    Recommendation.ORDER_ACTIVE_B12: (Test.ACTIVE_B12,),
    Recommendation.ORDER_IF_ANTIBODY: (Test.INTRINSIC_FACTOR_ANTIBODY,),
    Recommendation.ORDER_FOLATE: (Test.FOLATE,),
    Recommendation.FOLLOW_UP_3_MONTHS: (Test.B12, Test.MMA, Test.HOMOCYSTEINE),
}
_TREATMENTS = (Recommendation.START_IM_B12, Recommendation.START_ORAL_B12)
_DUPLICATE = "duplicate"


def suggestions_for(answers: Sequence[Answer], knowledge: Knowledge, call: HookCall) -> tuple[Suggestion, ...]:
    """The suggestions of one card: changes to the draft first, then treatments, then tests; the first is recommended.
    A removal comes last, and is never recommended: whether an order is a duplicate only a person can tell.

    Where blood is to be drawn before a treatment that does not wait for it, the tests come first, and both are
    recommended. Each treatment and each test stands once. A test that the card asks to do before an order (folic acid)
    is offered as that test.
    """
    reasons = [fact.source for answer in answers for fact in answer.facts if fact.source]
    made: dict[str, Suggestion] = {}
    for answer in answers:
        made |= _changes(answer, knowledge, call)
    for answer in answers:
        if Recommendation.USE_HYDROXOCOBALAMIN in answer.recommends and made:
            continue  # the draft itself is changed; a second order would double it
        if _draws_blood_first(answer):
            for tests in _tests_of(answer, call):
                made.setdefault(f"tests:{'+'.join(tests)}", _tests(tests, knowledge, call, reasons))
        for regimen_id in answer.regimens:
            regimen = knowledge.regimens[regimen_id]
            made.setdefault(f"regimen:{regimen_id}", _treatment(regimen, call, reasons))
    for answer in answers:
        for tests in _tests_of(answer, call):
            made.setdefault(f"tests:{'+'.join(tests)}", _tests(tests, knowledge, call, reasons))
    return (*_recommended(list(made.values())), *_removals(answers, knowledge, call))


def _draws_blood_first(answer: Answer) -> bool:
    """Whether the blood is drawn first and the treatment follows without waiting: as `recommends` has them."""
    kinds = [r in _TESTS for r in answer.recommends if r in _TESTS or r in _TREATMENTS]
    return bool(answer.regimens) and kinds[:1] == [True] and not all(kinds)


def _recommended(ordered: list[Suggestion]) -> tuple[Suggestion, ...]:
    """The first is recommended; where tests stand before a treatment, they and that treatment, as all of them are to be
    done."""
    last = next((place for place, s in enumerate(ordered) if not _orders_tests(s)), 0)
    return (*(replace(s, is_recommended=True) for s in ordered[: last + 1]), *ordered[last + 1 :])


def _orders_tests(suggestion: Suggestion) -> bool:
    return all(a.resource is not None and a.resource["resourceType"] == "ServiceRequest" for a in suggestion.actions)


def _tests_of(answer: Answer, call: HookCall) -> list[tuple[Test, ...]]:
    wanted = [_TESTS[r] for r in answer.recommends if r in _TESTS]
    if Recommendation.CHECK_B12_BEFORE_FOLIC_ACID in answer.recommends and answer.variant != "pending":
        wanted += [(Test.B12,), (Test.MMA,)]
    if call.one_action:
        return [(test,) for tests in wanted for test in tests]
    return wanted


def _tests(tests: tuple[Test, ...], knowledge: Knowledge, call: HookCall, reasons: Sequence[str]) -> Suggestion:
    titles, say = [knowledge.tests[test].title for test in tests], knowledge.wording.say
    actions = tuple(
        Action(
            "create",
            say("Order {0}", title),
            draft_service_request(knowledge.tests[test], **_common(call), reasons=reasons),
        )
        for test, title in zip(tests, titles, strict=True)
    )
    return Suggestion(str(uuid4()), say("Order {0}", _listed(titles, knowledge.wording)), actions)


def _treatment(regimen: Regimen, call: HookCall, reasons: Sequence[str]) -> Suggestion:
    resource = draft_medication_request(regimen, **_common(call), reasons=reasons)
    return Suggestion(str(uuid4()), regimen.label, (Action("create", regimen.label, resource),))


def _changes(answer: Answer, knowledge: Knowledge, call: HookCall) -> dict[str, Suggestion]:
    """Changes to the draft that a card is about: only drafts of this very request can be changed."""
    sent, say = (call.draft_json or {}).get(answer.target), knowledge.wording.say
    if sent is None:
        return {}
    if Recommendation.USE_HYDROXOCOBALAMIN in answer.recommends and answer.regimens:
        regimen = knowledge.regimens[answer.regimens[0]]
        label = say("Change the order: {0}", regimen.label)
        changed = _changed(sent, regimen, call.record.patient_id)
        return {"update": Suggestion(str(uuid4()), label, (Action("update", label, changed),))}
    return {}


def _removals(answers: Sequence[Answer], knowledge: Knowledge, call: HookCall) -> Iterator[Suggestion]:
    """The removal of a draft of this very request that is certainly a duplicate."""
    label = knowledge.wording.say("Remove the duplicate vitamin B12 order")
    for target in dict.fromkeys(answer.target for answer in answers if answer.variant == _DUPLICATE):
        if target in (call.draft_json or {}):
            yield Suggestion(str(uuid4()), label, (Action("delete", label, resource_id=target),))


def _changed(sent: bytes, regimen: Regimen, patient_id: str) -> dict[str, Any]:
    """The whole draft as it was sent, with another product and its dosage: an update carries the complete resource, and
    the directions for a tablet would not fit an injection. One that named nobody names its patient."""
    resource: dict[str, Any] = without_empties(msgspec.json.decode(sent))
    resource.pop("medicationReference", None)
    if not resource.get("subject"):
        resource["subject"] = {"reference": f"Patient/{patient_id}"}
    return resource | product_and_dosage(regimen)


def _common(call: HookCall) -> dict[str, Any]:
    return {
        "patient_id": call.record.patient_id,
        "today": call.today,
        "user_id": call.user_id,
        "encounter_id": call.encounter_id,
    }


def _listed(titles: Sequence[str], wording: Wording) -> str:
    return titles[0] if len(titles) == 1 else wording.say("{0} and {1}", ", ".join(titles[:-1]), titles[-1])
