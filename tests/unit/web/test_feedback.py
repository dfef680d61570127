"""Feedback: each item on its own, and nothing acknowledged that is not stored."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from cds_service.storage.store import Store
from tests.unit.web.conftest import Edge, issues, paths

URL = "/cds-services/b12-patient-view/feedback"
WHEN = "2025-10-01T09:30:00.123Z"
ACCEPTED = {"card": "c-1", "outcome": "accepted", "acceptedSuggestions": [{"id": "s-1"}], "outcomeTimestamp": WHEN}
OVERRIDDEN = {"card": "c-2", "outcome": "overridden", "outcomeTimestamp": WHEN}


def post(client: FlaskClient, *items: Any) -> Any:
    return client.post(URL, json={"feedback": list(items)})


def stored(edge: Edge, *columns: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(edge.folder / "b12.sqlite3")
    connection.row_factory = sqlite3.Row
    try:
        rows = connection.execute("SELECT * FROM feedback ORDER BY card").fetchall()
    finally:
        connection.close()
    return [tuple(row[column] for column in columns) for row in rows]


def test_feedback_is_stored_and_acknowledged(edge: Edge, client: FlaskClient) -> None:
    response = post(client, ACCEPTED, OVERRIDDEN)

    assert (response.status_code, response.get_json()) == (200, {"stored": 2})
    assert stored(edge, "card", "outcome") == [("c-1", "accepted"), ("c-2", "overridden")]


@pytest.mark.parametrize("name", ["overrideReason", "overrideReasons"])
def test_a_reason_is_kept_under_the_names_of_the_specification_and_of_epic(
    name: str, edge: Edge, client: FlaskClient
) -> None:
    reason = {"reason": {"code": "later", "system": "urn:reasons"}, "userComment": "next visit"}

    assert post(client, {**OVERRIDDEN, name: reason}).status_code == 200
    assert stored(edge, "reason_system", "reason_code") == [("urn:reasons", "later")]
    assert [record.comment for record in edge.store.feedback_history()] == ["next visit"]


@pytest.mark.parametrize(
    "reason", [None, {}, {"userComment": "only words"}, {"reason": {"code": "x"}}, {"reason": None, "extension": {}}]
)
def test_a_reason_may_be_less_than_whole(reason: Any, client: FlaskClient) -> None:
    assert post(client, {**OVERRIDDEN, "overrideReason": reason}).status_code == 200


@pytest.mark.parametrize("when", ["2025-10-01T09:30:00Z", "2025-10-01T09:30:00.5+02:00", "2025-10-01T09:30:00-05:00"])
def test_times_may_have_fractions_and_zones(when: str, client: FlaskClient) -> None:
    assert post(client, {**OVERRIDDEN, "outcomeTimestamp": when}).status_code == 200


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"card": None}, "feedback[0].card"),
        ({"card": ""}, "feedback[0].card"),
        ({"card": 5}, "feedback[0].card"),
        ({"outcome": "ignored"}, "feedback[0].outcome"),
        ({"outcome": None}, "feedback[0].outcome"),
        ({"outcome": "accepted"}, "feedback[0].acceptedSuggestions"),
        ({"outcome": "accepted", "acceptedSuggestions": []}, "feedback[0].acceptedSuggestions"),
        ({"acceptedSuggestions": ["s-1"]}, "feedback[0].acceptedSuggestions[0]"),
        ({"acceptedSuggestions": [{}]}, "feedback[0].acceptedSuggestions[0].id"),
        ({"acceptedSuggestions": {"id": "s"}}, "feedback[0].acceptedSuggestions"),
        ({"outcomeTimestamp": None}, "feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "yesterday"}, "feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "2025-10-01T09:30:00"}, "feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "0001-01-01T00:00:00+14:00"}, "feedback[0].outcomeTimestamp"),
        ({"outcomeTimestamp": "9999-12-31T23:59:59-14:00"}, "feedback[0].outcomeTimestamp"),
        ({"overrideReason": "no"}, "feedback[0].overrideReason"),
        ({"overrideReason": {"reason": {"system": "x"}}}, "feedback[0].overrideReason.reason.code"),
        ({"overrideReason": {"userComment": "x" * 10_001}}, "feedback[0].overrideReason.userComment"),
    ],
)
def test_an_item_with_a_fault_is_refused_with_the_field(
    change: dict[str, Any], path: str, edge: Edge, client: FlaskClient
) -> None:
    response = post(client, {**OVERRIDDEN, **change})

    assert response.status_code == 400
    assert paths(response) == [path]
    assert edge.store.count_feedback() == 0


def test_good_items_are_stored_although_others_are_refused(edge: Edge, client: FlaskClient) -> None:
    response = post(client, ACCEPTED, {"card": "c-9"}, 5, OVERRIDDEN)

    assert response.status_code == 400
    assert paths(response) == ["feedback[1].outcome", "feedback[1].outcomeTimestamp", "feedback[2]", "feedback"]
    assert "2 usable items" in issues(response)[-1][1]
    assert stored(edge, "card") == [("c-1",), ("c-2",)]


@pytest.mark.parametrize("body", [{}, {"feedback": []}, {"feedback": {}}, [], 5, {"feedback": None}])
def test_a_body_without_feedback_is_400(body: Any, client: FlaskClient) -> None:
    response = client.post(URL, json=body)

    assert response.status_code == 400
    assert paths(response) == ["feedback"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 200_000])
def test_feedback_that_is_not_json_is_400(body: bytes, client: FlaskClient) -> None:
    assert client.post(URL, data=body, content_type="application/json").status_code == 400


def test_feedback_sent_again_is_acknowledged_and_counted_once(edge: Edge, client: FlaskClient) -> None:
    assert post(client, ACCEPTED).status_code == 200
    assert post(client, ACCEPTED).status_code == 200
    assert edge.store.count_feedback() == 1


def test_the_same_moment_in_another_zone_is_no_other_item(edge: Edge, client: FlaskClient) -> None:
    for when in ("2025-10-01T09:30:00Z", "2025-10-01T11:30:00+02:00", "2025-10-01T09:30:00.000+00:00"):
        assert post(client, {**OVERRIDDEN, "outcomeTimestamp": when}).status_code == 200

    assert edge.store.count_feedback() == 1


@pytest.mark.verifies("CDSH-101")
def test_the_last_state_of_a_card_counts_and_the_ones_before_are_kept(edge: Edge, client: FlaskClient) -> None:
    post(client, {**ACCEPTED, "outcomeTimestamp": "2025-10-01T09:31:00Z"})
    overridden = {**OVERRIDDEN, "card": "c-1"}
    post(client, overridden, {**overridden, "outcomeTimestamp": "2025-10-01T09:32:00Z"})

    assert [(r.outcome, r.is_latest) for r in edge.store.feedback_history()] == [
        ("accepted", False),
        ("overridden", False),
        ("overridden", True),
    ]


def test_ids_of_any_kind_come_back_as_they_were(edge: Edge, client: FlaskClient) -> None:
    suggestions = ["LGL^1 2", "50%", "süß", "\t"]
    post(client, {**ACCEPTED, "card": "Epic card 7^A", "acceptedSuggestions": [{"id": each} for each in suggestions]})
    (record,) = edge.store.feedback_history()

    assert record.card == "Epic card 7^A"
    assert record.accepted_suggestions == tuple(suggestions)


def test_a_null_character_is_kept_as_a_sign_of_it(edge: Edge, client: FlaskClient) -> None:
    assert post(client, {**OVERRIDDEN, "card": "a\0b"}).status_code == 200
    assert edge.store.feedback_history()[0].card == "a\N{REPLACEMENT CHARACTER}b"


def test_a_coded_reason_needs_no_display(edge: Edge, client: FlaskClient) -> None:
    reason = {"reason": {"code": "declined", "system": "https://b12-cds.org/override-reasons", "display": None}}

    assert post(client, {**OVERRIDDEN, "overrideReason": reason}).status_code == 200
    assert edge.store.feedback_history()[0].reason_code == "declined"


def test_feedback_without_a_database_is_503_and_not_acknowledged(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    edge.store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")
    response = post(edge.client(), ACCEPTED)

    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert issues(response)[0][0] == "transient"


def test_what_stands_twice_in_one_batch_is_stored_once(edge: Edge, client: FlaskClient) -> None:
    response = post(client, ACCEPTED, OVERRIDDEN, ACCEPTED, ACCEPTED)

    assert response.get_json() == {"stored": 4}  # all four are
    assert edge.store.count_feedback() == 2


def test_as_many_items_as_are_allowed_are_stored_in_their_order(edge: Edge, client: FlaskClient) -> None:
    items = [{**OVERRIDDEN, "card": f"c-{number}"} for number in range(1000)]

    assert post(client, *items).status_code == 200
    assert post(client, *reversed(items)).status_code == 200  # sent again, in whatever order
    assert [record.card for record in edge.store.feedback_history()] == [item["card"] for item in items]


HOSTILE = [
    "'; DROP TABLE feedback; --",
    "=cmd|'/c calc'!A1",
    "\x1b[2J\x1b]0;mine\x07",
    "\u202egnihtyna\u2066",
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: a=b",
    "𝔸" * 50,
    "../../etc/passwd",
    "{{7*7}}${7*7}%s%n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_kept_as_it_came_and_echoed_nowhere(
    text: str, edge: Edge, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = {"reason": {"code": text, "system": text, "display": text}, "userComment": text}
    item = {**ACCEPTED, "card": text, "acceptedSuggestions": [{"id": text}], "overrideReasons": reason}

    response = post(client, item)
    (record,) = edge.store.feedback_history()

    assert (response.status_code, response.get_json()) == (200, {"stored": 1})
    assert (record.card, record.accepted_suggestions, record.comment) == (text, (text,), text)
    assert (record.reason_system, record.reason_code) == (text, text)
    told = capsys.readouterr()
    assert text not in told.out + told.err + str(response.headers)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_in_a_faulty_item_is_echoed_nowhere(text: str, client: FlaskClient) -> None:
    response = post(client, {**OVERRIDDEN, "outcome": text, "outcomeTimestamp": text, text[:20]: text})

    assert response.status_code == 400
    assert text not in response.get_data(as_text=True)


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff\\ud800"])
def test_half_a_character_is_no_text(escape: str, edge: Edge, client: FlaskClient) -> None:
    body = f'{{"feedback": [{{"card": "{escape}", "outcome": "overridden", "outcomeTimestamp": "{WHEN}"}}]}}'

    assert client.post(URL, data=body, content_type="application/json").status_code == 400
    assert edge.store.count_feedback() == 0


def test_more_items_than_a_client_has_are_refused_whole(edge: Edge, client: FlaskClient) -> None:
    response = post(client, *[{**ACCEPTED, "card": f"c-{number}"} for number in range(1001)])

    assert (response.status_code, paths(response)) == (400, ["feedback"])
    assert edge.store.count_feedback() == 0


def with_suggestions(count: int, **more: Any) -> dict[str, Any]:
    return {**ACCEPTED, "acceptedSuggestions": [{"id": f"s-{number}"} for number in range(count)], **more}


def test_an_item_with_more_accepted_suggestions_than_any_card_offers_is_kept_with_the_first(
    edge: Edge, client: FlaskClient
) -> None:
    """Each is checked on its own: a thousand items with hundreds took seconds."""
    assert post(client, with_suggestions(50)).get_json() == {"stored": 1}

    with capture_logs() as logged:
        response = post(client, with_suggestions(51, card="c-2"), with_suggestions(1050, card="c-3"))

    assert (response.status_code, response.get_json()) == (200, {"stored": 2, "suggestionsLeftOut": 1001})
    ids = tuple(f"s-{number}" for number in range(50))
    assert [record.accepted_suggestions for record in edge.store.feedback_history()] == [ids] * 3
    assert [line["count"] for line in logged if line["event"] == "accepted suggestions left out"] == [1001]


def test_such_an_item_sent_again_is_counted_once(edge: Edge, client: FlaskClient) -> None:
    for _ in range(2):
        assert post(client, with_suggestions(60)).status_code == 200

    assert edge.store.count_feedback() == 1


def test_an_odd_item_beside_such_an_item_hides_it_not(edge: Edge, client: FlaskClient) -> None:
    response = post(client, with_suggestions(60), with_suggestions(60, card=""), 5)

    assert (response.status_code, paths(response)) == (400, ["feedback[1].card", "feedback[2]", "feedback"])
    assert edge.store.count_feedback() == 1


def test_what_is_odd_among_the_suggestions_that_are_kept_is_still_told(client: FlaskClient) -> None:
    odd = with_suggestions(60)
    odd["acceptedSuggestions"][49] = {}

    assert paths(post(client, odd)) == ["feedback[0].acceptedSuggestions[49].id"]
