"""Loading a folder of knowledge, with a site's own files laid over it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import check_complete, load
from cds_service.knowledge.model import Example, Licence, ReviewStatus
from cds_service.knowledge.systems import ICD_10_CM, LOINC, RXNORM, SNOMED
from tests.unit.knowledge.folder import FILES, knowledge_folder, problems, write

ANALYTE = "analytes/total-b12.yaml"
RULE = "rules/B12-DX-01-deficient.yaml"


@pytest.mark.parametrize("written", ["180", "180.0", '"180"', "'180.0'", '" 180 "'])
def test_a_limit_is_exact_quoted_or_not(tmp_path: Path, written: str) -> None:
    text = FILES[ANALYTE].replace("deficient_below: 180", f"deficient_below: {written}")
    knowledge = load(knowledge_folder(tmp_path, **{ANALYTE: text}))

    limit = knowledge.analytes["total-b12"].scales[0].deficient_below
    assert limit == Decimal(180)
    assert isinstance(limit, Decimal)


def test_a_limit_with_decimals_is_the_decimal_and_not_the_nearest_float(tmp_path: Path) -> None:
    text = FILES[ANALYTE].replace("deficient_below: 180", "deficient_below: 179.1")
    knowledge = load(knowledge_folder(tmp_path, **{ANALYTE: text}))

    assert str(knowledge.analytes["total-b12"].scales[0].deficient_below) == "179.1"


def test_a_whole_parameter_is_an_int_and_a_dose_a_decimal(tmp_path: Path) -> None:
    parameters = load(knowledge_folder(tmp_path)).parameters

    assert (parameters.metformin_months, type(parameters.metformin_months)) == (4, int)
    assert parameters.folic_acid_mg == Decimal("0.1")


def test_a_rule_is_read_with_its_examples(tmp_path: Path) -> None:
    rule = load(knowledge_folder(tmp_path)).rules["B12-DX-01"]

    assert rule.function == "total_b12_deficient"
    assert rule.review.status is ReviewStatus.DRAFT
    given = {"total_b12": "179.9 ng/L", "drafting": {"folic-acid": Decimal("0.11")}}
    assert rule.examples == (
        Example("below", given, "fires", variant="untreated"),
        Example("at the limit", {}, "cannot_tell", ("total_b12",)),
    )


def test_codes_are_found_by_canonical_system(tmp_path: Path) -> None:
    knowledge = load(knowledge_folder(tmp_path))

    assert knowledge.analytes_by_code[LOINC, "2132-9"][0] == "total-b12"
    assert knowledge.tests_by_code[LOINC, "2132-9"] == ("b12",)
    assert [name for name, _ in knowledge.medicines_by_code[RXNORM, "244190"]] == ["b12"]
    assert [name for name, _ in knowledge.conditions_by_code[ICD_10_CM, "K90.0"]] == ["coeliac"]


def test_a_combination_is_found_as_each_of_its_medicines(tmp_path: Path) -> None:
    other = FILES["medicines/b12.yaml"].replace("id: b12", "id: folic-acid").replace("mg: 2", "mg: 2.5")
    knowledge = load(knowledge_folder(tmp_path, **{"medicines/folic-acid.yaml": other}))

    found = {name: row.mg for name, row in knowledge.medicines_by_code[RXNORM, "244190"]}
    assert found == {"b12": Decimal(2), "folic-acid": Decimal("2.5")}


def test_codes_that_need_a_snomed_licence_can_be_left_out(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)

    with_them = load(folder)
    assert with_them.medicines_by_code[SNOMED, "419382002"][0][1].licence is Licence.SNOMED_AFFILIATE

    without = load(folder, with_snomed_affiliate=False)
    assert (SNOMED, "419382002") not in without.medicines_by_code
    assert [code.system for code in without.medicines["b12"].codes] == [RXNORM]
    assert without.conditions_by_code[SNOMED, "396331005"][0][1].licence is Licence.SNOMED_GPS


def test_a_file_of_the_overlay_takes_the_place_of_ours_and_a_new_one_is_added(tmp_path: Path) -> None:
    folder, overlay = knowledge_folder(tmp_path), tmp_path / "site"
    text = FILES[ANALYTE].replace("deficient_below: 180", "deficient_below: 200")
    write(overlay, ANALYTE, text)
    write(overlay, "conditions/crohn.yaml", FILES["conditions/coeliac.yaml"].replace("id: coeliac", "id: crohn"))

    knowledge = load(folder, overlay)

    assert knowledge.analytes["total-b12"].scales[0].deficient_below == 200
    assert set(knowledge.conditions) == {"coeliac", "crohn"}


def test_an_overlay_over_the_shipped_knowledge_changes_one_number(tmp_path: Path) -> None:
    text = (Path(load.__code__.co_filename).parent.parent / "parameters/metformin-months.yaml").read_text()
    write(tmp_path, "parameters/metformin-months.yaml", text.replace("value: 4", "value: 12"))

    assert load(overlay=tmp_path).parameters.metformin_months == 12
    assert load().parameters.metformin_months == 4


def test_a_problem_of_the_overlay_is_told_like_one_of_ours(tmp_path: Path) -> None:
    folder, overlay = knowledge_folder(tmp_path), tmp_path / "site"
    write(overlay, RULE, FILES[RULE].replace("indicator: warning", "indicator: alarm"))

    assert problems(folder, overlay)[0].startswith(f"{RULE}: cards.untreated.indicator: 'alarm' is not known")


def test_an_overlay_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = problems(knowledge_folder(tmp_path), tmp_path / "nowhere")

    assert told == [f"{tmp_path / 'nowhere'}: is no folder; name the folder that holds the knowledge files"]


def test_the_version_is_semantic_with_a_hash_of_every_file(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    before = load(folder).version

    semantic, _, digest = before.partition("+")
    assert semantic == "1.0.0"
    assert len(digest) == 8
    assert load(folder).version == before

    for name in FILES:
        text = (folder / name).read_text()
        write(folder, name, text + "# a remark\n")
        assert load(folder).version != before, name
        write(folder, name, text)
    assert load(folder).version == before


def test_the_version_does_not_depend_on_line_ends(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    before = load(folder).version
    path = folder / ANALYTE
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert load(folder).version == before


def test_the_version_tells_an_overlay_from_none(tmp_path: Path) -> None:
    folder, overlay = knowledge_folder(tmp_path), tmp_path / "site"
    write(overlay, ANALYTE, FILES[ANALYTE].replace("deficient_below: 180", "deficient_below: 200"))

    assert load(folder, overlay).version != load(folder).version


def test_without_words_of_its_own_a_folder_says_what_the_code_says(tmp_path: Path) -> None:
    assert load(knowledge_folder(tmp_path)).wording.say("Age") == "Age"


def test_rules_and_regimens_may_be_absent(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    (folder / RULE).unlink()
    (folder / "regimens/oral.yaml").unlink()

    knowledge = load(folder)
    assert (dict(knowledge.rules), dict(knowledge.regimens)) == ({}, {})


def test_what_the_facts_know_and_the_files_hold_must_be_the_same(tmp_path: Path) -> None:
    knowledge = load(knowledge_folder(tmp_path))

    check_complete(knowledge, analytes=["total-b12"], tests=["b12"], medicines=["b12"], conditions=["coeliac"])
    with pytest.raises(InvalidKnowledge) as told:
        check_complete(
            knowledge, analytes=["total-b12", "mma"], tests=["b12"], medicines=["b12"], conditions=["celiac"]
        )

    assert told.value.problems == (
        "analytes/mma.yaml: is missing; add the file",
        "conditions/celiac.yaml: is missing; add the file",
        "conditions/coeliac.yaml: 'coeliac' is not one that the facts know; did you mean 'celiac'?",
    )
