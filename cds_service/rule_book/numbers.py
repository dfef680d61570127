"""Limits, parameters and doses, each with its unit and its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.knowledge.model import AnalyteKnowledge, Citation, DosageStep, Knowledge, Regimen, Scale
from cds_service.rule_book.markdown import cell, link, page, table

LIMITS = {
    "severe_below": "severe below",
    "deficient_below": "deficient below",
    "unlikely_above": "deficiency unlikely above",
    "raised_above": "raised above",
    "low_below": "low below",
    "low_below_female": "low below, women",
    "low_below_male": "low below, men",
    "low_below_pregnant": "low below, in pregnancy",
}
_PERIODS = {"h": "hour", "d": "day", "wk": "week", "mo": "month", "a": "year"}


def cited(citations: Iterable[Citation], knowledge: Knowledge) -> str:
    """Each source with the place in it, linked where there is a link."""
    return "; ".join(f"{link(c.source, knowledge.sources[c.source].url)}: {c.at}" for c in citations)


def analyte(analyte: AnalyteKnowledge, knowledge: Knowledge) -> str:
    """One analyte: its limits in each canonical unit, the spellings of the unit, and what is refused."""
    parts = [f"### {analyte.title}", f"[{analyte.id}.yaml](analytes/{analyte.id}.yaml), {len(analyte.codes)} codes."]
    if analyte.scales:
        head = ("unit", "limits", "believed from", "to", "read from (times)")
        parts.append(table(head, (_scale(scale) for scale in analyte.scales)))
    else:
        parts.append("No number is compared: only the laboratory's own words or range tell.")
    parts += [f"`{unit}` is refused: {cell(why)}." for unit, why in analyte.refused_units.items()]
    return page([*parts, f"Sources: {cited(analyte.sources, knowledge)}."])


def limit_words(scale: Scale) -> list[str]:
    """The limits of a scale in words, without their unit."""
    told = [f"{words} {getattr(scale, name)}" for name, words in LIMITS.items() if getattr(scale, name) is not None]
    if scale.own_limit_to is not None:
        told.append(f"a laboratory's own is believed up to {scale.own_limit_to}")
    return told


def _scale(scale: Scale) -> tuple[str, ...]:
    limits = limit_words(scale)
    spellings = ", ".join(f"`{unit}` ({factor})" for unit, factor in scale.units.items())
    told = ", ".join(limits) or "the laboratory's own"
    return scale.unit, told, str(scale.plausible_from), str(scale.plausible_to), spellings


def parameter_table(knowledge: Knowledge) -> str:
    """Every parameter with its unit and source."""
    return table(("id", "number", "what", "sources"), _parameters(knowledge))


def _parameters(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    for parameter in knowledge.parameter_files.values():
        number = f"{parameter.value} {parameter.unit}".removesuffix(" 1")
        target = link(parameter.id, f"parameters/{parameter.id}.yaml")
        yield target, number, parameter.statement, cited(parameter.sources, knowledge)


def regimen(regimen: Regimen, knowledge: Knowledge) -> str:
    """One regimen, dose by dose."""
    medicine = f"{regimen.medicine_text} ({regimen.form}; {regimen.medicine.code} {regimen.medicine.display})"
    supply = f"{regimen.quantity} {regimen.quantity_unit} for {regimen.supply_days} days, {regimen.repeats} repeats"
    return page(
        [
            f"### {regimen.title}",
            f"{link(f'{regimen.id}.yaml', f'regimens/{regimen.id}.yaml')}, offered as *{regimen.label}* "
            f"for `{regimen.recommends}`.",
            f"{medicine}, {regimen.route_text}; supply {supply}.",
            table(("step", "dose", "how often", "for"), (step_row(step) for step in regimen.steps)),
            regimen.note,
            f"At {', '.join(regimen.sites)}, instead of `{regimen.instead_of}`." if regimen.instead_of else "",
            f"Sources: {cited(regimen.sources, knowledge)}.",
        ]
    )


def step_row(step: DosageStep) -> tuple[str, ...]:
    """One dose of a regimen: its words, the amount, how often, and for how long."""
    period = _PERIODS[step.period_unit]
    every = f"every {period}" if step.period == 1 else f"every {step.period} {period}s"
    often = every if step.frequency == 1 else f"{step.frequency} times {every}"
    lasts = "no end" if step.for_days is None else f"{step.for_days} days"
    return step.text, f"{step.dose} {step.dose_unit}", often, lasts
