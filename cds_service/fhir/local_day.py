"""Which day it is where a record is written: the date there may be tomorrow's, by the clock of this service."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from cds_service.fhir.record import PatientRecord

_FURTHEST_AHEAD = timedelta(hours=14)  # of UTC, that a time zone lies
_DATE = len("YYYY-MM-DD")


def local_day(record: PatientRecord, today: date) -> date:
    """`today`, or the day after it where something in the record was done on that day already.

    A result of 2025-10-02T08:00+13:00 was drawn on 1 October by a clock that shows UTC. It is not in the future: where
    it was drawn, it is 2 October, and dates without a time are of that calendar too. Only what was done tells so; a
    time without an offset tells nothing, and what is planned for a day may still be to come.
    """
    tomorrow = today + timedelta(days=1)
    written = tomorrow.isoformat()
    for entries in (*(section.entries for section in record.sections.values()), record.drafts):
        for entry in entries:
            resource = entry.resource
            if resource is None:
                continue
            began = resource.effective_period if resource.resource_type != "MedicationStatement" else None
            for text in (
                resource.effective_date_time,
                resource.effective_instant,
                began.start if began is not None else None,
                resource.issued,
                resource.authored_on,
                resource.recorded_date,
                resource.date_asserted,
                resource.when_handed_over,
                resource.performed_date_time,
            ):
                if text is not None and text[:_DATE] == written and _has_come(text, today):
                    return tomorrow
    return today


def _has_come(text: str, today: date) -> bool:
    """Whether it is an instant that this service's calendar dates today or earlier."""
    try:
        moment = datetime.fromisoformat(text)
        ahead = moment.utcoffset()
        return ahead is not None and ahead <= _FURTHEST_AHEAD and moment.astimezone().date() <= today
    except (ValueError, OverflowError):
        return False
