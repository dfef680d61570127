"""A site's own words are held against what the rules fill in, at the start and not in front of a patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import PACKAGED, load

NAME = "B12-DX-09-preliminary-low.yaml"
SUMMARY = "{name} {b12} {when} is low, but not final: await the final result."


def _site(tmp_path: Path, old: str, new: str) -> Path:
    text = (PACKAGED / "rules" / NAME).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / NAME).write_text(text.replace(old, new), encoding="utf-8")
    return tmp_path


def test_other_words_with_the_same_blanks_are_taken(tmp_path: Path) -> None:
    words = "{name} {b12} is low {when}, not final."

    assert load(overlay=_site(tmp_path, SUMMARY, words)).rules["B12-DX-09"].cards["preliminary"].summary == words


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "{b12} {when}",
            "{b21} {when}",
            "cards.preliminary.summary: {b21} is not filled in here; write one of {b12}, {name}, {when}",
        ),
        (
            "await the final result.",
            "await the final result, which the laboratory sends as soon as the sample has been measured.",
            "cards.preliminary.summary: has about 157 characters once it is filled in, and a summary may have 139; "
            "shorten it by 18",
        ),
        (
            "preliminary",
            "provisional",
            "cards.preliminary: is missing, and the rule may answer with it; add it",
        ),
    ],
)
def test_what_cannot_be_filled_or_overflows_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(InvalidKnowledge) as caught:
        load(overlay=_site(tmp_path, old, new))

    assert f"rules/B12-DX-09-….yaml: {problem}" in caught.value.problems
