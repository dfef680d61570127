"""What goes back to the EHR: cards, and on request the assessment behind them. Empty values are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from cds_service.assessment.outcome import Assessment, FactUsed, FindingOf
from cds_service.cards.card import Action, Card, Suggestion
from cds_service.facts.patient import DataIssue
from cds_service.knowledge.model import Code
from cds_service.service import CdsService, HookAnswer

TRACE = "org.b12-cds.trace"
ASSESSMENT = "org.b12-cds.assessment"
# Members of CDS Hooks 3.0 that a 2.0.1 client ignores: which edition we speak, and which one of each hook.
_CDS_HOOKS_VERSION = "2.0.1"
_HOOK_VERSION = "1.0"

# FHIR decimals are JSON numbers; a Decimal as text would be another type.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def encoded(value: Mapping[str, Any]) -> bytes:
    """JSON, with exact decimals."""
    return _ENCODER.encode(value)


def discovery_json(services: Sequence[CdsService]) -> dict[str, Any]:
    """The discovery document (CDS Hooks 2.0.1, "Discovery")."""
    return {"services": [_service_json(service) for service in services]}


def answer_json(answer: HookAnswer, *, with_assessment: bool) -> dict[str, Any]:
    """The answer to a hook; the assessment only where it was asked for and made."""
    body: dict[str, Any] = {"cards": [card_json(card) for card in answer.cards]}
    if with_assessment and answer.assessment is not None:
        body["extension"] = {ASSESSMENT: assessment_json(answer.assessment)}
    return body


def card_json(card: Card) -> dict[str, Any]:
    """One card (CDS Hooks 2.0.1, "Card Attributes"), with the rules it speaks for."""
    body: dict[str, Any] = {
        "uuid": card.uuid,
        "summary": card.summary,
        "indicator": card.indicator.value,
        "source": _filled({"label": card.source.label, "url": card.source.url, "topic": _coding(card.source.topic)}),
        "extension": {TRACE: _trace(card)},
    }
    if card.detail:
        body["detail"] = card.detail
    if card.suggestions:
        body["suggestions"] = [_suggestion(suggestion) for suggestion in card.suggestions]
        body["selectionBehavior"] = card.selection_behavior
    if card.override_reasons:
        body["overrideReasons"] = [_coding(reason) for reason in card.override_reasons]
    if card.links:
        body["links"] = [{"label": link.label, "url": link.url, "type": "absolute"} for link in card.links]
    return body


def assessment_json(assessment: Assessment) -> dict[str, Any]:
    """The assessment: every rule's answer, the facts it rests on, and what of the data could not be used."""
    recommended = (kind.value for finding in assessment.fired for kind in finding.answer.recommends)
    return {
        "status": assessment.status.value,
        "asOf": assessment.as_of.isoformat(),
        "knowledgeVersion": assessment.knowledge_version,
        "findings": [_finding(finding) for finding in assessment.findings],
        "recommendations": list(dict.fromkeys(recommended)),
        "dataIssues": [_data_issue(issue) for issue in assessment.issues],
    }


def _service_json(service: CdsService) -> dict[str, Any]:
    return _filled(
        {
            "hook": service.hook,
            "title": service.title,
            "description": service.description,
            "id": service.id,
            "usageRequirements": service.usage_requirements,
            "version": _CDS_HOOKS_VERSION,
            "hookVersion": _HOOK_VERSION,
            "prefetch": {key.value: template for key, template in service.prefetch.items()},
        }
    )


def _trace(card: Card) -> dict[str, Any]:
    trace = card.trace
    return _filled(
        {
            "rules": list(trace.rules),
            "recommendations": list(trace.recommendations),
            "knowledgeVersion": trace.knowledge_version,
        }
    )


def _suggestion(suggestion: Suggestion) -> dict[str, Any]:
    body: dict[str, Any] = {
        "uuid": suggestion.uuid,
        "label": suggestion.label,
        "actions": [_action(action) for action in suggestion.actions],
    }
    if suggestion.is_recommended:
        body["isRecommended"] = True
    return body


def _action(action: Action) -> dict[str, Any]:
    body: dict[str, Any] = {"type": action.type, "description": action.description}
    if action.resource is not None:
        body["resource"] = action.resource
    if action.resource_id:
        body["resourceId"] = action.resource_id
    return body


def _coding(code: Code) -> dict[str, str]:
    return {"code": code.code, "system": code.system, "display": code.display}


def _finding(finding: FindingOf) -> dict[str, Any]:
    answer = finding.answer
    return {
        "rule": finding.rule,
        "outcome": answer.outcome.value,
        "facts": [_fact(fact) for fact in answer.facts],
        "missing": list(answer.missing),
        "recommends": [kind.value for kind in answer.recommends],
    }


def _fact(fact: FactUsed) -> str:
    when = f" ({fact.when})" if fact.when else ""
    source = f" [{fact.source}]" if fact.source else ""
    return f"{fact.label}: {fact.value}{when}{source}"


def _data_issue(issue: DataIssue) -> dict[str, str]:
    return _filled({"resource": str(issue.resource), "field": issue.field, "issue": issue.issue})


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    """The members that hold something (CDS Hooks 2.0.1, "Use of JSON": no null, "", [] or {})."""
    return {name: value for name, value in body.items() if value not in (None, "", [], {})}
