"""A hook request, built from a patient's Bundle the way an EHR builds it from its database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import NAMESPACE_URL, uuid5

from cds_service.ehr.patient_bundle import Json, PatientBundle, UnusableFile
from cds_service.ehr.prefetch import is_draft, prefetch

ORDER_HOOKS = ("order-select", "order-sign")
EXPLAIN = "org.b12-cds.explain"


def hook_request(
    hook: str,
    record: PatientBundle,
    templates: Mapping[str, str],
    *,
    instance: str,
    user_id: str = "Practitioner/example",
    selected: Collection[str] | None = None,
    explain: bool = False,
) -> Json:
    """The body to post. `instance` is the hook instance, a UUID; `selected` the `Type/id`s that were chosen.

    Resources of the record with status draft are the draft orders; all of them are selected unless told otherwise.

    Raises:
        UnusableFile: an order hook without a draft order, or a selection that is none of them.
    """
    context: Json = {"userId": user_id, "patientId": record.patient_id}
    if hook in ORDER_HOOKS:
        context |= _draft_orders(hook, record, selected)
    request: Json = {"hook": hook, "hookInstance": instance, "context": context}
    if explain:
        request["extension"] = {EXPLAIN: True}
    return request | {"prefetch": prefetch(record, templates)}


def stable_instance(name: str) -> str:
    """A hook instance that is the same for the same name, for files that are kept."""
    return str(uuid5(NAMESPACE_URL, f"https://b12-cds.org/fixtures/{name}"))


def _draft_orders(hook: str, record: PatientBundle, selected: Collection[str] | None) -> Json:
    drafts = {f"{r['resourceType']}/{r['id']}": r for r in record.resources if is_draft(r)}
    if not drafts:
        raise UnusableFile(f"{hook} needs an order being written: add a MedicationRequest with status draft, for one.")
    unknown = sorted(set(selected or ()) - set(drafts))
    if unknown:
        raise UnusableFile(f"{unknown[0]} is no draft order of this Bundle; those are {', '.join(sorted(drafts))}.")
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in drafts.values()]}
    selections = {"selections": sorted(selected or drafts)} if hook == "order-select" else {}
    return selections | {"draftOrders": bundle}
