"""Names in free text: found, ruled out, denied, or of a relative."""

from __future__ import annotations

import pytest

from cds_service.fhir.names import is_of_a_relative, name_affirmed, name_matches

NAMES = (r"\bvegan\b",)


def test_a_name_is_found_in_any_case_and_ruled_out_by_another() -> None:
    assert name_matches("Strict VEGAN diet", NAMES)
    assert not name_matches("Vegan cheese", NAMES, (r"cheese",))
    assert not name_matches("Vegan", ())


@pytest.mark.parametrize("text", ["vegan", "Vegan since 2010", "not vegetarian; vegan", "was no vegan, is vegan now"])
def test_a_name_is_affirmed_where_one_place_does_not_deny_it(text: str) -> None:
    assert name_affirmed(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "not vegan",
        "never was a vegan",
        "vegan: no",
        "vegan - none",
        "ex-vegan",
        "vegetarian",
        "no specific vegan",
        "non-vegan",
    ],
)
def test_a_denied_name_is_not_affirmed(text: str) -> None:
    assert not name_affirmed(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "Neuropathy screening",
        "Neuropathy screen",
        "Neuropathy (screening)",
        "Neuropathy-Screening",
        "Neuropathy annual screening",
        "Screening for neuropathy",
        "Cribado de neuropathy",
        "Neuropathy screening declined",
    ],
)
def test_what_is_screened_for_is_not_affirmed(text: str) -> None:
    assert not name_affirmed(text, ("neuropath",))


@pytest.mark.parametrize(
    "text",
    [
        "Neuropathy screening positive",
        "Neuropathy found on screening",
        "Neuropathy, screening for retinopathy due",
        "Neuropathy. Screening overdue",
        "Neuropathy screening: abnormal monofilament",
        "Neuropathy screening; neuropathy of the feet",
    ],
)
def test_what_screening_found_is_affirmed(text: str) -> None:
    assert name_affirmed(text, ("neuropath",))


@pytest.mark.parametrize(
    "text",
    ["Family history of goitre", "FHx goitre", "mother's goitre", "F/H: goitre", "Madre con bocio", "Vater: Kropf"],
)
def test_a_text_about_the_family_is_of_a_relative(text: str) -> None:
    assert is_of_a_relative(text)


@pytest.mark.parametrize(
    ("text", "by_name", "by_code"),
    [
        ("Goitre; mother also affected", False, False),
        ("Goitre (reported by daughter)", False, False),
        ("Goitre, noted by her sister", False, False),
        ("Goitre according to the mother", False, False),
        ("Kropf laut Mutter", False, False),
        ("Goitre; mother of twins", False, False),
        ("Goitre, sister had thyroiditis", True, False),
        ("Goitre, family history of thyroiditis", True, False),
        ("Mother also had goitre", True, True),
        ("Mother had goitre", True, True),
        ("mother's goitre", True, True),
        ("Goitre in her mother", True, True),
        ("Goitre (mother)", True, True),
        ("Goitre - family history", True, True),
        ("(FHx) goitre", True, True),
    ],
)
def test_a_code_of_the_patients_is_not_dropped_for_a_relative_named_beside_it(
    text: str, by_name: bool, by_code: bool
) -> None:
    assert is_of_a_relative(text) is by_name
    assert is_of_a_relative(text, is_coded=True) is by_code


@pytest.mark.parametrize(
    ("text", "is_of_another"),
    [
        ("Encounter for care and examination of lactating mother", False),
        ("Breastfeeding (mother)", False),
        ("Schwangere Mutter", False),
        ("Mother: breastfeeding", True),
        ("Mother's pregnancy", True),
        ("Sister is pregnant", True),
        ("Family history of multiple pregnancy", True),
    ],
)
def test_of_what_a_mother_has_the_mother_is_the_patient(text: str, is_of_another: bool) -> None:
    assert is_of_a_relative(text, is_of_a_mother=True) is is_of_another


@pytest.mark.parametrize(
    "text",
    ["Mother currently breastfeeding (situation)", "Familial goitre", "Grandiosity", "Ampulla of Vater", "so far well"],
)
def test_a_text_about_the_patient_is_not(text: str) -> None:
    assert not is_of_a_relative(text)


def test_a_long_text_is_not_searched_to_its_end() -> None:
    assert not name_matches("x" * 10_000 + " vegan", NAMES)
    assert not name_affirmed("no " * 200_000 + "vegan", NAMES)


@pytest.mark.parametrize(
    ("text", "is_beside"),
    [
        ("allergy to goitre", True),
        ("goitre allergy", True),
        ("goitreallergy", True),
        ("allergy to nuts, plums and goitre", True),
        ("goitre and nut allergy", True),
        ("goitre, allergy to", True),
        ("goitre (allergy)", True),
        ("allergy: the goitre", True),
        ("allergy - goitre", True),
        ("goitre", False),
        ("goitre. allergy to nuts", False),
        ("nut allergy; goitre", False),
        ("nut allergy with large goitre", False),
        ("nut allergy with goitre growth", False),
        ("nut allergy, has goitre", False),
        ("nut allergy - has goitre", False),
        ("nut allergy takes goitre", False),
        ("goitre growth, nut allergy", False),
        ("goitre seen. goitre allergy", True),
    ],
)
def test_a_name_may_need_a_word_that_says_something_of_it(text: str, is_beside: bool) -> None:
    assert name_affirmed(text, ("goitre",), beside=("allerg",)) is is_beside


def test_a_name_beside_its_word_may_still_be_denied() -> None:
    assert not name_affirmed("no allergy to goitre", ("goitre",), beside=("allerg",))
