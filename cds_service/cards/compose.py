"""From an assessment to cards: one card a concern, the most severe first, each with all that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from cds_service.assessment.assess import DATA_RULE
from cds_service.assessment.key_words import KEY_WORDS
from cds_service.assessment.outcome import Assessment, FactUsed, FindingOf
from cds_service.cards.card import Card, CardSource, Link, Suggestion, Trace
from cds_service.cards.suggest import suggestions_for
from cds_service.cards.words import begun, escaped, filled_detail, filled_summary
from cds_service.facts.labs import Analyte
from cds_service.facts.patient import AGE, DataIssue, DataKey, PatientFacts
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.remembered import itself, remembered
from cds_service.knowledge.model import CardText, Code, Knowledge, Review, ReviewStatus, RuleKnowledge
from cds_service.knowledge.wording import Wording

LABEL = "B12 CDS"
TOPIC_SYSTEM = "https://b12-cds.org/topics"
_ON_EVERY_CARD = frozenset(
    {Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE, Medicine.B12, AGE}
)
_NO_ISSUES_ON = frozenset({"product", "scope"})
_DISCLAIMER_WORDS = "For healthcare professionals: it supports clinical judgement and does not replace it."
_MOST_FACTS, _MOST_ISSUES = 10, 3


def compose(assessment: Assessment, facts: PatientFacts, knowledge: Knowledge, call: HookCall) -> tuple[Card, ...]:
    """The cards of an assessment, the most severe first and else in the order of RULES.

    On patient-view there are at most as many as the configured number: the most severe.
    """
    cards = [_card(group, facts, knowledge, call) for group in _by_concern(assessment.fired, knowledge)]
    cards.sort(key=lambda card: -card.indicator.severity)  # stable: the order of RULES stays within a severity
    return tuple(_each_offer_once(_shown(cards, knowledge) if call.hook == "patient-view" else cards))


def _shown(cards: Sequence[Card], knowledge: Knowledge) -> Sequence[Card]:
    """The most severe. What could not be checked is never among those that are left away: it would read as checked."""
    most = knowledge.parameters.cards_at_most
    doubts = [card for card in cards[most:] if DATA_RULE in card.trace.rules]
    return [*cards[: most - len(doubts)], *doubts]


def _each_offer_once(cards: Sequence[Card]) -> Iterator[Card]:
    """A test or treatment that two cards offer stays on the first: applied on both, it would be ordered twice.

    Where that was the recommended one, the next is, unless it removes an order.
    """
    offered: set[str] = set()
    for card in cards:
        kept = [s for s in card.suggestions if s.label not in offered]
        offered |= {s.label for s in kept}
        if kept and not kept[0].is_removal and not any(s.is_recommended for s in kept):
            kept[0] = replace(kept[0], is_recommended=True)
        suggestions = tuple(kept)
        yield card if suggestions == card.suggestions else replace(card, suggestions=suggestions)


def _by_concern(fired: Iterable[FindingOf], knowledge: Knowledge) -> list[list[FindingOf]]:
    """The findings of each concern, the one that speaks for it first: the most severe, else the first in RULES."""
    groups: dict[str, list[FindingOf]] = {}
    for finding in fired:
        groups.setdefault(knowledge.rules[finding.rule].concern, []).append(finding)
    for group in groups.values():
        group.sort(key=lambda finding: -_text(finding, knowledge).indicator.severity)
    return list(groups.values())


def _text(finding: FindingOf, knowledge: Knowledge) -> CardText:
    return knowledge.rules[finding.rule].cards[finding.answer.variant]


def _card(group: Sequence[FindingOf], facts: PatientFacts, knowledge: Knowledge, call: HookCall) -> Card:
    first = group[0]
    always = _always(first.rule, knowledge)
    suggestions = suggestions_for([f.answer for f in group], knowledge, call)
    return Card(
        uuid=str(uuid4()),
        summary=filled_summary(_text(first, knowledge).summary, first.answer.values, knowledge.wording.said),
        detail=_detail(group, facts, knowledge),
        indicator=_text(first, knowledge).indicator,
        source=always.source,
        trace=Trace(
            rules=tuple(f.rule for f in group),
            recommendations=tuple(dict.fromkeys(str(r) for f in group for r in f.answer.recommends)),
            knowledge_version=knowledge.version,
        ),
        suggestions=suggestions,
        override_reasons=always.override_reasons,
        links=always.links,
        # two treatments must not both be applied; one treatment and tests may
        selection_behavior="at-most-one" if sum(map(_holds_medicine, suggestions)) > 1 else "any",
    )


def _holds_medicine(suggestion: Suggestion) -> bool:
    kinds = {action.resource["resourceType"] for action in suggestion.actions if action.resource is not None}
    return bool(kinds - {"ServiceRequest"})


@dataclass(frozen=True, slots=True)
class _Always:
    """What every card that a rule speaks for carries, whoever the patient is."""

    source: CardSource
    links: tuple[Link, ...]
    override_reasons: tuple[Code, ...]


@remembered(itself)
def _always(rule_id: str, knowledge: Knowledge) -> _Always:
    rule = knowledge.rules[rule_id]
    reasons = tuple(knowledge.override_reasons[reason].code for reason in rule.overrides)
    return _Always(_source(rule, knowledge), _links(rule, knowledge), reasons)


def _source(rule: RuleKnowledge, knowledge: Knowledge) -> CardSource:
    source = next((knowledge.sources[c.source] for c in rule.sources if knowledge.sources[c.source].url), None)
    topic = Code(TOPIC_SYSTEM, rule.concern, rule.concern.replace("-", " ").capitalize())
    label = f"{LABEL} {rule.id} ({review_words(rule.review, knowledge.wording)})"
    return CardSource(label, source.url if source is not None else "", topic)


def review_words(review: Review, wording: Wording) -> str:
    """How far clinicians have looked at it, for the card's source: nothing that reads like a review that was not."""
    if review.status is ReviewStatus.APPROVED:
        return wording.say("last reviewed {0} by {1}", review.reviewed, review.reviewed_by)
    state = wording.say("draft") if review.status is ReviewStatus.DRAFT else wording.say("in review")
    if review.reviewed is None:
        return wording.say("{0}, not yet reviewed by a clinician", state)
    return wording.say("{0}, looked at on {1} by {2}, not approved", state, review.reviewed, review.reviewed_by)


