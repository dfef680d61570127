"""How much text is read of one request: no record holds so much, and the words of one are dear to read.

What a name or directions mean is found by many patterns, a few microseconds a character. Without a bound one body could
keep a thread busy for a minute. The count is of what was sent alone, never of time or of what another request left in
a cache, so that the same request always has the same answer. Where a record holds more, its sections share what is
read: a small one is read whole, whatever another holds. Of a section that has more than its share the shortest entries
are read, in whatever order they came, and what is left out is told: the section is incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, compress, groupby
from typing import Final

from cds_service.facts.patient import DRAFTS, Availability, DataIssue, DataKey
from cds_service.fhir.codings import length_read, spelling, words_of
from cds_service.fhir.dosage import spelling_of_line
from cds_service.fhir.medication_times import all_dosages
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.remembered import is_kept
from cds_service.fhir.resources import CodeableConcept, Contained, Dosage, Entry, Reference, Resource
from cds_service.fhir.sieve import MOST_WORDS
from cds_service.fhir.timing import words_of_code

MOST_TEXT: Final = 120_000
"""Characters of the names and directions of one record, and a few for each, the same of one section once; the most
that is known to us is 30,000."""
MOST_DRAFT_TEXT: Final = 40_000
"""The same of the drafts of one request; the record takes nothing from it."""

A_NAME: Final = 40
"""Characters that a name counts as beside its own: it is looked up and held against every pattern, however short."""
A_LINE: Final = 80
"""The same of a line of directions, which may say what it says without a word."""
_BESIDE_ANOTHER = 30  # a line that is held against others
_A_COMPONENT = 5  # each is read as a result, an answer or a dose of its own, also where it says what another does
_FEW_PARTS = 12  # of which no line of directions that is meant to be read has more

_Said = tuple[int, CodeableConcept | Dosage | tuple[str | None] | str | None]
"""How much is to be read of one name, or of one line of directions, and what tells it from others (None: nothing).

