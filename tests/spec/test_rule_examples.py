"""Every example in the rule files, asked of the rule's function; and that no rule lacks what explains it."""

from __future__ import annotations

import string
from typing import Any

import pytest

from cds_service.assessment.assess import RULES, rule_ids
from cds_service.assessment.outcome import Outcome
from cds_service.assessment.picture import LONG_TERM, Picture
from cds_service.assessment.rules.scope import data_incomplete
from cds_service.cards.card import SUMMARY_LIMIT
from cds_service.cards.words import filled_summary
from cds_service.composition import services
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Example, ProblemRole, RuleKnowledge
from tests.spec.example_facts import example_facts

KNOWLEDGE = load()
FUNCTIONS = dict(RULES)
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}: {example.name}")
    for rule in KNOWLEDGE.rules.values()
    for example in rule.examples
]


def _longest_title(role: ProblemRole) -> str:
    return max((c.short or c.title for c in KNOWLEDGE.conditions.values() if c.role is role), key=len)


def _longest_medicine() -> str:
    return max((KNOWLEDGE.medicines[m].short or KNOWLEDGE.medicines[m].title for m in LONG_TERM), key=len)


_LONGEST_VALUES = {
    "start": "2025-12-25",
    "b12": "1234.5 pmol/L",
    "name": "vitamin B12",
    "short": "active B12",
    "treated": "last B12 2025-01-01",
    "treatment": "unclear whether recorded B12 is still taken",
    "last": "2025-01-01",
    "later": "active B12 123 pmol/L",
    "later_when": "on 2025-09-20",
    "later_date": "2025-09-21",
    "mma": "10.85 umol/L",
    "reason": "chronic kidney disease on the problem list",
    "kidneys": "",
    "folate": "",
    "date": "2025-09-20",
    "low": "180 ng/L",
    "high": "350 ng/L",
    "own_low": "400 pmol/L",
    "grey_zone": "180 to 350 ng/L",
    "span": "from 2018-01-01 to 2025-09-30",
    "months": "12",
    "medicines": f"{_longest_medicine()} and others",
    "feature": _longest_title(ProblemRole.FEATURE),
    "risk": _longest_title(ProblemRole.RISK),
    "why": _longest_title(ProblemRole.RISK),
    "diagnosis": "possible B12 deficiency",
    "age": "100 or 101",
    "markers": "MMA 10.85 umol/L",
    "limits": "",
    "confounder": "chronic kidney disease on the problem list",
    "other": "active B12 150 pmol/L",
    "other_date": "2025-09-20",
    "duration": "23 months",
    "when": "in September 2025",
    "marker_date": "2025-09-20",
    "open": "may be deficient",
    "settle": "settle by MMA",
    "result": "A vitamin B12 result of 2025-09-20",
    "of": "Vitamin B12 of 2025-09-20",
    "since": "2025-01-01",
    "began": "2025-09-20",
    "wait": "3 months",
    "noted": "2025-09-20",
    "cause": _longest_title(ProblemRole.RISK),
    "ended": "2025-01-01",
    "dose": "15.5 mg/day",
    "add": "add B12 by injection",
    "because": "its date 2052-09-20 is in the future",
    "cord": "possible spinal cord disease",
    "evidence": "raised MMA 0.9 umol/L; active B12 50 pmol/L",
    "keys": "",
    "form": "vitamin B12 of unstated form",
    "optic": "hereditary optic atrophy that may be Leber's",
}


def _answer(rule: RuleKnowledge, example: Example):  # type: ignore[no-untyped-def]
    picture = Picture(example_facts(example.given), KNOWLEDGE)
    if rule.id in FUNCTIONS:
        return FUNCTIONS[rule.id](picture)
    return data_incomplete(picture, [function(picture) for function in FUNCTIONS.values()])


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_each_example_holds(rule: RuleKnowledge, example: Example) -> None:
    answer = _answer(rule, example)
    wanted = {"fires": Outcome.FIRES, "does_not_fire": Outcome.DOES_NOT_FIRE, "cannot_tell": Outcome.CANNOT_TELL}
    assert answer.outcome is wanted[example.then]
    if example.variant:
        assert answer.variant == example.variant
    for missing in example.missing:
        assert any(missing in words for words in (*answer.missing, *answer.missing_keys))


@pytest.mark.parametrize(("rule", "example"), [p for p in EXAMPLES if p.values[1].then == "fires"])
def test_each_card_is_filled_completely(rule: RuleKnowledge, example: Example) -> None:
    answer = _answer(rule, example)
    text = rule.cards[answer.variant]
    summary = filled_summary(text.summary, answer.values)
    assert "{" not in summary
    assert not summary.endswith("…")
    text.detail.format_map(dict(answer.values))


def test_every_rule_has_a_file_and_every_file_a_rule() -> None:
    assert set(KNOWLEDGE.rules) == set(rule_ids())
    assert [service.hook for service in services(KNOWLEDGE)] == ["patient-view", "order-select", "order-sign"]


@pytest.mark.parametrize("rule", KNOWLEDGE.rules.values(), ids=lambda rule: rule.id)
def test_every_rule_has_an_example_of_firing_and_of_not_firing(rule: RuleKnowledge) -> None:
    seen = {example.then for example in rule.examples}
    assert {"fires", "does_not_fire"} <= seen
    assert {example.variant for example in rule.examples if example.then == "fires"} >= {
        variant for variant in rule.cards if variant in {"alone", "with-feature", "untreated"} and len(rule.cards) <= 2
    }


@pytest.mark.parametrize("rule", KNOWLEDGE.rules.values(), ids=lambda rule: rule.id)
def test_every_summary_fits_with_ordinary_values(rule: RuleKnowledge) -> None:
    for variant, text in rule.cards.items():
        names = {name for _, name, _, _ in string.Formatter().parse(text.summary) if name}
        filled = text.summary.format_map({name: _LONGEST_VALUES[name] for name in names})
        assert len(filled) < SUMMARY_LIMIT, f"{rule.id} {variant}: {len(filled)} characters: {filled}"


@pytest.mark.parametrize(
    ("rule_id", "given"),
    [
        ("B12-DX-04", {"mma": "0.9 umol/L"}),
        ("B12-DX-04", {"mma": "0.9 umol/L", "problems": ["nitrous-oxide"]}),
        ("B12-DX-07", {"problems": ["nitrous-oxide"]}),
        ("B12-RX-03", {"problems": ["myelopathy"]}),
        ("B12-SAFE-01", {"mma": "0.9 umol/L", "drafting": {"folic-acid": 5}}),
        ("B12-SAFE-03", {"mma": "0.9 umol/L", "taking_folic_acid": 5}),
        (
            "B12-MON-05",
            {
                "total_b12": {"result": "150 ng/L", "days_ago": 120},
                "b12_therapy": {"since": "100 days"},
                "problems": ["peripheral-neuropathy"],
            },
        ),
    ],
)
def test_a_level_of_active_b12_is_never_shown_as_one_of_total_b12(rule_id: str, given: dict[str, Any]) -> None:
    answer = FUNCTIONS[rule_id](Picture(example_facts({"active_b12": "90 pmol/L", **given}), KNOWLEDGE))
    summary = KNOWLEDGE.rules[rule_id].cards[answer.variant].summary
    assert "ctive B12 90 pmol/L" in filled_summary(summary, answer.values)
