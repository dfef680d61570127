"""Turns the `given` of a rule's example into PatientFacts.

Keys: total_b12, active_b12, mma, homocysteine, egfr, creatinine, mcv, haemoglobin, platelets, serum_folate,
red_cell_folate, hypersegmented_neutrophils (a printed result, positive or negative, or a mapping of `result` with
`days_ago`, `taken`, `preliminary`, `by_name`,
`own_low` or `flag`); newer_b12 (a second, newer total B12 of two days ago); if_antibody (positive or negative);
taking (medicine: how long, "unknown" for no start, a year or a month of which no more is known, or one or more
mappings of `since` and `until`, which may be "unknown" for a stop whose day was not recorded); b12_therapy (since,
until, route, form, mg a day or "unknown", `halted` for what was stopped, is on hold or of unknown status, `starts_in`
days, `supply_ends_in` days for an order that states its supply);
injected_days_ago (injections of B12); taking_folic_acid (mg a day); drafting (medicine: mg a day, "unknown" for a
dose that cannot be read, "as needed" for 2 mg a day of that kind) with form, and drafting_tests beside it; problems
(a kind, or kind: how long ago it `began` or was `recorded`); age; sex; pending (tests, or test: days since it was
ordered) and done (the same, of orders that are completed); unread; unusable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cds_service.facts.dates import ClinicalDate, add_months, age_in_years
from cds_service.facts.labs import Analyte, Comparator, Finding, LabResult
from cds_service.facts.orders import DraftContent, DraftOrder, Test, TestOrder
from cds_service.facts.patient import AGE, Availability, DataIssue, DataKey, PatientFacts, Sex
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import DailyDose, Interval, Medicine, RecordKind, Route, Treatment

TODAY = date(2025, 10, 1)
_RESULTS = {
    "total_b12": Analyte.TOTAL_B12,
    "active_b12": Analyte.ACTIVE_B12,
    "mma": Analyte.MMA,
    "homocysteine": Analyte.HOMOCYSTEINE,
    "egfr": Analyte.EGFR,
    "creatinine": Analyte.CREATININE,
    "mcv": Analyte.MCV,
    "haemoglobin": Analyte.HAEMOGLOBIN,
    "platelets": Analyte.PLATELETS,
    "hypersegmented_neutrophils": Analyte.HYPERSEGMENTED_NEUTROPHILS,
    "serum_folate": Analyte.SERUM_FOLATE,
    "red_cell_folate": Analyte.RED_CELL_FOLATE,
}
_LISTS = {
    "taking",
    "b12_therapy",
    "taking_folic_acid",
    "drafting",
    "form",
    "problems",
    "age",
    "sex",
    "pending",
    "done",
    "unread",
    "injected_days_ago",
    "newer_b12",
    "drafting_tests",
}
KNOWN_KEYS = frozenset({*_RESULTS, *_LISTS, "unusable", "if_antibody"})
_PRINTED = re.compile(r"(?P<comparator>[<>]=?)?\s*(?P<value>\d+(?:\.\d+)?)\s+(?P<unit>\S+)")


def example_facts(given: Mapping[str, Any], today: date = TODAY) -> PatientFacts:
    """The facts of one example. An unknown key is an error, so that a typo does not pass for "nothing given"."""
    unknown = set(given) - KNOWN_KEYS
    if unknown:
        raise ValueError(f"unknown keys in an example: {sorted(unknown)}")
    return PatientFacts(
        patient_id="example",
        today=today,
        born=_born(str(given.get("age", 60)), today),
        sex=Sex(given.get("sex", Sex.NOT_KNOWN)),
        labs=tuple(_labs(given, today)),
        treatments=tuple(_treatments(given, today)),
        problems=tuple(_problem(told, today) for told in given.get("problems", ())),
        test_orders=tuple(
            TestOrder(Test(name), ClinicalDate.on(today - timedelta(days)), f"ServiceRequest/{name}", key == "done")
            for key in ("pending", "done")
            for name, days in _pending(given.get(key, ()))
        ),
        drafts=tuple(_drafts(given)),
        issues=_issues(given),
        availability=tuple((DataKey(key), Availability.NOT_GIVEN) for key in given.get("unread", ())),
    )


def _pending(told: Any) -> list[tuple[str, int]]:
    return [(name, int(days)) for name, days in told.items()] if isinstance(told, Mapping) else [(n, 3) for n in told]


def _labs(given: Mapping[str, Any], today: date) -> list[LabResult]:
    labs = [lab_result(analyte, given[key], today) for key, analyte in _RESULTS.items() if key in given]
    if "newer_b12" in given:
        told = given["newer_b12"]
        newer = {"days_ago": 2, **(told if isinstance(told, Mapping) else {"result": told})}
        labs.append(replace(lab_result(Analyte.TOTAL_B12, newer), source="Observation/newer"))
    if "if_antibody" in given:
        labs.append(
            LabResult(
                Analyte.INTRINSIC_FACTOR_ANTIBODY,
                ClinicalDate.on(today - timedelta(days=10)),
                "Observation/if",
                str(given["if_antibody"]),
                finding=Finding(given["if_antibody"]),
            )
        )
    return labs


def lab_result(analyte: Analyte, told: Any, today: date = TODAY) -> LabResult:
    """A result from "179 ng/L", "<150 ng/L", "normal", or a mapping of `result` and when it was taken."""
    more = told if isinstance(told, Mapping) else {"result": told}
    printed = str(more["result"])
    taken = more.get("taken", today - timedelta(days=int(more.get("days_ago", 10))))
    day = date.fromisoformat(str(taken))
    source = f"Observation/{analyte}"
    if printed in {str(f) for f in Finding}:
        return LabResult(analyte, ClinicalDate.on(day), source, printed, finding=Finding(printed))
    found = _PRINTED.fullmatch(printed)
    if found is None:
        raise ValueError(f"a result must read like '179 ng/L': {printed!r}")
    return LabResult(
        analyte,
        ClinicalDate.on(day),
        source,
        printed,
        value=Decimal(found["value"]),
        unit=found["unit"],
        comparator=Comparator(found["comparator"]) if found["comparator"] else None,
        is_preliminary=bool(more.get("preliminary", False)),
        flag=Finding(more["flag"]) if "flag" in more else None,
        is_coded=not more.get("by_name", False),
        lower_limit=Decimal(str(more["own_low"])) if "own_low" in more else None,
    )


def ago(words: str | date, today: date = TODAY) -> date:
    """The day so long ago: "5 years", "4 months", "4 months and 1 day", "30 days"."""
    if isinstance(words, date):
        return words
    day = today
    for count, unit in re.findall(r"(\d+) (year|month|day)s?", words):
        if unit == "day":
            day -= timedelta(days=int(count))
        else:
            day = add_months(day, -int(count) * (12 if unit == "year" else 1))
    if day == today:
        raise ValueError(f"a time must read like '4 months and 1 day': {words!r}")
    return day


def _treatments(given: Mapping[str, Any], today: date) -> list[Treatment]:
    found = []
    for name, told in given.get("taking", {}).items():
        for stretch in told if isinstance(told, list) else [told]:
            interval = _interval(stretch if isinstance(stretch, Mapping) else {"since": stretch}, today)
            found.append(_treatment(Medicine(name), interval, DailyDose(None, "not told"), active=interval.end is None))
    found += [_injection(today - timedelta(days=int(days))) for days in given.get("injected_days_ago", ())]
    if "b12_therapy" in given:
        therapy = given["b12_therapy"]
        ahead = therapy.get("starts_in")
        begins = Interval(ClinicalDate.on(today + timedelta(days=int(ahead or 0))), None)
        interval = _interval(therapy, today) if ahead is None else begins
        route = Route(therapy.get("route", "oral"))
        dose = _dose(therapy.get("mg", 2))
        ordered = _treatment(Medicine.B12, interval, dose, route, active=interval.end is None and ahead is None)
        halted = bool(therapy.get("halted", False))
        planned = ahead is not None and not halted
        supply = therapy.get("supply_ends_in")
        last = ClinicalDate.on(today + timedelta(days=int(supply))) if supply is not None else None
        form = str(therapy.get("form", ""))
        found.append(replace(ordered, form=form, is_halted=halted, is_planned=planned, supplied_until=last))
    if "taking_folic_acid" in given:
        dose = DailyDose(Decimal(str(given["taking_folic_acid"])))
        interval = Interval(ClinicalDate.on(today - timedelta(days=100)), None)
        found.append(_treatment(Medicine.FOLIC_ACID, interval, dose))
    return found


def _interval(told: Mapping[str, Any], today: date) -> Interval:
    since, until = told["since"], told.get("until")
    start = None if since == "unknown" else _day(since, today)
    if until == "unknown" and start is not None:
        return Interval(start, ClinicalDate(start.latest, today - timedelta(days=1)))
    return Interval(start, _day(until, today) if until else None)


def _day(told: str | date, today: date) -> ClinicalDate:
    """A day so long ago, or a year or a month of which no more is known."""
    is_vague = re.fullmatch(r"\d{4}(-\d{2})?", str(told)) is not None
    return ClinicalDate.parse(str(told)) if is_vague else ClinicalDate.on(ago(told, today))


def _injection(day: date) -> Treatment:
    on = ClinicalDate.on(day)
    source, kind = f"MedicationAdministration/{day}", RecordKind.ADMINISTRATION
    return Treatment(Medicine.B12, "b12", source, kind, (Interval(on, on),), route=Route.PARENTERAL)


def _treatment(
    medicine: Medicine, interval: Interval, dose: DailyDose, route: Route = Route.ORAL, *, active: bool = True
) -> Treatment:
    return Treatment(
        medicine,
        str(medicine),
        f"MedicationRequest/{medicine}",
        RecordKind.REQUEST,
        (interval,),
        dose=dose,
        route=route,
        is_active=active,
    )


def _problem(told: Any, today: date) -> Problem:
    ((kind, when),) = told.items() if isinstance(told, Mapping) else ((told, {"began": date(2025, 2, 10)}),)
    day = ClinicalDate.on(ago(when["recorded"] if "recorded" in when else when["began"], today))
    recorded = {"recorded": day, "since_is_onset": False} if "recorded" in when else {}
    return Problem(ProblemKind(kind), kind.replace("-", " "), f"Condition/{kind}", day, **recorded)


def _drafts(given: Mapping[str, Any]) -> list[DraftOrder]:
    if "drafting" not in given:
        return []
    contents = tuple(
        DraftContent(
            Medicine(name),
            _dose(mg),
            Route.ORAL,
            str(given.get("form", "")) if name == "b12" else "",
            as_needed=mg == "as needed",
        )
        for name, mg in given["drafting"].items()
    )
    drafts = [DraftOrder("MedicationRequest/draft-1", " and ".join(given["drafting"]), True, contents)]
    if "drafting_tests" in given:
        tests = tuple(Test(name) for name in given["drafting_tests"])
        drafts.append(DraftOrder("ServiceRequest/draft-2", "tests", True, tests=tests))
    return drafts


def _dose(mg: Any) -> DailyDose:
    if mg == "unknown":
        return DailyDose(None, "no dosage was given")
    return DailyDose(Decimal(2 if mg == "as needed" else str(mg)))


def _born(age: str, today: date) -> ClinicalDate | None:
    """ "60"; "unknown"; "75 or 76" where only the year of birth is known."""
    if age == "unknown":
        return None
    youngest, _, oldest = age.partition(" or ")
    if not oldest:
        return ClinicalDate.on(add_months(today, -12 * int(age)))
    born = ClinicalDate.parse(str(today.year - int(oldest)))
    assert age_in_years(born, today) == (int(youngest), int(oldest)), f"no year of birth makes somebody {age} today"
    return born


def _issues(given: Mapping[str, Any]) -> tuple[DataIssue, ...]:
    found = []
    if given.get("age") == "unknown":
        found.append(DataIssue("Patient/example", "birthDate", "The Patient has no birth date.", AGE))
    if "unusable" in given:
        analyte, why = str(given["unusable"]), "it has no unit, and none is guessed"
        if analyte in set(Analyte):
            why = f"This {analyte.replace('-', ' ')} result was not used: {why}."
        found.append(DataIssue("Observation/unusable", "value", why, analyte))
    return tuple(found)
