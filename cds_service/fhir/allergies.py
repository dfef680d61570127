"""Allergies to vitamin B12 in any of its forms (contraindication, clinical-guidelines 5)."""

from __future__ import annotations

from datetime import date

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import Medicine
from cds_service.fhir.codings import keys, texts
from cds_service.fhir.names import name_affirmed, name_matches
from cds_service.fhir.problem_codes import is_named
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.statuses import status_code
from cds_service.fhir.subject import subject_problem
from cds_service.knowledge.model import Knowledge

_NOT_SO = ("refuted", "entered-in-error")
_NOT_YET_SURE = ("unconfirmed", "presumed")
_OVER = ("resolved", "inactive")
_LONGEST_NAME = 80


def read_allergies(
    record: PatientRecord, references: frozenset[str], knowledge: Knowledge, today: date
) -> tuple[list[Problem], list[DataIssue]]:
    """The patient's allergies to a cobalamin, and those that could not be used."""
    del today  # an allergy holds whenever it was recorded; the readers share one signature
    problems: list[Problem] = []
    issues: list[DataIssue] = []
    for resource in record.section(DataKey.ALLERGIES).resources("AllergyIntolerance"):
        concepts = [resource.code, *(reaction.substance for reaction in resource.reaction or ())]
        found = [(concept, sure) for concept in concepts if (sure := is_cobalamin(concept, knowledge)) is not None]
        verification = status_code(resource.verification_status)
        if not found or verification in _NOT_SO or status_code(resource.clinical_status) in _OVER:
            continue
        whose = subject_problem(resource, references)
        if whose:
            sentence = f"This record of a vitamin B12 allergy {whose}."
            issues.append(DataIssue(resource_name(resource), "patient", sentence, ProblemKind.COBALAMIN_ALLERGY.value))
            continue
        is_coded = any(sure for _, sure in found) and verification not in _NOT_YET_SURE
        problems.append(
            Problem(
                ProblemKind.COBALAMIN_ALLERGY,
                _name(found[0][0]),
                resource_name(resource),
                _recorded(resource),
                is_coded,
            )
        )
    return problems, issues


def is_cobalamin(concept: CodeableConcept | None, knowledge: Knowledge) -> bool | None:
    """True by code, False by name or as a part of a combination (only possible), None when it is not.

    An allergy names the substance alone; that it is an allergy, the resource says.
    """
    if concept is None:
        return None
    answers: list[bool] = []
    for key, _ in keys(concept):
        contents = {medicine for medicine, _ in knowledge.medicines_by_code.get(key, ())}
        if Medicine.B12.value in contents:
            answers.append(contents == {Medicine.B12.value})
    if answers:
        return any(answers)
    allergy = knowledge.conditions.get(ProblemKind.COBALAMIN_ALLERGY.value)
    if allergy is not None and is_named(concept, allergy):
        return False
    b12 = knowledge.medicines.get(Medicine.B12.value)
    names = texts(concept)
    if b12 is None or any(name_matches(name, b12.not_names) for name in names):
        return None
    return False if any(name_affirmed(name, b12.names) for name in names) else None


def _name(concept: CodeableConcept | None) -> str:
    return next(iter(texts(concept)), "Vitamin B12")[:_LONGEST_NAME]


def _recorded(resource: Resource) -> ClinicalDate | None:
    try:
        return ClinicalDate.parse(resource.recorded_date) if resource.recorded_date else None
    except ValueError:
        return None  # the allergy counts whenever it was recorded
