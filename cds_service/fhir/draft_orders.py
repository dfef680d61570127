"""Reading the drafts of `context.draftOrders`: which medicines and tests a clinician is about to order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from cds_service.facts.orders import DraftContent, DraftOrder
from cds_service.facts.patient import DRAFTS, DataIssue
from cds_service.facts.treatments import Medicine
from cds_service.fhir.codings import texts
from cds_service.fhir.dosage import read_dose
from cds_service.fhir.ended_orders import is_on_hold, is_withdrawn
from cds_service.fhir.medication_codes import Held, Product
from cds_service.fhir.medication_issues import IssueLog
from cds_service.fhir.medication_reader import MedicationReader
from cds_service.fhir.medication_times import all_dosages
from cds_service.fhir.medications import route_of, takes_upper
from cds_service.fhir.reading_limit import drafts_within_limit
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Dosage, Entry, Reference, Resource, resource_name
from cds_service.fhir.subject import patient_references, subject_problem
from cds_service.fhir.test_orders import ordered_tests
from cds_service.knowledge.model import Knowledge

_READ = frozenset({"MedicationRequest", "ServiceRequest"})
_OURS = frozenset({Medicine.FOLIC_ACID, Medicine.B12})
_SHOWN_NAME = 80


def read_drafts(record: PatientRecord, knowledge: Knowledge) -> tuple[list[DraftOrder], list[DataIssue]]:
    """The drafted orders for medicines and tests, selected or not, and what could not be read of them.

    Other types of order say nothing of vitamin B12 and are left out, as are drafts that were withdrawn. A dose that
    cannot be told stays a content with the reason, so that folic acid of unknown amount is still seen.
    """
    if not record.drafts:
        return [], _not_among(record)
    reader, references = MedicationReader(record, knowledge, _drafted_resources(record)), patient_references(record)
    full_urls, selected = _by_full_url(record), _selected(record.selections)
    drafts: set[DraftOrder] = set()
    issues = set(_not_among(record))
    matters = cache(lambda: concerns_us(record, knowledge))
    for entry, resource in _drafted(record):
        log, is_selected = IssueLog(resource_name(resource), DRAFTS), _is_selected(entry, selected)
        # What waits in the basket adds to the folic acid of an order that is selected now.
        counts = is_selected or (_may_hold_folic_acid(resource, reader) and matters())
        problem = _whose(resource, references)
        if problem:
            log.add("subject", problem, left_out=counts)
        else:
            drafts.add(_read(resource, is_selected, reader, knowledge, full_urls, log, counts=counts))
        issues.update(log.issues)
    return (
        sorted(drafts, key=lambda d: (d.source, d.name, repr(d))),
        sorted(issues, key=lambda i: (i.resource, i.field, i.issue)),
    )


def concerns_us(record: PatientRecord, knowledge: Knowledge) -> bool:
    """Whether any selected draft holds folic acid or vitamin B12; a cheap question before a whole record is read.

    A draft that cannot be read, or is another patient's, may hold either, so it concerns us too.
    """
    record = drafts_within_limit(record)
    if any(issue.matters_to == DRAFTS for issue in record.issues) or _not_among(record):
        return True
    reader, references = MedicationReader(record, knowledge, _drafted_resources(record)), patient_references(record)
    selected = _selected(record.selections)
    for entry, resource in _drafted(record):
        if resource.resource_type != "MedicationRequest" or not _is_selected(entry, selected):
            continue
        product = reader.product_of(resource)
        if any(held.medicine in _OURS for held in product.held) or _unreadable(resource, product):
            return True
        if _whose(resource, references):
            return True
    return False


def _may_hold_folic_acid(resource: Resource, reader: MedicationReader) -> bool:
    if resource.resource_type != "MedicationRequest":
        return False
    product = reader.product_of(resource)
    return any(held.medicine is Medicine.FOLIC_ACID for held in product.held) or bool(_unreadable(resource, product))


def _selected(selections: tuple[str, ...] | None) -> frozenset[str] | None:
    """All names that `context.selections` gives to drafts: each as it was sent, and the `Type/id` that it ends in.

    None: the hook, or the client, sends no selections, so every draft counts.
    """
    if selections is None:
        return None
    sent = {selection.partition("/_history/")[0] for selection in selections}
    return frozenset(sent | {"/".join(selection.split("/")[-2:]) for selection in sent})


def _is_selected(entry: Entry, selected: frozenset[str] | None) -> bool:
    """Whether a draft is named by its `Type/id`, its id, its full URL or any URL that ends in its `Type/id`."""
    if selected is None:
        return True
    return any(name in selected for name in _names(entry))


def _names(entry: Entry) -> list[str]:
    resource = entry.resource
    names = (entry.full_url, resource_name(resource), resource.id) if resource is not None else (entry.full_url,)
    return [name for name in names if name]


def _whose(resource: Resource, references: frozenset[str]) -> str:
    """Why a draft is not this patient's; "" where it is, or where it names nobody: it was sent in this context."""
    person = resource.subject
    named = person is not None and (person.reference or "").strip()
    return subject_problem(resource, references) if named else ""


