"""Reading orders for laboratory tests, so that nobody is asked for a test that is already on its way."""

from __future__ import annotations

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.orders import Test, TestOrder
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.fhir.analyte_codes import is_look_alike
from cds_service.fhir.codings import spelling, texts
from cds_service.fhir.ended_orders import ended_by_drafts
from cds_service.fhir.medication_issues import IssueLog
from cds_service.fhir.names import is_cut, name_matches
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.statuses import status_of
from cds_service.fhir.subject import patient_references, subject_problem
from cds_service.knowledge.model import Knowledge
from cds_service.knowledge.systems import canonical_system

_PENDING = frozenset({"active", "draft"})
_DONE = "completed"
_OVER = frozenset({"revoked", "entered-in-error"})
_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_TESTS = {test.value: test for test in Test}


def read_test_orders(record: PatientRecord, knowledge: Knowledge) -> tuple[list[TestOrder], list[DataIssue]]:
    """Orders that may still bring a result; and what could not be read of them.

    Counts what is active or a draft (clinical-guidelines 8.2), and what is completed as done: senders complete an order
    when the sample is taken as well as when the result is out. A pending order silences reminders, so what is in doubt
    (on hold, no status, a plan, no order at all) does not count, and is told of.
    """
    references = patient_references(record)
    orders: set[TestOrder] = set()
    issues: set[DataIssue] = set()
    ended = ended_by_drafts(record)
    for resource in record.section(DataKey.SERVICE_REQUESTS).resources("ServiceRequest"):
        tests = ordered_tests(resource.code, knowledge)
        if not tests or resource_name(resource) in ended:
            continue
        log = IssueLog(resource_name(resource), tests[0], dates_count=False)
        orders.update(_orders(resource, tests, references, log))
        issues.update(log.issues)
    return (
        sorted(orders, key=lambda o: (o.test, o.source, str(o.ordered))),
        sorted(issues, key=lambda i: (i.resource, i.field, i.issue)),
    )


@remembered(spelling)
def ordered_tests(concept: CodeableConcept | None, knowledge: Knowledge) -> tuple[Test, ...]:
    """The tests that a concept orders: by code, or by name where no code is one of ours.

    What bears the code of a look-alike orders none: "MMA" with the code of MMA in urine must not silence the reminder.
    """
    codings = (concept.coding if concept is not None else None) or ()
    coded = [(canonical_system(coding.system), (coding.code or "").strip()) for coding in codings]
    if any(is_look_alike(code, knowledge) for code in coded):
        return ()
    found = {_TESTS[name] for code in coded for name in knowledge.tests_by_code.get(code, ()) if name in _TESTS}
    if not found:
        words = [name for name in texts(concept) if not is_cut(name)]  # its end may rule it out: "MMA ... in urine"
        found = {
            _TESTS[name]
            for name, test in knowledge.tests.items()
            if name in _TESTS and any(name_matches(text, test.names) for text in words)
        }
    return tuple(sorted(found))


def _orders(resource: Resource, tests: tuple[Test, ...], references: frozenset[str], log: IssueLog) -> list[TestOrder]:
    status, intent = status_of(resource), (resource.intent or "").strip().lower()
    if status in _OVER or resource.do_not_perform:
        return []
    problem = subject_problem(resource, references)
    if problem:
        log.add("subject", problem)
        return []
    if status == "on-hold":
        log.add("status", "it is on hold, so it is not known whether a result will come; it was not counted")
        return []
    if status not in _PENDING and status != _DONE:
        log.add(
            "status", f"the status {status[:20]!r} does not tell whether the test is on its way; it was not counted"
        )
        return []
    if intent not in _ORDERS:
        if intent not in ("proposal", "plan", "option", "directive"):
            log.add("intent", f"the intent {intent[:20]!r} does not tell whether it was ordered; it was not counted")
        return []
    ordered = log.read_date(resource.authored_on, "authoredOn")
    due = _due(resource, log)
    return [TestOrder(test, ordered, resource_name(resource), status == _DONE, due) for test in tests]


def _due(resource: Resource, log: IssueLog) -> ClinicalDate | None:
    if resource.occurrence_period is not None:
        return log.read_date(resource.occurrence_period.start, "occurrencePeriod.start")
    return log.read_date(resource.occurrence_date_time, "occurrenceDateTime")
