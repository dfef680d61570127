"""Another language is a folder of words: with one of made-up words no English is left on any card."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.assessment.assess import assess
from cds_service.cards.card import Card
from cds_service.cards.compose import compose
from cds_service.composition import services
from cds_service.errors import InvalidKnowledge
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import PACKAGED, load
from cds_service.knowledge.loader.documents import parse
from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from fixtures.build import stories
from tests.spec.example_facts import TODAY, example_facts

STORIES = stories()
FOLDER = Path(__file__).resolve().parents[2] / "fixtures"
MADE_UP = str.maketrans("abcdeghilnorstuyABCDEGHILNORSTUY", "åbćđéğħíłñøŕşţüýÅBĆĐÉĞĦÍŁÑØŔŞŢÜÝ")
_BLANK = re.compile(r"\{\w+\}")
_WORD = re.compile(r"(?<![\w/.:-])[a-zA-Z][a-z]{2,}(?![\w/:-])")


def made_up(text: str) -> str:
    """The text in a language that nobody speaks, its blanks kept."""
    kept = _BLANK.findall(text)
    return "".join(
        part.translate(MADE_UP) + (kept[n] if n < len(kept) else "") for n, part in enumerate(_BLANK.split(text))
    )


def _words_of(document: Any, keys: tuple[str, ...]) -> Any:
    """The same document with its words alone, made up."""
    if isinstance(document, Mapping):
        inner = {key: made_up(value) if key in keys else _words_of(value, keys) for key, value in document.items()}
        return {key: value for key, value in inner.items() if value not in (None, {}, [])}
    if isinstance(document, list):
        return [_words_of(one, keys) for one in document]
    return None


WORDS: Mapping[str, tuple[str, ...]] = {
    "rules": ("summary", "detail", "patient"),
    "analytes": (),
    "tests": (),
    "medicines": (),
    "conditions": (),
    "specimens": (),
    "regimens": ("text",),
}


def _translated(path: Path) -> dict[str, Any]:
    kind, document = path.parent.name, parse(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    whole = {
        key: document[key] for key in ("title", "short", "label", "medicine_text", "route_text") if key in document
    }
    told = {key: made_up(text) for key, text in whole.items() if not (kind == "rules" and key != "title")}
    for key in ("cards", "steps"):
        if key in document:
            told[key] = _words_of(document[key], WORDS[kind])
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder that holds nothing but the made-up language `xx`."""
    site = tmp_path_factory.mktemp("site")
    texts: dict[str, Any] = {
        f"{kind}/{path.name}": _translated(path) for kind in WORDS for path in (PACKAGED / kind).glob("*.yaml")
    }
    reasons = parse((PACKAGED / "override-reasons.yaml").read_text(encoding="utf-8"))
    listed = parse((PACKAGED / "sentences.yaml").read_text(encoding="utf-8"))
    page = parse((PACKAGED / "patient-page.yaml").read_text(encoding="utf-8"))
    assert isinstance(reasons, dict)
    assert isinstance(listed, dict)
    assert isinstance(page, dict)
    texts["patient-page.yaml"] = {key: made_up(text) for key, text in page.items()}
    texts["override-reasons.yaml"] = {key: {"display": made_up(told["display"])} for key, told in reasons.items()}
    texts["sentences.yaml"] = {text: made_up(text) for place in listed.values() for text in place}
    for name, told in texts.items():
        target = site / "languages" / "xx" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(told, allow_unicode=True, width=200), encoding="utf-8")
    return site


@pytest.fixture(scope="module")
def foreign(folder: Path) -> Knowledge:
    return load(overlay=folder, language="xx")


def _shown(card: Mapping[str, Any]) -> Iterator[str]:
    """Every text of a card, without addresses."""
    yield card["summary"]
    yield re.sub(r"\[[^]]*\]\([^)]*\)|\([a-zA-Z]+\)", "", card.get("detail", ""))
    yield card["source"]["label"]
    yield from (reason["display"] for reason in card.get("overrideReasons", ()))
    for suggestion in card.get("suggestions", ()):
        yield suggestion["label"]
        for action in suggestion["actions"]:
            yield action["description"]
            resource = action.get("resource", {})
            yield resource.get("code", {}).get("text", "")
            yield resource.get("medicationCodeableConcept", {}).get("text", "")
            yield from (line["text"] for line in resource.get("dosageInstruction", ()))


def _of_the_record(node: Any) -> Iterator[str]:
    """The words that a request itself holds: a name, a unit or a text of the record is in the record's language."""
    if isinstance(node, str):
        yield from re.findall(r"[a-zA-Z]{3,}", node)
    for inner in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _of_the_record(inner)


def _of_the_sources(knowledge: Knowledge) -> set[str]:
    """Titles of sources and places in them are not translated: they are looked up as they are printed."""
    titles = [source.title for source in knowledge.sources.values()]
    places = [citation.at for rule in knowledge.rules.values() for citation in rule.sources]
    return {word for text in (*titles, *places) for word in re.findall(r"[a-zA-Z]{3,}", text)}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_no_english_is_left_on_the_cards_of_a_story(story: Any, foreign: Knowledge) -> None:
    for hook in story.hooks:
        request = json.loads((FOLDER / story.name / f"{hook}.request.json").read_text(encoding="utf-8"))
        answer = answered(request, services(foreign), foreign, story.today)
        known = set(_of_the_record(request)) | _of_the_sources(foreign)
        left = {word for card in answer["cards"] for text in _shown(card) for word in _WORD.findall(text)} - known
        assert left == set()


