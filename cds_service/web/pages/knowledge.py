"""The rule book as pages: every rule, number, code and source as it is loaded here, and what this site changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.cards.compose import review_words
from cds_service.knowledge import systems
from cds_service.knowledge.model import (
    AnalyteKnowledge,
    Citation,
    Code,
    Knowledge,
    MedicineCode,
    Review,
    RuleKnowledge,
)
from cds_service.rule_book.changes import Change
from cds_service.rule_book.numbers import limit_words, step_row
from cds_service.rule_book.rules import example_row
from cds_service.web.pages.html import filled

_SYSTEMS = {
    systems.LOINC: "LOINC",
    systems.SNOMED: "SNOMED CT",
    systems.RXNORM: "RxNorm",
    systems.ICD_10_CM: "ICD-10-CM",
    systems.ICD_10_PCS: "ICD-10-PCS",
    systems.ICD_10: "ICD-10",
    systems.ATC: "ATC",
    systems.CPT: "CPT",
    systems.HPO: "HPO",
    systems.NDC: "NDC",
    systems.HL7_0487: "HL7 v2 table 0487",
}
_UNITS = {"1": "", "d": "days", "wk": "weeks", "mo": "months", "a": "years"}
_USES = {"match": "Counts", "review": "Possible at most", "exclude": "Never: a look-alike"}
_LONGEST_SEARCH = 100
_KINDS: Mapping[str, tuple[str, Callable[[Knowledge], Mapping[str, Any]]]] = {
    "rules": ("Rules", lambda knowledge: knowledge.rules),
    "analytes": ("Limits of results", lambda knowledge: knowledge.analytes),
    "parameters": ("Numbers of the rules", lambda knowledge: knowledge.parameter_files),
    "regimens": ("Regimens", lambda knowledge: knowledge.regimen_files),
    "conditions": ("Problems", lambda knowledge: knowledge.conditions),
    "medicines": ("Medicines", lambda knowledge: knowledge.medicines),
    "tests": ("Tests", lambda knowledge: knowledge.tests),
    "specimens": ("Specimens that are not blood", lambda knowledge: knowledge.specimens),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the list: the address it leads to, its name, what it says, and how far it was reviewed."""

    place: str
    name: str
    says: str
    review: str


def list_page(knowledge: Knowledge, search: str) -> str:
    """All rules and all that they rest on, or just those that hold every word of the search."""
    search = search[:_LONGEST_SEARCH].strip()
    words = search.lower().split()
    groups = []
    for kind, (title, things) in _KINDS.items():
        held = [thing for thing in things(knowledge).values() if _holds(thing, words)]
        if held:
            groups.append((title, [_line(kind, thing) for thing in held]))
    return filled("knowledge.html", root="", knowledge=knowledge, search=search, groups=groups)


def thing_page(knowledge: Knowledge, kind: str, name: str) -> str | None:
    """The page of one file of the knowledge; None where there is no such file."""
    thing = _KINDS[kind][1](knowledge).get(name) if kind in _KINDS else None
    if thing is None:
        return None
    shown = {
        "root": "../../",
        "knowledge": knowledge,
        "kind": _KINDS[kind][0],
        "thing": thing,
        "review": _review(thing.review, knowledge),
        "sources": [(knowledge.sources[cited.source], cited.at) for cited in _citations(thing)],
    }
    if kind == "rules":
        return filled("knowledge-rule.html", **shown, **_of_rule(thing, knowledge))
    return filled("knowledge-thing.html", **shown, **_of_thing(kind, thing, knowledge))


def site_page(knowledge: Knowledge, changes: Sequence[Change] | None) -> str:
    """What this site's own files change, value by value; None: it has none."""
    return filled("knowledge-site.html", root="../", knowledge=knowledge, changes=changes)


def _holds(thing: Any, words: Iterable[str]) -> bool:
    text = repr(thing).lower()
    return all(word in text for word in words)


def _line(kind: str, thing: Any) -> _Line:
    name = thing.id if kind in ("rules", "parameters") else thing.title
    return _Line(f"knowledge/{kind}/{thing.id}", name, _says(kind, thing), str(thing.review.status))


