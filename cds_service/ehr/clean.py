"""Taking away what was loaded: all that bears both marks, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from cds_service.ehr.belonging import in_order, items_of
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.marks import LOADED, by_tag, check_tag, is_ours
from cds_service.ehr.patient_bundle import Json
from cds_service.ehr.resource_files import FiledResource, ResourceFile
from cds_service.errors import AccessRefused, FhirRefused


class Cleaner:
    """Deletes what was loaded under one tag.

    `left` names what bears the tag but no identifier of ours; `refused` tells why the server kept something, and
    `unsearched` why it did not tell, by type.
    """

    def __init__(self, server: FhirServer, tag: str) -> None:
        """Raises:
        UnusableFile: the tag is none.
        """
        self._server = server
        self._tag = check_tag(tag)
        self.deleted: Counter[str] = Counter()
        self.left: list[str] = []
        self.unsearched: dict[str, str] = {}
        self.refused: list[str] = []

    def find(self, types: Iterable[str] = ()) -> Iterator[tuple[str, list[Json]]]:
        """What bears the marks, type by type: of all the server's types, unless some are named."""
        for kind in types or self._server.types:
            found = []
            for resource in self._of_type(kind):
                if is_ours(resource, self._tag):
                    found.append(resource)
                elif resource.get("resourceType") == kind:
                    self.left.append(f"{kind}/{resource.get('id')}")
            yield kind, found

    def delete(self, resources: Iterable[Json]) -> Iterator[int]:
        """Delete in transactions, what points to others first; tells after each how many it deleted.

        What the server does not let go hinders nothing else.
        """
        files = [ResourceFile("", tuple(FiledResource(one, "", "") for one in resources), is_whole=False)]
        for items in reversed(in_order(items_of(files), files)):
            names = [f"{item.resource['resourceType']}/{item.resource['id']}" for item in reversed(items)]
            entries = [{"request": {"method": "DELETE", "url": name}} for name in names]
            try:
                self._server.transaction(entries, repeatable=True)
            except FhirRefused as refused:
                self.refused.append(str(refused))
                continue
            self.deleted.update(name.partition("/")[0] for name in names)
            yield len(names)

    def _of_type(self, kind: str) -> Iterator[Json]:
        try:
            yield from self._server.search(f"{kind}?{by_tag(LOADED, self._tag)}&_count=200")
        except (FhirRefused, AccessRefused) as refused:  # not every type can be searched by everybody
            self.unsearched[kind] = str(refused)
