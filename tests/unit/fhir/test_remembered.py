"""Answers that are kept hold for one knowledge and one wording, and never pile up."""

from __future__ import annotations

import pytest

from cds_service.fhir.codings import spelling
from cds_service.fhir.remembered import LONGEST, MOST_ANSWERS, remembered
from cds_service.fhir.resources import CodeableConcept, Coding
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Knowledge


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load()


def test_the_same_words_are_read_once(knowledge: Knowledge) -> None:
    asked: list[str | None] = []

    @remembered(spelling)
    def read(concept: CodeableConcept | None, _: Knowledge) -> str:
        asked.append(concept.text if concept is not None else None)
        return f"read {len(asked)}"

    first = read(CodeableConcept(text="pernicious anaemia"), knowledge)
    assert read(CodeableConcept(text="pernicious anaemia"), knowledge) == first
    assert read(CodeableConcept(text="Pernicious anaemia"), knowledge) != first
    assert asked == ["pernicious anaemia", "Pernicious anaemia"]


def test_another_knowledge_is_asked_anew(knowledge: Knowledge) -> None:
    seen: list[str] = []

    @remembered(spelling)
    def read(_: CodeableConcept | None, given: Knowledge) -> str:
        seen.append(given.version)
        return given.version

    other = load()
    concept = CodeableConcept(text="metformin")
    for given in (knowledge, other, knowledge):
        read(concept, given)
    assert len(seen) == 3


def test_long_texts_are_read_and_not_kept(knowledge: Knowledge) -> None:
    lengths: list[int] = []

    @remembered(spelling)
    def read(concept: CodeableConcept | None, _: Knowledge) -> None:
        lengths.append(len(concept.text or "") if concept is not None else 0)

    for _ in range(2):
        read(CodeableConcept(text="x" * LONGEST), knowledge)
        read(CodeableConcept(text="x" * (LONGEST - 10)), knowledge)
    assert lengths == [LONGEST, LONGEST - 10, LONGEST]


def test_no_more_is_kept_than_allowed(knowledge: Knowledge) -> None:
    count = 0

    @remembered(spelling)
    def read(_: CodeableConcept | None, __: Knowledge) -> None:
        nonlocal count
        count += 1

    for number in range(MOST_ANSWERS + 1):
        read(CodeableConcept(text=str(number)), knowledge)
    read(CodeableConcept(text="0"), knowledge)
    assert count == MOST_ANSWERS + 2  # the first answer was dropped with all others


def test_a_failure_is_not_kept(knowledge: Knowledge) -> None:
    count = 0

    @remembered(spelling)
    def read(_: CodeableConcept | None, __: Knowledge) -> int:
        nonlocal count
        count += 1
        if count == 1:
            raise ValueError("the first time")
        return count

    with pytest.raises(ValueError, match="first time"):
        read(CodeableConcept(text="once"), knowledge)
    assert read(CodeableConcept(text="once"), knowledge) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CodeableConcept(text="a"), CodeableConcept(coding=[Coding(display="a")])),
        (CodeableConcept(coding=[Coding(code="1")]), CodeableConcept(coding=[Coding(system="1")])),
        (CodeableConcept(coding=[Coding(code="1"), Coding()]), CodeableConcept(coding=[Coding(code="1")])),
        (CodeableConcept(text=""), CodeableConcept(text=None)),
    ],
)
def test_concepts_that_say_different_things_are_kept_apart(one: CodeableConcept, other: CodeableConcept) -> None:
    assert spelling(one) != spelling(other)
