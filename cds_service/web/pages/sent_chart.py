"""The chart that a posted form names: one of the stories, or a Bundle that was pasted or brought as a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from cds_service.fhir.prefetch import decode_json
from cds_service.web.edge import Edge
from cds_service.web.pages.playground import Json, OpenChart, PlaygroundEhr, UnusableBundle

_INSTANCE = "00000000-0000-4000-8000-000000000000"  # nobody asks which call of the hook a page was made for


def sent_chart(edge: Edge, ehr: PlaygroundEhr, form: Mapping[str, str]) -> OpenChart:
    """The chart; a Bundle goes before a story. `missing` names the prefetch keys of which nothing is known.

    Raises:
        UnusableBundle: there is none, or it is no patient's Bundle.
        InvalidHookRequest: what was sent is no JSON.
    """
    opened = ehr.open_chart(_bundle(edge, ehr, form), form.get("patient", "").strip())
    missing = form.get("missing", "").split()
    known = {key: value for key, value in opened.everything.items() if key not in missing}
    return dataclasses.replace(opened, everything=known)


def view_request(chart: OpenChart) -> Json:
    """The patient-view request of a chart, with all results of the record."""
    context = {"userId": "Practitioner/playground", "patientId": chart.patient_id}
    return {"hook": "patient-view", "hookInstance": _INSTANCE, "context": context, "prefetch": chart.everything}


def _bundle(edge: Edge, ehr: PlaygroundEhr, form: Mapping[str, str]) -> Json:
    sent = form.get("file", "").strip() or form.get("bundle", "").strip()
    if not sent:
        story = ehr.story(form.get("story", ""), edge.today())
        if story is None:
            raise UnusableBundle("There is no patient to show: choose a story, or bring a FHIR Bundle.")
        return story
    bundle = decode_json(sent.encode())
    if not isinstance(bundle, dict):
        raise UnusableBundle("A FHIR Bundle is needed: a JSON object with resourceType Bundle.")
    return bundle
