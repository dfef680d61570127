"""order-sign: orders are about to be signed. All drafts are looked at together."""

from __future__ import annotations

from cds_service.assessment.assess import assess
from cds_service.cards.compose import compose
from cds_service.fhir.draft_orders import concerns_us
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.templates import prefetch_templates
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService, HookAnswer, HookCall

HOOK = "order-sign"


def service(knowledge: Knowledge) -> CdsService:
    """The discovery entry and behaviour of `b12-order-sign`."""

    def respond(call: HookCall) -> HookAnswer:
        facts = read_facts(call.record, knowledge, call.today)
        assessment = assess(facts, knowledge, HOOK)
        return HookAnswer(compose(assessment, facts, knowledge, call), assessment)

    return CdsService(
        id="b12-order-sign",
        hook=HOOK,
        title="Vitamin B12 check before signing",
        description=(
            "Looks at all drafts to be signed: folic acid when B12 is low or in doubt and no B12 goes with "
            "it, the wrong form of B12, B12 ordered twice. Orders that do not concern vitamin B12 are "
            "answered at once with no cards."
        ),
        usage_requirements=(
            "Nothing is required. When folic acid is ordered and laboratory results cannot be read, a card says that "
            "vitamin B12 status could not be checked."
        ),
        prefetch=prefetch_templates(knowledge),
        required=(),
        respond=respond,
        concerns_us=lambda record: concerns_us(record, knowledge),
    )
