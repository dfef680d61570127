"""Requests for any service: a synthetic patient, and prefetch as the service's own templates ask for it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
ORDER_HOOKS = ("order-select", "order-sign")
HOOKS = ("patient-view", *ORDER_HOOKS)
_DATA = Path(__file__).with_name("data")
_PATIENT: Json = json.loads((_DATA / "patient.json").read_text(encoding="utf-8"))
_DRAFTS: Json = json.loads((_DATA / "drafts.json").read_text(encoding="utf-8"))
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
PATIENT_ID = "synthetic-1"
USER = "Practitioner/synthetic-2"


def hook_request(service: Mapping[str, Any], **changes: Any) -> Json:
    """A whole request for a service of discovery; members are replaced by `changes` or, with None, left out."""
    hook = service.get("hook")
    context: Json = {"userId": USER, "patientId": PATIENT_ID, "encounterId": "synthetic-3"}
    if hook in ORDER_HOOKS:
        context["draftOrders"] = drafts()
    if hook == "order-select":
        context["selections"] = sorted(draft_ids())
    request = {"hook": hook, "hookInstance": str(uuid4()), "context": context, "prefetch": prefetch(service)}
    return {name: value for name, value in (request | changes).items() if value is not None}


def prefetch(service: Mapping[str, Any]) -> Json:
    """For each template of the service, the synthetic resources of its type."""
    templates = service.get("prefetch")
    asked = templates if isinstance(templates, dict) else {}
    return {key: _answer(template) for key, template in asked.items() if isinstance(template, str)}


def drafts() -> Json:
    """The draft orders of an order hook."""
    return copy.deepcopy(_DRAFTS)


def draft_ids() -> frozenset[str]:
    """Type/id of each draft order."""
    found = (entry["resource"] for entry in _DRAFTS["entry"])
    return frozenset(f"{resource['resourceType']}/{resource['id']}" for resource in found)


def search_keys(service: Mapping[str, Any]) -> list[str]:
    """The keys that ask for a search and not for one resource."""
    return [key for key, value in prefetch(service).items() if value and value["resourceType"] == "Bundle"]


def _answer(template: str) -> Json | None:
    path, is_search, _ = template.partition("?")
    kind = _TYPE.match(path)
    resources = copy.deepcopy([entry["resource"] for entry in _PATIENT["entry"]])
    found = [resource for resource in resources if kind and resource["resourceType"] == kind[0]]
    if not is_search:
        return found[0] if found else None
    entries: Json = {"entry": [{"resource": resource} for resource in found]} if found else {}
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), **entries}
