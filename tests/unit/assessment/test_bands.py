"""Bands: both sides of each limit, the limit itself, and what a comparator leaves open."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cds_service.assessment.bands import (
    Band,
    LimitGroup,
    b12_band,
    is_low,
    is_raised,
    is_severe,
    raised_limit_words,
    scale_of,
)
from cds_service.facts.labs import Analyte, Finding
from cds_service.facts.presence import Presence
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Property
from tests.builders import scale
from tests.spec.example_facts import lab_result

KNOWLEDGE = load()


def _band(printed: str, analyte: Analyte = Analyte.TOTAL_B12) -> Band:
    result = lab_result(analyte, printed)
    return b12_band(result, scale_of(result, KNOWLEDGE.analytes[analyte]))


@pytest.mark.parametrize(
    ("printed", "band"),
    [
        ("179.9 ng/L", Band.DEFICIENT),
        ("180 ng/L", Band.INDETERMINATE),
        ("350 ng/L", Band.INDETERMINATE),
        ("350.1 ng/L", Band.UNLIKELY),
        ("132.9 pmol/L", Band.DEFICIENT),
        ("133 pmol/L", Band.INDETERMINATE),
        ("258 pmol/L", Band.INDETERMINATE),
        ("258.1 pmol/L", Band.UNLIKELY),
        ("<150 ng/L", Band.DEFICIENT),
        ("<180 ng/L", Band.DEFICIENT),
        ("<=180 ng/L", Band.DEFICIENT_OR_INDETERMINATE),
        ("<=179 ng/L", Band.DEFICIENT),
        ("<181 ng/L", Band.DEFICIENT_OR_INDETERMINATE),
        ("<200 ng/L", Band.DEFICIENT_OR_INDETERMINATE),
        ("<350 ng/L", Band.DEFICIENT_OR_INDETERMINATE),
        ("<=350 ng/L", Band.DEFICIENT_OR_INDETERMINATE),
        ("<351 ng/L", Band.CANNOT_CLASSIFY),
        (">2000 ng/L", Band.UNLIKELY),
        (">350 ng/L", Band.UNLIKELY),
        (">=350 ng/L", Band.INDETERMINATE),
        (">=351 ng/L", Band.UNLIKELY),
        (">349 ng/L", Band.INDETERMINATE),
        (">180 ng/L", Band.INDETERMINATE),
        (">=180 ng/L", Band.INDETERMINATE),
        (">179 ng/L", Band.CANNOT_CLASSIFY),
        (">100 ng/L", Band.CANNOT_CLASSIFY),
    ],
)
def test_total_b12_falls_in_the_band_that_its_number_and_comparator_allow(printed: str, band: Band) -> None:
    assert _band(printed) is band


@pytest.mark.parametrize(
    ("printed", "band"),
    [
        ("24.9 pmol/L", Band.DEFICIENT),
        ("25 pmol/L", Band.INDETERMINATE),
        ("70 pmol/L", Band.INDETERMINATE),
        ("70.1 pmol/L", Band.UNLIKELY),
    ],
)
def test_active_b12_has_limits_of_its_own(printed: str, band: Band) -> None:
    assert _band(printed, Analyte.ACTIVE_B12) is band


def test_a_word_in_place_of_a_number_has_no_band() -> None:
    assert _band("normal") is Band.CANNOT_CLASSIFY


def test_bands_are_ordered_by_severity() -> None:
    assert [b.severity for b in Band] == sorted((b.severity for b in Band), reverse=True)


@pytest.mark.parametrize(
    ("printed", "severe"),
    [
        ("99.9 ng/L", True),
        ("100 ng/L", False),
        ("<100 ng/L", True),
        ("<=100 ng/L", False),
        ("<=99 ng/L", True),
        ("<101 ng/L", False),
        (">50 ng/L", False),
        ("73.9 pmol/L", True),
        ("74 pmol/L", False),
        ("low", False),
    ],
)
def test_severe_is_only_what_is_certainly_below_the_severe_limit(printed: str, severe: bool) -> None:
    result = lab_result(Analyte.TOTAL_B12, printed)
    assert is_severe(result, scale_of(result, KNOWLEDGE.analytes[Analyte.TOTAL_B12])) is severe


@pytest.mark.parametrize(
    ("printed", "raised"),
    [
        ("0.29 umol/L", Presence.YES),
        ("0.28 umol/L", Presence.NO),
        (">0.28 umol/L", Presence.YES),
        (">=0.28 umol/L", Presence.NOT_KNOWN),
        ("<0.28 umol/L", Presence.NO),
        ("<=0.28 umol/L", Presence.NO),
        ("<0.5 umol/L", Presence.NOT_KNOWN),
        (">0.1 umol/L", Presence.NOT_KNOWN),
        ("high", Presence.YES),
        ("positive", Presence.YES),
        ("normal", Presence.NO),
        ("low", Presence.NO),
    ],
)
def test_a_marker_is_raised_only_above_its_limit(printed: str, raised: Presence) -> None:
    assert is_raised(lab_result(Analyte.MMA, printed), KNOWLEDGE.analytes[Analyte.MMA]) is raised


def test_the_laboratorys_own_limit_comes_before_ours_and_is_named() -> None:
    mma, ours = KNOWLEDGE.analytes[Analyte.MMA], lab_result(Analyte.MMA, "0.35 umol/L")
    theirs = replace(ours, upper_limit=Decimal("0.40"))
    assert is_raised(theirs, mma) is Presence.NO
    assert raised_limit_words(theirs, mma) == "laboratory's limit 0.4 umol/L"
    assert is_raised(ours, mma) is Presence.YES
    assert raised_limit_words(ours, mma) == "cut-off used here 0.28 umol/L"


def test_a_unit_without_a_scale_tells_nothing() -> None:
    assert is_raised(lab_result(Analyte.MMA, "5 g/L"), KNOWLEDGE.analytes[Analyte.MMA]) is Presence.NOT_KNOWN
    assert is_low(lab_result(Analyte.HAEMOGLOBIN, "5 mg/L"), KNOWLEDGE.analytes[Analyte.HAEMOGLOBIN]) is (
        Presence.NOT_KNOWN
    )


@pytest.mark.parametrize(
    ("printed", "limits_for", "low"),
    [
        ("11.9 g/dL", LimitGroup.WOMEN, Presence.YES),
        ("12 g/dL", LimitGroup.WOMEN, Presence.NO),
        ("12.9 g/dL", LimitGroup.MEN, Presence.YES),
        ("13 g/dL", LimitGroup.MEN, Presence.NO),
        ("12 g/dL", LimitGroup.NOT_KNOWN, Presence.NO),
        ("11.9 g/dL", LimitGroup.NOT_KNOWN, Presence.YES),
        ("<12 g/dL", LimitGroup.WOMEN, Presence.YES),
        ("<13 g/dL", LimitGroup.WOMEN, Presence.NOT_KNOWN),
        (">11 g/dL", LimitGroup.WOMEN, Presence.NOT_KNOWN),
        (">=12 g/dL", LimitGroup.WOMEN, Presence.NO),
        ("11 g/dL", LimitGroup.PREGNANCY, Presence.NO),
        ("10.9 g/dL", LimitGroup.PREGNANCY, Presence.YES),
        ("low", LimitGroup.PREGNANCY, Presence.YES),
        ("low", LimitGroup.WOMEN, Presence.YES),
        ("normal", LimitGroup.WOMEN, Presence.NO),
    ],
)
def test_haemoglobin_is_low_by_group(printed: str, limits_for: LimitGroup, low: Presence) -> None:
    result = lab_result(Analyte.HAEMOGLOBIN, printed)
    assert is_low(result, KNOWLEDGE.analytes[Analyte.HAEMOGLOBIN], limits_for) is low


@pytest.mark.parametrize("limits", [{}, {"deficient_below": "180"}, {"unlikely_above": "350"}], ids=str)
def test_a_scale_that_lacks_a_limit_has_no_bands(limits: dict[str, str]) -> None:
    lacking = scale("ng/L", Property.MASS, {"ng/l": "1"}, "10", "20000", **limits)
    assert b12_band(lab_result(Analyte.TOTAL_B12, "100 ng/L"), lacking) is Band.CANNOT_CLASSIFY


def test_a_word_beside_a_unit_has_no_band() -> None:
    in_words = replace(lab_result(Analyte.TOTAL_B12, "low"), unit="ng/L")
    limits = scale_of(in_words, KNOWLEDGE.analytes[Analyte.TOTAL_B12])
    assert limits is not None
    assert b12_band(in_words, limits) is Band.CANNOT_CLASSIFY


def test_it_is_told_whose_word_a_marker_was_held_against() -> None:
    mma = KNOWLEDGE.analytes[Analyte.MMA]
    assert raised_limit_words(lab_result(Analyte.MMA, "high"), mma) == "as the laboratory reports it"
    assert raised_limit_words(lab_result(Analyte.MMA, "5 g/L"), mma) == "no limit known"


@pytest.mark.parametrize(
    ("printed", "low"), [("12.4 g/dL", Presence.YES), ("12.5 g/dL", Presence.NO), ("<13 g/dL", Presence.NOT_KNOWN)]
)
def test_the_laboratorys_own_lower_limit_comes_before_ours(printed: str, low: Presence) -> None:
    result = replace(lab_result(Analyte.HAEMOGLOBIN, printed), lower_limit=Decimal("12.5"))
    assert is_low(result, KNOWLEDGE.analytes[Analyte.HAEMOGLOBIN], LimitGroup.WOMEN) is low


@pytest.mark.parametrize(
    ("own", "printed", "low"),
    [
        ("12", "11 g/dL", Presence.NO),
        ("12", "10.9 g/dL", Presence.YES),
        ("10.5", "10.9 g/dL", Presence.NO),
        ("10.5", "10.4 g/dL", Presence.YES),
    ],
)
def test_in_pregnancy_the_range_of_other_women_makes_nothing_low(own: str, printed: str, low: Presence) -> None:
    result = replace(lab_result(Analyte.HAEMOGLOBIN, printed), lower_limit=Decimal(own))
    assert is_low(result, KNOWLEDGE.analytes[Analyte.HAEMOGLOBIN], LimitGroup.PREGNANCY) is low


def test_the_limit_of_a_marker_is_told_in_the_unit_that_the_laboratory_printed() -> None:
    mma = KNOWLEDGE.analytes[Analyte.MMA]
    printed = replace(lab_result(Analyte.MMA, "0.35 umol/L"), printed="350 nmol/L")
    assert raised_limit_words(printed, mma) == "cut-off used here 280 nmol/L = 0.28 umol/L"
    own = replace(printed, upper_limit=Decimal("0.40"))
    assert raised_limit_words(own, mma) == "laboratory's limit 400 nmol/L = 0.4 umol/L"


@pytest.mark.parametrize(
    ("level", "limit", "raised"),
    [
        ("0.2", None, Presence.YES),
        ("0.9", None, Presence.YES),
        ("0.2", "0.3", Presence.NOT_KNOWN),
        ("0.4", "0.3", Presence.YES),
    ],
)
def test_a_marker_that_is_marked_high_is_raised_without_a_limit_and_never_normal(
    level: str, limit: str | None, raised: Presence
) -> None:
    mma = lab_result(Analyte.MMA, {"result": f"{level} umol/L", "flag": "high"})
    told = replace(mma, upper_limit=Decimal(limit) if limit else None)
    assert is_raised(told, KNOWLEDGE.analytes[Analyte.MMA]) is raised
    unmarked = replace(told, flag=Finding.LOW)
    assert is_raised(unmarked, KNOWLEDGE.analytes[Analyte.MMA]) is (
        Presence.YES if Decimal(level) > Decimal(limit or "0.27") else Presence.NO
    )
