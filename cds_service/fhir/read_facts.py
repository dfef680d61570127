"""One patient's record read into facts: the border between FHIR and the pure core."""

from __future__ import annotations

from datetime import date

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import AGE, ANYTHING, DATA_KEYS, Availability, DataIssue, DataKey, PatientFacts, Sex
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import Treatment
from cds_service.fhir.conditions import read_problems
from cds_service.fhir.draft_orders import read_drafts
from cds_service.fhir.left_out import availabilities, nameless, unread
from cds_service.fhir.local_day import local_day
from cds_service.fhir.medications import read_treatments
from cds_service.fhir.observations import read_awaited, read_labs
from cds_service.fhir.reading_limit import within_limit
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Resource, resource_name
from cds_service.fhir.test_orders import read_test_orders
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import Knowledge

_SEXES = {"female": Sex.FEMALE, "male": Sex.MALE}
_AGE_IS_UNKNOWN = "The age is not known, and nothing is assumed about it."


def read_facts(record: PatientRecord, knowledge: Knowledge, today: date) -> PatientFacts:
    """All that the rules may look at. Pure: the same record, knowledge and day give the same facts.

    The order of the record's entries never matters. Whatever could not be used, or only with care, is an issue. `today`
    is the day here; where the record is written it may be the next one already (`local_day`).
    """
    record = within_limit(record)
    today = local_day(record, today)
    patient, patient_issues = _patient(record)
    born, born_issues = _born(patient, today)
    is_deceased, death_issues = _is_deceased(patient, today)
    labs, lab_issues = read_labs(record, knowledge, today)
    sex = _SEXES.get((patient.gender or "").strip().lower(), Sex.NOT_KNOWN) if patient else Sex.NOT_KNOWN
    problems, problem_issues = read_problems(record, knowledge, today)
    if doubted := _pregnancies_of_a_man(sex, problems):
        problems = [p for p in problems if p.kind is not ProblemKind.PREGNANCY]
        problem_issues = [i for i in problem_issues if i.matters_to != ProblemKind.PREGNANCY]
    treatments, treatment_issues = read_treatments(record, knowledge, today)
    test_orders, test_issues = read_test_orders(record, knowledge)
    drafts, draft_issues = read_drafts(record, knowledge)
    unnamed, lost = nameless(record, knowledge), unread(record, knowledge)
    unknown = {*unnamed, *(key for key, found in lost.items() if any(_leaves_gap(key, issue) for issue in found))}
    lost_issues = [issue for found in lost.values() for issue in found]
    missed = _missed([*problem_issues, *treatment_issues], treatments, today)
    issues = [
        *record.issues,
        *_sections_unread(record),
        *lost_issues,
        *patient_issues,
        *born_issues,
        *death_issues,
        *lab_issues,
        *problem_issues,
        *doubted,
        *(issue for found in unnamed.values() for issue in found),
    ]
    issues += [*treatment_issues, *test_issues, *draft_issues]
    return PatientFacts(
        patient_id=record.patient_id,
        today=today,
        born=born,
        sex=sex,
        is_deceased=is_deceased,
        labs=tuple(labs),
        treatments=tuple(treatments),
        problems=tuple(problems),
        test_orders=tuple(sorted((*test_orders, *read_awaited(record, knowledge)), key=repr)),
        drafts=tuple(sorted(drafts, key=repr)),
        issues=tuple(sorted(set(issues), key=_by_resource)),
        availability=tuple(availabilities(record, unknown, missed)),
    )


def _pregnancies_of_a_man(sex: Sex, problems: list[Problem]) -> list[DataIssue]:
    """The pregnancies that are recorded of a man, which are not used: with the limits and words of pregnancy a low B12
    of his would be taken more lightly. A patient of another gender, or of none stated, is pregnant as recorded."""
    if sex is not Sex.MALE:
        return []
    sentence = "This record of pregnancy is of a patient whose gender is recorded as male; it was not used."
    return [
        DataIssue(problem.source, "", sentence, ProblemKind.PREGNANCY.value)
        for problem in problems
        if problem.kind is ProblemKind.PREGNANCY
    ]


