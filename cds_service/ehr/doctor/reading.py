"""What our own reader makes of a record: the very code that reads a hook request, and what it says about the data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date

from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.patient_bundle import PatientBundle
from cds_service.ehr.prefetch import everything, prefetch
from cds_service.facts.patient import DataIssue, PatientFacts
from cds_service.fhir.prefetch import decode_hook_body
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.templates import prefetch_templates
from cds_service.knowledge.model import Knowledge

TOPIC = "What our reader says"
_QUOTED = re.compile(r"'[^']*'")
_COUNT = re.compile(r"&_count=\d+")  # a file has no pages
_ADVICE = "Mend the fields that our reader names above at their source, those that are not used first."


def read_as_a_request(bundle: PatientBundle, knowledge: Knowledge, today: date) -> tuple[PatientRecord, PatientFacts]:
    """The record and the facts that a hook request with all of this would make."""
    asked = everything(prefetch_templates(knowledge))
    sent = prefetch(bundle, {key: _COUNT.sub("", template) for key, template in asked.items()})
    body = decode_hook_body(json.dumps({"prefetch": sent}).encode())
    sections = {key: reading.section for key, reading in body.readings.items()}
    issues = tuple(issue for reading in body.readings.values() for issue in reading.issues)
    record = PatientRecord(bundle.patient_id, sections, issues=issues)
    return record, read_facts(record, knowledge, today)


def note_issues(facts: PatientFacts, tally: Tally) -> None:
    """Each issue, counted with those that differ only in the value they quote."""
    alike: dict[tuple[str, ...], list[DataIssue]] = {}
    for issue in facts.issues:
        kind = issue.resource.partition("/")[0]
        alike.setdefault((kind, issue.field, _QUOTED.sub("'…'", issue.issue), str(issue.used_with_care)), []).append(
            issue
        )
    for (kind, field, _, _), issues in alike.items():
        first = issues[0]
        what = f"{field}: {first.issue}" if field else first.issue
        effect = Effect.WITH_CARE if first.used_with_care else Effect.NOT_USED
        tally.note(TOPIC, kind, what, effect, first.resource, _ADVICE, by=len(issues))


def note_used(facts: PatientFacts, tally: Tally) -> None:
    """How much of the record became facts: nothing at all is the first thing a team must know."""
    counts: Mapping[str, int] = {
        "laboratory results": len(facts.labs),
        "medicine records": len(facts.treatments),
        "problems": len(facts.problems),
        "pending test orders": len(facts.test_orders),
    }
    for what, count in counts.items():
        if count:
            tally.note("Used", "", what, Effect.FINE, by=count)
    if not any(counts.values()):
        advice = "Nothing of this record concerns vitamin B12. Try a patient with a B12 result, metformin or anaemia."
        tally.note("Used", "", "nothing", Effect.CHECK, advice=advice)
