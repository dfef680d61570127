"""A site offers its own products under the ids that the rules name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.config import SITES
from cds_service.knowledge.loader import load
from tests.unit.knowledge.folder import REGIMEN, knowledge_folder, problems

UK = REGIMEN.replace("id: oral\n", "id: oral-uk\nsites: [uk]\ninstead_of: oral\n")
G = "regimens/oral-uk.yaml"


def test_a_site_without_regimens_of_its_own_offers_those_that_hold_everywhere(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path, **{G: UK})

    assert load(folder, site="us").regimens["oral"].id == "oral"
    assert load(folder, site="uk").regimens["oral"].id == "oral-uk"


def test_a_regimen_can_be_asked_for_under_further_ids_that_a_site_may_fill_otherwise(tmp_path: Path) -> None:
    general = REGIMEN.replace("id: oral\n", "id: oral\nalso: [oral-neurological]\n")
    folder = knowledge_folder(
        tmp_path, **{"regimens/oral.yaml": general, G: UK.replace("instead_of: oral", "instead_of: oral-neurological")}
    )

    assert load(folder, site="us").regimens["oral-neurological"].id == "oral"
    at_uk = load(folder, site="uk").regimens
    assert (at_uk["oral"].id, at_uk["oral-neurological"].id) == ("oral", "oral-uk")


def test_the_version_names_a_site_that_is_not_the_default(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path, **{G: UK})

    assert load(folder, site="uk").version == f"{load(folder).version}.uk"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[uk]", "[ukk]", "sites: 'ukk' is no site; did you mean 'uk'?"),
        ("sites: [uk]\n", "", "instead_of: and sites go together; write both, or neither"),
        ("instead_of: oral\n", "", "instead_of: and sites go together; write both, or neither"),
        ("instead_of: oral\n", "instead_of: orla\n", "instead_of: 'orla' is no other regimen; did you mean 'oral'?"),
        ("instead_of: oral\n", "instead_of: oral\nalso: [oral]\n", "also: 'oral' stands in oral.yaml too"),
    ],
)
def test_a_regimen_that_stands_in_for_nothing_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    told = problems(knowledge_folder(tmp_path, **{G: UK.replace(old, new)}))

    assert [line.startswith(f"{G}: {problem}") for line in told] == [True]


def test_two_regimens_do_not_stand_in_for_one_at_the_same_site(tmp_path: Path) -> None:
    second = UK.replace("id: oral-uk", "id: oral-uk-2")

    told = problems(knowledge_folder(tmp_path, **{G: UK, "regimens/oral-uk-2.yaml": second}))

    assert told == [f"{G}: sites: regimens/oral-uk-2.yaml stands in for 'oral' at 'uk' too; keep one of them"]


def _standing_in(name: str, instead_of: str, sites: str = "[uk]") -> tuple[str, str]:
    text = UK.replace("id: oral-uk", f"id: {name}").replace("instead_of: oral", f"instead_of: {instead_of}")
    return f"regimens/{name}.yaml", text.replace("[uk]", sites)


def test_regimens_that_stand_in_for_each_other_are_a_circle_and_named_once(tmp_path: Path) -> None:
    files = dict([_standing_in("a", "b"), _standing_in("b", "c"), _standing_in("c", "a")])

    assert problems(knowledge_folder(tmp_path, **files)) == [
        "regimens/a.yaml: instead_of: goes in a circle at 'uk' (a -> b -> c -> a); take it away from one of them"
    ]


def test_a_circle_is_found_through_a_further_id_and_a_way_into_it_is_not_one(tmp_path: Path) -> None:
    first, text = _standing_in("a", "b")
    files = dict([(first, text + "also: [a-too]\n"), _standing_in("b", "a-too"), _standing_in("into", "a")])

    assert problems(knowledge_folder(tmp_path, **files)) == [
        "regimens/a.yaml: instead_of: goes in a circle at 'uk' (a -> b -> a); take it away from one of them"
    ]


def test_one_that_stands_in_for_a_stand_in_of_another_site_is_no_circle(tmp_path: Path) -> None:
    files = dict([_standing_in("a", "b"), _standing_in("b", "a", "[us]"), _standing_in("d", "oral")])

    assert problems(knowledge_folder(tmp_path, **files)) == []


@pytest.mark.parametrize("site", SITES)
def test_every_site_fills_the_same_ids(site: str) -> None:
    assert load(site=site).regimens.keys() == load().regimens.keys()


def test_at_uk_no_injection_is_of_cyanocobalamin() -> None:
    regimens = load(site="uk").regimens

    assert {r.form for r in regimens.values() if r.route_text == "intramuscular"} == {"hydroxocobalamin"}
    assert regimens["im-replacement-neurological"].steps[0].text.startswith("1 mg intramuscularly on alternate days")
    assert regimens["maintenance-im"].steps[0].period == 3
