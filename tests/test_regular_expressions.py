"""No text can keep a regular expression busy for longer than its length warrants (ReDoS)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.regex_growth import may_explode, may_grow
from tests.regex_list import ROOT

# Here every text is cut, or not read at all, before any pattern sees it: a power of its length is bounded, and only an
# exponential is not. The number is the greatest length, in characters.
BOUNDED = {
    "cds_service.fhir.names": 300,
    "cds_service.fhir.result_text": 60,
    "cds_service.fhir.sig": 500,
    "cds_service.fhir.sig_amount": 500,
    "cds_service.fhir.sig_frequency": 500,
    "cds_service.fhir.sig_text": 500,
    "cds_service.fhir.strengths": 500,
    "cds_service.fhir.codings": 200,
    "cds_service.knowledge.schemas.base": 300,  # what knowledge files call things by: fhir.names looks for it
    # A check of another's service, at a terminal: what is long there keeps nobody else waiting.
    "cds_service.conformance.checks.cards": 0,
    "cds_service.conformance.checks.templates": 0,
}


@pytest.fixture(scope="module")
def expressions() -> list[dict[str, Any]]:
    words = [sys.executable, "-m", "tests.regex_list"]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_all_are_found(expressions: list[dict[str, Any]]) -> None:
    """As many lines compile one as were noted, but for those that only a fault or a command reaches."""
    assert len(expressions) > 400
    named = {each["module"] for each in expressions}
    assert {"cds_service.config", "cds_service.web.schemas", "cds_service.fhir.sig_amount", *BOUNDED} <= named


def test_none_is_written_where_it_cannot_be_read(expressions: list[dict[str, Any]]) -> None:
    assert [f"{each['module']}:{each['line']}" for each in expressions if each["pattern"] is None] == []


def test_none_grows_faster_than_its_text_or_its_text_is_bounded(expressions: list[dict[str, Any]]) -> None:
    bad = [
        f"{each['module']}:{each['line']} {each['methods']} {each['pattern']}"
        for each in expressions
        if each["module"] not in BOUNDED
        and any(may_grow(each["pattern"], each["flags"], method) for method in each["methods"])
    ]

    assert bad == []


def test_none_explodes(expressions: list[dict[str, Any]]) -> None:
    bad = [
        f"{each['module']}:{each['line']} {each['pattern']}"
        for each in expressions
        if each["module"] in BOUNDED
        and any(may_explode(each["pattern"], each["flags"], method) for method in each["methods"])
    ]

    assert bad == []


def test_no_script_of_a_page_has_one_that_grows() -> None:
    scripts = sorted((ROOT / "cds_service" / "web" / "pages" / "static").glob("*.js"))
    literals = [
        (script.name, found[1])
        for script in scripts
        for found in re.finditer(r"[(,=:]\s*/((?:[^/\\\n*]|\\.)(?:[^/\\\n]|\\.)*)/[a-z]*\s*[,.;)]", script.read_text())
    ]

    assert scripts
    assert [(name, each) for name, each in literals if may_grow(each.replace("\\/", "/"))] == []
    assert not [script.name for script in scripts if "RegExp(" in script.read_text()]


@pytest.mark.parametrize(
    ("pattern", "method", "grows"),
    [
        (r"(a+)+$", "match", True),
        (r"(a*)*b", "match", True),
        (r"(a|a)*b", "match", True),
        (r"(a|ab)*c", "match", False),
        (r"(\w+\s?)*$", "match", True),
        (r"(x+x+)+y", "match", True),
        (r".*x.*y", "match", True),
        (r"\d+\.?\d+", "fullmatch", True),
        (r"\d+(?:\.\d+)?", "fullmatch", False),
        (r"a+b", "match", False),
        (r"a+b", "search", True),  # from each of its letters a text of them is read to its end
        (r"^a+b", "search", False),
        (r"\d+", "search", False),
        (r"\s+$", "search", True),
        (r"\s+$", "match", False),
        (r"(?=.*x)a", "search", True),
        (r"(?i)[a-z]+[A-Z]+x", "match", True),
        (r"[a-z]+[A-Z]+x", "match", False),
        (r"a{1,5}b", "search", False),
        (r"a{1,500}b", "search", True),
        (r"(?:a|b|ab){3}c", "search", False),
        (r"(?:\d+,)*\d+$", "match", False),
        (r"^(\d+,?)+$", "match", True),
        (r"\{\{\s*(\w+)\s*\}\}", "search", False),
        (r"(a+)\1b", "match", True),
        (r"(a+)b\1c", "match", False),
    ],
)
def test_what_grows_is_told_from_what_does_not(pattern: str, method: str, grows: bool) -> None:
    assert may_grow(pattern, 0, method) is grows


def test_an_end_that_is_asked_for_by_the_method_counts() -> None:
    pattern = r"[^ ]*(?: ?/ ?[^ ]+)*"
    assert not may_explode(pattern, 0, "match")  # whatever was read is a match
    assert may_explode(pattern, 0, "fullmatch")


@pytest.mark.parametrize(
    ("pattern", "explodes"),
    [
        (r"(a+)+$", True),
        (r"(a*)*b", True),
        (r"(a|a)*b", True),
        (r"(?:a|ab|b)*c", True),
        (r"(\w+\s?)*$", True),
        (r"(?:\w+\s)*$", False),
        (r"\d+\.?\d+x", False),  # grows with the square
        (r"\s*-?\s*x", False),
    ],
)
def test_what_explodes_is_told_from_what_only_grows(pattern: str, explodes: bool) -> None:
    assert may_explode(pattern) is explodes


def test_the_steps_of_the_engine_are_as_the_automaton_says() -> None:
    """Where the automaton says so, the engine does take long; twenty letters more would double that twenty times."""
    assert re.match(r"(a|a)*b", "a" * 16) is None
    assert may_explode(r"(a|a)*b")
