"""What a laboratory result was measured in, where the record says that it was not blood (clinical-guidelines 7.9).

A specimen that is not told, was not sent, or is none that the knowledge lists changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from cds_service.fhir.codings import keys, spelling, texts
from cds_service.fhir.names import name_matches
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import CodeableConcept, Contained, Reference, Resource
from cds_service.knowledge.model import Knowledge


class Specimens:
    """The samples of one record; those that were sent beside the results are looked up when first needed."""

    def __init__(self, record: PatientRecord, knowledge: Knowledge) -> None:
        self._record = record
        self._knowledge = knowledge
        self._of: dict[int, str] = {}

    def other_than_blood(self, result: Resource) -> str:
        """What a result was measured in, in words, where it was not blood, serum or plasma; otherwise "".

        It is enough that one of the names and codes of the sample says so.
        """
        reference = result.specimen
        if not isinstance(reference, Reference):
            return ""
        known = self._of.get(id(result))  # each component of a result asks
        if known is None:
            told = (_other_than_blood(concept, self._knowledge) for concept in self._told(reference, result))
            known = self._of[id(result)] = next(filter(None, told), "")
        return known

    def _told(self, reference: Reference, result: Resource) -> Iterator[CodeableConcept]:
        """All that tells what the sample is of."""
        if reference.display:
            yield CodeableConcept(text=reference.display)
        specimen = self._resolve(reference.reference or "", result)
        if specimen is not None and isinstance(specimen.type, CodeableConcept):
            yield specimen.type

    def _resolve(self, reference: str, result: Resource) -> Contained | None:
        if reference.startswith("#"):
            inside = (one for one in result.contained or () if one.resource_type == "Specimen")
            return next((one for one in inside if one.id == reference[1:]), None)
        plain, _, _ = reference.partition("/_history/")
        sent = self._sent
        found = sent.get(plain)
        if found is None and "/Specimen/" in plain:
            found = sent.get("Specimen/" + plain.rpartition("/Specimen/")[2])
        return found

    @cached_property
    def _sent(self) -> dict[str, Resource]:
        """Every Specimen that was sent, by full URL and by `Specimen/id`."""
        found: dict[str, Resource] = {}
        for section in self._record.sections.values():
            for entry in section.entries:
                specimen = entry.resource
                if specimen is None or specimen.resource_type != "Specimen":
                    continue
                for name in (f"Specimen/{specimen.id}" if specimen.id else "", entry.full_url):
                    if name:
                        found.setdefault(name, specimen)
        return found


@remembered(spelling)
def _other_than_blood(concept: CodeableConcept | None, knowledge: Knowledge) -> str:
    for key, _ in keys(concept):
        specimen = knowledge.specimens_by_code.get(key)
        if specimen is not None:
            return knowledge.specimens[specimen].title
    names = texts(concept)
    for other in knowledge.specimens.values():
        if any(name_matches(name, other.names, other.not_names) for name in names):
            return other.title
    return ""