def _says(kind: str, thing: Any) -> str:
    if kind == "rules":
        return f"{thing.title}. {thing.statement}"
    if kind == "parameters":
        return f"{_number(thing)}: {thing.statement}"
    if kind == "regimens":
        return str(thing.label)
    if kind == "analytes":
        return _limits(thing)
    return f"{len(thing.codes)} codes"


def _number(parameter: Any) -> str:
    return f"{parameter.value} {_UNITS.get(parameter.unit, parameter.unit)}".strip()


def _review(review: Review, knowledge: Knowledge) -> str:
    return f"{review_words(review, knowledge.wording)}; by {review.authored_by}; to be reviewed by {review.next_review}"


def _citations(thing: Any) -> tuple[Citation, ...]:
    cited: tuple[Citation, ...] = thing.sources
    return cited


def _of_rule(rule: RuleKnowledge, knowledge: Knowledge) -> dict[str, Any]:
    return {
        "examples": [example_row(example) for example in rule.examples],
        "overrides": [knowledge.override_reasons[reason].code.display for reason in rule.overrides],
        "rests_on": list(_rests_on(rule, knowledge)),
    }


def _rests_on(rule: RuleKnowledge, knowledge: Knowledge) -> Iterator[tuple[str, str, str]]:
    """The numbers at whose edges the rule's examples stand, and what they name: (address, name, value)."""
    edges = {edge.partition(".")[0] for example in rule.examples for edge in example.edge}
    for parameter in knowledge.parameter_files.values():
        if parameter.id in edges:
            yield f"parameters/{parameter.id}", _number(parameter), parameter.statement
    for analyte in knowledge.analytes.values():
        if analyte.id in edges:
            yield f"analytes/{analyte.id}", analyte.title, _limits(analyte)
    named = {kind: set(_named(rule, kind)) for kind in ("problems", "taking")}
    for condition in knowledge.conditions.values():
        if condition.id in named["problems"]:
            yield f"conditions/{condition.id}", condition.title, f"{len(condition.codes)} codes"
    for medicine in knowledge.medicines.values():
        if medicine.id in named["taking"]:
            yield f"medicines/{medicine.id}", medicine.title, f"{len(medicine.codes)} codes"


def _named(rule: RuleKnowledge, kind: str) -> Iterator[str]:
    """The problems or medicines that the rule's examples give."""
    for example in rule.examples:
        given = example.given.get(kind, ())
        for item in given if isinstance(given, list) else [given]:
            yield from map(str, item if isinstance(item, Mapping) else [item])


def _limits(analyte: AnalyteKnowledge) -> str:
    told = ((scale.unit, limit_words(scale)) for scale in analyte.scales)
    return "; ".join(f"{', '.join(limits)} {unit}" for unit, limits in told if limits)


def _of_thing(kind: str, thing: Any, knowledge: Knowledge) -> dict[str, Any]:
    return {
        "says": _says(kind, thing) if kind in ("parameters", "regimens") else "",
        "codes": [_code_row(code) for code in getattr(thing, "codes", ())],
        "names": list(getattr(thing, "names", ())),
        "not_names": list(getattr(thing, "not_names", ())),
        "beside": list(getattr(thing, "beside", ())),
        "scales": [
            (scale.unit, limit_words(scale), scale.plausible_from, scale.plausible_to, scale.units.items())
            for scale in getattr(thing, "scales", ())
        ],
        "steps": [step_row(step) for step in getattr(thing, "steps", ())],
        "used_by": [
            rule
            for rule in knowledge.rules.values()
            if f"{kind}/{thing.id}" in {x[0] for x in _rests_on(rule, knowledge)}
        ],
    }


def _code_row(code: Code | MedicineCode) -> tuple[str, str, str, str]:
    """System, code, display, and what it holds (a medicine's) or what it may be used for."""
    row = (_SYSTEMS.get(code.system, code.system), code.code, code.display)
    if isinstance(code, Code):
        return *row, _USES[code.use]
    if code.mg is not None:
        return *row, f"{code.mg} mg"
    return *row, f"{code.mg_per_ml} mg/mL" if code.mg_per_ml is not None else "Not told by the code"
