"""Playing a story on another day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.ehr.moved_dates import moved

YEAR = timedelta(days=366)


@pytest.mark.parametrize(
    ("resource", "then"),
    [
        ({"effectiveDateTime": "2025-09-20T08:15:00Z"}, {"effectiveDateTime": "2026-09-21T08:15:00Z"}),
        ({"birthDate": "1960-03-14"}, {"birthDate": "1961-03-15"}),
        ({"authoredOn": "2025-03"}, {"authoredOn": "2026-03"}),
        ({"effectivePeriod": {"start": "2019"}}, {"effectivePeriod": {"start": "2020"}}),
        ({"entry": [{"issued": "2025-01-01"}]}, {"entry": [{"issued": "2026-01-02"}]}),
        ({"whenHandedOver": "2025-01-01"}, {"whenHandedOver": "2026-01-02"}),
    ],
)
def test_dates_move_and_stay_as_vague_as_they_were(resource: Any, then: Any) -> None:
    assert moved(resource, YEAR) == then


@pytest.mark.parametrize(
    "resource",
    [
        {"effectiveDateTime": "2025-02-30"},
        {"issued": "yesterday"},
        {"code": "2025-01-01"},
        {"value": "2025"},
        {"on": 7},
    ],
)
def test_what_is_no_date_stays_as_it_is(resource: Any) -> None:
    assert moved(resource, YEAR) == resource