def _links(rule: RuleKnowledge, knowledge: Knowledge) -> tuple[Link, ...]:
    cited = [knowledge.sources[citation.source] for citation in rule.sources]
    return tuple(Link(source.title, source.url) for source in cited if source.url)


def _detail(group: Sequence[FindingOf], facts: PatientFacts, knowledge: Knowledge) -> str:
    said = knowledge.wording.said
    paragraphs = [filled_detail(_text(f, knowledge).detail, f.answer.values, said) for f in group]
    parts = [
        *dict.fromkeys(paragraphs),
        _table((fact for finding in group for fact in finding.answer.facts), knowledge.wording),
        _missing(group, knowledge.wording),
        _not_used(group, facts.issues, knowledge),
        _why(tuple(f.rule for f in group), knowledge),
    ]
    return "\n\n".join(part for part in parts if part)


def _table(facts: Iterable[FactUsed], wording: Wording) -> str:
    rows = list(dict.fromkeys(facts))
    if not rows:
        return ""
    head = (wording.say("Fact"), wording.say("Value"), wording.say("Date"), wording.say("Reference range"))
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|"]
    for f in rows[:_MOST_FACTS]:
        label, value = wording.said(f.label), wording.said(f.value)
        # A problem that is written in our own words would say the same twice.
        told = wording.say("recorded") if value.casefold() == label.casefold() else value
        cells = (begun(label), told, f.when, f.reference)
        lines.append(f"| {' | '.join(escaped(cell) or '–' for cell in cells)} |")
    more = len(rows) - _MOST_FACTS
    return "\n".join(lines) + (f"\n\n{wording.say('…and {0} more', more)}." if more > 0 else "")


def _missing(group: Sequence[FindingOf], wording: Wording) -> str:
    keys = list(dict.fromkeys(key for f in group for key in f.answer.missing_keys))
    if not keys:
        return ""
    words = ", ".join(f"{wording.say(KEY_WORDS[DataKey(key)])} ({key})" for key in keys)
    heading, why = wording.say("Not checked"), wording.say("because it was not received or not complete")
    return f"**{heading}**, {why}: {words}."


def _not_used(group: Sequence[FindingOf], issues: Sequence[DataIssue], knowledge: Knowledge) -> str:
    if knowledge.rules[group[0].rule].concern in _NO_ISSUES_ON:
        return ""
    told = {fact.value for finding in group for fact in finding.answer.facts}  # stands in the table already
    ours = [i for i in issues if _concerns_every_card(i) and f"{i.resource}: {i.issue}" not in told]
    if not ours:
        return ""
    wording = knowledge.wording
    lines = [f"- {escaped(issue.resource)}: {escaped(wording.said(issue.issue))}" for issue in ours[:_MOST_ISSUES]]
    more = len(ours) - _MOST_ISSUES
    rest = [f"- {wording.say('…and {0} more', more)}"] if more > 0 else []
    return "\n".join([f"**{wording.say('Not used, or used with care')}:**", "", *lines, *rest])


def _concerns_every_card(issue: DataIssue) -> bool:
    return issue.matters_to in _ON_EVERY_CARD or (
        issue.matters_to == ProblemKind.PREGNANCY and not issue.used_with_care
    )


@remembered(itself)
def _why(rule_ids: tuple[str, ...], knowledge: Knowledge) -> str:
    places: dict[str, dict[str, None]] = {}
    for rule_id in rule_ids:
        for citation in knowledge.rules[rule_id].sources:
            places.setdefault(citation.source, {})[citation.at] = None
    ids = ", ".join(rule_ids)
    sources = "; ".join(_cited(source, tuple(at), knowledge) for source, at in places.items())
    say = knowledge.wording.say
    return f"**{say('Why')}:** {ids}. {sources}. {say('Knowledge')} {knowledge.version}. {say(_DISCLAIMER_WORDS)}"


def _cited(source_id: str, places: tuple[str, ...], knowledge: Knowledge) -> str:
    """A source once, with every place in it."""
    source = knowledge.sources[source_id]
    title = f"[{escaped(source.title)}]({source.url})" if source.url else escaped(source.title)
    return f"{title}, {', '.join(escaped(place) for place in places)}"
