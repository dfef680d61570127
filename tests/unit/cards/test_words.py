"""Text of the record on its way to a card: it is shown, and never runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards.words import (
    _LINK_LIKE,
    _TAG_LIKE,
    _WORDS_ALONE,
    _unlinked,
    _visible,
    begun,
    escaped,
    filled_detail,
    filled_summary,
    in_markdown,
    plain,
)


def test_html_and_markdown_links_are_shown_and_not_read() -> None:
    shown = escaped("Polyneuropathy <script>alert(1)</script> [click](javascript:alert(1))")
    assert "<" not in shown
    assert "](" not in shown
    assert "Polyneuropathy &lt;script&gt;" in shown


@pytest.mark.parametrize("mark", ["|", "*", "_", "`", "[", "]", "#", "~", "!", ":"])
def test_every_mark_that_markdown_reads_is_escaped(mark: str) -> None:
    assert escaped(f"a{mark}b") == f"a\\{mark}b"


def test_what_reads_as_it_looks_is_not_escaped() -> None:
    assert escaped("Type 2 (possible): since 2024") == "Type 2 (possible): since 2024"
    assert escaped("[a](b)") == "\\[a\\]\\(b)"


def test_a_line_break_cannot_end_a_table_row() -> None:
    assert "\n" not in escaped("one\r\ntwo\u2028three")


def test_direction_marks_and_controls_are_dropped() -> None:
    assert escaped("a\u202eb\x07c") == "a b c"


@given(st.text(max_size=300))
def test_nothing_escaped_holds_a_tag_a_link_or_a_line_break(text: str) -> None:
    shown = escaped(text)
    assert "<" not in shown
    assert "](" not in shown
    assert not any(line_break in shown for line_break in "\r\n\x0b\x0c\x1c\u2028\u2029")


def test_long_text_is_cut_and_says_so() -> None:
    assert escaped("x" * 500).endswith("…")
    assert len(escaped("x" * 500)) == 240
    assert escaped("x" * 240) == "x" * 240


@pytest.mark.parametrize(
    ("text", "shown"),
    [("<150 pg/mL", "<150 pg/mL"), ("> 2000", "> 2000"), ("<=5", "<=5"), ("<b>low</b>", "blow/b"), ("a\nb", "a b")],
)
def test_a_summary_keeps_comparators_and_loses_tags(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(max_size=400), st.text(max_size=400))
def test_a_summary_is_always_under_140_characters(one: str, two: str) -> None:
    assert 0 < len(filled_summary("B12 {one} on {two}", {"one": one, "two": two})) < 140


def test_a_summary_begins_with_a_capital() -> None:
    assert filled_summary("{what} recorded", {"what": "vegan diet"}) == "Vegan diet recorded"


def test_our_own_markdown_stays_and_the_values_in_it_are_escaped() -> None:
    assert filled_detail("**Why:** {why}", {"why": "a*b"}) == "**Why:** a\\*b"


UNSEEN = ["\u061c", "\u2060", "\u2066", "\u00ad", "\ufe0f", "\U000e0041", "\ud800", "\0"]


@pytest.mark.parametrize("unseen", UNSEEN, ids=lambda character: f"U+{ord(character):04X}")
def test_what_nobody_sees_reaches_no_card(unseen: str) -> None:
    assert escaped(f"a{unseen}b") == "a b"
    assert plain(f"a{unseen}b") == "a b"


def test_a_summary_that_is_too_long_is_cut_at_its_last_whole_word_and_shows_that_it_is() -> None:
    assert filled_summary("x" * 139, {}) == "X" + "x" * 138
    assert filled_summary("x" * 140, {}) == "X" + "x" * 137 + "…"
    words = "one two " * 17  # 136 characters
    assert filled_summary(f"{words}ab cd efgh", {}) == f"O{words[1:]}…".replace(" …", "…")
    assert filled_summary(f"{words}a b c d", {}) == f"O{words[1:]}a…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.example/x", "see https:// evil.example/x"),
        ("WWW.evil.example", "WWW .evil.example"),
        ("ask bob@evil.example", "ask bob @ evil.example"),
        ("http:/</evil.example", "http:// evil.example"),
        ("2 @ 5 mg", "2 @ 5 mg"),
    ],
)
def test_an_address_in_the_record_becomes_no_link_by_itself(text: str, shown: str) -> None:
    assert plain(text) == shown
    if "<" not in text:
        assert escaped(text).replace("\\", "") == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("vitamin B12 is low", "Vitamin B12 is low"), ("eGFR is low", "eGFR is low"), ("low", "Low")]
)
def test_a_sentence_begins_with_a_capital_unless_its_first_word_has_its_own(text: str, shown: str) -> None:
    assert begun(text) == shown


@given(st.from_regex(_WORDS_ALONE, fullmatch=True))
def test_in_words_and_numbers_alone_there_is_nothing_to_escape(text: str) -> None:
    assert in_markdown(_unlinked(_visible(text))) == text
    assert _TAG_LIKE.search(text) is None


@pytest.mark.parametrize(
    "text",
    ["www.org", "1.", "12) b", "1) b", "-1", "a  b", " a", "a ", "a\n", "a:b", "a@b", "a.b", "1.b", "<1", "é", "a(b"],
)
def test_what_may_read_as_more_than_words_is_looked_through(text: str) -> None:
    assert _WORDS_ALONE.fullmatch(text) is None


@pytest.mark.parametrize(
    "text", ["Vitamin B12", "150 pg/mL", "2025-09-20", "7.5 g/L (preliminary)", "Polyneuropathy, unspecified", ""]
)
def test_what_most_records_say_is_words_alone(text: str) -> None:
    assert _WORDS_ALONE.fullmatch(text)
    assert escaped(text) == plain(text) == text


@given(st.text(alphabet="wW.:/@ a1\u2028", max_size=12))
def test_whatever_may_be_made_a_link_is_looked_for(text: str) -> None:
    assert _unlinked(text) == _LINK_LIKE.sub(" ", text)


def test_only_the_values_that_a_template_asks_for_are_said_and_each_in_its_language() -> None:
    asked: list[str] = []

    def said(value: str) -> str:
        asked.append(value)
        return value.upper()

    values = {"what": "a*b", "unused": "c"}
    assert filled_summary("{what}!", values, said) == "A*B!"
    assert filled_detail("{what}!", values, said) == "A\\*B!"
    assert asked == ["a*b", "a*b"]
