"""What an EHR would send as prefetch: a service's own templates, answered from a Bundle in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from cds_service.ehr.patient_bundle import Json, PatientBundle, UnusableFile, read_patient_bundle
from cds_service.facts.patient import DataKey

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_BASE = "https://ehr.example.org/fhir"
_DRAFTS = frozenset({"MedicationRequest", "ServiceRequest", "NutritionOrder"})
_SORT_FIELDS = {
    "date": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued", "performedDateTime"),
    "authored": ("authoredOn",),
}


class UnsupportedTemplate(ValueError):
    """A prefetch template asks for more than this stand-in for an EHR can answer."""


def prefetch_from_bundle(bundle: Mapping[str, Any], templates: Mapping[str, str], patient_id: str = "") -> Json:
    """The `prefetch` of a hook request: for each template, what its read or search finds in `bundle`.

    Answers reads and searches by `patient` or `subject`, by lists of `code`, `category` and `status`, with `_sort`
    (date, authored) and `_count`; a search that finds more than `_count` names a next page, as a server would.

    Raises:
        UnusableFile: the Bundle cannot be used. UnsupportedTemplate: a template cannot be answered.
    """
    return prefetch(read_patient_bundle(bundle, patient_id), templates)


def prefetch(record: PatientBundle, templates: Mapping[str, str]) -> Json:
    """As `prefetch_from_bundle`, from a Bundle that was read already."""
    return {key: _answer(record, _filled(template, record.patient_id)) for key, template in templates.items()}


def everything(templates: Mapping[DataKey, str]) -> dict[str, str]:
    """The templates, and for results one that asks for all: a file also holds what an EHR would never send us, results
    under local codes, which are then named as such."""
    return {key.value: template for key, template in templates.items()} | {
        DataKey.LABS.value: "Observation?patient={{context.patientId}}"
    }


def is_draft(resource: Mapping[str, Any]) -> bool:
    """Whether this is an unsigned order: such belong into `context.draftOrders`, and no search finds them yet."""
    return resource.get("resourceType") in _DRAFTS and resource.get("status") == "draft"


def searchset(resources: Iterable[Json], *, total: int, is_cut: bool = False, included: Iterable[Json] = ()) -> Json:
    """A searchset Bundle."""
    entry = [_entry(resource, "match") for resource in resources] + [_entry(r, "include") for r in included]
    answer: Json = {"resourceType": "Bundle", "type": "searchset", "total": total}
    if is_cut:
        answer["link"] = [{"relation": "next", "url": f"{_BASE}?_page=2"}]
    return answer | ({"entry": entry} if entry else {})


def _entry(resource: Json, mode: str) -> Json:
    return {
        "fullUrl": f"{_BASE}/{resource['resourceType']}/{resource['id']}",
        "resource": resource,
        "search": {"mode": mode},
    }


def _filled(template: str, patient_id: str) -> str:
    def value(token: re.Match[str]) -> str:
        if token[1].strip() != "context.patientId":
            raise UnsupportedTemplate(f"{template!r}: only {{{{context.patientId}}}} can be filled, not {token[0]!r}")
        return patient_id

    return _TOKEN.sub(value, template)


def _answer(record: PatientBundle, query: str) -> Json | None:
    kind, is_search, parameters = query.partition("?")
    if not is_search:
        resource_type, _, wanted = kind.partition("/")
        return next((r for r in record.of_type(resource_type) if r["id"] == wanted), None)
    found = [resource for resource in record.of_type(kind) if not is_draft(resource)]
    count, sort = len(found), ""
    for name, value in parse_qsl(parameters):
        if name == "_count":
            count = int(value)
        elif name == "_sort":
            sort = value
        else:
            found = [resource for resource in found if _matches(resource, name, value.split(","), query)]
    if sort:
        found.sort(key=lambda resource: _sort_key(resource, sort, query), reverse=sort.startswith("-"))
    page = found[:count]
    return searchset(page, total=len(found), is_cut=len(found) > count, included=_medications(record, page))


def _matches(resource: Json, name: str, wanted: list[str], query: str) -> bool:
    if name in ("patient", "subject"):
        person = resource.get("subject") or resource.get("patient")
        reference = person.get("reference") if isinstance(person, dict) else None
        return isinstance(reference, str) and any(f"/{reference}".endswith(f"/Patient/{who}") for who in wanted)
    if name == "status":
        return resource.get("status") in wanted
    if name in ("code", "category"):
        return not _tokens(resource.get(name)).isdisjoint(wanted)
    raise UnsupportedTemplate(f"{query!r}: searching by {name!r} is not supported here")


def _tokens(concepts: object) -> set[str]:
    """Each way in which a search may name the codings of one CodeableConcept or a list of them."""
    tokens = set()
    for concept in concepts if isinstance(concepts, list) else [concepts]:
        codings = concept.get("coding") if isinstance(concept, dict) else None
        for coding in codings if isinstance(codings, list) else []:
            if isinstance(coding, dict) and coding.get("code"):
                tokens |= {str(coding["code"]), f"{coding.get('system', '')}|{coding['code']}"}
    return tokens


def _sort_key(resource: Json, sort: str, query: str) -> str:
    fields = _SORT_FIELDS.get(sort.removeprefix("-"))
    if fields is None:
        raise UnsupportedTemplate(f"{query!r}: sorting by {sort!r} is not supported here")
    value = next((resource[name] for name in fields if name in resource), "")
    if isinstance(value, dict):
        value = value.get("end") or value.get("start") or ""
    return str(value)


def _medications(record: PatientBundle, page: Iterable[Json]) -> list[Json]:
    """The Medications that the page points to: an EHR has them at hand, and this one has no server to ask later."""
    wanted = {
        reference["reference"]
        for resource in page
        if isinstance(reference := resource.get("medicationReference"), dict)
        and isinstance(reference.get("reference"), str)
    }
    return [medication for medication in record.of_type("Medication") if f"Medication/{medication['id']}" in wanted]


__all__ = [
    "UnsupportedTemplate",
    "UnusableFile",
    "everything",
    "is_draft",
    "prefetch",
    "prefetch_from_bundle",
    "searchset",
]