A concept or a line is spelled only where there is too much: every request is measured, and hardly one has it.
"""
_TOO_LONG: Final[_Said] = (MOST_TEXT + 1, None)  # of so many parts that none of them need be looked at


def within_limit(record: PatientRecord) -> PatientRecord:
    """The record without the entries that are too much to be read, and saying of each section that it is incomplete."""
    record = drafts_within_limit(record)
    # What the Patient says is not searched for words.
    said = {key: _said(key, section) for key, section in record.sections.items() if key is not DataKey.PATIENT}
    if sum([_size(parts) for entries in said.values() for parts in entries]) <= MOST_TEXT:
        return record
    shortened: dict[DataKey, Section] = {}
    left = MOST_TEXT
    by_need = sorted(said, key=lambda key: (_spent(said[key]), key))
    for place, key in enumerate(by_need):
        longest, spent = _longest_read(said[key], left // (len(by_need) - place))
        left -= spent
        if longest is not None:
            shortened[key] = _shortened(record.sections[key], said[key], longest)
    return replace(record, sections={**record.sections, **shortened}) if shortened else record


def drafts_within_limit(record: PatientRecord) -> PatientRecord:
    """The record without the drafts that are too much to be read, and with an issue that says so."""
    if not record.drafts:
        return record
    said = [_of_resource(entry.resource) for entry in record.drafts]
    longest, _ = _longest_read(said, MOST_DRAFT_TEXT)
    if longest is None:
        return record
    is_read = [_size(parts) <= longest for parts in said]
    sentence = f"The drafts hold more than is read at once; drafts not read: {is_read.count(False)}."
    issue = DataIssue("context.draftOrders", "entry", sentence, DRAFTS)
    drafts = tuple(e if read else _name_of(e) for e, read in zip(record.drafts, is_read, strict=True))
    return replace(record, drafts=drafts, issues=(*record.issues, issue))


def _name_of(draft: Entry) -> Entry:
    """A draft of which nothing is read but its name, so that one that was selected is not said to be missing."""
    resource = draft.resource or Resource()
    return Entry(draft.full_url, Resource(resource.resource_type, resource.id, do_not_perform=True))


def _longest_read(entries: Iterable[Sequence[_Said]], most: int) -> tuple[int | None, int]:
    """The size of the longest entry that is read, the shortest first (None: all are), and how much is read in all.

    Of one size all are read, or none.
    """
    sized = [(_size(parts), parts) for parts in entries if parts]
    total = sum([size for size, _ in sized])
    if total <= most:
        return None, total
    sized.sort(key=lambda entry: entry[0])
    spent, seen, longest = 0, _Seen(), 0
    for size, alike in groupby(sized, key=lambda entry: entry[0]):
        more = seen.new_in(chain.from_iterable(parts for _, parts in alike))
        if spent + more > most:
            return longest, spent
        spent, longest = spent + more, size
    return None, spent


def _spent(entries: Iterable[Sequence[_Said]]) -> int:
    """How much is to be read of all of them."""
    return _Seen().new_in(chain.from_iterable(entries))


class _Seen:
    """What has been said before: it is known, and costs nothing more."""

    def __init__(self) -> None:
        self._spelled: set[Hashable] = set()

    def new_in(self, said: Iterable[_Said]) -> int:
        size = 0
        for part, told in said:
            spelled = _spelled(told)
            if spelled is None or spelled not in self._spelled:
                size += part
                if spelled is not None and is_kept(spelled):
                    self._spelled.add(spelled)
        return size


def _spelled(told: CodeableConcept | Dosage | tuple[str | None] | str | None) -> Hashable:
    if isinstance(told, CodeableConcept):
        return spelling(told)
    return spelling_of_line(told) if isinstance(told, Dosage) else told


def _size(parts: Iterable[_Said]) -> int:
    return sum([size for size, _ in parts])


def _said(key: DataKey, section: Section) -> list[list[_Said]]:
    of = _of(key)
    return [of(entry.resource) for entry in section.entries] + [of(lost.resource) for lost in section.unread]


def _shortened(section: Section, said: Sequence[Sequence[_Said]], longest: int) -> Section:
    is_read = [_size(parts) <= longest for parts in said]
    entries = tuple(compress(section.entries, is_read))
    of_unread = zip(section.unread, is_read[len(section.entries) :], strict=True)
    unread = tuple(lost if read else replace(lost, resource=None) for lost, read in of_unread)
    if len(entries) == len(section.entries):
        return replace(section, unread=unread)
    missing = len(section.entries) - len(entries)
    why = f"the record holds more than is read at once; entries of it not read: {missing}"
    held = section.availability
    return Section(
        availability=Availability.INCOMPLETE if held is Availability.COMPLETE else held,
        entries=entries,
        note=f"{section.note}; {why}" if section.note else why,
        unread=unread,
    )


def _of(key: DataKey) -> Callable[[Resource | None], list[_Said]]:
    return _of_result if key is DataKey.LABS else _of_resource


def _of_result(resource: Resource | None) -> list[_Said]:
    """Of a laboratory result its name, where it is none that the sieve may know: what that passes over is not here."""
    if resource is None or resource.resource_type != "Observation":
        return _of_resource(resource)
    said = [] if words_of(resource.code) <= MOST_WORDS else _concepts([resource.code])
    if isinstance(resource.specimen, Reference):
        said.append(_words(resource.specimen.display))
    if resource.component:
        if _A_COMPONENT * len(resource.component) > MOST_TEXT:
            return [_TOO_LONG]
        said += _concepts([part.code for part in resource.component])
        said.append((_A_COMPONENT * len(resource.component), None))
    if resource.contained:
        if _A_COMPONENT * len(resource.contained) > MOST_TEXT:
            return [_TOO_LONG]
        said += _concepts([inside.code for inside in resource.contained])
        said += _concepts(map(_type_of, resource.contained))
        said.append((_A_COMPONENT * len(resource.contained), None))
    return said


def _of_resource(resource: Resource | None) -> list[_Said]:
    if resource is None:
        return []
    said = _concepts((resource.code, resource.medication_codeable_concept, resource.value_codeable_concept))
    if resource.medication_reference is not None:
        said += _of_reference(resource.medication_reference)
    if resource.value_string:
        said.append(_words(resource.value_string))
    if resource.resource_type == "Specimen":
        said += _concepts([_type_of(resource)])
    if resource.dosage_instruction or resource.dosage:
        dosages = all_dosages(resource)
        if A_LINE * len(dosages) > MOST_TEXT:
            return [_TOO_LONG]
        said += map(_line, dosages)
        for dosage in dosages:
            if dosage.dose_and_rate is not None and len(dosage.dose_and_rate) > 1:
                said.append((_A_COMPONENT * len(dosage.dose_and_rate), None))
            if (parts := _parts(dosage)) > _FEW_PARTS:
                said.append((_A_COMPONENT * parts, None))
            if dosage.timing is not None and dosage.timing.code is not None:
                said += [(A_NAME + len(word), word) for word in words_of_code(dosage.timing.code)]
        said += [(_BESIDE_ANOTHER, None)] * (len(dosages) - 1)  # which the others are held against, whatever they say
    is_medication = resource.resource_type == "Medication"
    if is_medication or resource.component or resource.reaction or resource.contained or resource.ingredient:
        if sum([_A_COMPONENT * len(parts) for parts in _listed(resource) if parts]) > MOST_TEXT:
            return [_TOO_LONG]
        said += _within(resource)
    return said


def _listed(resource: Resource) -> Iterator[Sequence[object] | None]:
    yield from (resource.component, resource.reaction, resource.contained, resource.ingredient)


def _within(resource: Resource) -> Iterator[_Said]:
    """What is rare: parts that have names of their own."""
    for component in resource.component or ():
        if component.code is not None:
            yield _concept(component.code)
        if component.value_codeable_concept is not None:
            yield _concept(component.value_codeable_concept)
        if component.value_string:
            yield _words(component.value_string)
    for parts in (resource.component, resource.reaction):
        if parts:
            yield _A_COMPONENT * len(parts), None
    yield from _concepts([reaction.substance for reaction in resource.reaction or ()])
    for contained in resource.contained or ():
        if contained.code is not None:
            yield _concept(contained.code)
        yield from _of_medication(contained)
    yield from _of_medication(resource)


def _of_medication(resource: Contained) -> Iterator[_Said]:
    for ingredient in resource.ingredient or ():
        if ingredient.item_codeable_concept is not None:
            yield _concept(ingredient.item_codeable_concept)
        if ingredient.item_reference is not None:
            yield from _of_reference(ingredient.item_reference)
    if resource.resource_type == "Medication" and resource.identifier is not None:
        named = resource.identifier if isinstance(resource.identifier, list) else [resource.identifier]
        yield from (_words(identifier.value) for identifier in named)


def _type_of(resource: Contained) -> CodeableConcept | None:
    return resource.type if isinstance(resource.type, CodeableConcept) else None


def _of_reference(reference: Reference) -> list[_Said]:
    said = [_words(reference.display)]
    if reference.identifier is not None:
        said.append(_words(reference.identifier.value))
    return said


def _concepts(concepts: Iterable[CodeableConcept | None]) -> list[_Said]:
    return [_concept(concept) for concept in concepts if concept is not None]


def _concept(concept: CodeableConcept) -> _Said:
    if concept.coding and len(concept.coding) > MOST_TEXT:
        return _TOO_LONG
    return A_NAME + words_of(concept), concept


def _line(dosage: Dosage) -> _Said:
    return A_LINE + length_read(dosage.text or dosage.patient_instruction), dosage


def _parts(dosage: Dosage) -> int:
    """How many moments, days and codings one line lists."""
    listed: list[Sequence[object] | None] = [
        told.coding for told in (dosage.route, dosage.as_needed_codeable_concept) if told is not None
    ]
    if (timing := dosage.timing) is not None:
        if timing.code is not None:
            listed.append(timing.code.coding)
        if (repeat := timing.repeat) is not None:
            listed += [repeat.day_of_week, repeat.time_of_day, repeat.when]
    return sum([len(parts) for parts in listed if parts])


def _words(text: str | None) -> _Said:
    return A_NAME + length_read(text), (text,)
