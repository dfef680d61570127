"""Following a medication reference to what it names: contained, in the same Bundle, or anywhere else that was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from cds_service.fhir.amounts import Strength, read_strength
from cds_service.fhir.medication_codes import (
    Description,
    Product,
    product_of_concept,
    recognise,
)
from cds_service.fhir.names import LONGEST_TEXT
from cds_service.fhir.record import PatientRecord
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
    """Reads the medication of any of `resources` of one record. What they refer to is looked up when first needed.

    Products that refer to products multiply: a small body could ask for millions of them. What a reader describes is
    therefore bounded (MOST_DESCRIBED), shared among the types of resource. Where one of them has more than its share
    those that refer to the least are read, in whatever order they came, and each of the others has a `problem`.
    """

    def __init__(self, record: PatientRecord, knowledge: Knowledge, resources: Iterable[Resource | None]) -> None:
        self._record = record
        self._knowledge = knowledge
        self._resources = resources
        self._referred: dict[bytes, Product] = {}
        self._sizes: dict[tuple[int, int], int] = {}
        self._within: dict[int, dict[str | None, Contained]] = {}

    def product_of(self, resource: Resource) -> Product:
        """What a MedicationRequest and its like are about, and the medicines of ours that it holds."""
        reference, concept = resource.medication_reference, resource.medication_codeable_concept
        if reference is None:
            return product_of_concept(concept, self._knowledge)
        key = _key(reference, resource)
        if key not in self._referred:
            self._referred[key] = self._described(reference, concept, resource)
        return self._referred[key]

    def _described(self, reference: Reference, concept: CodeableConcept | None, resource: Resource) -> Product:
        described = Description()
        described.add_concept(concept)
        longest = self._longest.get(resource.resource_type)
        if longest is not None and self._size(reference, resource) > longest:
            described.add_words(reference.display)
            return Product(described.name, problem=_TOO_MUCH)
        problem = self._describe(reference, described, resource, frozenset())
        product = recognise(described, self._knowledge)
        if product.held or (product.name and not product.problem):
            return product
        return Product(product.name, (), problem or product.problem)

    @cached_property
    def _longest(self) -> dict[str | None, int]:
        """How much a resource may refer to and be read, by its type, where one has more than its share."""
        sizes: dict[str | None, dict[bytes, int]] = {}
        for resource in self._resources:
            if resource is not None and (reference := resource.medication_reference) is not None:
                of_type = sizes.setdefault(resource.resource_type, {})
                of_type[_key(reference, resource)] = self._size(reference, resource)
        longest: dict[str | None, int] = {}
        left = MOST_DESCRIBED
        by_need = sorted(sizes.items(), key=lambda item: (sum(item[1].values()), item[0] or ""))
        for place, (kind, of_type) in enumerate(by_need):
            share, spent = left // (len(by_need) - place), 0
            for size, how_many in sorted(Counter(of_type.values()).items()):
                if spent + size * how_many > share:
                    longest[kind] = size - 1
                    break
                spent += size * how_many
            left -= spent
        return longest

    def _size(self, reference: Reference, owner: Contained, depth: int = 0) -> int:
        """How much is at most to be read to describe what is referred to; no product is looked into twice."""
        size = _A_PART + _length(reference.display)
        medication = self._resolve(reference.reference, owner)
        if medication is None or depth >= _DEEPEST:
            return size
        known = self._sizes.get((id(medication), depth))
        if known is None:
            inner = owner if (reference.reference or "").startswith("#") else medication
            known = _size_of(medication.code)
            known += sum([_A_PART + _length(identifier.value) for identifier in _listed(medication.identifier)])
            for ingredient in medication.ingredient or ():
                known += _A_PART + _size_of(ingredient.item_codeable_concept)
                if ingredient.item_reference is not None:
                    known += self._size(ingredient.item_reference, inner, depth + 1)
            self._sizes[id(medication), depth] = known
        return size + known

    def product_of_concept(self, concept: CodeableConcept | None) -> Product:
        """The medicines of ours that a concept names."""
        return product_of_concept(concept, self._knowledge)

    def _describe(self, reference: Reference, described: Description, owner: Contained, seen: frozenset[str]) -> str:
        """Add what the reference names; the reason where it leads nowhere. `owner` holds contained resources."""
        medication = self._resolve(reference.reference, owner)
        if medication is None or (reference.reference or "") in seen or len(seen) >= _DEEPEST:
            described.add_words(reference.display)
            if reference.identifier is not None:
                described.add_identifiers([reference.identifier])
            return "the medication it refers to was not sent" if medication is None else ""
        described.add_concept(medication.code)
        described.add_identifiers(_listed(medication.identifier))
        described.add_words(reference.display)
        inner = owner if (reference.reference or "").startswith("#") else medication
        self._describe_ingredients(medication, described, inner, seen | {reference.reference or ""})
        return ""

    def _describe_ingredients(
        self, medication: Contained, described: Description, owner: Contained, seen: frozenset[str]
    ) -> None:
        described.ingredient_count += len(medication.ingredient or ())
        for ingredient in medication.ingredient or ():
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
            return self._contained(owner).get(reference[1:])
        plain, _, _ = reference.partition("/_history/")
        found = self._medications.get(plain) or self._medications.get(plain.lower())
        if found is None and "/Medication/" in plain:
            found = self._medications.get("Medication/" + plain.rpartition("/Medication/")[2])
        return found

    def _contained(self, owner: Contained) -> dict[str | None, Contained]:
        """What a resource contains, by id; of one id the first."""
        found = self._within.get(id(owner))
        if found is None:
            found = {}
            for one in (owner.contained if isinstance(owner, Resource) else None) or ():
                found.setdefault(one.id, one)
            self._within[id(owner)] = found
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


def _key(reference: Reference, resource: Resource) -> bytes:
    """All that tells what a resource refers to, within its record."""
    within = resource.contained if (reference.reference or "").startswith("#") else None
    return _ENCODER.encode((reference, resource.medication_codeable_concept, resource.resource_type, within))


def _size_of(concept: CodeableConcept | None) -> int:
    if concept is None:
        return 0
    return _length(concept.text) + sum([_A_PART + _length(c.display or c.code) for c in concept.coding or ()])


def _length(words: str | None) -> int:
    return min(len(words), LONGEST_TEXT) if words else 0


def _listed(identifiers: list[Identifier] | Identifier | None) -> Sequence[Identifier]:
    if identifiers is None:
        return ()
    return identifiers if isinstance(identifiers, list) else (identifiers,)
