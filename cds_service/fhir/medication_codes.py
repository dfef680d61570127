"""Which medicines a product holds, whichever way a record names it.

A medication may be a CodeableConcept, a contained Medication, a Medication elsewhere in what was sent, or just words;
its codes may stand at any level (ingredient, clinical drug, brand, class), and its ingredients may be Medications
themselves. Combinations are seen through: each medicine held is told, with its own strength. Codes decide where there
are any that we list; words are only read where no code is recognised, and are never more than "by name".
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cds_service.facts.treatments import Medicine, Route
from cds_service.fhir.amounts import Strength
from cds_service.fhir.codings import is_word, spelling
from cds_service.fhir.names import LONGEST_TEXT, is_cut, name_matches
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import CodeableConcept, Coding, Identifier
from cds_service.fhir.routes import route_in_words, route_of_form
from cds_service.fhir.strengths import names_several_strengths, strength_of
from cds_service.knowledge.model import Knowledge, MedicineCode
from cds_service.knowledge.systems import ATC, canonical_system

_ATC_CLASS = 5  # "A02BC": a listed class speaks for its substances, "A02BC01"
_SHOWN_NAME = 80
_WORD = re.compile(r"[A-Za-z]{4}")
_MEDICINES = {medicine.value: medicine for medicine in Medicine}
_FORMS = (
    ("hydroxocobalamin", re.compile(r"hydrox[oy]-?cobalamin", re.IGNORECASE)),
    ("cyanocobalamin", re.compile(r"cyano-?cobalamin", re.IGNORECASE)),
    ("methylcobalamin", re.compile(r"methyl-?cobalamin|mecobalamin", re.IGNORECASE)),
    ("adenosylcobalamin", re.compile(r"adenosyl-?cobalamin|cobamamide", re.IGNORECASE)),
)
_B12_OR_WORD = re.compile(r"b[- ]?12(?!\d)|multi-?dose|[^\W\d_]+")
# A word that is not listed may be another ingredient: "multivitamin with", "Neurobion", "and thiamine", "B1".
_OF_B12_ALONE = frozenset(
    {
        "hydroxocobalamin", "hydroxycobalamin", "cyanocobalamin", "methylcobalamin", "mecobalamin", "cobalamin",
        "hydroxo", "hydroxy", "cyano", "methyl", "vitamin", "vit", "acetate", "hydrochloride", "cytamen",
        "cobalin", "nascobal", "vibisone", "dodex", "mg", "mcg", "ug", "µg", "μg", "ml", "microgram",
        "micrograms", "milligram", "milligrams", "inj", "injection", "injectable", "sol", "soln", "solution",
        "for", "in", "of", "per", "i", "m", "im", "s", "c", "sc", "intramuscular", "subcutaneous", "tab",
        "tabs", "tablet", "tablets", "cap", "caps", "capsule", "capsules", "oral", "sublingual", "extended",
        "release", "vial", "ampoule", "ampoules", "dose", "pre", "filled", "prefilled", "syringe", "multidose",
        "multi-dose",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """One medicine in a product. `form` as in Treatment, `is_alone` as in DraftContent."""

    medicine: Medicine
    strength: Strength
    form: str = ""
    route: Route = Route.NOT_KNOWN
    is_coded: bool = True
    is_eradication_pack: bool = False
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product and the medicines of ours that it holds.

    `problem`: why it could not be read ("" if it could); of a product that holds some, why it may hold others, too.
    """

    name: str = ""
    held: tuple[Held, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class Description:
    """All that a record says of a product, gathered from its concept, its Medication and its ingredients."""

    concepts: list[CodeableConcept] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    ingredients: list[tuple[CodeableConcept, Strength]] = field(default_factory=list)
    ingredient_count: int = 0
    is_cut: bool = False
    _known: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """What the product is called, in short; "" where it has no words."""
        return next(iter(self.words), "").strip()[:_SHOWN_NAME]

    def add_words(self, *texts: str | None) -> None:
        """Keep texts that say something, cut to a length that few names have; `is_cut` where one was longer."""
        for text in texts:
            if text and is_word(text):
                self.is_cut = self.is_cut or is_cut(text)
                if (name := text[:LONGEST_TEXT]) not in self._known:
                    self._known.add(name)
                    self.words.append(name)

    def add_concept(self, concept: CodeableConcept | None) -> None:
        """A concept's codes, and its text and displays as words."""
        if concept is None:
            return
        self.concepts.append(concept)
        self.add_words(concept.text, *(_display(coding) for coding in concept.coding or ()))

    def add_ingredient(self, concept: CodeableConcept, strength: Strength) -> None:
        """An ingredient's codes with what one unit or mL of the product holds of it."""
        self.ingredients.append((concept, strength))
        self.add_words(concept.text, *(_display(coding) for coding in concept.coding or ()))

    def add_identifiers(self, identifiers: Iterable[Identifier]) -> None:
        """Names that a source hides in Medication.identifier; those that are declared to be names come first."""
        named = [i for i in identifiers if i.value and _WORD.search(i.value)]
        self.add_words(*(i.value for i in sorted(named, key=lambda i: "name" not in (i.system or ""))))


def description_spelling(described: Description) -> Hashable:
    """All that tells of a product."""
    concepts = tuple(map(spelling, described.concepts))
    ingredients = tuple((spelling(concept), strength) for concept, strength in described.ingredients)
    return tuple(described.words), concepts, ingredients, described.ingredient_count, described.is_cut


@remembered(description_spelling)
def recognise(described: Description, knowledge: Knowledge) -> Product:
    """The medicines of ours in what was described. A `problem` where it holds neither words nor a code of ours."""
    name = described.name
    coded = _by_code(described, knowledge)
    if coded:
        held = _held(coded, described, knowledge)
        displays = (row.display for rows, _ in coded.values() for row in rows)
        return Product(name or next(displays, held[0].medicine.value)[:_SHOWN_NAME], held)
    by_name = _named(described.words, knowledge)
    if by_name:
        uncoded: _Found = {m: ([], _strengths_by_name(m, described, knowledge)) for m in by_name}
        return Product(name, _held(uncoded, described, knowledge, is_coded=False), _cut_off(described))
    return Product(name, problem=_cut_off(described) if described.words else _nameless(described))


@remembered(spelling)
def product_of_concept(concept: CodeableConcept | None, knowledge: Knowledge) -> Product:
    """`recognise` for the usual case, a product that a concept tells of and nothing else."""
    described = Description()
    described.add_concept(concept)
    return recognise(described, knowledge)


def medicines_of_coding(coding: Coding, knowledge: Knowledge) -> tuple[tuple[str, MedicineCode], ...]:
    """The medicine ids and rows that a coding stands for; an ATC substance also by its listed class."""
    if not coding.system or not coding.code:
        return ()
    system, code = canonical_system(coding.system), coding.code.strip()
    rows = knowledge.medicines_by_code.get((system, code))
    if rows is None and system == ATC and len(code) > _ATC_CLASS:
        rows = knowledge.medicines_by_code.get((system, code[:_ATC_CLASS]))
    return rows or ()


_Found = dict[Medicine, tuple[list[MedicineCode], list[Strength]]]


def _by_code(described: Description, knowledge: Knowledge) -> _Found:
    found: _Found = {}
    for concept in described.concepts:
        for medicine, row in _rows(concept, knowledge):
            found.setdefault(medicine, ([], []))[0].append(row)
    for concept, strength in described.ingredients:
        for medicine in {medicine for medicine, _ in _rows(concept, knowledge)}:
            found.setdefault(medicine, ([], []))[1].append(strength)
    return {medicine: found[medicine] for medicine in Medicine if medicine in found}


def _rows(concept: CodeableConcept, knowledge: Knowledge) -> Iterator[tuple[Medicine, MedicineCode]]:
    for coding in concept.coding or ():
        for medicine_id, row in medicines_of_coding(coding, knowledge):
            if medicine_id in _MEDICINES:
                yield _MEDICINES[medicine_id], row


@lru_cache(maxsize=8)
def _any_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """All names in one pattern on lower-case text, which is what the knowledge files hold, and four times as fast."""
    return re.compile("|".join(f"(?:{name})" for name in names))


def _named(words: Sequence[str], knowledge: Knowledge) -> list[Medicine]:
    """The medicines that words name. Most products are none of ours: one search over all names settles that."""
    every_name = tuple(name for known in knowledge.medicines.values() for name in known.names)
    if not every_name or _any_of(every_name).search(" | ".join(words).lower()) is None:
        return []
    return [medicine for medicine in Medicine if _is_named(medicine, words, knowledge)]


def _is_named(medicine: Medicine, words: Sequence[str], knowledge: Knowledge) -> bool:
    known = knowledge.medicines.get(medicine)
    return known is not None and any(name_matches(text, known.names, known.not_names) for text in words)


def _strengths_by_name(medicine: Medicine, described: Description, knowledge: Knowledge) -> list[Strength]:
    return [s for concept, s in described.ingredients if _is_named(medicine, _texts(concept), knowledge)]


def _held(found: _Found, described: Description, knowledge: Knowledge, is_coded: bool = True) -> tuple[Held, ...]:
    mixed = _is_combination(found, described)
    form_route = route_of_form([*described.words, *(row.display for rows, _ in found.values() for row in rows)])
    return tuple(
        Held(
            medicine=medicine,
            strength=strength_of(rows, given, described.words, knowledge.medicines[medicine], mixed)
            if medicine in knowledge.medicines
            else Strength(is_combination=mixed),
            form=_form(rows, described.words) if medicine is Medicine.B12 else "",
            route=_route(rows) if _route(rows) is not Route.NOT_KNOWN else form_route,
            is_coded=is_coded,
            is_eradication_pack=any(row.is_eradication_pack for row in rows),
            is_alone=not mixed and all(map(_names_b12_alone, described.words)),
        )
        for medicine, (rows, given) in found.items()
    )


def _is_combination(found: _Found, described: Description) -> bool:
    """Whether a dose in mg would leave open of which ingredient it is."""
    displays = [row.display for rows, _ in found.values() for row in rows]
    return (
        len(found) > 1
        or described.ingredient_count > 1
        or any(" / " in display or "combination" in display.lower() for display in displays)
        or any(names_several_strengths(text) for text in described.words)
    )


def _names_b12_alone(text: str) -> bool:
    """Whether a product's name speaks of vitamin B12, amounts and the ways of giving it, and of nothing else."""
    words = _B12_OR_WORD.findall(text.lower())
    return all(word.endswith("12") or word in _OF_B12_ALONE for word in words)


def _form(rows: Sequence[MedicineCode], words: Sequence[str]) -> str:
    """The cobalamin form that codes and words agree on; "" for none, or for two."""
    forms = {row.form for row in rows if row.form}
    forms |= {form for form, pattern in _FORMS if any(pattern.search(text) for text in words)}
    return next(iter(forms)) if len(forms) == 1 else ""


def _route(rows: Sequence[MedicineCode]) -> Route:
    routes = {route_in_words([row.route]) for row in rows if row.route} - {Route.NOT_KNOWN}
    return next(iter(routes)) if len(routes) == 1 else Route.NOT_KNOWN


def _cut_off(described: Description) -> str:
    """Why what is recognised in the names may not be all: one of them is read in part.

    An ATC code that is not listed is of a substance that is none of ours; any other leaves it to the names.
    """
    if not described.is_cut or any(map(_has_atc_code, described.concepts)):
        return ""
    return "the name of the medication is too long to be read to its end"


def _has_atc_code(concept: CodeableConcept) -> bool:
    return any(coding.code and canonical_system(coding.system) == ATC for coding in concept.coding or ())


def _nameless(described: Description) -> str:
    """A product without words: ATC codes that we do not list are surely not ours; of other codes we cannot say."""
    codings = [coding for concept in described.concepts for coding in concept.coding or () if coding.code]
    if not codings:
        return "no medication is named"
    if any(map(_has_atc_code, described.concepts)):
        return ""
    return "the medication is named by a code alone, and the code is not in our lists"


def _texts(concept: CodeableConcept) -> list[str]:
    return [text for text in (concept.text, *(_display(c) for c in concept.coding or ())) if text]


def _display(coding: Coding) -> str:
    """A coding's display; its code where a local system uses the name itself as the code."""
    if coding.display:
        return coding.display
    return coding.code if coding.code and _WORD.search(coding.code) else ""
