"""The examples of all rules, two and three at a time: where rules meet, nothing fails, and nothing bad is quieter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from string import Formatter
from typing import Any

import pytest

from cds_service.assessment.assess import assess
from cds_service.assessment.outcome import Assessment, Status
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte
from cds_service.facts.patient import PatientFacts
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import CardText
from tests.spec.example_facts import TODAY, example_facts, lab_result

KNOWLEDGE = load()
EXAMPLES = [example.given for rule in KNOWLEDGE.rules.values() for example in rule.examples]
_MAY_BE_EMPTY = frozenset({"kidneys"})
_SEVERITY = {Status.UNLIKELY: 0, Status.UNKNOWN: 1, Status.INDETERMINATE: 1, Status.FUNCTIONAL: 2, Status.DEFICIENT: 3}


def _together(some: list[Mapping[str, Any]]) -> dict[str, Any]:
    both: dict[str, Any] = {}
    for given in some:
        for key, told in given.items():
            if isinstance(told, list) and isinstance(both.get(key), list):
                both[key] = both[key] + [one for one in told if one not in both[key]]
            elif key in ("taking", "drafting") and key in both:
                both[key] = both[key] | told
            else:
                both[key] = told
    return both


def _patients(how_many: int, seed: int) -> Iterator[tuple[dict[str, Any], PatientFacts]]:
    rng = random.Random(seed)
    for _ in range(how_many):
        given = _together(rng.sample(EXAMPLES, rng.choice((2, 2, 3))))
        yield given, example_facts(given)


def _hook(given: Mapping[str, Any]) -> str:
    return "order-sign" if any(key.startswith("drafting") for key in given) else "patient-view"


def _named(card: CardText) -> set[str]:
    texts = (card.summary, card.detail, card.patient)
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


def test_every_card_is_filled_whatever_comes_together() -> None:
    for given, facts in _patients(3000, seed=1):
        for finding in assess(facts, KNOWLEDGE, _hook(given)).fired:
            said = f"{finding.rule} {finding.answer.variant} of {given}"
            card = KNOWLEDGE.rules[finding.rule].cards.get(finding.answer.variant)
            assert card is not None, f"no such words: {said}"
            for name in _named(card) - _MAY_BE_EMPTY:
                assert str(finding.answer.values.get(name, "")).strip(), f"nothing for {{{name}}}: {said}"


def _loudness(assessment: Assessment) -> int:
    """Of the loudest card; 0 without any. Whether B12 is ordered twice is not asked of who needs it, and a result
    answers the reminder to measure, another one that tells nothing, and what only an open answer depends on."""
    answered = ("B12-SAFE-07", "B12-MON-01", "B12-TEST-11", "B12-DATA-01")
    fired = (finding for finding in assessment.fired if finding.rule not in answered)
    cards = (KNOWLEDGE.rules[finding.rule].cards[finding.answer.variant] for finding in fired)
    return max((card.indicator.severity + 1 for card in cards), default=0)


_RAISED_MMA = replace(lab_result(Analyte.MMA, "0.9 umol/L"), taken=ClinicalDate.on(TODAY), source="Observation/mma")
_LOW_B12 = replace(
    lab_result(Analyte.TOTAL_B12, "100 ng/L"),
    taken=ClinicalDate.on(TODAY - timedelta(days=1)),
    source="Observation/b12",
)


@pytest.mark.parametrize("worse", ["raised MMA", "deficient level", "neuropathy", "spinal cord disease", "vegan diet"])
def test_what_is_worse_is_never_quieter(worse: str) -> None:
    """A further result or problem that speaks for deficiency never makes the cards milder, or the status better."""
    for given, facts in _patients(600, seed=2):
        if "starts_in" in str(given.get("b12_therapy")):
            continue  # treatment that starts within days answers what a problem alone leaves open
        more = {
            "raised MMA": replace(facts, labs=(*facts.labs, _RAISED_MMA)),
            "deficient level": replace(facts, labs=(*facts.labs, _LOW_B12)),
            "neuropathy": _with_problem(given, "peripheral-neuropathy"),
            "spinal cord disease": _with_problem(given, "myelopathy"),
            "vegan diet": _with_problem(given, "vegan-diet"),
        }[worse]
        before, after = (assess(of, KNOWLEDGE, _hook(given)) for of in (facts, more))
        assert _loudness(after) >= _loudness(before), f"quieter with {worse}: {given}"
        if before.status in _SEVERITY and after.status in _SEVERITY:
            assert _SEVERITY[after.status] >= _SEVERITY[before.status], f"better with {worse}: {given}"


def _with_problem(given: Mapping[str, Any], problem: str) -> PatientFacts:
    return example_facts(_together([given, {"problems": [problem]}]))
