"""An EHR that keeps its records on a real FHIR server: it fires hooks, applies suggestions and signs orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from cds_service.ehr.clean import Cleaner
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.load import Loader
from cds_service.ehr.patient_bundle import Json
from cds_service.ehr.resource_files import read_files
from cds_service.outbound.typed_address import TypedAddress

_FRESH = {"Cache-Control": "no-cache"}


class Clinic:
    """All that it puts on the server bears a tag of its own, or is remembered, and is taken away on `close`."""

    def __init__(self, base: str) -> None:
        self._address = TypedAddress(base, wait=lambda _seconds: None)  # it is on this machine: there or not
        self.server = FhirServer(self._address)
        self._tag = f"test-{uuid4().hex[:12]}"
        self._loaded_types: set[str] = set()
        self._written: dict[str, None] = {}
        self.clinician = self.create({"resourceType": "Practitioner", "active": True})

    @property
    def base(self) -> str:
        """The server's base address."""
        return self.server.base

    @property
    def origin(self) -> str:
        """The server's scheme, host and port."""
        return self.base.rsplit("/", 1)[0]

    def load(self, folder: Path, today: date) -> str:
        """Put a story on the server, as `b12-cds load` does, as a new patient; returns the patient's id there."""
        files, _ = read_files([folder / "bundle.json"], today)
        copies = [replace(file, space=f"{file.space}/{uuid4()}") for file in files]
        loader = Loader(self.server, copies, self._tag, today)
        for _ in loader.run():
            pass
        self._loaded_types |= set(loader.loaded.created)
        return next(iter(loader.loaded.patients.values()))

    def drafts(self, patient_id: str) -> list[Json]:
        """The orders that were not signed yet."""
        kinds = ("MedicationRequest", "ServiceRequest")
        return [one for kind in kinds for one in self.server.search(f"{kind}?patient={patient_id}&status=draft")]

    def request(self, hook: str, patient_id: str, drafts: Iterable[Json] = ()) -> Json:
        """A hook request without prefetch, which names the server instead."""
        context: Json = {"userId": name(self.clinician), "patientId": patient_id}
        orders = list(drafts)
        if orders:
            entry = [{"resource": order} for order in orders]
            context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entry}
        if hook == "order-select":
            context["selections"] = [name(order) for order in orders]
        return {
            "hook": hook,
            "hookInstance": str(uuid4()),
            "fhirServer": self.base,
            "context": context,
            "extension": {"org.b12-cds.explain": True},
        }

    def prefetch(self, templates: Mapping[str, str], patient_id: str) -> Json:
        """What the server answers to these templates, just as it answers."""
        filled = {key: template.replace("{{context.patientId}}", patient_id) for key, template in templates.items()}
        return {key: self.server.get(f"{self.base}/{query}") for key, query in filled.items()}

    def validate(self, resource: Json) -> list[str]:
        """What the server's `$validate` holds for an error in this resource."""
        answer = self._address.send("POST", f"{resource['resourceType']}/$validate", resource)
        issues = answer.content["issue"]
        return [str(issue.get("diagnostics")) for issue in issues if issue["severity"] in ("error", "fatal")]

    def create(self, resource: Json) -> Json:
        """Store a resource; the server chooses its id."""
        return self._write("POST", resource["resourceType"], resource)

    def put(self, resource: Json) -> Json:
        """Store a resource under its id, in place of what is there."""
        return self._write("PUT", name(resource), resource)

    def put_all(self, resources: Iterable[Json]) -> None:
        """Store resources under their own ids, all at once."""
        sent = list(resources)
        self._written |= dict.fromkeys(map(name, sent))
        self._put_all(sent)

    def keep(self, resources: Iterable[Json]) -> None:
        """As `put_all`, for very many, which stay when this clinic closes; not again where the last one is there."""
        sent = list(resources)
        if self.answered(name(sent[-1])) == 200:
            return
        self._put_all(sent[:1])
        batches = [sent[begin : begin + 200] for begin in range(1, len(sent), 200)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._put_all, batches[:-1]))
        self._put_all(batches[-1])

    def counted(self, query: str) -> int:
        """How many a search finds."""
        bundle = self.server.get(f"{query}&_summary=count")
        assert bundle is not None
        return int(bundle["total"])

    def delete(self, target: str) -> None:
        """Delete `Type/id`."""
        answer = self._address.send("DELETE", target, repeatable=True)
        assert answer.status in (200, 204), (answer.status, answer.content)
        self._written.pop(target, None)

    def cached(self, query: str) -> list[Json]:
        """What a search finds for a client that takes an answer from the server's cache."""
        bundle: Json = self._address.send("GET", query).content
        return [entry["resource"] for entry in bundle.get("entry", ())]

    def answered(self, query: str) -> int:
        """The status with which the server answers a read or search."""
        return self._address.send("GET", query, headers=_FRESH, repeatable=True).status

    def close(self) -> None:
        """Take away all that was put there, what points to others first."""
        targets = list(reversed(self._written))
        for begin in range(0, len(targets), 500):
            entries = [{"request": {"method": "DELETE", "url": one}} for one in targets[begin : begin + 500]]
            self.server.transaction(entries, repeatable=True)
        cleaner = Cleaner(self.server, self._tag)
        found = [one for _, some in cleaner.find(self._loaded_types) for one in some]
        for _ in cleaner.delete(found):
            pass
        self._address.close()
        assert not cleaner.refused, cleaner.refused

    def _put_all(self, resources: Iterable[Json]) -> None:
        entries = [{"resource": one, "request": {"method": "PUT", "url": name(one)}} for one in resources]
        self.server.transaction(entries, repeatable=True)

    def _write(self, method: str, path: str, resource: Json) -> Json:
        answer = self._address.send(method, path, resource)
        assert answer.status in (200, 201), (answer.status, answer.content)
        stored: Json = answer.content
        self._written[name(stored)] = None
        return stored


def name(resource: Mapping[str, Any]) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"
