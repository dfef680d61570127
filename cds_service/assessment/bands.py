"""Which band a result falls in, from what its number and its comparator allow: never more than they allow.

Limits are read in the unit of the result (knowledge scales), so a pmol/L result meets the guideline's printed pmol/L
limits and nothing is converted at the border (source article: below 180, 180 to 350, above 350 ng/L).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from cds_service.assessment.spoken import limit_words
from cds_service.facts.labs import Comparator, Finding, LabResult
from cds_service.facts.presence import Presence
from cds_service.knowledge.model import AnalyteKnowledge, Scale


class Band(StrEnum):
    """What a B12 result means on its own, the more severe first."""

    DEFICIENT = "deficient"
    DEFICIENT_OR_INDETERMINATE = "deficient-or-indeterminate"
    INDETERMINATE = "indeterminate"
    CANNOT_CLASSIFY = "cannot-classify"
    UNLIKELY = "unlikely"

    @property
    def severity(self) -> int:
        """Higher is more severe."""
        return _SEVERITY[self]


_SEVERITY = {band: severity for severity, band in enumerate(reversed(Band), start=1)}


def scale_of(result: LabResult, analyte: AnalyteKnowledge) -> Scale | None:
    """The scale whose canonical unit the result is in."""
    for scale in analyte.scales:
        if scale.unit == result.unit:
            return scale
    return None


def b12_band(result: LabResult, scale: Scale | None) -> Band:
    """The band of a total or active B12 result.

    A limit itself is indeterminate. `<200` may be deficient or indeterminate; `>200` is not deficient, and nothing
    settles it; `<400` and `>150` tell nothing.
    """
    if scale is None or scale.deficient_below is None or scale.unlikely_above is None or result.value is None:
        return Band.CANNOT_CLASSIFY
    low, high = scale.deficient_below, scale.unlikely_above
    match result.comparator:
        case None:
            return _exact_band(result.value, low, high)
        case Comparator.BELOW | Comparator.AT_MOST:
            at_most = result.comparator is Comparator.AT_MOST
            if result.value < low or (result.value == low and not at_most):
                return Band.DEFICIENT
            return Band.DEFICIENT_OR_INDETERMINATE if result.value <= high else Band.CANNOT_CLASSIFY
        case Comparator.ABOVE | Comparator.AT_LEAST:
            if result.value > high or (result.value == high and result.comparator is Comparator.ABOVE):
                return Band.UNLIKELY
            return Band.INDETERMINATE if result.value >= low else Band.CANNOT_CLASSIFY


def _exact_band(value: Decimal, low: Decimal, high: Decimal) -> Band:
    if value < low:
        return Band.DEFICIENT
    return Band.UNLIKELY if value > high else Band.INDETERMINATE


def is_severe(result: LabResult, scale: Scale | None) -> bool:
    """Whether the result is certainly below the severe limit; a result that only may be is not."""
    if scale is None or scale.severe_below is None or result.value is None:
        return False
    if result.comparator is Comparator.BELOW:
        return result.value <= scale.severe_below
    return result.most is not None and result.most < scale.severe_below


def is_raised(result: LabResult, analyte: AnalyteKnowledge) -> Presence:
    """Whether a marker is raised.

    The laboratory's own upper limit comes first, otherwise the configured cut-off (clinical-guidelines 3); a result
    given in words is what the laboratory says it is. One that it marked as high is raised where it gave no limit, and
    never counts as not raised.
    """
    if result.finding is not None:
        return Presence.YES if result.finding in (Finding.HIGH, Finding.POSITIVE) else Presence.NO
    limit = result.upper_limit
    if limit is None:
        scale = scale_of(result, analyte)
        limit = scale.raised_above if scale is not None else None
    raised = _above(result, limit) if limit is not None else Presence.NOT_KNOWN
    if result.flag is not Finding.HIGH or raised is Presence.YES:
        return raised
    return Presence.YES if result.upper_limit is None else Presence.NOT_KNOWN


def raised_limit_words(result: LabResult, analyte: AnalyteKnowledge) -> str:
    """The limit that `is_raised` holds a marker against, in words."""
    if result.finding is not None or (result.flag is Finding.HIGH and result.upper_limit is None):
        return "as the laboratory reports it"
    scale = scale_of(result, analyte)
    if result.upper_limit is not None:
        return f"laboratory's limit {limit_words(result.upper_limit, result, scale)}"
    if scale is None or scale.raised_above is None:
        return "no limit known"
    return f"cut-off used here {limit_words(scale.raised_above, result, scale)}"


def _above(result: LabResult, limit: Decimal) -> Presence:
    """Whether the true value is above the limit."""
    if result.least is not None and (
        result.least > limit or (result.comparator is Comparator.ABOVE and result.least == limit)
    ):
        return Presence.YES
    return Presence.NO if result.most is not None and result.most <= limit else Presence.NOT_KNOWN


class LimitGroup(StrEnum):
    """Whom a lower limit is for, where it depends on it."""

    WOMEN = "women"
    MEN = "men"
    PREGNANCY = "pregnancy"
    NOT_KNOWN = "sex not known"


def is_low(result: LabResult, analyte: AnalyteKnowledge, limits_for: LimitGroup = LimitGroup.NOT_KNOWN) -> Presence:
    """Whether a count or concentration is low: the laboratory's lower limit, else the configured one for the group.

    In pregnancy the lower of the two: laboratories print the range of women who are not pregnant.
    """
    if result.finding is not None:
        return Presence.YES if result.finding is Finding.LOW else Presence.NO
    scale = scale_of(result, analyte)
    limit, ours = result.lower_limit, low_limit(scale, limits_for) if scale is not None else None
    if limit is None or (limits_for is LimitGroup.PREGNANCY and ours is not None and ours < limit):
        limit = ours
    if limit is None:
        return Presence.NOT_KNOWN
    if result.most is not None and (
        result.most < limit or (result.comparator is Comparator.BELOW and result.most == limit)
    ):
        return Presence.YES
    return Presence.NO if result.least is not None and result.least >= limit else Presence.NOT_KNOWN


def low_limit(scale: Scale, limits_for: LimitGroup) -> Decimal | None:
    """The configured limit below which a value is low, for the group where it depends on it."""
    by_group = {
        LimitGroup.WOMEN: scale.low_below_female,
        LimitGroup.MEN: scale.low_below_male,
        LimitGroup.PREGNANCY: scale.low_below_pregnant,
    }.get(limits_for)
    return by_group if by_group is not None else scale.low_below
