"""One patient's resources, as a file holds them: a Bundle of any type, its references made ready to search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_CONDITIONAL = "?identifier="


class UnusableFile(ValueError):
    """A file, or what it holds, cannot be used; the message says which, why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class PatientBundle:
    """The resources of a Bundle. Every reference to one of them is a plain `Type/id`, as an EHR would store it."""

    patient_id: str
    resources: tuple[Json, ...]

    def of_type(self, resource_type: str) -> Iterator[Json]:
        """The resources of one type, in the order of the file."""
        return (resource for resource in self.resources if resource["resourceType"] == resource_type)


def read_json(path: Path) -> Json:
    """The JSON object in a file.

    Raises:
        UnusableFile: it cannot be read, is not UTF-8 JSON, or is no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnusableFile(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UnusableFile(f"{path}: is not JSON ({error}). A FHIR Bundle or a hook request is needed.") from error
    if not isinstance(content, dict):
        raise UnusableFile(f"{path}: holds no JSON object. A FHIR Bundle or a hook request is needed.")
    return content


def is_hook_request(content: Mapping[str, Any]) -> bool:
    """Whether this is a CDS Hooks request and not a FHIR resource."""
    return "hook" in content and "resourceType" not in content


def read_patient_bundle(bundle: Mapping[str, Any], patient_id: str = "") -> PatientBundle:
    """The resources of a Bundle (transaction, batch, searchset or collection), for one patient.

    `patient_id` may be left out when the Bundle holds exactly one Patient: which of several is meant is never guessed.

    Raises:
        UnusableFile: it is no Bundle, or it is not clear whose it is.
    """
    if bundle.get("resourceType") != "Bundle":
        raise UnusableFile(f"A FHIR Bundle is needed; this is {bundle.get('resourceType', 'something else')!r:.40}.")
    entries = bundle.get("entry") or []
    if not isinstance(entries, list):
        raise UnusableFile("Bundle.entry must be a list.")
    named = [(entry, _named(entry, place)) for place, entry in enumerate(entries) if _has_resource(entry)]
    targets = {reference: target for entry, target in named for reference in _references_to(entry, target)}
    resources = tuple(_with_references(dict(entry["resource"], id=_id(target)), targets) for entry, target in named)
    return PatientBundle(patient_id or _only_patient(resources), resources)


def _has_resource(entry: object) -> bool:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return isinstance(resource, dict) and isinstance(resource.get("resourceType"), str)


def _named(entry: Json, place: int) -> str:
    """The `Type/id` that an EHR would know the entry by: its id, else that of its fullUrl, else one of its own."""
    resource = entry["resource"]
    from_url = str(entry.get("fullUrl") or "").rpartition(":")[2].rpartition("/")[2]
    own = resource["id"] if isinstance(resource.get("id"), str) else from_url
    return f"{resource['resourceType']}/{own or f'entry-{place}'}"


def _id(target: str) -> str:
    return target.partition("/")[2]


def _references_to(entry: Json, target: str) -> Iterator[str]:
    """Every way in which the Bundle may point to this entry."""
    yield target
    if isinstance(entry.get("fullUrl"), str):
        yield entry["fullUrl"]
    identifiers = entry["resource"].get("identifier")
    for identifier in identifiers if isinstance(identifiers, list) else []:
        if isinstance(identifier, dict) and identifier.get("value"):
            kind = entry["resource"]["resourceType"]
            yield f"{kind}{_CONDITIONAL}{identifier.get('system', '')}|{identifier['value']}"


def _with_references(node: Any, targets: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_with_references(part, targets) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: targets.get(value, value)
        if key == "reference" and isinstance(value, str)
        else _with_references(value, targets)
        for key, value in node.items()
    }


def _only_patient(resources: tuple[Json, ...]) -> str:
    found = [resource["id"] for resource in resources if resource["resourceType"] == "Patient"]
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise UnusableFile("The Bundle holds no Patient; add one, or name the patient's id with --patient.")
    raise UnusableFile(f"The Bundle holds {len(found)} Patients ({', '.join(found[:5])}); say which with --patient.")
