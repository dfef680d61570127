"""The page for the patient: what was found in plain words, what to ask, what not to stop, and when to get help.

It says no name, no id and no birth date: it is printed and left lying about. It reassures of nothing that is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from cds_service.assessment.assess import assess
from cds_service.assessment.outcome import Assessment, Status
from cds_service.cards.compose import review_words
from cds_service.cards.words import plain
from cds_service.errors import InvalidHookRequest
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.patient import Availability, PatientFacts
from cds_service.fhir.read_facts import read_facts
from cds_service.knowledge.model import Knowledge
from cds_service.web.answer import encoded
from cds_service.web.edge import Edge
from cds_service.web.hook_request import read_hook_request
from cds_service.web.pages.html import filled
from cds_service.web.pages.playground import PlaygroundEhr, UnusableBundle
from cds_service.web.pages.sent_chart import sent_chart, view_request

_HOOK = "patient-view"
_SHOWN = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE)


def empty_patient_page(ehr: PlaygroundEhr) -> tuple[str, int]:
    """The page before anybody was chosen: its HTML and its status."""
    return _page(ehr, "", {}), 200


def patient_page(edge: Edge, ehr: PlaygroundEhr, read_form: Callable[[], Mapping[str, str]]) -> tuple[str, int]:
    """The page for the patient of what was sent, or the reason why there is none."""
    story = ""
    try:
        form = read_form()
        story = form.get("story", "")
        record = read_hook_request(encoded(view_request(sent_chart(edge, ehr, form))), _HOOK).record
        facts = read_facts(record, edge.knowledge, edge.today())
        told = told_to_patient(facts, assess(facts, edge.knowledge, _HOOK), edge.knowledge)
        return _page(ehr, story, {"told": told}), 200
    except UnusableBundle as problem:
        return _page(ehr, story, {"problem": str(problem)}), 400
    except InvalidHookRequest as problem:
        return _page(ehr, story, {"problem": f"This cannot be read: {problem}."}), 400


def refused_patient_page(ehr: PlaygroundEhr) -> tuple[str, int]:
    """The page for a record that is larger than this service takes."""
    problem = "This record is too large to be read. Send the patient's results, medicines and problems only."
    return _page(ehr, "", {"problem": problem}), 413


def told_to_patient(facts: PatientFacts, assessment: Assessment, knowledge: Knowledge) -> dict[str, Any]:
    """What the page says, part by part."""
    words = knowledge.patient_page
    rules = [knowledge.rules[finding.rule] for finding in assessment.fired]
    return {
        "found": _found(facts, assessment, knowledge),
        "results": [_result(result, knowledge) for result in _newest(facts)],
        "ask": words["ask"].splitlines(),
        "keep": words["keep_taking"].splitlines(),
        "red_flags": words["red_flags"].splitlines(),
        "about": words["about"],
        "made_on": day_in_words(facts.today),
        "version": knowledge.version,
        "reviews": sorted({review_words(rule.review, knowledge.wording) for rule in rules}),
        "sources": list({c.source: knowledge.sources[c.source] for rule in rules for c in rule.sources}.values()),
    }


def day_in_words(day: date) -> str:
    """A day as people write it: 3 October 2026."""
    return f"{day.day} {day:%B %Y}"


def _found(facts: PatientFacts, assessment: Assessment, knowledge: Knowledge) -> list[str]:
    """The findings in the patient's words, or, where nothing was found, what that does and does not mean."""
    words = knowledge.patient_page
    texts = [knowledge.rules[f.rule].cards[f.answer.variant].patient for f in assessment.fired]
    found = list(dict.fromkeys(text for text in texts if text))
    if assessment.status is Status.NOT_APPLICABLE and not found:
        return [words["not_for_children"]]
    if not found:
        found = [words["nothing_to_do"]]
        if assessment.status is Status.UNLIKELY:
            found.append(words["unlikely"])
    if assessment.status is Status.UNKNOWN:
        found.append(words["no_result"])
    fine = (Availability.COMPLETE, Availability.NEVER_SENT)
    if facts.issues or any(held not in fine for _, held in facts.availability):
        found.append(words["not_checked"])
    return found


def _newest(facts: PatientFacts) -> list[LabResult]:
    newest = {result.analyte: result for result in facts.labs if result.analyte in _SHOWN}  # oldest first
    return [newest[analyte] for analyte in _SHOWN if analyte in newest]


def _result(result: LabResult, knowledge: Knowledge) -> tuple[str, str, str]:
    return knowledge.analytes[result.analyte].title, plain(result.printed), _when(result.taken)


def _when(taken: ClinicalDate) -> str:
    return day_in_words(taken.earliest) if taken.is_exact else str(taken)


def _page(ehr: PlaygroundEhr, story: str, shown: Mapping[str, Any]) -> str:
    return filled("patient.html", stories=ehr.stories(), story=story, **shown)
