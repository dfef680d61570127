"""Patients are spoken to in words that a reader of about twelve follows.

Measured by the Flesch-Kincaid grade: it is made for adults' health leaflets in English, and rests on the length of
sentences and words alone, so that a short text has a grade too (SMOG needs thirty sentences). Grade 7 is the school
year that begins at twelve.
"""

from __future__ import annotations

import re
import warnings

import pytest

from cds_service.knowledge.loader import load
from cds_service.knowledge.model import CardText

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package's tables hold escapes that newer Pythons warn of when they compile it
    import readability

HIGHEST_GRADE = 7
CARDS = [
    pytest.param(card, id=f"{rule.id} {variant}")
    for rule in load().rules.values()
    for variant, card in rule.cards.items()
]


SENTENCES = [
    pytest.param(line, id=f"{key} {number}")
    for key, text in load().patient_page.items()
    for number, line in enumerate(text.splitlines())
]


def grade(text: str) -> float:
    """The Flesch-Kincaid grade. "B12" is counted as it is read aloud: two words."""
    sentences = re.split(r"(?<=[.!?])\s+", text.replace("B12", "B twelve"))
    words = "\n".join(" ".join(re.findall(r"[A-Za-z'-]+|[.!?]", sentence)) for sentence in sentences)
    return float(readability.getmeasures(words, lang="en")["readability grades"]["Kincaid"])


@pytest.mark.parametrize("card", CARDS)
def test_a_reader_of_twelve_follows_the_patients_words(card: CardText) -> None:
    assert card.patient
    assert grade(card.patient) <= HIGHEST_GRADE


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_reader_of_twelve_follows_the_page_for_patients(sentence: str) -> None:
    assert grade(sentence) <= HIGHEST_GRADE


@pytest.mark.parametrize("card", CARDS)
def test_no_word_for_clinicians_stands_in_the_patients_words(card: CardText) -> None:
    jargon = ("indeterminate", "MMA", "homocysteine", "macrocyt", "parenteral", "intramuscular", "neuropathy", "{")
    assert [word for word in jargon if word in card.patient] == []


def test_a_clinicians_sentence_would_not_pass() -> None:
    assert grade("Indeterminate cobalamin concentrations necessitate methylmalonic acid determination.") > HIGHEST_GRADE
