"""Following a medication reference to what it names: contained, in the same Bundle, or anywhere else that was sent."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from cds_service.fhir.amounts import Strength, read_strength
from cds_service.fhir.medication_codes import (
    Description,
    Product,
    description_spelling,
    product_of_concept,
    recognise,
)
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.remembered import is_kept
from cds_service.fhir.resources import CodeableConcept, Contained, Entry, Identifier, Reference, Resource
from cds_service.knowledge.model import Knowledge

_DEEPEST = 4  # a product's ingredient may be a product; deeper nesting is a loop, or not meant for us
MOST_DESCRIBED: Final = 1_000_000
"""Characters of words of different products, and ten for each part, of all that is found by following references. A
part is a reference, an ingredient, a coding or an identifier, each time that it is come upon."""
_A_PART = 10
_TOO_MUCH = "the medications refer to more than is read at once"
_ENCODER = msgspec.json.Encoder()


class MedicationReader:
    """Reads the medication of any resource of one record. The look-up of Medications is made once, when needed.

    Products that refer to products multiply: a small body could ask for millions of them. What a reader describes is
    therefore bounded (MOST_DESCRIBED), and each medication beyond that has a `problem`.
    """

    def __init__(self, record: PatientRecord, knowledge: Knowledge) -> None:
        self._record = record
        self._knowledge = knowledge
        self._left = MOST_DESCRIBED
        self._referred: dict[bytes, Product] = {}
        self._known: set[Hashable] = set()

    def product_of(self, resource: Resource) -> Product:
        """What a MedicationRequest and its like are about, and the medicines of ours that it holds."""
        reference, concept = resource.medication_reference, resource.medication_codeable_concept
        if reference is None and concept is not None:
            return product_of_concept(concept, self._knowledge)
        if reference is None or (reference.reference or "").startswith("#"):
            return self._described(reference, concept, resource)
        key = _ENCODER.encode((reference, concept))
        if key not in self._referred:
            self._referred[key] = self._described(reference, concept, resource)
        return self._referred[key]

    def _described(self, reference: Reference | None, concept: CodeableConcept | None, resource: Resource) -> Product:
        described = Description()
        described.add_concept(concept)
        problem = self._describe(reference, described, resource, frozenset()) if reference is not None else ""
        self._left -= self._new_words(described)
        if self._left <= 0:
            return Product(described.name, problem=_TOO_MUCH)
        product = recognise(described, self._knowledge)
        if product.held or (product.name and not product.problem):
            return product
        return Product(product.name, (), problem or product.problem)

    def _new_words(self, described: Description) -> int:
        """Characters of a description that is not known yet: what was recognised once is not worked out again."""
        spelled = description_spelling(described)
        if spelled in self._known:
            return 0
        if is_kept(spelled):
            self._known.add(spelled)
        return sum(map(len, described.words))

    def product_of_concept(self, concept: CodeableConcept | None) -> Product:
        """The medicines of ours that a concept names."""
        return product_of_concept(concept, self._knowledge)

    def _describe(self, reference: Reference, described: Description, owner: Contained, seen: frozenset[str]) -> str:
        """Add what the reference names; the reason where it leads nowhere. `owner` holds contained resources."""
        self._left -= _A_PART
        if self._left <= 0:
            return _TOO_MUCH
        medication = self._resolve(reference.reference, owner)
        if medication is None or (reference.reference or "") in seen or len(seen) >= _DEEPEST:
            described.add_words(reference.display)
            if reference.identifier is not None:
                described.add_identifiers([reference.identifier])
            return "the medication it refers to was not sent" if medication is None else ""
        identifiers = _listed(medication.identifier)
        self._left -= _A_PART * (_codings(medication.code) + len(identifiers))
        described.add_concept(medication.code)
        described.add_identifiers(identifiers)
        described.add_words(reference.display)
        inner = owner if (reference.reference or "").startswith("#") else medication
        self._describe_ingredients(medication, described, inner, seen | {reference.reference or ""})
        return ""

    def _describe_ingredients(
        self, medication: Contained, described: Description, owner: Contained, seen: frozenset[str]
    ) -> None:
        described.ingredient_count += len(medication.ingredient or ())
        for ingredient in medication.ingredient or ():
            self._left -= _A_PART * (1 + _codings(ingredient.item_codeable_concept))
            if self._left <= 0:
                return
            strength = read_strength(ingredient.strength) if ingredient.strength is not None else Strength()
            if ingredient.item_codeable_concept is not None:
                described.add_ingredient(ingredient.item_codeable_concept, strength)
            if ingredient.item_reference is not None:
                inner = Description()
                self._describe(ingredient.item_reference, inner, owner, seen)
                described.add_words(*inner.words)
                described.is_cut = described.is_cut or inner.is_cut
                for concept in inner.concepts:
                    described.ingredients.append((concept, strength))
                described.ingredients.extend(inner.ingredients)

    def _resolve(self, reference: str | None, owner: Contained) -> Contained | None:
        if not reference:
            return None
        if reference.startswith("#"):
            within = (owner.contained if isinstance(owner, Resource) else None) or ()
            self._left -= len(within)
            return next((r for r in within if r.id == reference[1:]), None)
        plain, _, _ = reference.partition("/_history/")
        found = self._medications.get(plain) or self._medications.get(plain.lower())
        if found is None and "/Medication/" in plain:
            found = self._medications.get("Medication/" + plain.rpartition("/Medication/")[2])
        return found

    @cached_property
    def _medications(self) -> dict[str, Resource]:
        """Every Medication that was sent, by full URL and by `Medication/id`."""
        found: dict[str, Resource] = {}
        for entry in self._entries():
            medication = entry.resource
            if medication is None or medication.resource_type != "Medication":
                continue
            if medication.id:
                found.setdefault(f"Medication/{medication.id}", medication)
            if entry.full_url:
                found.setdefault(entry.full_url, medication)
                found.setdefault(entry.full_url.lower(), medication)
        return found

    def _entries(self) -> Iterator[Entry]:
        for section in self._record.sections.values():
            yield from section.entries
        yield from self._record.drafts


def _codings(concept: CodeableConcept | None) -> int:
    return len(concept.coding or ()) if concept is not None else 0


def _listed(identifiers: list[Identifier] | Identifier | None) -> Sequence[Identifier]:
    if identifiers is None:
        return ()
    return identifiers if isinstance(identifiers, list) else (identifiers,)
