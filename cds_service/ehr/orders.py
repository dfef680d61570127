"""Orders that are being written: typed in words, from a file, or kept as drafts by the FHIR server."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.patient_bundle import Json, UnusableFile, read_json

_ORDERS = ("MedicationRequest", "ServiceRequest", "NutritionOrder")


def orders_of(given: Iterable[str], patient_id: str) -> list[Json]:
    """The draft orders that are meant by words such as "folic acid 5 mg, 1 tablet daily", or by names of files.

    A file holds one order, or a Bundle of them. Each becomes a draft for this patient, with an id if it has none.

    Raises:
        UnusableFile: a file holds no order.
    """
    made = chain.from_iterable(_from_file(Path(one)) if _is_file(one) else [_typed(one)] for one in given)
    subject = {"subject": {"reference": f"Patient/{patient_id}"}}
    return [{"id": f"new-order-{n}", **order, "status": "draft", **subject} for n, order in enumerate(made, 1)]


def drafts_on(server: FhirServer, patient_id: str) -> list[Json]:
    """The patient's orders that the server keeps as drafts."""
    query = f"?patient={quote(patient_id, safe='')}&status=draft&_count=50"
    kinds = [kind for kind in _ORDERS[:2] if kind in server.types or not server.types]
    found = chain.from_iterable(server.search(f"{kind}{query}") for kind in kinds)
    return [one for one in found if one.get("status") == "draft" and one.get("resourceType") in kinds]


def _is_file(text: str) -> bool:
    return text.endswith(".json")


def _typed(text: str) -> Json:
    """The words before the first comma are the medicine, the rest the directions: nothing is coded, nothing guessed."""
    medicine, _, directions = (part.strip() for part in text.partition(","))
    if not medicine:
        raise UnusableFile(f"{text[:60]!r} names no medicine; write one such as 'folic acid 5 mg, 1 tablet daily'.")
    order: Json = {
        "resourceType": "MedicationRequest",
        "intent": "order",
        "medicationCodeableConcept": {"text": medicine},
    }
    return order | ({"dosageInstruction": [{"text": directions}]} if directions else {})


def _from_file(path: Path) -> list[Json]:
    content = read_json(path)
    entries: Any = content.get("entry") if content.get("resourceType") == "Bundle" else [{"resource": content}]
    resources = [entry.get("resource") for entry in entries or () if isinstance(entry, dict)]
    orders = [one for one in resources if isinstance(one, dict) and one.get("resourceType") in _ORDERS]
    if not orders:
        raise UnusableFile(f"{path}: holds no order; a {', a '.join(_ORDERS)}, or a Bundle of them, is needed.")
    return orders
