"""Laboratory results, each in a canonical unit of its analyte and with the words it was sent in."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate


class Analyte(StrEnum):
    """What is measured; the value is the file name in `knowledge/analytes/`."""

    TOTAL_B12 = "total-b12"
    ACTIVE_B12 = "active-b12"
    MMA = "mma"
    HOMOCYSTEINE = "homocysteine"
    HAEMOGLOBIN = "haemoglobin"
    MCV = "mcv"
    EGFR = "egfr"
    CREATININE = "creatinine"
    SERUM_FOLATE = "serum-folate"
    RED_CELL_FOLATE = "red-cell-folate"
    INTRINSIC_FACTOR_ANTIBODY = "intrinsic-factor-antibody"
    PLATELETS = "platelets"
    HYPERSEGMENTED_NEUTROPHILS = "hypersegmented-neutrophils"


class Comparator(StrEnum):
    """How the true value lies to the printed one (FHIR quantity-comparator)."""

    BELOW = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    ABOVE = ">"


class Finding(StrEnum):
    """What a laboratory says of a result in words, without a number we can use."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    POSITIVE = "positive"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class LabResult:
    """One usable result.

    `value` is in `unit`, a canonical unit of the analyte (total B12 has two, ng/L and pmol/L, which are never
    converted into each other). Exactly one of `value` and `finding` is set. `flag` is how the laboratory marked the
    value: low, high, or None for any other mark, as none of those may reassure. `upper_limit` and `lower_limit` are the
    laboratory's own reference range in the same unit. `is_coded` is false for a result recognised by its name alone,
    which is never better than possible. `is_preliminary` results soften what is said. `estimated_from` is what was
    measured where the value is an estimate of ours.
    """

    analyte: Analyte
    taken: ClinicalDate
    source: str
    printed: str
    value: Decimal | None = None
    unit: str = ""
    comparator: Comparator | None = None
    finding: Finding | None = None
    flag: Finding | None = None
    lower_limit: Decimal | None = None
    upper_limit: Decimal | None = None
    printed_range: str = ""
    issued: ClinicalDate | None = None
    is_preliminary: bool = False
    is_corrected: bool = False
    is_coded: bool = True
    estimated_from: str = ""

    @property
    def least(self) -> Decimal | None:
        """The least the true value can be; None when the comparator leaves it open, or there is no number."""
        return None if self.comparator in (Comparator.BELOW, Comparator.AT_MOST) else self.value

    @property
    def most(self) -> Decimal | None:
        """The most the true value can be; None when the comparator leaves it open, or there is no number."""
        return None if self.comparator in (Comparator.ABOVE, Comparator.AT_LEAST) else self.value
