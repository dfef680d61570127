"""RULES in order, and the one way from facts to an assessment. The order of RULES is the order of the cards."""

from __future__ import annotations

from collections.abc import Callable

from cds_service.assessment.outcome import Answer, Assessment, FindingOf, does_not_fire
from cds_service.assessment.picture import Picture
from cds_service.assessment.rules import diagnosis, monitoring, safety, scope, testing, treatment
from cds_service.facts.patient import PatientFacts
from cds_service.knowledge.model import Knowledge

Rule = Callable[[Picture], Answer]

RULES: tuple[tuple[str, Rule], ...] = (
    ("B12-RX-03", treatment.myelopathy_untreated),
    ("B12-SAFE-06", safety.leber_cyanocobalamin),
    ("B12-SAFE-08", safety.allergy_to_drafted_b12),
    ("B12-SAFE-01", safety.folic_acid_drafted_with_low_b12),
    ("B12-SAFE-02", safety.folic_acid_drafted_with_b12_in_doubt),
    ("B12-SAFE-05", safety.folic_acid_not_checked),
    ("B12-RX-06", treatment.cobalamin_allergy),
    ("B12-RX-04", treatment.untreated_too_long),
    ("B12-RX-07", treatment.pregnancy),
    ("B12-SAFE-03", safety.folic_acid_taken_with_low_b12),
    ("B12-DX-01", diagnosis.total_b12_deficient),
    ("B12-DX-02", diagnosis.active_b12_deficient),
    ("B12-DX-04", diagnosis.functional_deficiency),
    ("B12-RX-02", treatment.parenteral_first),
    ("B12-RX-01", treatment.oral_first),
    ("B12-RX-05", treatment.maintenance_by_cause),
    ("B12-RX-08", treatment.kidney_disease),
    ("B12-SAFE-04", safety.folic_acid_taken_with_b12_in_doubt),
    ("B12-DX-03", diagnosis.indeterminate_needs_mma),
    ("B12-DX-05", diagnosis.metabolites_confounded),
    ("B12-DX-08", diagnosis.raised_marker_alone),
    ("B12-DX-06", diagnosis.intrinsic_factor_antibody),
    ("B12-DX-07", diagnosis.nitrous_oxide_distrust),
    ("B12-DX-09", diagnosis.preliminary_low),
    ("B12-MON-04", monitoring.deficient_on_therapy),
    ("B12-MON-02", monitoring.insufficient_response),
    ("B12-MON-05", monitoring.symptoms_persist),
    ("B12-MON-03", monitoring.lifelong_therapy_lapsed),
    ("B12-TEST-11", testing.result_unusable),
    ("B12-TEST-12", testing.recorded_deficiency),
    ("B12-TEST-07", testing.nitrous_oxide),
    ("B12-TEST-01", testing.metformin_long_term),
    ("B12-TEST-02", testing.ppi_long_term),
    ("B12-TEST-03", testing.h2_blocker_long_term),
    ("B12-TEST-06", testing.gastric_or_small_bowel_surgery),
    ("B12-TEST-05", testing.malabsorption),
    ("B12-TEST-04", testing.strict_diet),
    ("B12-TEST-10", testing.duration_unknown),
    ("B12-TEST-09", testing.unexplained_feature),
    ("B12-TEST-08", testing.advanced_age),
    ("B12-MON-01", monitoring.follow_up_due),
    ("B12-DX-10", diagnosis.tests_disagree),
    ("B12-SAFE-11", safety.cord_without_injection),
    ("B12-SAFE-07", safety.b12_ordered_twice),
    ("B12-SAFE-09", safety.product_not_checked),
    ("B12-SAFE-10", safety.draft_not_read),
    ("B12-SCOPE-01", scope.child_with_low_b12),
)
DATA_RULE = "B12-DATA-01"
OUT_OF_SCOPE = "B12-SCOPE-01"
# An order that cannot be read is unread whoever the patient is.
_ASKED_OF_ALL = frozenset({OUT_OF_SCOPE, "B12-SAFE-10"})
# What must not be given to an adult must not be given to a child, nor unchecked.
_ASKED_OF_CHILDREN = _ASKED_OF_ALL | {"B12-SAFE-06", "B12-SAFE-08", "B12-SAFE-09"}
_SILENT = {rule_id: FindingOf(rule_id, does_not_fire()) for rule_id, _rule in RULES}  # most findings of most patients


def rule_ids() -> tuple[str, ...]:
    """Every rule id, in order."""
    return (*(rule_id for rule_id, _rule in RULES), DATA_RULE)


def assess(facts: PatientFacts, knowledge: Knowledge, hook: str = "patient-view") -> Assessment:
    """Ask every rule that speaks on this hook about the patient.

    A rule that stays silent on the hook is not asked, so that what it lacks is not reported as missing.
    """
    picture = Picture(facts, knowledge)
    findings = [_ask(rule_id, rule, picture) for rule_id, rule in RULES if hook in knowledge.rules[rule_id].shown_on]
    if hook in knowledge.rules[DATA_RULE].shown_on:
        last = scope.data_incomplete(picture, [finding.answer for finding in findings])
        findings.append(FindingOf(DATA_RULE, last))
    return Assessment(picture.status, facts.today, knowledge.version, tuple(findings), facts.issues)


def _ask(rule_id: str, rule: Rule, picture: Picture) -> FindingOf:
    """Outside the scope of the guidelines only the rules that say so are asked."""
    silent = _SILENT[rule_id]
    asked = _ASKED_OF_ALL if picture.facts.is_deceased else _ASKED_OF_CHILDREN
    if not picture.in_scope and rule_id not in asked:
        return silent
    answer = rule(picture)
    return silent if answer is silent.answer else FindingOf(rule_id, answer)
