"""The marks on all that is loaded: a tag and an identifier of ours, by which it is found, renewed and removed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Literal, get_origin
from urllib.parse import urlencode

from cds_service.ehr.patient_bundle import Json, UnusableFile
from cds_service.fhir.r4b import model_of

LOADED = "https://b12-cds.org/load"
"""The system of the tag and of the identifiers."""

LOADED_ON = "https://b12-cds.org/load-day"
"""The system of the tag that names the day to which a resource's dates were moved."""

_ONE = "https://b12-cds.org/load-resource"  # tags what has no identifier in FHIR, such as a Provenance
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")

Identifiers = Literal["list", "one", "none"]


def check_tag(tag: str) -> str:
    """The tag, if it can be one.

    Raises:
        UnusableFile: it cannot.
    """
    if not _TAG.fullmatch(tag):
        raise UnusableFile(f"{tag[:60]!r} is no tag: use up to 40 letters, digits and dashes, such as demo-2.")
    return tag


def identifiers_in(resource_type: str) -> Identifiers:
    """How many identifiers FHIR allows a resource of this type.

    Raises:
        ValueError: FHIR R4 has no such type of resource.
    """
    model = model_of(resource_type)
    if not issubclass(model, model_of("Resource")) or resource_type in ("Resource", "DomainResource"):
        raise ValueError(f"{resource_type} is a part of a resource")
    field = model.model_fields.get("identifier")
    if field is None:
        return "none"
    return "list" if any(get_origin(part) is list for part in _parts(field.annotation)) else "one"


def identifier_value(tag: str, name: str) -> str:
    """The identifier's value for a thing of this name: readable, safe in a search, and no other's."""
    readable = re.sub(r"[^A-Za-z0-9-]+", ".", name)[:80]
    return f"{tag}.{readable}.{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def marked(resource: Json, tag: str, value: str, day: str = "") -> Json:
    """The resource as we send it: with the marks, and without what only its former server could say of it."""
    kind = resource["resourceType"]
    own = {"system": LOADED, "value": value}
    added = [{"system": LOADED, "code": tag}, *([{"system": LOADED_ON, "code": day}] if day else [])]
    named: Json = {}
    match identifiers_in(kind):
        case "list":
            named = {"identifier": [*_list(resource.get("identifier")), own]}
        case "one":
            named = {"identifier": own}
        case "none":
            added.append({"system": _ONE, "code": value})
    former = resource.get("meta")
    meta = {name: part for name, part in former.items() if name == "profile"} if isinstance(former, dict) else {}
    return resource | named | {"meta": meta | {"tag": [*tags(resource), *added]}}


def condition(resource_type: str, value: str) -> str:
    """The search that finds the one resource with this identifier."""
    if identifiers_in(resource_type) == "none":
        return by_tag(_ONE, value)
    return urlencode({"identifier": f"{LOADED}|{value}"})


def by_tag(system: str, code: str) -> str:
    """The search for all with a tag."""
    return urlencode({"_tag": f"{system}|{code}"})


def tags(resource: Json) -> list[Json]:
    """The tags of a resource, as far as they are some."""
    meta = resource.get("meta")
    return [tag for tag in _list(meta.get("tag") if isinstance(meta, dict) else None) if isinstance(tag, dict)]


def is_ours(resource: Json, tag: str) -> bool:
    """Whether a resource bears both marks, the tag and an identifier under that tag: others may copy one of them."""
    codes = {(one.get("system"), one.get("code")) for one in tags(resource)}
    named = {value for system, value in identifiers(resource) if system == LOADED}
    named |= {str(code) for system, code in codes if system == _ONE}
    return (LOADED, tag) in codes and any(value.startswith(f"{tag}.") for value in named)


def tag_of(resource: Json) -> str:
    """The tag under which a resource was loaded; "" where it was not."""
    found = (one.get("code") for one in tags(resource) if one.get("system") == LOADED)
    return next((code for code in found if isinstance(code, str) and is_ours(resource, code)), "")


def identifiers(resource: Json) -> Iterator[tuple[str, str]]:
    """The (system, value) of each identifier."""
    found = resource.get("identifier")
    for identifier in found if isinstance(found, list) else [found]:
        if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
            yield str(identifier.get("system", "")), identifier["value"]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _parts(annotation: Any) -> tuple[Any, ...]:
    """A type and, of a union, its members."""
    return (annotation, *getattr(annotation, "__args__", ()))
