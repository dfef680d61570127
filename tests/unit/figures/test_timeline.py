"""The figure: what is shown, in which unit, against which limits, and what is said of what cannot be shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cds_service.facts.labs import Analyte
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.record import Section
from cds_service.figures.model import Shape, Timeline, Tone
from cds_service.knowledge.model import Knowledge
from tests.builders import TODAY, concept, condition, observation, quantity, record, resource
from tests.medication_builders import administration, named, request, statement
from tests.unit.figures.patients import B12, B12_IN_PMOL, HAEMOGLOBIN, MCV, panel, rows_of, timeline_of

NEUROPATHY = ("http://snomed.info/sct", "302226006")
INTO_MUSCLE = {"route": concept(("http://snomed.info/sct", "78421000"))}


def lane_bars(figure: Timeline, title: str) -> list[tuple[date | None, date | None, bool]]:
    lane = next(lane for lane in figure.lanes if lane.title == title)
    return sorted(((bar.start, bar.end, bar.is_certain) for bar in lane.bars), key=str)


def with_limit(knowledge: Knowledge, analyte: Analyte, **limits: Decimal) -> Knowledge:
    known = knowledge.analytes[analyte]
    scales = (replace(known.scales[0], **limits), *known.scales[1:])
    return replace(knowledge, analytes={**knowledge.analytes, analyte: replace(known, scales=scales)})


def test_the_bands_are_those_of_the_knowledge(knowledge: Knowledge) -> None:
    patient = record(labs=[observation(value=310)])
    ours = panel(timeline_of(patient, knowledge), "Total vitamin B12")
    scale = knowledge.analytes[Analyte.TOTAL_B12].scales[0]
    assert ours.limits == (scale.severe_below, scale.deficient_below, scale.unlikely_above)
    changed = with_limit(knowledge, Analyte.TOTAL_B12, deficient_below=Decimal(211))
    theirs = panel(timeline_of(patient, changed), "Total vitamin B12")
    assert (Tone.BETWEEN, Decimal(211)) in [(band.tone, band.above) for band in theirs.bands]


def test_nanograms_and_picomoles_never_share_an_axis(knowledge: Knowledge) -> None:
    labs = [observation(value=310), observation(B12_IN_PMOL, 120, "pmol/L", id="r2")]
    figure = timeline_of(record(labs=labs), knowledge)
    mass, substance = panel(figure, "Total vitamin B12", 0), panel(figure, "Total vitamin B12", 1)
    assert (mass.unit, [mark.value for mark in mass.marks]) == ("pg/mL", [310])
    assert (substance.unit, [mark.value for mark in substance.marks]) == ("pmol/L", [120])
    assert substance.limits == (74, 133, 258)


def test_an_axis_is_in_the_unit_that_the_laboratory_reports_in(knowledge: Knowledge) -> None:
    labs = [observation(HAEMOGLOBIN, 101, "g/L"), observation(HAEMOGLOBIN, 99, "g/L", id="r2")]
    ours = panel(timeline_of(record(labs=labs), knowledge), "Haemoglobin")
    assert ours.unit == "g/L"
    assert {mark.value for mark in ours.marks} == {101, 99}
    assert ours.limits == (120,)
    assert ours.bands[0].label == "low (women)"


def test_where_two_units_were_reported_the_axis_says_which_one_it_is_in(knowledge: Knowledge) -> None:
    labs = [observation(HAEMOGLOBIN, 101, "g/L"), observation(HAEMOGLOBIN, 9.9, "g/dL", id="r2")]
    ours = panel(timeline_of(record(labs=labs), knowledge), "Haemoglobin")
    assert ours.unit == "g/dL"
    assert ours.notes == ("reported in g/L and g/dL, drawn in g/dL",)
    assert {mark.label for mark in ours.marks} == {"101", "9.9"}


@pytest.mark.parametrize(
    ("sign", "shape"), [("<", Shape.BELOW), ("<=", Shape.BELOW), (">", Shape.ABOVE), (">=", Shape.ABOVE)]
)
def test_a_comparator_points_to_where_the_true_value_lies(knowledge: Knowledge, sign: str, shape: Shape) -> None:
    lab = observation(valueQuantity=quantity(150, comparator=sign))
    (mark,) = panel(timeline_of(record(labs=[lab]), knowledge), "Total vitamin B12").marks
    assert (mark.shape, mark.label) == (shape, f"{sign}150")


def test_a_result_that_could_not_be_used_is_shown_on_its_day_with_its_reason(knowledge: Knowledge) -> None:
    labs = [observation(value=310), observation(value=300, unit="pg/dL", id="r2", effectiveDateTime="2025-03-02")]
    figure = timeline_of(record(labs=labs), knowledge)
    cross = next(m for m in panel(figure, "Total vitamin B12").marks if m.shape is Shape.NOT_USED)
    assert str(cross.when) == "2025-03-02"
    assert cross.value is None
    assert "misprint" in cross.row.told
    assert "Observation/r2" in cross.row.told


def test_one_without_a_day_is_in_the_table_with_its_reason(knowledge: Knowledge) -> None:
    figure = timeline_of(record(labs=[observation(value=310, effectiveDateTime=None)]), knowledge)
    assert panel(figure, "Total vitamin B12").marks == ()
    (row,) = rows_of(figure, "Observation/r1")
    assert (row.when, row.value) == ("no date", "not used")
    assert "has no date" in row.told


def test_a_result_in_words_has_its_place_without_a_number(knowledge: Knowledge) -> None:
    (mark,) = panel(timeline_of(record(labs=[observation(valueString="Low")]), knowledge), "Total vitamin B12").marks
    assert (mark.shape, mark.label, mark.value) == (Shape.IN_WORDS, "low", None)


def test_a_long_number_is_cut_beside_its_mark_and_never_rounded_over_a_limit(knowledge: Knowledge) -> None:
    (mark,) = panel(timeline_of(record(labs=[observation(value="179.9999999")]), knowledge), "Total vitamin B12").marks
    assert mark.label == "179.99…"
    assert "179.9999999 pg/mL" in mark.row.told


def test_a_partial_date_stays_partial(knowledge: Knowledge) -> None:
    (mark,) = panel(
        timeline_of(record(labs=[observation(value=310, effectiveDateTime="2025-03")]), knowledge), "Total vitamin B12"
    ).marks
    assert (mark.when.earliest, mark.when.latest, mark.row.when) == (date(2025, 3, 1), date(2025, 3, 31), "2025-03")


def test_preliminary_and_name_only_results_are_told_apart(knowledge: Knowledge) -> None:
    labs = [
        observation(value=310),
        observation(value=300, id="r2", status="preliminary", effectiveDateTime="2025-09-01"),
        observation(value=290, id="r3", code=concept(text="Vitamin B12"), effectiveDateTime="2025-08-01"),
    ]
    marks = panel(timeline_of(record(labs=labs), knowledge), "Total vitamin B12").marks
    assert {mark.row.source: mark.is_tentative for mark in marks} == {
        "Observation/r1": False,
        "Observation/r2": True,
        "Observation/r3": True,
    }


def test_the_laboratorys_own_range_goes_with_each_result(knowledge: Knowledge) -> None:
    own = [{"low": quantity(200), "high": quantity(900)}]
    (mark,) = panel(
        timeline_of(record(labs=[observation(value=310, referenceRange=own)]), knowledge), "Total vitamin B12"
    ).marks
    assert (mark.own_low, mark.own_high) == (200, 900)
    assert "laboratory’s range 200" in mark.row.told


def test_what_the_assessment_rests_on_names_the_rules(knowledge: Knowledge) -> None:
    labs = [observation(value=150), observation(value=400, id="r2", effectiveDateTime="2020-01-01")]
    figure = timeline_of(
        record(labs=labs, conditions=[condition(*NEUROPATHY, id="c1", onsetDateTime="2025-02")]), knowledge
    )
    assert figure.headline == "Vitamin B12 status: deficient"
    by_source = {mark.row.source: mark.row for mark in panel(figure, "Total vitamin B12").marks}
    assert "B12-DX-01" in by_source["Observation/r1"].rules
    assert by_source["Observation/r1"].is_counted
    assert (by_source["Observation/r2"].rules, by_source["Observation/r2"].is_counted) == ((), False)
    assert figure.events[0].row.rules


def test_of_one_resource_with_several_values_only_the_one_that_counts_is_pointed_out(knowledge: Knowledge) -> None:
    parts = [
        {"code": concept(("http://loinc.org", code)), "valueQuantity": quantity(value, unit)}
        for code, value, unit in ((B12, 150, "pg/mL"), (MCV, 90, "fL"))
    ]
    figure = timeline_of(record(labs=[observation("58410-2", component=parts)]), knowledge)
    assert panel(figure, "Total vitamin B12").marks[0].row.rules
    assert panel(figure, "Mean corpuscular volume").marks[0].row.rules == ()


def test_certain_and_possible_use_are_told_apart(knowledge: Knowledge) -> None:
    sure = statement(effectivePeriod={"start": "2024-01-01", "end": "2024-12-31"})
    figure = timeline_of(record(medicationStatements=[sure]), knowledge)
    assert lane_bars(figure, "Metformin") == [(date(2024, 1, 1), date(2024, 12, 31), True)]
    figure = timeline_of(record(medicationStatements=[statement(effectivePeriod={"start": "2024"})]), knowledge)
    assert lane_bars(figure, "Metformin") == [
        (date(2024, 1, 1), date(2024, 12, 30), False),
        (date(2024, 12, 31), None, True),
    ]


def test_use_of_unknown_beginning_is_open_to_the_left_and_never_certain_there(knowledge: Knowledge) -> None:
    figure = timeline_of(record(medicationRequests=[request(authoredOn=None)]), knowledge)
    starts = {is_certain: start for start, _end, is_certain in lane_bars(figure, "Metformin")}
    assert starts == {False: None, True: TODAY}
    assert any("not recorded when it began" in row.told for row in rows_of(figure, "MedicationRequest/q1"))


def test_a_gap_longer_than_the_knowledges_stays_a_gap(knowledge: Knowledge) -> None:
    taken = [
        statement(id=f"s{year}", effectivePeriod={"start": f"{year}-01-01", "end": f"{year}-03-31"})
        for year in (2024, 2025)
    ]
    figure = timeline_of(record(medicationStatements=taken), knowledge)
    assert [(start, end) for start, end, _ in lane_bars(figure, "Metformin")] == [
        (date(2024, 1, 1), date(2024, 3, 31)),
        (date(2025, 1, 1), date(2025, 3, 31)),
    ]
    assert f"Gaps of up to {knowledge.parameters.exposure_gap_days} days" in " ".join(figure.notes)


def test_of_very_many_stretches_the_latest_are_listed_and_the_others_counted(knowledge: Knowledge) -> None:
    taken = [
        statement(id=f"s{year}", effectivePeriod={"start": f"{year}-01-01", "end": f"{year}-03-31"})
        for year in range(1895, 2025)
    ]
    figure = timeline_of(record(medicationStatements=taken), knowledge)
    bars = lane_bars(figure, "Metformin")
    assert (len(bars), bars[0][0], {is_certain for *_days, is_certain in bars}) == (100, date(1925, 1, 1), {True})
    assert any("30 earlier stretches" in row.told for row in figure.rows)


def test_a_medicine_known_by_its_name_only_is_never_certain(knowledge: Knowledge) -> None:
    taken = statement(medicationCodeableConcept=named("Metformin 500"), effectivePeriod={"start": "2024-01-01"})
    figure = timeline_of(record(medicationStatements=[taken]), knowledge)
    assert lane_bars(figure, "Metformin") == [(date(2024, 1, 1), None, False)]


def test_injections_are_days_and_go_on_to_count(knowledge: Knowledge) -> None:
    given = [
        administration(id=f"a{day[:7]}", effectiveDateTime=day, dosage=INTO_MUSCLE)
        for day in ("2025-01-02", "2025-04-02")
    ]
    figure = timeline_of(record(medicationAdministrations=given), knowledge)
    lane = next(lane for lane in figure.lanes if lane.title == "Vitamin B12")
    assert [day for day, _row in lane.doses] == [date(2025, 1, 2), date(2025, 4, 2)]
    assert {bar.is_certain for bar in lane.bars} == {False}
    assert all("goes on to count" in bar.row.value for bar in lane.bars)


def test_a_treatments_review_is_an_event_ahead_and_then_due(knowledge: Knowledge) -> None:
    tablet = {"medicationCodeableConcept": concept(("http://www.nlm.nih.gov/research/umls/rxnorm", "199184"))}
    dosage = [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": quantity(1, "tablet", "{tbl}")}],
        }
    ]
    taken = statement(**tablet, dosage=dosage, effectivePeriod={"start": "2025-06-01"})
    patient = record(labs=[observation(value=150, effectiveDateTime="2025-05-30")], medicationStatements=[taken])
    first = date.fromordinal(date(2025, 6, 1).toordinal() + knowledge.parameters.follow_up_from_day)
    ahead = timeline_of(patient, knowledge, date(2025, 7, 1))
    assert [(e.label, e.is_ahead) for e in ahead.events] == [(f"Follow-up from {first}", True)]
    assert ahead.last > first
    due = timeline_of(patient, knowledge, TODAY)
    assert [(e.label, e.is_ahead) for e in due.events] == [(f"Follow-up due since {first}", False)]


def test_a_childs_results_are_held_against_no_limit_for_adults(knowledge: Knowledge) -> None:
    child = resource("Patient", id="p1", subject=None, birthDate="2018-01-01", gender="female")
    figure = timeline_of(record(patient=[child], labs=[observation(value=310)]), knowledge)
    assert all(panel.bands == () for panel in figure.panels)
    assert any("for adults" in note for note in figure.notes)


@pytest.mark.parametrize(
    ("availability", "told"),
    [
        (Availability.NOT_GIVEN, "as not sent: medicationRequests"),
        (Availability.FAILED, "as could not be read: medicationRequests"),
        (Availability.INCOMPLETE, "as not complete: medicationRequests"),
    ],
)
def test_what_was_not_read_is_said_and_never_drawn_as_nothing(
    knowledge: Knowledge, availability: Availability, told: str
) -> None:
    patient = record(labs=[observation(value=310)])
    sections: dict[DataKey, Any] = {**patient.sections, DataKey.MEDICATION_REQUESTS: Section(availability)}
    figure = timeline_of(replace(patient, sections=sections), knowledge)
    assert any(told in note and "may exist" in note for note in figure.notes)


def test_an_empty_record_has_one_panel_that_says_so(knowledge: Knowledge) -> None:
    figure = timeline_of(record(), knowledge)
    assert [panel.title for panel in figure.panels] == ["Total vitamin B12 in serum"]
    assert "no result" in figure.panels[0].notes[0]


def test_a_long_record_is_drawn_from_fifteen_years_ago_and_the_rest_is_counted(knowledge: Knowledge) -> None:
    labs = [
        observation(value=400, id=f"r{year}", effectiveDateTime=f"{year}-05-01") for year in (1985, 2001, 2012, 2025)
    ]
    figure = timeline_of(record(labs=labs), knowledge)
    assert figure.first.year == 2012
    assert any("2 results or doses before" in note for note in figure.notes)
    assert len([row for row in figure.rows if row.source.startswith("Observation")]) == 4


def test_an_old_result_that_counts_is_in_the_picture_however_old(knowledge: Knowledge) -> None:
    figure = timeline_of(record(labs=[observation(value=90, effectiveDateTime="1999-05-01")]), knowledge)
    assert figure.first < date(1999, 5, 1)


def test_a_problem_without_a_date_is_in_the_table_and_said_to_be(knowledge: Knowledge) -> None:
    figure = timeline_of(record(conditions=[condition(*NEUROPATHY)]), knowledge)
    assert figure.events == ()
    assert "Without a date, so in the table only: Peripheral neuropathy." in figure.notes


def test_an_unreadable_medicine_is_in_the_table(knowledge: Knowledge) -> None:
    odd = statement(effectivePeriod={"start": "some day"})
    figure = timeline_of(record(medicationStatements=[odd]), knowledge)
    assert any("some day" in row.told for row in rows_of(figure, "MedicationStatement/s1"))


def test_rows_are_newest_first_whatever_the_order_of_the_record(knowledge: Knowledge) -> None:
    labs = [observation(value=400 + n, id=f"r{n}", effectiveDateTime=f"202{n}-05-01") for n in range(5)]
    forwards = timeline_of(record(labs=labs), knowledge)
    assert forwards == timeline_of(record(labs=labs[::-1]), knowledge)
    assert [row.source for row in forwards.rows] == [f"Observation/r{n}" for n in (4, 3, 2, 1, 0)]
