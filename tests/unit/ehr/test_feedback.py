"""What an EHR reports about a card."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.ehr.feedback import feedback_item
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.web.schemas import FeedbackItemSchema

CARD = {"uuid": "c", "overrideReasons": [{"code": "r", "system": "s", "display": "R"}, 7]}
AT = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)


def test_acceptance_names_the_suggestion() -> None:
    item = feedback_item(CARD, {"uuid": "s"}, AT)
    assert item["acceptedSuggestions"] == [{"id": "s"}]
    assert FeedbackItemSchema().load(item)["outcomeTimestamp"] == AT


def test_an_override_may_say_why() -> None:
    item = feedback_item(CARD, None, AT, reason="r", comment="seen")
    assert item["overrideReason"] == {"reason": {"code": "r", "system": "s", "display": "R"}, "userComment": "seen"}
    assert FeedbackItemSchema().load(item)["outcome"] == "overridden"
    assert "overrideReason" not in feedback_item(CARD, None, AT)


def test_a_reason_that_the_card_does_not_offer_is_refused_with_those_it_does() -> None:
    with pytest.raises(UnusableFile, match=r"'x'.*: r"):
        feedback_item(CARD, None, AT, reason="x")


def test_what_has_no_uuid_cannot_be_reported_on() -> None:
    with pytest.raises(UnusableFile):
        feedback_item({}, None, AT)
    with pytest.raises(UnusableFile):
        feedback_item(CARD, {}, AT)
