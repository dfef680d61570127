"""What is told of feedback: by rule, without free text unless asked for, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from cds_service import cli
from cds_service.feedback_report import as_csv, as_ndjson, feedback_table
from cds_service.knowledge.model import Knowledge
from cds_service.storage.feedback import FeedbackRecord, RuleFeedback
from cds_service.storage.store import CardShown, Feedback, Store

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
REASONS = "https://b12-cds.org/override-reasons"
RECORD = FeedbackRecord(
    "b12", "card-1", "overridden", NOW, NOW, True, ("s-1", "s-2"), REASONS, "declined", "Mrs Smith, again", ("R-1",)
)


def shown(found: RuleFeedback, knowledge: Knowledge, *, with_comments: bool) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(feedback_table([found], knowledge, with_comments=with_comments))
    return console.export_text()


def test_a_rule_is_shown_with_its_reasons_in_our_words_and_the_count_of_comments(knowledge: Knowledge) -> None:
    reasons = Counter({(REASONS, "declined"): 2, ("urn:x", "[red]theirs"): 1})
    found = RuleFeedback("B12-DX-01", 9, 3, 4, reasons, ["Smith"])
    text = shown(found, knowledge, with_comments=False)

    assert "2 × Patient declined" in text
    assert "1 × [red]theirs" in text
    assert [cell.strip() for cell in text.splitlines()[3].split("│")[1:6]] == ["B12-DX-01", "9", "3", "4", "2"]
    assert "Smith" not in text
    assert "Smith" in shown(found, knowledge, with_comments=True)


@pytest.mark.parametrize("write", [as_csv, as_ndjson])
def test_comments_are_exported_only_on_request_and_under_a_name_that_warns(write: object) -> None:
    assert callable(write)
    assert "Smith" not in write([RECORD])
    assert "Smith" in write([RECORD], with_comments=True)
    assert "possible_patient_data" in write([RECORD], with_comments=True)


def test_csv_can_be_read_back() -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv([RECORD], with_comments=True)))

    assert (row["card"], row["is_latest"], row["accepted_suggestions"]) == ("card-1", "true", "s-1 s-2")
    assert (row["outcome_timestamp"], row["rules"]) == ("2025-10-01T09:30:00+00:00", "R-1")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "=1", "+1", "-1", "@1"]
HIDDEN = ['"=1', 'x;"=1', "x\n=1", "x\r\n;\t@1", "=1;=2", *(f"x;{formula}" for formula in FORMULAS)]


def everywhere(text: str) -> FeedbackRecord:
    """A record that says this wherever a client may say something."""
    return FeedbackRecord("b12", text, "overridden", NOW, NOW, True, (text, text), text, text, text, ("B12-DX-01",))


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("text", [*FORMULAS, *HIDDEN])
def test_no_cell_is_a_formula_whichever_separator_a_spreadsheet_expects(text: str, separator: str) -> None:
    written = as_csv([everywhere(text)], with_comments=True)
    rows = list(csv.reader(io.StringIO(written), delimiter=separator))

    assert len(rows) == 2
    begun = [cell.lstrip(' "\u00a0') for cell in rows[1]]  # as some spreadsheets begin to read
    assert [cell for cell in begun if cell.startswith(tuple("=+-@=+-@"))] == []
    assert written.isprintable() or set(written) - set(filter(str.isprintable, written)) == {"\n"}


@pytest.mark.parametrize("text", ["plain", "B12 < 180", "a=b", "5 - 6", "e@mail", "süß", "; then", "x;y=1"])
def test_what_is_no_formula_is_written_as_it_is(text: str) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv([everywhere(text)], with_comments=True)))

    assert (row["card"], row["comment_possible_patient_data"]) == (text, text)


def test_ndjson_is_exact_and_no_terminal_obeys_it() -> None:
    text = "\x1b]0;mine\x07 \x9b2J \u202edrow \r=1\nSüß\u2028"
    written = as_ndjson([everywhere(text)], with_comments=True)

    assert json.loads(written)["comment_possible_patient_data"] == text
    assert written.isascii()
    assert written.removesuffix("\n").isprintable()


def test_ndjson_holds_an_object_a_line() -> None:
    lines = [json.loads(line) for line in as_ndjson([RECORD, RECORD]).splitlines()]

    assert [line["rules"] for line in lines] == [["R-1"], ["R-1"]]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    url = f"sqlite:///{tmp_path}/b12.sqlite3"
    monkeypatch.setenv("B12_DATABASE_URL", url)
    monkeypatch.setenv("B12_FEEDBACK_DAYS", "30")
    store = Store(url)
    now = datetime.now(UTC)
    store.record_cards([CardShown("card-1", "b12", ("B12-DX-01",), "info", "v1")], now)
    store.record_feedback([Feedback("b12", "card-1", "accepted", now, ("s-1",))], now - timedelta(days=31))
    store.record_feedback([Feedback("b12", "card-1", "overridden", now, comment="Smith")], now - timedelta(days=29))
    return store


def run(*words: str) -> str:
    done = CliRunner().invoke(cli.commands, ["feedback", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_shows_each_rule(database: Store) -> None:
    assert "B12-DX-01" in run()
    assert "Smith" not in run()
    assert "Smith" in run("--comments")
    database.close()


def test_nothing_that_a_client_sends_does_something_to_the_terminal(database: Store) -> None:
    now = datetime.now(UTC)
    evil = "\x1b]0;mine\x07\x1b[2J\x9b31m\u202eyad\u2066\x00\x08\r\x7f\u2028Smith"
    for number, text in enumerate((evil, f"a\n{evil}")):
        said = Feedback("b12", f"{number}{evil}", "overridden", now, (evil,), evil, f"{number}{evil}", text)
        database.record_feedback([said], now)

    for words in ([], ["--comments"], ["export"], ["export", "--comments"], ["export", "--format", "ndjson"]):
        output = run(*words)
        assert {sign for sign in output if not sign.isprintable()} == {"\n"}, words
    assert "Comments may hold patient data" in " ".join(run("--comments").split())
    assert "patient data" not in run()
    database.close()


def test_the_command_exports_every_item(database: Store) -> None:
    assert len(run("export").splitlines()) == 3
    assert [json.loads(line)["outcome"] for line in run("export", "--format", "ndjson").splitlines()] == [
        "accepted",
        "overridden",
    ]
    database.close()


def test_the_command_purges_what_is_older_than_the_setting(database: Store) -> None:
    assert run("purge").startswith("1 items of feedback")
    assert [record.outcome for record in database.feedback_history()] == ["overridden"]
    database.close()