SCENES = [
    pytest.param(rule.shown_on[0], example.given, id=f"{rule.id}: {example.name}")
    for rule in load().rules.values()
    for example in rule.examples
    if example.then == "fires"
]


@pytest.mark.parametrize(("hook", "given"), SCENES)
def test_no_english_is_left_on_the_card_of_an_example(hook: str, given: dict[str, Any], foreign: Knowledge) -> None:
    facts = example_facts(given)
    call = HookCall(hook, "Practitioner/p1", PatientRecord("example"), TODAY)
    cards = compose(assess(facts, foreign, hook), facts, foreign, call)

    known = set(_of_the_record([p.name for p in facts.problems])) | _of_the_sources(foreign) | NAMED_IN_EXAMPLES
    left = {word for card in cards for text in _texts_of(card) for word in _WORD.findall(text)} - known
    assert left == set()


NAMED_IN_EXAMPLES = {
    "acid",
    "antibody",
    "antifolate",
    "egfr",
    "factor",
    "folic",
    "high",
    "intrinsic",
    "low",
    "normal",
    "not",
    "positive",
    "serum",
    "tests",
    "told",
}
"""Names and words that the examples give to medicines and results, as a record would."""


def _texts_of(card: Card) -> Iterator[str]:
    shown = {
        "summary": card.summary,
        "detail": card.detail,
        "source": {"label": card.source.label},
        "overrideReasons": [{"display": reason.display} for reason in card.override_reasons],
        "suggestions": [
            {
                "label": s.label,
                "actions": [{"description": a.description, "resource": a.resource or {}} for a in s.actions],
            }
            for s in card.suggestions
        ],
    }
    yield from _shown(shown)


def test_no_english_is_left_for_patients(foreign: Knowledge) -> None:
    told = [card.patient for rule in foreign.rules.values() for card in rule.cards.values()]
    told += foreign.patient_page.values()

    assert len(told) > 100
    assert [word for text in told for word in _WORD.findall(text)] == []


def test_nothing_but_the_words_differs_between_languages(foreign: Knowledge) -> None:
    ours = load()
    assert foreign.parameters == ours.parameters
    assert foreign.version.endswith(".xx")
    for name, rule in ours.rules.items():
        assert {variant: card.indicator for variant, card in rule.cards.items()} == {
            variant: card.indicator for variant, card in foreign.rules[name].cards.items()
        }


def _broken(folder: Path, tmp_path: Path, name: str, old: str, new: str) -> list[str]:
    """What is said of the made-up language after one change to one of its files; the file is gone where `new` is ""."""
    site = tmp_path / "site"
    shutil.copytree(folder, site)
    path = site / "languages" / "xx" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    if new:
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    else:
        path.unlink()
    with pytest.raises(InvalidKnowledge) as caught:
        load(overlay=site, language="xx")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("tests/mma.yaml", "title", "", "tests/mma.yaml: title: is missing; translate it"),
        (
            "tests/mma.yaml",
            "title:",
            "titel:",
            "tests/mma.yaml: titel: is no text of tests/mma.yaml; did you mean 'title'?",
        ),
        (
            "rules/B12-DX-09-preliminary-low.yaml",
            "{when}",
            "{day}",
            "rules/B12-DX-09-preliminary-low.yaml: cards.preliminary.summary: {day} is not filled in here; it may hold "
            "{b12}, {name}, {when}",
        ),
        ("sentences.yaml", "Age:", "Agee:", "sentences.yaml: 'Age': is missing; translate it"),
        (
            "sentences.yaml",
            "Age:",
            "Agee:",
            "sentences.yaml: 'Agee': is no sentence of sentences.yaml; did you mean 'Age'?",
        ),
        (
            "sentences.yaml",
            "age {0}:",
            "age {0}: '{1}'\nAgee:",
            "sentences.yaml: 'age {0}': must hold the same blanks; it may hold {0}",
        ),
    ],
)
def test_what_is_wrong_with_a_language_is_named(
    folder: Path, tmp_path: Path, name: str, old: str, new: str, problem: str
) -> None:
    assert f"languages/xx/{problem}" in _broken(folder, tmp_path, name, old, new)


def test_a_language_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(InvalidKnowledge) as caught:
        load(language="de")

    assert caught.value.problems == ("languages/de: there is no such folder of words; add it, or choose en",)


def test_a_site_changes_one_english_sentence_without_copying_the_file(tmp_path: Path) -> None:
    path = tmp_path / "languages" / "en" / "rules" / "B12-DX-09-preliminary-low.yaml"
    path.parent.mkdir(parents=True)
    path.write_text('cards: {preliminary: {detail: "Wait for the final result."}}\n', encoding="utf-8")
    (tmp_path / "languages" / "en" / "sentences.yaml").write_text('"Age": Age in years\n', encoding="utf-8")

    ours, theirs = load(), load(overlay=tmp_path)

    assert theirs.rules["B12-DX-09"].cards["preliminary"].detail == "Wait for the final result."
    assert (
        theirs.rules["B12-DX-09"].cards["preliminary"].summary == ours.rules["B12-DX-09"].cards["preliminary"].summary
    )
    assert theirs.wording.said("Age") == "Age in years"
