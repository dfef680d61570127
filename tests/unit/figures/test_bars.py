"""Bars and columns: to scale, within their picture, and without a word or a style that the page must allow."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from cds_service.figures.bars import bar, columns


def rects(drawn: str) -> list[dict[str, str]]:
    return [dict(found.attrib) for found in ET.fromstring(drawn) if found.tag.endswith("rect")]  # noqa: S314 - our own


def test_the_parts_of_a_bar_follow_each_other_and_an_empty_one_is_not_drawn() -> None:
    drawn = rects(bar([("a", 1), ("b", 0), ("c", 3)], 8))
    assert [(r["class"], r["x"], r["width"]) for r in drawn] == [("a", "0", "12.5"), ("c", "12.5", "37.5")]


def test_a_bar_of_nothing_is_empty() -> None:
    assert rects(bar([("a", 0)], 0)) == []


def test_the_highest_column_fills_the_picture_and_the_others_are_to_scale() -> None:
    drawn = rects(columns([2, 0, 4], "words"))
    assert [(float(r["y"]), float(r["height"])) for r in drawn] == [(50, 50), (100, 0), (0, 100)]
    assert [float(r["x"]) for r in drawn] == pytest.approx([0.8, 10.8, 20.8], abs=0.1)


@pytest.mark.parametrize("numbers", [[], [0], [0, 0]])
def test_nothing_is_drawn_of_no_cards(numbers: list[int]) -> None:
    assert {r["height"] for r in rects(columns(numbers, "none"))} <= {"0"}


def test_what_the_columns_say_is_escaped() -> None:
    assert '"&lt;b&gt;"' in columns([1], "<b>").replace("&quot;", '"')
