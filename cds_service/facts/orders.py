"""Orders: tests that are on their way, and the drafts a clinician is writing now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte
from cds_service.facts.treatments import DailyDose, Medicine, Route


class Test(StrEnum):
    """A laboratory test that can be ordered."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    B12 = "b12"
    ACTIVE_B12 = "active-b12"
    MMA = "mma"
    HOMOCYSTEINE = "homocysteine"
    CBC = "cbc"
    FOLATE = "folate"
    INTRINSIC_FACTOR_ANTIBODY = "intrinsic-factor-antibody"


TEST_OF: Mapping[Analyte, Test] = {
    Analyte.TOTAL_B12: Test.B12,
    Analyte.ACTIVE_B12: Test.ACTIVE_B12,
    Analyte.MMA: Test.MMA,
    Analyte.HOMOCYSTEINE: Test.HOMOCYSTEINE,
    Analyte.HAEMOGLOBIN: Test.CBC,
    Analyte.MCV: Test.CBC,
    Analyte.SERUM_FOLATE: Test.FOLATE,
    Analyte.RED_CELL_FOLATE: Test.FOLATE,
    Analyte.INTRINSIC_FACTOR_ANTIBODY: Test.INTRINSIC_FACTOR_ANTIBODY,
}
"""The test whose order brings a result of an analyte."""


@dataclass(frozen=True, slots=True)
class TestOrder:
    """A test that was ordered and not revoked. `ordered` None: it is not known when.

    `due`: the day from which it is to be done; None where none is said.
    `is_done`: the sample is taken, or the laboratory has it, so that it is awaited only until something comes of it.
    """

    __test__ = False

    test: Test
    ordered: ClinicalDate | None
    source: str
    is_done: bool = False
    due: ClinicalDate | None = None


@dataclass(frozen=True, slots=True)
class DraftContent:
    """One medicine in a drafted order.

    `dose_mg` and `form` as in Treatment. `is_coded` false: recognised by name alone. `is_doubted`: its directions speak
    of not taking it. `as_needed`: it is to be taken only when needed. `is_alone`: its names and codes
    tell of nothing else in the product.
    """

    medicine: Medicine
    dose: DailyDose
    route: Route = Route.NOT_KNOWN
    form: str = ""
    is_coded: bool = True
    is_doubted: bool = False
    dose_mg: Decimal | None = None
    as_needed: bool = False
    is_alone: bool = True


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """An unsigned order of this session. `source` is its `Type/id`; `replaces` are the orders it takes the place of.
    `is_on_hold`: it waits to be released, and may never be.
    """

    source: str
    name: str
    is_selected: bool
    contents: tuple[DraftContent, ...] = ()
    tests: tuple[Test, ...] = ()
    replaces: tuple[str, ...] = ()
    is_on_hold: bool = False
