"""Kidney function as creatinine alone tells it: an eGFR that nobody reported, where it is low enough to matter.

Only ever a caveat: a creatinine that is not certainly too high says nothing, and takes no reported eGFR back.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from cds_service.assessment.results import Labs
from cds_service.facts.dates import age_in_years
from cds_service.facts.labs import Analyte, Comparator, LabResult
from cds_service.facts.patient import PatientFacts, Sex
from cds_service.knowledge.model import Knowledge

# CKD-EPI 2021: 142 x min(Scr/k, 1)^a x max(Scr/k, 1)^-1.200 x 0.9938^age, x 1.012 for women; Scr in mg/dL.
_WOMEN = (Decimal("143.704"), Decimal("0.7"), Decimal("-0.241"))
_MEN = (Decimal("142"), Decimal("0.9"), Decimal("-0.302"))
_ABOVE, _A_YEAR = Decimal("-1.200"), Decimal("0.9938")
_AT_MOST = {None: None, Comparator.ABOVE: Comparator.BELOW, Comparator.AT_LEAST: Comparator.AT_MOST}


def with_estimated_rate(facts: PatientFacts, knowledge: Knowledge) -> Labs:
    """The results, and the eGFR of the newest creatinine where no eGFR was reported from then on and it is below the
    limit at which it matters."""
    labs = Labs(facts.labs)
    creatinine, reported = labs.newest(Analyte.CREATININE), labs.newest(Analyte.EGFR)
    if creatinine is None or creatinine.least is None:
        return labs
    if reported is not None and reported.taken.latest >= creatinine.taken.earliest:
        return labs
    rate = _rate(creatinine.least, _youngest(facts, creatinine, knowledge), facts.sex)
    if rate >= knowledge.parameters.egfr_below:
        return labs
    scale = knowledge.analytes[Analyte.EGFR].scales[0]
    estimated = replace(
        creatinine,
        analyte=Analyte.EGFR,
        printed=f"{rate} {scale.unit}",
        value=rate,
        unit=scale.unit,
        comparator=_AT_MOST[creatinine.comparator],
        flag=None,
        lower_limit=None,
        upper_limit=None,
        printed_range="",
        estimated_from=creatinine.printed,
    )
    return Labs((*facts.labs, estimated))


def _youngest(facts: PatientFacts, creatinine: LabResult, knowledge: Knowledge) -> int:
    """The least age that the patient can have had, of an adult: the estimate falls with age."""
    adult = knowledge.parameters.adult_age_years
    return adult if facts.born is None else max(adult, age_in_years(facts.born, creatinine.taken.earliest)[0])


def _rate(creatinine: Decimal, age: int, sex: Sex) -> Decimal:
    """The eGFR in mL/min/1.73m2 of a creatinine in mg/dL, as a whole number; the higher one of both sexes where the sex
    is not known."""
    rates = [
        scale * min(creatinine / kappa, Decimal(1)) ** alpha * max(creatinine / kappa, Decimal(1)) ** _ABOVE
        for scale, kappa, alpha in ((_WOMEN,) if sex is Sex.FEMALE else (_MEN,) if sex is Sex.MALE else (_WOMEN, _MEN))
    ]
    return (max(rates) * _A_YEAR**age).quantize(Decimal(1), ROUND_HALF_UP)
