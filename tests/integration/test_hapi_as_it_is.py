"""What a real HAPI FHIR server does that is not in the specification's examples, and what the service makes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from cds_service.config import Settings
from cds_service.ehr.patient_bundle import Json
from cds_service.facts.dates import parse_day
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app
from tests.conformance.server import STORY_DAY
from tests.integration.clinic import Clinic, name
from tests.integration.conftest import Fire
from tests.integration.cutting_proxy import cutting_proxy

pytestmark = pytest.mark.hapi

ASSESSMENT = "org.b12-cds.assessment"
DAY = date.fromisoformat(STORY_DAY)
STORY = Path(__file__).parents[2] / "fixtures" / "folic-acid-masking"
B12, MMA, HAEMOGLOBIN, HEART_RATE = "2132-9", "13964-2", "718-7", "8867-4"
UCUM = {B12: "ng/L", MMA: "umol/L", HAEMOGLOBIN: "g/dL", HEART_RATE: "/min"}


def observation(patient: Json, loinc: str, value: float, day: date, hour: int = 8) -> Json:
    unit = UCUM[loinc]
    return {
        "resourceType": "Observation",
        "id": f"test-{uuid4()}",
        "status": "final",
        "subject": {"reference": name(patient)},
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "effectiveDateTime": f"{day}T{hour:02}:00:00Z",
        "valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit},
    }


def every_day(patient: Json, loinc: str, value: float, days: int) -> Iterator[Json]:
    return (observation(patient, loinc, value, DAY - timedelta(days=n)) for n in range(days))


@pytest.fixture
def patient(clinic: Clinic) -> Json:
    """A woman of 65 of whom nothing else is known."""
    return clinic.create({"resourceType": "Patient", "gender": "female", "birthDate": "1960-03-14"})


@pytest.fixture(scope="module")
def templates(offered: Sequence[CdsService]) -> dict[str, str]:
    """What the service asks an EHR to prefetch."""
    found = next(service for service in offered if service.hook == "patient-view")
    return {key.value: template for key, template in found.prefetch.items()}


def assessed(answer: Json) -> Json:
    found: Json = answer["extension"][ASSESSMENT]
    return found


def not_used(answer: Json) -> dict[str, str]:
    return {issue["resource"]: issue["issue"] for issue in assessed(answer)["dataIssues"]}


def summaries(answer: Json) -> str:
    return " / ".join(card["summary"] for card in answer["cards"])


def test_an_order_is_heeded_in_the_minute_in_which_the_server_answers_from_its_cache(
    clinic: Clinic, patient: Json, fire: Fire
) -> None:
    clinic.put_all([observation(patient, B12, 150, DAY - timedelta(days=10))])
    request = clinic.request("patient-view", patient["id"])
    treatment = fire(request)["cards"][0]["suggestions"][0]["actions"][0]["resource"]
    query = f"MedicationRequest?patient={patient['id']}&_count=200"
    clinic.cached(query)
    order = clinic.create(treatment | {"status": "active"})

    assert clinic.cached(query) == []  # without this, the test would prove nothing
    assert "no B12 treatment" not in summaries(fire(request))
    assert [name(one) for one in clinic.server.search(query)] == [name(order)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pages_that_only_the_server_can_name_are_followed_to_the_end(
    count: int, clinic: Clinic, patient: Json, templates: dict[str, str], fire: Fire
) -> None:
    levels = (420, 410, 400, 390, 150)  # the oldest, on the last page, is the one that is low
    clinic.put_all(observation(patient, B12, level, DAY - timedelta(days=40 * n)) for n, level in enumerate(levels))
    request = clinic.request("patient-view", patient["id"])
    small = {key: template.partition("&_count=")[0] + f"&_count={count}" for key, template in templates.items()}
    prefetch = clinic.prefetch(small | {"patient": templates["patient"]}, patient["id"])
    links = [link["url"] for link in prefetch["labs"]["link"] if link["relation"] == "next"]

    assert ["_getpages=" in link for link in links] == [True]
    assert assessed(fire(request | {"prefetch": prefetch})) == assessed(fire(request))


def test_a_page_that_the_server_no_longer_has_leaves_the_results_incomplete_and_this_is_said(
    clinic: Clinic, patient: Json, templates: dict[str, str], fire: Fire
) -> None:
    clinic.put_all([observation(patient, B12, 420, DAY)])
    prefetch = clinic.prefetch(templates, patient["id"])
    expired = f"?_getpages={uuid4()}&_getpagesoffset=1&_count=1&_bundletype=searchset"
    prefetch["labs"]["link"].append({"relation": "next", "url": f"{clinic.base}{expired}"})
    answer = fire(clinic.request("patient-view", patient["id"]) | {"prefetch": prefetch})

    assert clinic.answered(f"{clinic.base}{expired}") == 410
    assert "status 410" in not_used(answer)["labs"]
    assert "could not be fully checked" in summaries(answer)


@pytest.fixture
def much_measured(clinic: Clinic) -> Json:
    """A patient with 5,000 Observations. They take a server half a minute, and are left there for the next time."""
    patient = {"resourceType": "Patient", "id": "b12-5000-observations", "gender": "female", "birthDate": "1960-03-14"}
    of_ours = [observation(patient, B12, 310, DAY - timedelta(days=20))]
    of_ours += [observation(patient, HAEMOGLOBIN, 13.5, DAY - timedelta(days=1), hour=n % 24) for n in range(298)]
    of_ours += [observation(patient, MMA, 0.62, DAY - timedelta(days=20))]  # so not on the first page of 200
    others = list(every_day(patient, HEART_RATE, 72, 4_700))
    clinic.keep([patient, *numbered(patient, [*of_ours, *others])])
    return patient


def numbered(patient: Json, resources: Iterable[Json]) -> Iterator[Json]:
    return (one | {"id": f"{patient['id']}-{number}"} for number, one in enumerate(resources))


def test_what_decides_is_found_among_five_thousand_observations(
    clinic: Clinic, much_measured: Json, fire: Fire
) -> None:
    answer = fire(clinic.request("patient-view", much_measured["id"]))

    assert clinic.counted(f"Observation?patient={much_measured['id']}") == 5_000
    assert "MMA 0.62" in summaries(answer)
    assert "labs" not in not_used(answer)


def test_a_medication_that_an_order_points_to_is_read_from_the_server(
    clinic: Clinic, patient: Json, fire: Fire
) -> None:
    rxnorm = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "861004"}
    medication = clinic.create({"resourceType": "Medication", "code": {"coding": [rxnorm]}})
    order: Json = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": name(patient)},
        "authoredOn": "2019-05-03",
    }
    apart = order | {"medicationReference": {"reference": name(medication)}}
    within = order | {"contained": [medication | {"id": "m"}], "medicationReference": {"reference": "#m"}}
    for one in (apart, within):
        stored = clinic.create(one)
        assert "Metformin" in summaries(fire(clinic.request("patient-view", patient["id"])))
        clinic.put(stored | {"status": "entered-in-error"})


def deleted(clinic: Clinic) -> str:
    gone = clinic.create({"resourceType": "Patient"})
    clinic.delete(name(gone))
    return str(gone["id"])


WHO: dict[str, tuple[Any, int]] = {
    "never there": (lambda _clinic: f"never-{uuid4()}", 404),
    "deleted": (deleted, 410),
}


@pytest.mark.parametrize("who", WHO)
def test_a_patient_whom_the_server_does_not_have_is_never_a_patient_without_findings(
    who: str, clinic: Clinic, service: FlaskClient, fire: Fire
) -> None:
    unknown, status = WHO[who][0](clinic), WHO[who][1]
    assert clinic.answered(f"Patient/{unknown}") == status
    assert clinic.answered(f"Observation?patient={unknown}") == 200  # an empty Bundle

    viewed = service.post("/cds-services/b12-patient-view", json=clinic.request("patient-view", unknown))
    assert viewed.status_code == 412
    assert "has no Patient with this id" in viewed.get_data(as_text=True)

    (draft,) = clinic.drafts(clinic.load(STORY, DAY))
    signed = draft | {"subject": {"reference": f"Patient/{unknown}"}}
    answer = fire(clinic.request("order-sign", unknown, [signed]))
    assert "vitamin B12 status could not be checked" in summaries(answer)


def test_an_error_of_the_server_is_told_by_its_status_and_not_in_its_words(
    clinic: Clinic, service: FlaskClient, patient: Json
) -> None:
    request = clinic.request("patient-view", patient["id"])
    request["fhirServer"] = f"{clinic.base}/Observation"  # as if set up with a wrong base address
    response = service.post("/cds-services/b12-patient-view", json=request)

    assert response.status_code == 412
    assert "answered with status 4" in response.get_data(as_text=True)
    assert "HAPI-" not in response.get_data(as_text=True)


@pytest.fixture
def dying(request: pytest.FixtureRequest, clinic: Clinic) -> Iterator[str]:
    """The address of the server, which dies after so many bytes of an answer."""
    place = urlsplit(clinic.base)
    with cutting_proxy((str(place.hostname), place.port or 80), after=request.param) as port:
        yield f"http://127.0.0.1:{port}{place.path}"


@pytest.fixture
def bold(dying: str, knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path) -> Iterator[FlaskClient]:
    """The service, which may call the server that dies."""
    settings = Settings(
        today=parse_day(STORY_DAY),
        fhir_origins=(dying.rsplit("/", 1)[0],),
        fhir_allow_http_localhost=True,
        deadline_seconds=20,
    )
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    yield create_app(settings, offered, knowledge, store).test_client()
    store.close()


def many_results(clinic: Clinic, patient: Json) -> None:
    clinic.put_all(every_day(patient, B12, 420, 30))  # compressed, far more than the proxy lets pass


def post(bold: FlaskClient, request: Json, dying: str) -> Any:
    return bold.post(f"/cds-services/b12-{request['hook']}", json=request | {"fhirServer": dying})


@pytest.mark.parametrize("dying", [0, 60, 700], ids=["no answer", "headers", "body"], indirect=True)
def test_a_server_that_dies_while_it_answers_gives_no_answer_in_part(
    clinic: Clinic, patient: Json, templates: dict[str, str], bold: FlaskClient, dying: str
) -> None:
    many_results(clinic, patient)
    prefetch = clinic.prefetch(templates, patient["id"])
    del prefetch["labs"]
    response = post(bold, clinic.request("patient-view", patient["id"]) | {"prefetch": prefetch}, dying)

    assert response.status_code == 412
    assert [issue["expression"] for issue in response.get_json()["issue"]] == [["prefetch.labs"]]


@pytest.mark.parametrize("dying", [0, 60], ids=["no answer", "headers"], indirect=True)
def test_what_was_sent_is_still_answered_when_the_server_dies_and_what_is_missing_is_said(
    clinic: Clinic, patient: Json, templates: dict[str, str], bold: FlaskClient, dying: str
) -> None:
    clinic.put_all([observation(patient, B12, 150, DAY)])
    prefetch = clinic.prefetch(keys(templates, ("patient", "labs")), patient["id"])
    response = post(bold, clinic.request("patient-view", patient["id"]) | {"prefetch": prefetch}, dying)

    assert response.status_code == 200
    assert "150 ng/L" in summaries(response.get_json())
    assert {"medicationRequests", "conditions"} <= not_used(response.get_json()).keys()


def keys(templates: dict[str, str], wanted: Iterable[str]) -> dict[str, str]:
    return {key: templates[key] for key in wanted}
