"""Makes of a vignette, a patient's story in a few lines of YAML, the hook request that an EHR would send for it.

Keys of a story beside id, title, why and expect (names are those of words.yaml; a mapping in place of a name is a
CodeableConcept as it stands; `day` is a date, a part of one, or `95 days ago`; `fhir` lays fields over the resource):

* hook: patient-view unless another is given; patient: born, sex, deceased
* labs: {<test>: result, day, status, range, code, fhir}. A result is printed (`<150 pg/mL`), {text} or {word}, or null
* problems: a name, or {problem, since, status, verification}; allergies: a name or {allergy, verification}
* procedures: {procedure, day, status}; ordered: {<test>: day ordered, status}
* medicines: {takes, since, until, status, dose}, {prescribed, day, supply, refills, status, dose, fhir},
  {dispensed, day, supply, dose} or {given, day}. A dose is such as `1 mL monthly intramuscular`
* drafts: {draft, dose, selected, fhir} (null: no medicine is named) or {draft_test}
* prefetch: of a key, what came in place of its resources: missing, empty, failed or cut-off
* outcomes: of a key, the severity and code of an OperationOutcome that came beside its resources
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.spec.vignettes.resources import MAKERS, Json, Line, draft, of_patient, patient, refuse_unknown

_SECTIONS = {
    "labs": "labs",
    "problems": "conditions",
    "procedures": "procedures",
    "allergies": "allergies",
    "ordered": "serviceRequests",
}
_MEDICINES = {
    "takes": "medicationStatements",
    "prescribed": "medicationRequests",
    "dispensed": "medicationDispenses",
    "given": "medicationAdministrations",
}
_KEYS = (*_SECTIONS.values(), *_MEDICINES.values(), "socialHistory")
_STORY_KEYS = {"id", "title", "why", "expect", "hook", "patient", "medicines", "drafts", "prefetch", "outcomes"}


def hook_request(story: Line) -> Json:
    """The body that an EHR would post for this story.

    Raises:
        KeyError, ValueError: a word that neither words.yaml nor the description above has.
    """
    refuse_unknown(story, _STORY_KEYS | set(_SECTIONS))
    hook, patient_id = story.get("hook", "patient-view"), story["id"].lower()
    context: Json = {"userId": "Practitioner/p1", "patientId": patient_id}
    if hook != "patient-view":
        drafts = [draft(patient_id, number, line) for number, line in enumerate(story["drafts"], start=1)]
        entries = [{"resource": made} for made in drafts]
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        if hook == "order-select":
            told = zip(story["drafts"], drafts, strict=True)
            context["selections"] = [f"{r['resourceType']}/{r['id']}" for line, r in told if line.get("selected", True)]
    return {
        "hookInstance": str(uuid5(NAMESPACE_URL, story["id"])),
        "hook": hook,
        "context": context,
        "prefetch": {"patient": patient(patient_id, story.get("patient", {})), **_prefetch(patient_id, story)},
    }


def _prefetch(patient_id: str, story: Line) -> Json:
    found: dict[str, list[Json]] = {key: [] for key in _KEYS}
    for section, key in _SECTIONS.items():
        for number, line in enumerate(story.get(section, ()), start=1):
            found[key].append(of_patient(patient_id, f"{section}-{number}", MAKERS[section](_mapping(section, line))))
    for number, line in enumerate(story.get("medicines", ()), start=1):
        kind = next(iter(line))
        found[_MEDICINES[kind]].append(of_patient(patient_id, f"medicines-{number}", MAKERS[kind](line)))
    outcomes, instead = story.get("outcomes", {}), story.get("prefetch", {})
    refuse_unknown(outcomes, _KEYS)
    refuse_unknown(instead, _KEYS)
    bundles = {key: _bundle(resources, outcomes.get(key)) for key, resources in found.items()}
    bundles |= {key: _IN_PLACE_OF_A_BUNDLE[what] for key, what in instead.items() if what != "missing"}
    return {key: bundle for key, bundle in bundles.items() if instead.get(key) != "missing"}


def _bundle(resources: Iterable[Json], outcome: Line | None) -> Json:
    entries = [_entry(resource) for resource in resources]
    made = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    if outcome:
        issue = {"resourceType": "OperationOutcome", "issue": [dict(outcome)]}
        entries.append({"resource": issue, "search": {"mode": "outcome"}})
    return made | ({"entry": entries} if entries else {})


def _entry(resource: Json) -> Json:
    url = f"https://ehr.example.org/fhir/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": "match"}}


_IN_PLACE_OF_A_BUNDLE: dict[str, Json | None] = {
    "empty": None,
    "failed": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
    "cut-off": {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}],
    },
}


def _mapping(section: str, line: Any) -> Line:
    """A bare name stands for a line that says nothing else."""
    first = {"problems": "problem", "allergies": "allergy", "procedures": "procedure"}
    return line if isinstance(line, Mapping) else {first[section]: line}
