"""patient-view: the chart is opened. Status, testing, treatment, follow-up, and what could not be checked."""

from __future__ import annotations

from cds_service.assessment.assess import assess
from cds_service.cards.compose import compose
from cds_service.facts.patient import DataKey
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.templates import prefetch_templates
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService, HookAnswer, HookCall

HOOK = "patient-view"


def service(knowledge: Knowledge) -> CdsService:
    """The discovery entry and behaviour of `b12-patient-view`."""

    def respond(call: HookCall) -> HookAnswer:
        facts = read_facts(call.record, knowledge, call.today)
        assessment = assess(facts, knowledge, HOOK)
        return HookAnswer(compose(assessment, facts, knowledge, call), assessment)

    return CdsService(
        id="b12-patient-view",
        hook=HOOK,
        title="Vitamin B12 status",
        description=(
            "Assesses vitamin B12 status from results, medicines and problems: whom to test, what results mean, how to "
            "treat and when to review. Says what could not be checked."
        ),
        usage_requirements=(
            "Needs the patient and laboratory results, as prefetch or through a FHIR R4 server; all else is optional, "
            "and what is missing is said when it could change the answer."
        ),
        prefetch=prefetch_templates(knowledge),
        required=(DataKey.PATIENT, DataKey.LABS),
        respond=respond,
    )
