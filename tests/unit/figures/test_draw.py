"""The drawing: well-formed whatever the record holds, thinned where it is too much, and nothing over the edge."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from cds_service.errors import CannotDraw
from cds_service.figures import draw
from cds_service.figures.axes import TimeAxis, value_axis
from cds_service.figures.draw import NARROW, WIDE, drawn_alone, drawn_for_page, stylesheet
from cds_service.figures.model import Timeline
from cds_service.figures.png import png
from cds_service.figures.sheet import SMALL
from cds_service.figures.words import fitted, shown, width
from cds_service.knowledge.model import Knowledge
from tests.builders import TODAY, condition, observation, record
from tests.medication_builders import named, statement
from tests.unit.figures.patients import panel, timeline_of

EVIL = "<script>alert(1)</script>\u202e\u0000\ufffe\ud800 \U0001f600 " + "W" * 5000
SVG = "{http://www.w3.org/2000/svg}"
NEUROPATHY = ("http://snomed.info/sct", "302226006")


@pytest.fixture(scope="module")
def many(knowledge: Knowledge) -> Timeline:
    """Three thousand results, a level far beyond the limits among them."""
    labs = [
        observation(value=200 + number % 90, id=f"r{number}", effectiveDateTime=str(TODAY - timedelta(days=number)))
        for number in range(3000)
    ]
    return timeline_of(
        record(labs=[*labs, observation(value=9000, id="far", effectiveDateTime="2021-01-01")]), knowledge
    )


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - it was written by ourselves


def texts(svg: str) -> list[ET.Element]:
    return list(read(svg).iter(f"{SVG}text"))


def test_hostile_text_stays_text_and_the_file_well_formed(knowledge: Knowledge) -> None:
    patient = record(
        medicationStatements=[statement(medicationCodeableConcept=named(f"metformin {EVIL}"))],
        conditions=[
            condition(
                *NEUROPATHY,
                code={"coding": [{"system": NEUROPATHY[0], "code": NEUROPATHY[1]}], "text": EVIL},
                onsetDateTime="2025-01",
            )
        ],
    )
    figure = timeline_of(patient, knowledge)
    for svg in (drawn_alone(figure), drawn_for_page(figure, "a", WIDE, {}), drawn_for_page(figure, "b", NARROW, {})):
        tags = {element.tag.removeprefix(SVG) for element in read(svg).iter()}
        assert "script" not in tags
        assert "\u202e" not in svg
        assert len(svg) < 40_000


def test_thousands_of_results_are_thinned_and_the_picture_says_so(many: Timeline) -> None:
    svg = drawn_alone(many)
    assert len(svg) < 150_000
    told = next(text.text or "" for text in texts(svg) if "drawn: the extremes" in (text.text or ""))
    drawn, total = map(int, re.findall(r"\d+", told)[:2])
    assert total == 3001
    assert 60 < drawn < 300


def test_what_the_assessment_rests_on_is_never_thinned_away(many: Timeline) -> None:
    svg = read(drawn_alone(many))
    relied = [group for group in svg.iter(f"{SVG}g") if "relied" in group.get("class", "").split()]
    titles = " ".join(group.findtext(f"{SVG}title") or "" for group in relied)
    counted = [mark.row.source for mark in panel(many, "Total").marks if mark.row.is_counted]
    assert counted
    assert all(source in titles for source in counted)


def test_a_level_far_beyond_the_limits_is_drawn_at_the_edge_with_its_number(many: Timeline) -> None:
    figure = panel(many, "Total")
    axis = value_axis(figure, 0, 100)
    far = next(mark for mark in figure.marks if mark.label == "9000")
    assert far.value is not None
    assert axis.is_beyond(far.value)
    assert axis.y(far.value) == 0
    svg = drawn_alone(many)
    assert any(text.text == "9000" for text in texts(svg))
    assert 'class="beyond"' in svg


def test_every_limit_is_written_even_beside_a_level_on_treatment(many: Timeline) -> None:
    figure = panel(many, "Total")
    written = [text for _y, text, is_limit in value_axis(figure, 0, 110).ticks(figure, 11) if is_limit]
    assert sorted(written) == sorted(f"{limit:f}" for limit in figure.limits)


@pytest.mark.parametrize("paper", [NARROW, WIDE])
def test_nothing_lies_beyond_the_paper(many: Timeline, paper: int) -> None:
    root = read(drawn_for_page(many, "p", paper, {}))
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0").rstrip("%")) <= paper


def test_marks_lead_to_their_lines_of_the_table_where_there_is_one(knowledge: Knowledge) -> None:
    figure = timeline_of(record(labs=[observation(value=310)]), knowledge)
    anchors = {row: f"row-{number}" for number, row in enumerate(figure.rows)}
    assert 'href="#row-0"' in drawn_for_page(figure, "p", WIDE, anchors)
    assert "href" not in drawn_alone(figure)


def test_every_class_that_has_a_colour_has_one_in_the_dark_too() -> None:
    light, dark = stylesheet().split("@media screen")
    coloured = set(re.findall(r"\.timeline \.([a-z-]+)[^{]*\{[^}]*(?:fill|stroke): #", light))
    assert coloured - set(re.findall(r"\.([a-z-]+)", dark)) == set()
    assert len(coloured) > 20


def test_a_file_of_its_own_says_whose_it_is_and_what_it_does_not_show(knowledge: Knowledge) -> None:
    written = " ".join(text.text or "" for text in texts(drawn_alone(timeline_of(record(), knowledge))))
    assert "Patient/p1" in written
    assert knowledge.version in written
    assert "No usable result of" in written


def test_a_png_is_drawn_with_words(knowledge: Knowledge) -> None:
    try:
        image = png(drawn_alone(timeline_of(record(labs=[observation(value=310)]), knowledge)))
    except CannotDraw as problem:
        pytest.skip(str(problem))
    assert image.startswith(b"\x89PNG")
    assert len(image) > 10_000


def test_the_service_never_loads_what_makes_a_png() -> None:
    asked = "import sys, cds_service.web.app, cds_service.figures.draw; print('resvg_py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("days", [1, 30, 400, 4000, 40_000])
def test_times_are_written_side_by_side(days: int) -> None:
    axis = TimeAxis(date(2025, 10, 1) - timedelta(days=days), date(2025, 10, 1), 40, 340)
    places = [x for x, _text in axis.ticks(58)]
    assert len(places) <= 7
    assert all(later - earlier >= 40 for earlier, later in pairwise(places))


def test_a_result_in_a_panel_without_limits_or_height_is_drawn(knowledge: Knowledge) -> None:
    figure = timeline_of(record(labs=[observation("787-2", 90, "fL")]), knowledge)
    bare = replace(panel(figure, "Mean"), bands=())
    axis = value_axis(bare, 0, 100)
    assert 0 < axis.y(90) < 100
    assert [text for _y, text, _is_limit in axis.ticks(bare, 10)]


def test_text_is_cut_to_what_fits_and_says_that_it_was() -> None:
    assert shown("a\u202eb\nc\ufffe") == "a b c"
    assert shown("x" * 500, 10) == "x" * 9 + "…"
    assert width(fitted("W" * 500, 11, 100), 11) <= 100
    assert fitted("short", 11, 100) == "short"
    assert fitted("anything", 11, 1) == ""


@pytest.mark.parametrize("paper", [WIDE, NARROW])
def test_no_sign_is_explained_beyond_the_edge_of_the_paper(
    paper: int, knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draw, "_kinds", lambda _figure: iter(draw._WORDS))
    drawn = read(drawn_for_page(timeline_of(record(labs=[observation()]), knowledge), "page", paper, {}))
    [legend] = (group for group in drawn.iter(f"{SVG}g") if group.get("class") == "legend")
    lines = [(float(text.attrib["x"]), text.text or "") for text in legend.iter(f"{SVG}text")]

    assert " ".join(line for _, line in lines) == " ".join(draw._WORDS.values())
    assert [line for x, line in lines if x + width(line, SMALL) > paper] == []
