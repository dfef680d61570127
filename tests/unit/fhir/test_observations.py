"""Which Observations are results of ours, when they were drawn, whose they are, and which of several stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, Comparator, Finding, LabResult
from cds_service.facts.orders import Test, TestOrder
from cds_service.facts.patient import ANYTHING, DataIssue
from cds_service.fhir.observations import MOST_PARTS, read_awaited, read_labs, result_dates
from cds_service.fhir.resources import Resource
from cds_service.fhir.result_values import VALUE_FIELDS
from cds_service.knowledge.loader import load
from tests.builders import LOINC, SNOMED, TODAY, concept, observation, quantity, record
from tests.unit.fhir.lab_knowledge import lab_knowledge

KNOWLEDGE = lab_knowledge()
LOCAL = "http://hospital.example/labs"


def read(*observations: Resource) -> tuple[list[LabResult], list[DataIssue]]:
    return read_labs(record(labs=observations), KNOWLEDGE, TODAY)


def only(*observations: Resource) -> LabResult:
    results, issues = read(*observations)
    assert issues == []
    [result] = results
    return result


def refusal(*observations: Resource) -> DataIssue:
    results, issues = read(*observations)
    assert results == []
    [issue] = issues
    assert issue.matters_to
    return issue


def test_a_result_keeps_what_was_sent_beside_its_canonical_value() -> None:
    result = only(observation(value="0.15", unit="ng/mL", id="b12", issued="2025-09-20T14:30:00Z"))

    assert (result.printed, result.value, result.unit) == ("0.15 ng/mL", 150, "ng/L")
    assert (result.analyte, result.source) == (Analyte.TOTAL_B12, "Observation/b12")
    assert str(result.taken) == "2025-09-20"
    assert result.issued == ClinicalDate.parse("2025-09-20T14:30:00Z")
    assert result.is_coded


@pytest.mark.parametrize(("mark", "flag"), [("L", "low"), ("LL", "low"), ("HH", "high"), ("N", None), ("A", None)])
def test_the_flag_beside_a_number_is_kept_where_it_says_low_or_high(mark: str, flag: str | None) -> None:
    assert only(observation(value="360", interpretation=[{"coding": [{"code": mark}]}])).flag == flag
    text = observation(valueString="360 pg/mL", interpretation=[{"coding": [{"code": mark}]}])
    assert only(text).flag == flag


def test_of_two_reports_of_one_level_the_marked_one_stands() -> None:
    plain = observation(value="360", id="a")
    marked = observation(value="360", id="b", interpretation=[{"text": "Low"}])
    for sent in ((plain, marked), (marked, plain)):
        assert only(*sent).flag is Finding.LOW


def test_a_result_inside_of_another_is_told_as_not_used() -> None:
    b12 = {"resourceType": "Observation", "id": "m", "code": concept((LOINC, "2132-9"))}
    panel = observation("57021-8", id="panel", contained=[b12], hasMember=[{"reference": "#m"}])
    issue = refusal(panel)
    assert (issue.resource, issue.field, issue.matters_to) == ("Observation/panel", "contained[0]", "total-b12")
    assert issue.issue == "This vitamin B12 result was not used: it was sent inside of another result."
    assert str(issue.day) == "2025-09-20"
    assert not issue.used_with_care
    nameless = refusal(observation("57021-8", contained=[{"resourceType": "Observation", "id": "m"}]))
    assert (nameless.issue, nameless.matters_to) == ("This result was not used: it does not say what it is.", ANYTHING)


def test_what_else_is_inside_of_a_result_is_not_told() -> None:
    other = {"resourceType": "Observation", "id": "m", "code": concept((LOINC, "2345-7"))}
    medicine = {"resourceType": "Medication", "id": "m", "code": concept((LOINC, "2132-9"))}
    b12 = other | {"code": concept((LOINC, "2132-9"))}
    beside = refusal(observation("57021-8", contained=[medicine, other, b12]))
    assert beside.field == "contained[2]"
    panels = [observation("57021-8", contained=[other, medicine])]
    panels += [observation("57021-8", contained=[b12], status=s) for s in ("entered-in-error", "cancelled")]
    assert read(*panels) == ([], [])


def test_a_level_that_was_read_before_is_still_printed_as_it_was_sent_and_in_its_own_unit_and_range() -> None:
    assert only(observation(value="150")).printed == "150 pg/mL"
    assert only(observation(value="150.0")).printed == "150.0 pg/mL"
    ranged = observation(value="150", referenceRange=[{"low": quantity("187", "pg/mL")}])
    assert [only(ranged).lower_limit, only(observation(value="150")).lower_limit] == [187, None]
    assert only(observation("14685-2", value="150", unit="pmol/L")).printed == "150 pmol/L"


def test_all_that_a_value_is_read_from_tells_two_results_apart() -> None:
    read_from = {name for name in Resource.__struct_fields__ if name.startswith("value_")}
    read_from -= {"value_date_time"}  # of a date of delivery alone, and of no result

    assert read_from <= {*VALUE_FIELDS, "value_string", "value_codeable_concept"}


def test_an_observation_of_something_else_is_skipped_without_a_word() -> None:
    assert read(observation("4548-4", 5.4, "%", status="nonsense", effectiveDateTime="never")) == ([], [])


@pytest.mark.parametrize(
    "coding",
    [
        (LOINC, "2132-9"),
        ("https://loinc.org", "2132-9"),
        ("http://loinc.org/", " 2132-9 "),
        ("http: //loinc.org", "2132-9"),
        ("urn:oid:2.16.840.1.113883.6.1", "2132-9"),
        ("2.16.840.1.113883.6.1", "2132-9"),
        ("http://snomed.info/sct/731000124108", "271216009"),
        ("http://SNOMED.info/sct", "271216009"),
    ],
)
def test_a_code_is_known_under_every_spelling_of_its_system(coding: tuple[str, str]) -> None:
    assert only(observation(value=150, code=concept((LOCAL, "B12"), coding))).is_coded


def possible(code: dict[str, Any]) -> DataIssue:
    """What is told of a result that does not count, because it is only possibly of our analyte."""
    [result], [issue] = read(observation(value=150, code=code))
    assert not result.is_coded
    return issue


@pytest.mark.parametrize(
    "code",
    [
        concept((LOCAL, "51010", "Vitamin B12")),
        concept(text="VIT B12"),
        concept((LOINC, "21329"), text="Vitamin B12"),
        concept((LOINC, "2132-8"), text="Vitamin B12"),
        concept((SNOMED, "2132-9"), text="Vitamin B12"),
        concept((LOINC, "16695-9")),
    ],
    ids=["a local code", "no code", "no dash", "a wrong check digit", "another system", "a code for review"],
)
def test_a_result_known_by_its_name_is_only_possible_and_is_told(code: dict[str, Any]) -> None:
    issue = possible(code)
    assert (issue.field, issue.matters_to, issue.used_with_care) == ("code", "total-b12", False)


@pytest.mark.parametrize("name", ["Vitamin B12", "S-Cobalamin", "Holotranscobalamin", "Methylmalonic acid"])
def test_a_standard_code_of_something_else_beside_a_name_of_ours_is_not_used(name: str) -> None:
    issue = refusal(observation(value=150, code=concept((LOINC, "2345-7"), text=name)))

    assert "its code '2345-7' is none that is known for it" in issue.issue


def test_a_standard_code_of_something_else_is_believed_over_a_name_that_decides_nothing() -> None:
    assert read(observation(value=150, code=concept((LOINC, "2345-7"), text="MCV"))) == ([], [])


def test_a_heading_that_is_called_after_what_is_under_it_is_no_result() -> None:
    code = concept((LOINC, "2345-7"), text="Vitamin B12 panel")

    assert read(observation(value=None, code=code)) == ([], [])
    assert refusal(observation(value=None, code=code, interpretation=[{"text": "Low"}])).field == "code"
    assert refusal(observation(value=None, code=code, valueInteger=150)).field == "code"


def test_a_look_alike_code_is_never_taken_for_the_thing() -> None:
    assert read(observation(value=900, code=concept((LOINC, "2171-7")))) == ([], [])
    assert read(observation(value=900, code=concept((LOINC, "2171-7"), text="Vitamin B12 binding capacity"))) == (
        [],
        [],
    )


@pytest.mark.parametrize("value", [150, 900])
@pytest.mark.parametrize("beside", ["", "Vitamin B12 binding capacity"])
def test_a_look_alike_code_beside_the_plain_name_of_the_thing_is_told(value: int, beside: str) -> None:
    code = {"coding": [{"system": LOINC, "code": "2171-7", "display": beside}], "text": "Vitamin B12"}

    issue = refusal(observation(value=value, code=code))

    assert (issue.field, issue.matters_to, issue.used_with_care) == ("code", "total-b12", False)
    assert "it is called vitamin B12, and its code '2171-7' is for something else (display of 2171-7)" in issue.issue


def test_a_look_alike_code_beside_the_plain_name_of_another_thing_is_told_as_that() -> None:
    assert refusal(observation(value=900, code=concept((LOINC, "2171-7"), text="MMA"))).matters_to == "mma"
    assert read(observation(value=900, code=concept((LOINC, "2171-7"), text="MCV"))) == ([], [])


@pytest.mark.parametrize("text", ["Vitamin B12", "Potassium", None])
def test_a_look_alike_code_beside_a_code_of_the_thing_is_told_whatever_its_name(text: str | None) -> None:
    both = concept((LOINC, "2171-7"), (LOINC, "2132-9"), text=text)

    issue = refusal(observation(value=150, code=both))

    assert "its codes stand for different things (vitamin B12 and display of 2171-7)" in issue.issue


def test_a_result_with_codes_of_two_analytes_concerns_the_one_that_decides_more() -> None:
    issue = refusal(observation(value=150, code=concept((LOINC, "718-7"), (LOINC, "2132-9"))))
    assert issue.matters_to == "total-b12"
    assert "its codes stand for different things (haemoglobin and vitamin B12)" in issue.issue


@pytest.mark.parametrize("withdrawn", ["entered-in-error", "cancelled"])
def test_a_withdrawn_result_with_a_look_alike_code_is_left_out_without_a_word(withdrawn: str) -> None:
    code = concept((LOINC, "2171-7"), text="Vitamin B12")

    assert read(observation(value=150, code=code, status=withdrawn)) == ([], [])


def test_a_heading_with_a_look_alike_code_is_no_result() -> None:
    code = concept((LOINC, "2171-7"), text="Vitamin B12")

    assert read(observation(value=None, code=code)) == ([], [])


def test_a_look_alike_component_is_told() -> None:
    part = {"code": concept((LOINC, "2171-7"), text="Vitamin B12"), "valueQuantity": quantity(150, "pg/mL")}

    issue = refusal(observation(value=None, code=concept(text="Panel"), component=[part]))

    assert issue.field == "component[0].code"


def test_a_name_that_rules_the_thing_out_is_believed_over_a_name_that_fits() -> None:
    assert read(observation(value=900, code=concept(text="Vitamin B12 binding capacity"))) == ([], [])


@pytest.mark.parametrize("name", ["Holotranscobalamin", "Methylmalonic acid", "Vitamin B12, urine"])
def test_a_code_beside_a_contradicting_name_is_not_used(name: str) -> None:
    issue = refusal(observation(value=150, code=concept((LOINC, "2132-9"), text=name)))

    assert "its name is not" in issue.issue


@pytest.mark.parametrize(
    ("code", "name", "analyte"),
    [
        ("718-7", "Vitamin B12", "total-b12"),
        ("718-7", "MMA", "mma"),
        ("13964-2", "Vitamin B12", "total-b12"),
        ("2132-9", "MMA", "total-b12"),
        ("718-7", "MCV", "haemoglobin"),
    ],
)
def test_where_code_and_name_contradict_each_other_it_matters_to_what_decides_more(
    code: str, name: str, analyte: str
) -> None:
    issue = refusal(observation(value=150, code=concept((LOINC, code), text=name)))

    assert issue.matters_to == analyte
    assert "and its name is not" in issue.issue


def test_a_code_for_b12_labelled_magnesium_in_mg_dl_is_not_used() -> None:
    magnesium = observation(value=2.1, unit="mg/dL", code=concept((LOINC, "14685-2"), text="Magnesium"))

    assert "not known for vitamin B12" in refusal(magnesium).issue


def test_codes_of_two_analytes_on_one_result_are_not_used() -> None:
    both = concept((LOINC, "2132-9"), (LOINC, "13964-2"))

    assert "different things" in refusal(observation(value=150, code=both)).issue


def test_a_name_that_fits_two_analytes_is_not_used() -> None:
    assert "more than one" in refusal(observation(value=150, code=concept(text="MMA and MCV"))).issue


@pytest.mark.parametrize("status", ["final", "Final", " final "])
def test_a_final_result_counts(status: str) -> None:
    result = only(observation(value=150, status=status))

    assert not result.is_preliminary
    assert not result.is_corrected


@pytest.mark.parametrize("status", ["amended", "corrected"])
def test_a_corrected_result_says_so(status: str) -> None:
    assert only(observation(value=150, status=status)).is_corrected


def test_a_preliminary_result_says_so() -> None:
    assert only(observation(value=150, status="preliminary")).is_preliminary


@pytest.mark.parametrize(
    "status", ["entered-in-error", "entered-in-error ", "Entered-In-Error", "cancelled", "registered"]
)
def test_a_withdrawn_or_planned_result_is_left_out_without_a_word(status: str) -> None:
    assert read(observation(value=150, status=status)) == ([], [])


@pytest.mark.parametrize("status", [None, "", "unknown", "done"])
def test_a_result_without_a_known_status_is_not_used(status: str | None) -> None:
    assert refusal(observation(value=150, status=status)).field == "status"


def test_a_withdrawn_copy_takes_the_other_copies_of_its_id_along() -> None:
    withdrawn = observation(value=150, status="entered-in-error")

    assert read(observation(value=150), withdrawn) == ([], [])


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"effectiveDateTime": "2025-09-20T23:30:00-05:00"}, "2025-09-20"),
        ({"effectiveDateTime": "2025-10-01"}, "2025-10-01"),
        ({"effectiveDateTime": None, "effectiveInstant": "2025-09-20T08:15:00Z"}, "2025-09-20"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2025-09-18", "end": "2025-09-20"}}, "2025-09-20"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2025-09-18"}}, "2025-09-18"),
        ({"issued": "2025-09-29T08:15:00Z"}, "2025-09-20"),
    ],
)
def test_the_sample_is_dated_by_its_effective_time(fields: dict[str, Any], day: str) -> None:
    assert str(only(observation(value=150, **fields)).taken) == day


def test_a_result_dated_only_by_its_report_is_used_with_care() -> None:
    results, [issue] = read(observation(value=150, effectiveDateTime=None, issued="2025-09-20T08:15:00Z"))

    assert str(results[0].taken) == "2025-09-20"
    assert (issue.field, issue.used_with_care) == ("issued", True)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"effectiveDateTime": None}, "has no date"),
        ({"effectiveDateTime": None, "effectivePeriod": {}}, "has no date"),
        ({"effectiveDateTime": "20.09.2025"}, "is not a date"),
        ({"effectiveDateTime": "2025-02-30"}, "is not a date"),
        ({"effectiveDateTime": "20.09.2025", "issued": "2025-09-20T08:15:00Z"}, "is not a date"),
        ({"effectiveDateTime": "2025-10-02"}, "in the future"),
        ({"effectiveDateTime": "2191-03-01"}, "in the future"),
    ],
)
def test_a_result_without_a_possible_date_is_not_used(fields: dict[str, Any], why: str) -> None:
    assert why in refusal(observation(value=150, **fields)).issue


@pytest.mark.parametrize("partial", ["2025-09", "2025-10"])
def test_a_partial_date_that_may_be_past_is_used_with_care(partial: str) -> None:
    [result], [issue] = read(observation(value=150, effectiveDateTime=partial))

    assert str(result.taken) == partial
    assert issue.used_with_care
    assert f"only {partial}" in issue.issue


@pytest.mark.parametrize("subject", [None, {"display": "Jane Roe"}, {"reference": "Patient/p2"}])
def test_a_result_of_nobody_or_of_another_patient_is_not_used(subject: dict[str, str] | None) -> None:
    issue = refusal(observation(value=150, subject=subject))

    assert issue.field == "subject"
    assert "Jane" not in issue.issue


@pytest.mark.parametrize("reference", ["Patient/p1", "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/3"])
def test_the_patient_is_known_under_every_form_of_reference(reference: str) -> None:
    assert only(observation(value=150, subject={"reference": reference})).value == 150


def test_a_panel_is_read_by_its_components() -> None:
    panel = observation(
        "58410-2",
        component=[
            {"code": concept((LOINC, "718-7")), "valueQuantity": quantity("10.4", "g/dL")},
            {"code": concept((LOINC, "787-2")), "valueQuantity": quantity(107, "fL")},
            {"code": concept((LOINC, "6690-2")), "valueQuantity": quantity(6, "10*3/uL")},
        ],
    )

    results, issues = read(panel)

    assert {(one.analyte, one.value) for one in results} == {(Analyte.HAEMOGLOBIN, 104), (Analyte.MCV, 107)}
    assert issues == []


def test_an_unusable_component_is_named_and_the_others_are_read() -> None:
    panel = observation(
        "58410-2",
        component=[
            {"code": concept((LOINC, "718-7")), "valueString": "clotted"},
            {"code": concept((LOINC, "787-2")), "valueQuantity": quantity(107, "fL")},
        ],
    )

    results, [issue] = read(panel)

    assert [one.analyte for one in results] == [Analyte.MCV]
    assert (issue.field, issue.matters_to) == ("component[0].valueString", "haemoglobin")


def test_a_missing_value_is_said_with_its_reason() -> None:
    absent = concept(("http://terminology.hl7.org/CodeSystem/data-absent-reason", "error"))

    assert "'error'" in refusal(observation(dataAbsentReason=absent)).issue


def test_a_value_beside_a_reason_for_its_absence_is_not_used() -> None:
    refusal(observation(value=500, dataAbsentReason=concept(text="not performed")))


def test_two_values_are_not_used() -> None:
    assert "more than one" in refusal(observation(value=500, valueString="Haemolysed")).issue


@pytest.mark.parametrize(("value", "finding"), [(True, Finding.POSITIVE), (False, Finding.NEGATIVE)])
def test_an_antibody_may_be_told_as_yes_or_no(value: bool, finding: Finding) -> None:
    assert only(observation("31444-3", valueBoolean=value)).finding is finding


@pytest.mark.parametrize("text", ["Critical low", "Below low normal", "Low"])
def test_the_names_of_the_flags_are_read_as_their_letters(text: str) -> None:
    assert only(observation(value="360", interpretation=[concept(text=text)])).flag is Finding.LOW


def test_a_single_flag_where_a_list_belongs_is_tolerated() -> None:
    flag = concept(("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "L"))

    assert only(observation(interpretation=flag)).finding is Finding.LOW


def test_flags_that_contradict_each_other_are_not_used() -> None:
    refusal(observation(interpretation=[concept(text="High"), concept(text="Low")]))


def own_range(low: dict[str, Any] | None = None, high: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"low": low, "high": high, **fields}


def test_the_laboratorys_own_range_is_put_on_the_results_scale() -> None:
    given = [own_range(quantity("0.187", "ng/mL"), quantity("0.883", "ng/mL"))]
    result = only(observation(value=150, referenceRange=given))

    assert (result.lower_limit, result.upper_limit, result.printed_range) == (187, 883, "187-883")


def test_a_range_in_words_is_read() -> None:
    result = only(observation(value=150, referenceRange=[own_range(text="187-883 pg/mL")]))

    assert (result.lower_limit, result.upper_limit) == (187, 883)


@pytest.mark.parametrize("half", [{}, {"unit": "pg/mL"}], ids=str)
def test_a_range_in_words_is_read_where_its_limits_have_no_number(half: dict[str, Any]) -> None:
    result = only(observation(value=150, referenceRange=[own_range(half, half, text="187-883 pg/mL")]))

    assert (result.lower_limit, result.upper_limit) == (187, 883)


@pytest.mark.parametrize("text", ["0 - 99999 pg/mL", "< 99999 pg/mL"])
def test_an_upper_limit_that_cannot_be_true_is_not_taken_from_words_either(text: str) -> None:
    """With it, a raised result would look normal."""
    assert only(observation(value=150, referenceRange=[own_range(text=text)])).upper_limit is None


@pytest.mark.parametrize("given", [own_range(quantity(400, None), quantity(900, None)), own_range(text="400 - 900")])
@pytest.mark.parametrize(
    ("value", "lower_limit", "printed"), [("399", 400, "400-900 (no unit)"), ("400", None, ""), ("349", None, "")]
)
def test_a_range_without_a_unit_may_call_a_level_low(
    given: dict[str, Any], value: str, lower_limit: int | None, printed: str
) -> None:
    """In the unit of the result, and only where the published limit does not already."""
    result = only(observation(value=value, referenceRange=[given]))

    assert (result.lower_limit, result.upper_limit, result.printed_range) == (lower_limit, None, printed)


@pytest.mark.parametrize(
    ("value", "unit", "given", "upper_limit"),
    [
        ("0.27", "umol/L", own_range(high=quantity("0.25", None)), "0.25"),
        ("0.27", "umol/L", own_range(quantity(0, "umol/L"), quantity("0.25", None)), "0.25"),
        ("0.27", "umol/L", own_range(text="0.00-0.25"), "0.25"),
        ("270", "nmol/L", own_range(text="<250"), "0.25"),
        ("0.25", "umol/L", own_range(high=quantity("0.25", None)), None),
        ("0.3", "umol/L", own_range(high=quantity("0.4", None)), None),
        ("0.2", "umol/L", own_range(high=quantity("0.13", None)), None),
        ("270", "nmol/L", own_range(high=quantity("0.4", None)), None),
    ],
)
def test_a_range_without_a_unit_may_call_a_marker_raised_and_never_normal(
    value: str, unit: str, given: dict[str, Any], upper_limit: str | None
) -> None:
    result = only(observation("13964-2", value, unit, referenceRange=[given]))

    assert result.upper_limit == (None if upper_limit is None else Decimal(upper_limit))


@pytest.mark.parametrize(
    ("comparator", "fields", "lower_limit"),
    [("<", {"value": "399"}, 400), (">", {"value": "380"}, None), (">=", {"value": "380"}, None)],
)
def test_a_bound_is_low_by_a_range_without_a_unit_only_where_it_surely_is(
    comparator: str, fields: dict[str, str], lower_limit: int | None
) -> None:
    given = own_range(quantity(400, None))

    result = only(observation(valueQuantity=quantity(**fields, comparator=comparator), referenceRange=[given]))

    assert result.lower_limit == lower_limit


def test_a_marker_that_is_at_most_its_value_is_not_raised_by_a_range_without_a_unit() -> None:
    value = quantity("0.27", "umol/L", comparator="<")

    result = only(observation("13964-2", valueQuantity=value, referenceRange=[own_range(high=quantity("0.25", None))]))

    assert result.upper_limit is None


@pytest.mark.parametrize(
    "given",
    [
        [own_range(quantity(400, None)), own_range(quantity(360, None))],
        [own_range(quantity(200)), own_range(quantity(400, None))],
    ],
    ids=["two", "one with a unit"],
)
def test_a_range_without_a_unit_counts_where_it_is_the_only_one(given: list[dict[str, Any]]) -> None:
    assert only(observation(value="370", referenceRange=given)).lower_limit in (None, 200)


def test_a_range_without_a_unit_that_cannot_be_in_that_of_the_result_is_told() -> None:
    [result], [issue] = read(observation(value="370", referenceRange=[own_range(quantity(701, None))]))

    assert (result.lower_limit, issue.field) == (None, "referenceRange")
    assert "its lower limit cannot be read" in issue.issue


@pytest.mark.parametrize(
    "given",
    [
        [own_range(quantity(138, "pmol/L"), quantity(652, "pmol/L"))],
        [own_range(quantity(187, None), quantity(883, None))],
        [own_range(quantity(883), quantity(187))],
        [own_range(quantity(0), quantity(0))],
        [own_range(text="187-883")],
        [own_range(quantity(187), quantity(883)), own_range(quantity(200), quantity(900))],
        [{}],
        [],
    ],
    ids=str,
)
def test_a_range_that_cannot_be_compared_is_left_out(given: list[dict[str, Any]]) -> None:
    result = only(observation(value=150, referenceRange=given))

    assert (result.value, result.lower_limit, result.upper_limit, result.printed_range) == (150, None, None, "")


@pytest.mark.parametrize(
    ("code", "unit", "highest", "above"),
    [
        ("13964-2", "umol/L", "0.5", "0.51"),
        ("13964-2", "nmol/L", "500", "501"),
        ("13965-9", "umol/L", "20", "20.1"),
        ("787-2", "fL", "105", "105.1"),
    ],
)
def test_a_laboratorys_upper_limit_is_believed_to_a_point(code: str, unit: str, highest: str, above: str) -> None:
    def limit(high: str) -> Decimal | None:
        given = [own_range(high=quantity(high, unit))]
        made = observation(code=concept((LOINC, code)), value=highest, unit=unit, referenceRange=given)
        [result], _ = read_labs(record(labs=[made]), load(), TODAY)
        return result.upper_limit

    assert limit(highest) is not None
    assert limit(above) is None


@pytest.mark.parametrize(
    ("code", "value", "unit", "is_read"),
    [
        ("2132-9", "20000", "pg/mL", True),
        ("2132-9", "20001", "pg/mL", False),
        ("2132-9", "20", "ng/mL", True),
        ("2132-9", "90", "ng/mL", False),
        ("14685-2", "14800", "pmol/L", True),
        ("14685-2", "60", "nmol/L", False),
    ],
)
def test_a_severe_level_in_the_unit_of_a_thousand_times_as_much_is_no_high_one(
    code: str, value: str, unit: str, is_read: bool
) -> None:
    made = observation(code=concept((LOINC, code)), value=value, unit=unit)
    results, issues = read_labs(record(labs=[made]), load(), TODAY)

    assert (len(results), len(issues)) == ((1, 0) if is_read else (0, 1))


@pytest.mark.parametrize("high", [quantity("1e300"), quantity(99999), quantity(0), quantity(883, "furlong")], ids=str)
def test_the_half_of_a_range_that_can_be_read_counts(high: dict[str, Any]) -> None:
    result = only(observation(value=150, referenceRange=[own_range(quantity(187), high)]))

    assert (result.lower_limit, result.upper_limit, result.printed_range) == (187, None, ">187")


@pytest.mark.parametrize("low", [quantity("1e300"), quantity(-187), quantity(99999), quantity(187, "furlong")], ids=str)
def test_a_lower_limit_that_was_sent_and_cannot_be_read_is_told(low: dict[str, Any]) -> None:
    [result], [issue] = read(observation(value=150, referenceRange=[own_range(low, quantity(883))]))

    assert (result.lower_limit, result.upper_limit) == (None, 883)
    assert (issue.field, issue.used_with_care, issue.day) == ("referenceRange", False, result.taken)
    assert issue.issue.endswith("its lower limit cannot be read.")


MMA, HAEMOGLOBIN = ("13964-2", "umol/L", "0.20"), ("718-7", "g/dL", "13.0")


@pytest.mark.parametrize(("code", "unit", "limit"), [("2132-9", "pg/mL", "883"), MMA, HAEMOGLOBIN], ids=str)
def test_very_many_ranges_are_read_where_they_say_nothing_new(code: str, unit: str, limit: str) -> None:
    own = {"high": quantity(limit, unit)}
    beside = [{"text": "see note"}, own, {**own, "text": "adults"}, {"low": {"unit": unit}}]

    def limits(*ranges: dict[str, Any]) -> Any:
        found = only(observation(value=limit, unit=unit, code=concept((LOINC, code)), referenceRange=[*ranges]))
        return found.lower_limit, found.upper_limit, found.printed_range

    assert limits(*beside * 30) == limits(own) != limits()


@pytest.mark.parametrize(("code", "unit", "limit"), [("2132-9", "pg/mL", "883"), MMA, HAEMOGLOBIN], ids=str)
def test_more_ranges_in_words_than_are_read_are_told(code: str, unit: str, limit: str) -> None:
    def told(count: int) -> list[str]:
        ranges = [*({"text": f"group {n}"} for n in range(count)), *[{"text": "group 0"}] * 30]
        made = observation(value=limit, unit=unit, code=concept((LOINC, code)), referenceRange=ranges)
        [result], issues = read(made)
        assert all(issue.matters_to == result.analyte and issue.day == result.taken for issue in issues)
        return [f"{issue.field}: {issue.issue}" for issue in issues if not issue.used_with_care]

    assert told(12) == []
    [one] = told(13)
    assert one.startswith("referenceRange: ")
    assert one.endswith(" result has more reference ranges in words than are read.")


def test_two_different_ranges_among_very_many_are_two() -> None:
    ranges = [own_range(quantity(187), quantity(883))] * 20 + [own_range(quantity(200), quantity(900))]

    assert only(observation(value=150, referenceRange=ranges)).lower_limit is None


@pytest.mark.parametrize(
    ("code", "analyte", "unit"), [("2132-9", "total-b12", "ng/mL"), ("13964-2", "mma", "umol/L")], ids=str
)
def test_a_result_that_decides_and_of_which_only_the_year_is_known_is_told(code: str, analyte: str, unit: str) -> None:
    [result], [issue] = read(observation(value=1, unit=unit, code=concept((LOINC, code)), effectiveDateTime="2025"))

    assert (issue.field, issue.matters_to, issue.used_with_care) == ("effectiveDateTime", analyte, False)
    assert issue.day == result.taken


def values(*observations: Resource) -> list[str]:
    return [result.printed for result in read(*observations)[0]]


def test_a_corrected_report_takes_the_place_of_the_final_one() -> None:
    assert values(observation(value=150, id="a"), observation(value=410, id="b", status="corrected")) == ["410 pg/mL"]


def test_a_final_report_takes_the_place_of_the_preliminary_one() -> None:
    assert values(observation(value=150, id="a", status="preliminary"), observation(value=410, id="b")) == ["410 pg/mL"]


def test_the_later_issued_report_of_one_sample_stands() -> None:
    first = observation(value=150, id="b", issued="2025-09-20T14:00:00Z")
    second = observation(value=410, id="a", issued="2025-09-21T09:00:00Z")

    assert values(first, second) == ["410 pg/mL"]


def test_reports_of_one_sample_that_cannot_be_put_in_order_are_all_kept_and_said() -> None:
    results, [issue] = read(observation(value=150, id="a"), observation(value=410, id="b"))

    assert [one.printed for one in results] == ["150 pg/mL", "410 pg/mL"]
    assert issue.used_with_care
    assert "150 pg/mL and 410 pg/mL" in issue.issue


def test_the_same_value_of_one_sample_counts_once() -> None:
    assert values(observation(value=150, id="a"), observation(value="0.150", unit="ng/mL", id="b")) == ["150 pg/mL"]


def test_one_sample_in_two_units_is_told_in_both() -> None:
    assert values(observation(value=190, id="a"), observation("14685-2", 140, "pmol/L", id="b")) == [
        "190 pg/mL",
        "140 pmol/L",
    ]


def test_samples_of_two_times_on_one_day_are_two() -> None:
    morning = observation(value=150, id="a", effectiveDateTime="2025-09-20T08:15:00Z")
    evening = observation(value=410, id="b", effectiveDateTime="2025-09-20T18:15:00Z", status="corrected")

    assert values(morning, evening) == ["150 pg/mL", "410 pg/mL"]


def test_results_of_one_month_are_not_taken_for_one_sample() -> None:
    results, issues = read(
        observation(value=150, id="a", effectiveDateTime="2025-09"),
        observation(value=410, id="b", effectiveDateTime="2025-09", status="corrected"),
    )

    assert [one.value for one in results] == [150, 410]
    assert [issue.field for issue in issues] == ["effectiveDateTime"] * 2


def test_a_result_known_by_name_alone_never_displaces_a_coded_one() -> None:
    coded = observation(value=150, id="a")
    named = observation(value=410, id="b", status="corrected", code=concept(text="Vitamin B12"))

    assert values(coded, named) == ["150 pg/mL", "410 pg/mL"]


def test_the_same_resource_twice_counts_once() -> None:
    assert values(observation(value=150), observation(value=150)) == ["150 pg/mL"]


def test_results_are_listed_oldest_first() -> None:
    newer = observation(value=150, id="a", effectiveDateTime="2025-09-20")
    older = observation(value=410, id="b", effectiveDateTime="2024-09-20")

    assert values(newer, older) == ["410 pg/mL", "150 pg/mL"]


def test_nothing_is_read_from_an_observation_without_a_code() -> None:
    assert read(observation(value=150, code=None)) == ([], [])
    assert read(observation(value=150, code={"coding": [{"display": ""}, {"code": "2132-9"}]})) == ([], [])


@pytest.mark.parametrize("hostile", ["<img src=x onerror=alert(1)>", "x" * 10_000, "\x00\x1b[31m", "Ａ" * 50])
def test_hostile_text_in_any_field_is_never_repeated_at_length(hostile: str) -> None:
    spoiled = [
        observation(value=150, status=hostile),
        observation(value=150, effectiveDateTime=hostile),
        observation(valueString=hostile),
        observation(value=150, unit=hostile),
        observation(valueQuantity=quantity(150, "pg/mL", comparator=hostile)),
        observation(dataAbsentReason=concept((SNOMED, hostile))),
    ]

    for one in spoiled:
        issue = refusal(one)
        assert len(issue.issue) < 160
        assert hostile not in issue.issue
        assert issue.issue.isprintable()


@pytest.mark.parametrize(
    ("value", "high", "finding"),
    [
        (quantity(12, "U/mL"), quantity(10, "U/mL"), Finding.HIGH),
        (quantity(10, "U/mL"), quantity(10, "U/mL"), Finding.NORMAL),
        (quantity("1.3", None), quantity("1.1", None), Finding.HIGH),
        (quantity(5, "U/mL", comparator="<"), quantity(10, "U/mL"), Finding.NORMAL),
        (quantity(100, "U/mL", comparator=">"), quantity(10, "U/mL"), Finding.HIGH),
    ],
)
def test_an_antibody_number_tells_by_the_laboratorys_own_range(
    value: dict[str, Any], high: dict[str, Any], finding: Finding
) -> None:
    given = observation("31443-5", valueQuantity=value, referenceRange=[own_range(high=high)])

    assert only(given).finding is finding


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        (quantity(12, "U/mL"), [own_range(high=quantity(10, "AU/mL"))]),
        (quantity(12, "U/mL"), [own_range(high=quantity(10, None))]),
        (quantity(12, "U/mL"), [own_range(high=quantity(10, "U/mL")), own_range(high=quantity(20, "U/mL"))]),
        (quantity(12, "U/mL"), [own_range(high=quantity(0, "U/mL"))]),
        (quantity(12, "U/mL"), [own_range(low=quantity(0, "U/mL"))]),
        (quantity(12, "U/mL", comparator="<"), [own_range(high=quantity(10, "U/mL"))]),
        (quantity(5, "U/mL", comparator=">"), [own_range(high=quantity(10, "U/mL"))]),
        (quantity(12, "U/mL", comparator="~"), [own_range(high=quantity(10, "U/mL"))]),
        (quantity("NaN", "U/mL"), [own_range(high=quantity(10, "U/mL"))]),
        (quantity(-1, "U/mL"), [own_range(high=quantity(10, "U/mL"))]),
    ],
    ids=str,
)
def test_an_antibody_number_that_its_range_does_not_settle_is_not_used(
    value: dict[str, Any], ranges: list[dict[str, Any]]
) -> None:
    refusal(observation("31443-5", valueQuantity=value, referenceRange=ranges))


def test_an_antibody_whose_flag_and_range_contradict_is_not_used() -> None:
    given = observation(
        "31443-5",
        valueQuantity=quantity(12, "U/mL"),
        referenceRange=[own_range(high=quantity(10, "U/mL"))],
        interpretation=[concept(text="Negative")],
    )

    assert "contradict" in refusal(given).issue


@pytest.mark.parametrize("fields", [{"valueInteger": 150}, {"valueBoolean": True}, {}])
def test_a_value_without_a_unit_or_none_at_all_is_not_used(fields: dict[str, Any]) -> None:
    refusal(observation(**fields))


def test_a_value_whose_codings_contradict_each_other_is_not_used() -> None:
    refusal(observation(valueCodeableConcept=concept((SNOMED, "62482003", "Low"), text="High")))


@pytest.mark.parametrize(
    ("text", "limits"),
    [("<0.28 umol/L", (None, "0.28")), (">0.07 umol/L", ("0.07", None)), ("1,234-5,678 nmol/L", (None, None))],
)
def test_a_one_sided_range_in_words_is_read_and_an_ambiguous_one_is_not(
    text: str, limits: tuple[str | None, str | None]
) -> None:
    result = only(observation("13964-2", "0.2", "umol/L", referenceRange=[own_range(text=text)]))

    assert (result.lower_limit, result.upper_limit) == tuple(None if one is None else Decimal(one) for one in limits)
    assert bool(result.printed_range) is any(limits)


def test_a_report_time_that_is_no_date_settles_nothing() -> None:
    results, issues = read(
        observation(value=150, id="a", issued="soon"), observation(value=410, id="b", issued="2025-09-21T09:00:00Z")
    )

    assert [one.printed for one in results] == ["150 pg/mL", "410 pg/mL"]
    assert len(issues) == 1


def hb(**fields: Any) -> dict[str, Any]:
    return {"code": concept((LOINC, "718-7")), "valueQuantity": quantity("10.4", "g/dL"), **fields}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"status": "unknown"}, "status"),
        ({"subject": None}, "subject"),
        ({"effectiveDateTime": None}, "effectiveDateTime"),
        ({"effectiveDateTime": "soon"}, "effectiveDateTime"),
        ({"effectiveDateTime": None, "effectiveInstant": "2191-03-01T08:15:00Z"}, "effectiveInstant"),
        ({"effectiveDateTime": None, "effectivePeriod": {"end": "2191-03-01"}}, "effectivePeriod.end"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2191-03-01"}}, "effectivePeriod.start"),
        ({"effectiveDateTime": None, "issued": "2191-03-01T08:15:00Z"}, "issued"),
        ({"component": [hb(valueQuantity=None, valueString="clotted")]}, "component[0].valueString"),
        ({"component": [hb(code=concept((LOINC, "718-7"), text="HbA1c"))]}, "component[0].code"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_an_issue_names_the_field_where_it_stands_in_the_panel_or_in_its_component(
    fields: dict[str, Any], field: str
) -> None:
    assert refusal(observation("58410-2", **{"component": [hb()], **fields})).field == field


def test_an_issue_of_a_result_by_itself_names_its_own_field() -> None:
    assert refusal(observation(valueString="clotted")).field == "valueString"
    assert refusal(observation(value=150, code=concept((LOINC, "2132-9"), (LOINC, "13964-2")))).field == "code"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"status": "done"}, "its status is 'done'"),
        ({"status": None}, "it has no status"),
        ({"effectiveDateTime": None}, "it has no date"),
        ({"effectiveDateTime": "20.09.2025"}, "'20.09.2025' is not a date"),
        ({"effectiveDateTime": "2025-10-02"}, "its date 2025-10-02 is in the future"),
        ({"subject": None}, "it has no subject, so it is not known whose it is"),
        ({"subject": {"reference": "Patient/p2"}}, "it belongs to another patient"),
        ({"subject": {"reference": "urn:uuid:1"}}, "it has a subject that is not known to be this patient"),
    ],
    ids=str,
)
def test_why_a_result_was_not_used_is_said_in_one_sentence(fields: dict[str, Any], why: str) -> None:
    assert refusal(observation(value=150, **fields)).issue == f"This vitamin B12 result was not used: {why}."


def test_how_a_result_was_used_with_care_is_said_in_one_sentence() -> None:
    _, [issue] = read(observation(value=150, effectiveDateTime=None, issued="2025-09-20T08:15:00Z"))

    assert issue.issue == (
        "This vitamin B12 result was used with care: it does not say when the sample was taken, so 2025-09-20, when it "
        "was reported, counts."
    )


def test_a_result_with_a_value_of_its_own_is_read_beside_its_components() -> None:
    results, issues = read(observation("787-2", 107, "fL", component=[hb()]))

    assert {one.analyte for one in results} == {Analyte.HAEMOGLOBIN, Analyte.MCV}
    assert issues == []


def test_a_panel_that_says_why_it_has_no_value_is_said_beside_its_components() -> None:
    results, [issue] = read(observation("787-2", dataAbsentReason=concept(text="error"), component=[hb()]))

    assert [one.analyte for one in results] == [Analyte.HAEMOGLOBIN]
    assert issue.matters_to == "mcv"


def test_a_panel_named_like_its_result_but_without_a_value_is_read_by_its_components_alone() -> None:
    assert only(observation("718-7", component=[hb()])).value == 104


def test_issues_stand_by_their_resource_then_by_their_field() -> None:
    odd = {"b": {"status": "nonsense"}, "a": {"status": "nonsense"}, "c": {"effectiveDateTime": "2030"}}
    _, issues = read(*(observation(value=150, id=id_, **fields) for id_, fields in odd.items()))
    assert [issue.resource for issue in issues] == ["Observation/a", "Observation/b", "Observation/c"]


def test_a_result_known_by_its_name_alone_is_said_with_its_day() -> None:
    _, [issue] = read(observation(value=150, code=concept((LOCAL, "51010", "Vitamin B12"))))
    name = "vitamin B12"
    assert issue.issue == f"This {name} result does not count as measured: it was recognised by its name alone."
    assert (issue.field, str(issue.day)) == ("code", "2025-09-20")


def test_what_the_laboratory_marked_a_result_that_is_not_used_stands_beside_the_reason() -> None:
    low = [concept(("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "L"))]
    why = "This vitamin B12 result was not used: the unit 'furlong' is not known for vitamin B12"
    assert refusal(observation(value=150, unit="furlong", interpretation=low)).issue == (f"{why} (marked low).")
    assert refusal(observation(value=150, unit="furlong")).issue == f"{why}."


def test_the_comparator_of_a_result_is_kept() -> None:
    assert only(observation(valueString="<150 pg/mL")).comparator is Comparator.BELOW


def test_every_observation_with_a_date_has_its_day_whether_it_was_used_or_not() -> None:
    given = [
        observation(value=150, id="used"),
        observation("4548-4", 5.4, "%", id="other"),
        observation(value=150, id="odd", effectiveDateTime="never"),
        observation(value=150, id="undated", effectiveDateTime=None),
        observation(value=150, id="last", effectiveDateTime="2024-03"),
    ]
    dates = {name: str(day) for name, day in result_dates(record(labs=given)).items()}
    assert dates == {
        "Observation/used": "2025-09-20",
        "Observation/other": "2025-09-20",
        "Observation/last": "2024-03",
    }


def test_a_code_and_a_unit_that_measure_different_things_are_told() -> None:
    _, [issue] = read(observation("2132-9", value="150", unit="pmol/L"))
    assert issue.used_with_care
    assert "its code '2132-9' is for a mass and its unit" in issue.issue


def test_what_is_lost_of_a_result_that_is_used_is_told() -> None:
    _, issues = read(
        observation(value="250", effectiveDateTime="2025", referenceRange=[{"low": {"value": 187, "unit": "??"}}])
    )
    assert [issue.issue for issue in issues if not issue.used_with_care] == [
        "This vitamin B12 result cannot be set beside others: its day is not known, only 2025.",
        "The laboratory's own range of this vitamin B12 result was not used: its lower limit cannot be read.",
    ]


@pytest.mark.parametrize(
    "told",
    [
        lambda n: {"referenceRange": [{"low": quantity(1, "odd")}] * (n + 1)},
        lambda n: {"interpretation": [{"text": "N"}] * (n + 3)},
        lambda n: {"interpretation": {"coding": [{"code": "N"}] * (n + 2)}},
        lambda n: {"valueQuantity": None, "valueCodeableConcept": {"coding": [{"display": "100 pg/mL"}] * (n + 2)}},
    ],
)
def test_of_results_with_too_many_parts_those_with_few_are_read_and_each_other_is_told(told: Any) -> None:
    """Ten thousand results of which each lists twenty of them took seconds."""

    def result(number: int, parts: int) -> Resource:
        day = f"20{number // 28 + 10}-01-{number % 28 + 1:02}"
        return observation(id=f"r{number}", **{"effectiveDateTime": day, "valueQuantity": quantity(100), **told(parts)})

    many = [result(number, 100) for number in range(MOST_PARTS // 100)]
    results, _ = read(*many, result(300, 0))
    assert len(results) == len(many) + 1

    results, issues = read(*many, result(300, 0), result(301, 100))
    assert [result.source for result in results] == ["Observation/r300"]
    sentence = "This vitamin B12 result was not used: the results have more codings and ranges than are read at once."
    not_used = [issue for issue in issues if issue.issue == sentence]
    assert {(issue.field, issue.matters_to, issue.used_with_care) for issue in not_used} == {("", "total-b12", False)}
    assert len(not_used) == len(many) + 1
    assert str(next(issue.day for issue in not_used if issue.resource == "Observation/r0")) == "2010-01-01"

    smaller, _ = read(*many, result(300, 99))
    assert [result.source for result in smaller] == ["Observation/r300"]


def awaited(**fields: Any) -> list[TestOrder]:
    given = {"status": "registered", "value": None, "id": "o1", **fields}
    code = given.pop("code", "2132-9")
    return read_awaited(record(labs=[observation(code, **given)]), load())


@pytest.mark.parametrize("status", ["registered", "Registered "])
@pytest.mark.parametrize(("code", "test"), [("2132-9", Test.B12), ("13964-2", Test.MMA), ("718-7", Test.CBC)])
def test_a_result_that_is_yet_to_come_is_awaited_and_not_called_unusable(status: str, code: str, test: Test) -> None:
    sent = record(labs=[observation(code, value=None, id="o1", status=status, effectiveDateTime="2025-09-20")])
    expected = TestOrder(test, ClinicalDate.parse("2025-09-20"), "Observation/o1", is_done=True)
    assert read_awaited(sent, load()) == [expected]
    assert read_labs(sent, load(), TODAY) == ([], [])


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "final"},
        {"status": "cancelled"},
        {"status": "entered-in-error"},
        {"status": "unknown"},
        {"status": "preliminary"},
        {"status": "preliminary", "value": "150"},
        {"subject": {"reference": "Patient/other"}},
        {"code": "2345-7"},
        {"code": "2171-7"},
        {"specimen": {"display": "urine"}},
    ],
)
def test_what_brings_nothing_is_not_awaited(fields: dict[str, Any]) -> None:
    assert awaited(**fields) == []


def test_an_awaited_result_without_a_day_is_kept_without_one() -> None:
    assert [order.ordered for order in awaited(effectiveDateTime=None)] == [None]


@pytest.mark.parametrize("more", [{}, {"dataAbsentReason": concept(text="haemolysed")}])
def test_a_preliminary_result_without_a_value_is_told_as_not_used(more: dict[str, Any]) -> None:
    assert not refusal(observation(value=None, status="preliminary", **more)).used_with_care