def _leaves_gap(key: DataKey, lost: DataIssue) -> bool:
    """Whether a key is not complete without an entry; a result that says what it is of leaves no other in doubt."""
    return lost.matters_to == ANYTHING or (lost.matters_to != "" and key is not DataKey.LABS)


def _missed(issues: list[DataIssue], treatments: list[Treatment], today: date) -> list[DataIssue]:
    """The issues of entries of which nothing is used as a treatment that has begun: what they hold is then not seen."""
    if not issues:
        return []
    used = {t.source for t in treatments if any(i.start is None or i.start.earliest <= today for i in t.intervals)}
    # A status that none may have may stand for any other: it is then not known whether the entry counts at all. And
    # what is used of an entry does not tell what else it holds.
    return [i for i in issues if i.resource not in used or i.field == "status" or i.matters_to == ANYTHING]


def _sections_unread(record: PatientRecord) -> list[DataIssue]:
    """What we asked for and do not hold in full: said for each key, whether or not a card comes of it."""
    fine = (Availability.COMPLETE, Availability.NEVER_SENT)
    sections = [(key, record.section(key)) for key in DATA_KEYS]
    return [DataIssue(key, "", _sentence(s)) for key, s in sections if s.availability not in fine]


def _sentence(section: Section) -> str:
    note = section.note or f"is {section.availability.replace('-', ' ')}"
    return f"The answer to this query {note}." if note.startswith(("was ", "is ")) else f"{note[:1].upper()}{note[1:]}."


def _by_resource(issue: DataIssue) -> tuple[object, ...]:
    """All of an issue, so that a set of them has one order only."""
    day = issue.day.order if issue.day is not None else ()
    return (issue.resource, issue.field, issue.issue, issue.matters_to, issue.used_with_care, day)


def _patient(record: PatientRecord) -> tuple[Resource | None, list[DataIssue]]:
    """The context patient's own resource. Another patient's is never a stand-in, and two that differ are none."""
    own: list[Resource] = []
    issues = []
    for resource in record.section(DataKey.PATIENT).resources("Patient"):
        if resource.id != record.patient_id:
            sentence = "This Patient is not the one that the request is about; it was not used."
            issues.append(DataIssue(resource_name(resource), "id", sentence))
        elif len(own) < 2 and resource not in own:  # two that differ are as many as are looked at
            own.append(resource)
    if len(own) > 1:
        sentence = "There is more than one version of this Patient, and it is not known which one holds; none was used."
        issues.append(DataIssue(resource_name(own[0]), "id", sentence))
    return own[0] if len(own) == 1 else None, issues


def _born(patient: Resource | None, today: date) -> tuple[ClinicalDate | None, list[DataIssue]]:
    if patient is None:
        return _no_age("Patient", "There is no Patient to read.")
    name, text = resource_name(patient), patient.birth_date
    if not text:
        return _no_age(name, "The Patient has no birth date.")
    try:
        born = ClinicalDate.parse(text)
    except ValueError:
        return _no_age(name, f"The birth date {quoted(text)} is not a date.")
    return (born, []) if born.earliest <= today else _no_age(name, "The birth date is in the future.")


def _no_age(name: str, why: str) -> tuple[None, list[DataIssue]]:
    return None, [DataIssue(name, "birthDate", f"{why} {_AGE_IS_UNKNOWN}", AGE)]


def _is_deceased(patient: Resource | None, today: date) -> tuple[bool, list[DataIssue]]:
    """Whether the patient has died. A date of death that cannot be read still tells of a death."""
    if patient is None:
        return False, []
    if not patient.deceased_date_time:
        return bool(patient.deceased_boolean), []
    try:
        died = ClinicalDate.parse(patient.deceased_date_time)
    except ValueError:
        return True, []
    if died.earliest > today:
        sentence = "The date of death is in the future; it was not used."
        return False, [DataIssue(resource_name(patient), "deceasedDateTime", sentence)]
    return True, []