def _not_among(record: PatientRecord) -> list[DataIssue]:
    """Selected orders that are not among the drafts: what was selected then is not known."""
    if not record.selections:
        return []
    sent = {name for entry in record.drafts for name in _names(entry)}
    return [
        DataIssue("context.selections", f"[{number}]", "This selected order is not among the drafts.", DRAFTS)
        for number, selection in enumerate(record.selections)
        if sent.isdisjoint(_selected((selection,)) or ())
    ]


def _drafted_resources(record: PatientRecord) -> Iterator[Resource]:
    return (resource for _, resource in _drafted(record))


def _drafted(record: PatientRecord) -> Iterator[tuple[Entry, Resource]]:
    for entry in record.drafts:
        resource = entry.resource
        if resource is None or resource.resource_type not in _READ or resource.do_not_perform:
            continue
        if not is_withdrawn(resource):
            yield entry, resource


def _read(
    resource: Resource,
    selected: bool,
    reader: MedicationReader,
    knowledge: Knowledge,
    full_urls: dict[str, str],
    log: IssueLog,
    *,
    counts: bool,
) -> DraftOrder:
    if resource.resource_type == "ServiceRequest":
        return DraftOrder(
            source=resource_name(resource),
            name=next(iter(texts(resource.code)), "")[:_SHOWN_NAME],
            is_selected=selected,
            tests=() if is_on_hold(resource) else ordered_tests(resource.code, knowledge),
            replaces=_replaced(resource, full_urls),
            is_on_hold=is_on_hold(resource),
        )
    product = reader.product_of(resource)
    unreadable = _unreadable(resource, product)
    if unreadable and product.held:
        log.add("medication", f"{unreadable}, so it is not known what else is being ordered", left_out=counts)
    elif unreadable:
        log.add("medication", f"{unreadable}, so it is not known what is being ordered", left_out=counts)
    return DraftOrder(
        source=resource_name(resource),
        name=product.name,
        is_selected=selected,
        contents=_contents(resource, product),
        replaces=_replaced(resource, full_urls),
        is_on_hold=is_on_hold(resource),
    )


def _contents(resource: Resource, product: Product) -> tuple[DraftContent, ...]:
    dosages = all_dosages(resource)
    return tuple(_content(held, dosages) for held in product.held)


def _content(held: Held, dosages: list[Dosage]) -> DraftContent:
    dose = read_dose(dosages, held.strength, takes_upper(held.medicine))
    return DraftContent(
        medicine=held.medicine,
        dose=dose.daily,
        route=route_of(held, dosages),
        form=held.form,
        is_coded=held.is_coded,
        is_doubted=dose.is_doubted,
        dose_mg=dose.dose_mg,
        as_needed=dose.as_needed,
        is_alone=held.is_alone,
    )


def _unreadable(resource: Resource, product: Product) -> str:
    """Why a drafted medication cannot be read, or not in full; "" where it can, or where the clinician has not chosen
    one yet."""
    is_named = resource.medication_reference is not None or resource.medication_codeable_concept is not None
    return product.problem if is_named else ""


def _replaced(resource: Resource, full_urls: dict[str, str]) -> tuple[str, ...]:
    """The orders that this one takes the place of, as `Type/id` where that can be told."""
    references: Iterable[Reference | None] = (resource.prior_prescription, *(resource.replaces or ()))
    named = {r.reference.partition("/_history/")[0] for r in references if r is not None and r.reference}
    return tuple(sorted(full_urls.get(name) or "/".join(name.split("/")[-2:]) for name in named))


def _by_full_url(record: PatientRecord) -> dict[str, str]:
    """`Type/id` of everything that was sent, by its full URL."""
    entries = [*record.drafts, *(entry for section in record.sections.values() for entry in section.entries)]
    return {e.full_url: resource_name(e.resource) for e in entries if e.full_url and e.resource is not None}
