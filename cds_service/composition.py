"""The only importer of hooks: knowledge and hooks make the tuple of services that is passed to all who need it."""

from __future__ import annotations

from cds_service.assessment.assess import RULES, rule_ids
from cds_service.errors import InvalidKnowledge
from cds_service.facts.labs import Analyte
from cds_service.facts.orders import Test
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine
from cds_service.knowledge.loader import check_complete
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from hooks import order_select, order_sign, patient_view


def services(knowledge: Knowledge) -> tuple[CdsService, ...]:
    """The services, in the order of discovery.

    Raises:
        InvalidKnowledge: a rule, analyte, medicine, condition or test that the code knows has no file, or the reverse.
    """
    check_complete(
        knowledge,
        analytes=[str(x) for x in Analyte],
        tests=[str(x) for x in Test],
        medicines=[str(x) for x in Medicine],
        conditions=[str(x) for x in ProblemKind],
    )
    problems = _rules_without_partner(knowledge)
    if problems:
        raise InvalidKnowledge(problems)
    return (patient_view.service(knowledge), order_select.service(knowledge), order_sign.service(knowledge))


def _rules_without_partner(knowledge: Knowledge) -> list[str]:
    functions = {rule_id: rule.__name__ for rule_id, rule in RULES}
    problems = [f"rules/{name}-….yaml: the file is missing" for name in rule_ids() if name not in knowledge.rules]
    for rule in knowledge.rules.values():
        if rule.id not in rule_ids():
            problems.append(f"rules/{rule.id}-….yaml: no function stands for this rule in assess.RULES")
        elif functions.get(rule.id, rule.function) != rule.function:
            problems.append(f"rules/{rule.id}-….yaml: rule: is {rule.function!r}, must be {functions[rule.id]!r}")
    return problems
