"""Loading files onto a FHIR server: once, whole, renewed with the day, and removed again without a trace."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.ehr.clean import Cleaner
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.load import Loaded, Loader
from cds_service.ehr.marks import LOADED, identifiers_in
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.ehr.resource_files import read_files
from cds_service.errors import FhirRefused
from tests.builders import TODAY
from tests.fhir_server import FhirStub

STORIES = Path(__file__).resolve().parents[3] / "fixtures"
STORY = STORIES / "folic-acid-masking"
PATIENT = {"resourceType": "Patient", "id": "7"}


def lab(name: str, subject: str = "Patient/7", **more: Any) -> dict[str, Any]:
    code = {"text": "B12"}
    return {"resourceType": "Observation", "id": name, "code": code, "subject": {"reference": subject}, **more}


def bundle(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources], **more}


def write(folder: Path, name: str, *contents: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(content) for content in contents), encoding="utf-8")
    return path


def load(server: FhirServer, *paths: Path, tag: str = "t1", today: date = TODAY, **more: Any) -> Loaded:
    files, _ = read_files(paths, today, **more)
    loader = Loader(server, files, tag, today)
    list(loader.run())
    return loader.loaded


def clean(server: FhirServer, tag: str = "t1") -> Cleaner:
    cleaner = Cleaner(server, tag)
    found = [resource for _, of_type in cleaner.find() for resource in of_type]
    list(cleaner.delete(found))
    return cleaner


def test_every_story_is_loaded_and_named_by_its_folder(server: FhirServer, stub: FhirStub) -> None:
    loaded = load(server, STORIES)
    names = {path.parent.name for path in STORIES.glob("*/bundle.json")}
    assert set(loaded.patients) == names
    assert loaded.created.total() == len(stub.held)
    assert all(stub.held[f"Patient/{patient_id}"] for patient_id in loaded.patients.values())


def test_loading_twice_loads_once(server: FhirServer, stub: FhirStub) -> None:
    first = load(server, STORY)
    held = json.dumps(stub.held)
    again = load(server, STORY)
    assert json.dumps(stub.held) == held
    assert (again.created.total(), again.found) == (0, first.created)
    assert again.patients == first.patients


def test_a_story_is_moved_to_today_and_moved_on_when_it_is_loaded_on_another_day(
    server: FhirServer, stub: FhirStub
) -> None:
    load(server, STORY, today=date(2026, 11, 20))
    first = next(iter(stub.of_type("Observation")))
    assert first["effectiveDateTime"] == "2026-11-09T08:15:00Z"  # 11 days before, as in the story
    again = load(server, STORY, today=date(2026, 11, 24))
    assert [one["effectiveDateTime"] for one in stub.of_type("Observation")] == ["2026-11-13T08:15:00Z"]
    assert again.renewed.total() == len(stub.held)


def test_files_of_ones_own_are_neither_moved_nor_written_over(
    server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    path = write(tmp_path, "a.json", bundle(PATIENT, lab("1", effectiveDateTime="2020-01-01")))
    load(server, path)
    held = next(iter(stub.of_type("Observation")))
    held["status"] = "amended"
    load(server, path, today=date(2026, 1, 1))
    assert (held["status"], held["effectiveDateTime"]) == ("amended", "2020-01-01")


def test_files_written_for_a_day_are_moved_from_it(server: FhirServer, stub: FhirStub, tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", bundle(PATIENT, lab("1", effectiveDateTime="2020-01-01")))
    load(server, path, written_for=date(2020, 1, 11))
    assert next(iter(stub.of_type("Observation")))["effectiveDateTime"] == "2025-09-21"


def test_ids_are_the_servers_and_references_follow(server: FhirServer, stub: FhirStub, tmp_path: Path) -> None:
    somebody = stub.add(resourceType="Patient", id="7", active=True)
    loaded = load(server, write(tmp_path, "a.json", bundle(PATIENT, lab("1"))))
    own = loaded.patients["a/7"]
    assert own != "7"
    assert stub.held[somebody] == {"resourceType": "Patient", "id": "7", "active": True}
    assert [one["subject"]["reference"] for one in stub.of_type("Observation")] == [f"Patient/{own}"]


@pytest.mark.parametrize(
    "reference",
    ["urn:uuid:aa", "https://old.example.org/fhir/Patient/7", "Patient/7", "Patient/7/_history/3",
     "Patient?identifier=mrn|9"],
)  # fmt: skip
def test_each_way_to_point_at_an_entry_is_followed(
    reference: str, server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    full = reference if ":" in reference and "?" not in reference else "https://old.example.org/fhir/Patient/7"
    named = PATIENT | {"identifier": [{"system": "mrn", "value": "9"}]}
    entry = [{"resource": lab("1", reference)}, {"fullUrl": full, "resource": named}]
    content = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
    loaded = load(server, write(tmp_path, "a.json", content))
    assert [one["subject"] for one in stub.of_type("Observation")] == [
        {"reference": f"Patient/{loaded.patients['a/7']}"}
    ]


def test_what_is_not_in_the_files_is_never_looked_for_among_others(
    server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    stub.add(resourceType="Practitioner", id="5")
    performer = [{"reference": "Practitioner/5", "display": "Dr A"}, {"reference": "#here"}]
    loaded = load(server, write(tmp_path, "a.json", bundle(PATIENT, lab("1", performer=performer))))
    kept = next(iter(stub.of_type("Observation")))["performer"]
    assert kept[0] == {"identifier": {"system": f"{LOADED}-not-loaded", "value": "Practitioner/5"}, "display": "Dr A"}
    assert kept[1] == {"reference": "#here"}
    assert loaded.loose == {"Practitioner": 1}


def test_two_bundles_may_use_one_id_for_two_patients(server: FhirServer, stub: FhirStub, tmp_path: Path) -> None:
    for name, gender in (("a.json", "female"), ("b.json", "male")):
        write(tmp_path, name, bundle(PATIENT | {"gender": gender}, lab("1")))
    loaded = load(server, tmp_path)
    genders = {name: stub.held[f"Patient/{server_id}"]["gender"] for name, server_id in loaded.patients.items()}
    assert genders == {"a/7": "female", "b/7": "male"}
    assert len({one["subject"]["reference"] for one in stub.of_type("Observation")}) == 2


def test_ndjson_is_loaded_a_patient_at_a_time_after_what_is_everybodys(
    server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    patients = [{"resourceType": "Patient", "id": str(n), "generalPractitioner": [{"reference": "Practitioner/d"}]}
                for n in range(3)]  # fmt: skip
    write(tmp_path, "Observation.ndjson", *(lab(str(n), f"Patient/{n}") for n in range(3)))
    write(tmp_path, "Patient.ndjson", *patients)
    write(tmp_path, "Practitioner.ndjson", {"resourceType": "Practitioner", "id": "d"})
    load(server, tmp_path)
    sent = [[entry["resource"]["resourceType"] for entry in one["entry"]] for one in stub.transactions]
    assert sent[0] == ["Practitioner"]
    assert [sorted(one) for one in sent[1:]] == [["Observation", "Patient"]] * 3
    practitioner = next(iter(stub.of_type("Practitioner")))["id"]
    assert {one["generalPractitioner"][0]["reference"] for one in stub.of_type("Patient")} == {
        f"Practitioner/{practitioner}"
    }


def test_what_points_at_each_other_goes_together(server: FhirServer, stub: FhirStub, tmp_path: Path) -> None:
    for own, other in (("a", "b"), ("b", "a")):
        organisation = {"resourceType": "Organization", "id": own, "partOf": {"reference": f"Organization/{other}"}}
        write(tmp_path, f"{own}.ndjson", organisation)
    load(server, tmp_path)
    assert [len(one["entry"]) for one in stub.transactions] == [2]


def test_what_has_no_identifier_in_fhir_is_told_by_a_tag_of_its_own(
    server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    provenance = {"resourceType": "Provenance", "id": "p", "target": [{"reference": "Patient/7"}]}
    path = write(tmp_path, "a.json", bundle(PATIENT, provenance))
    load(server, path)
    assert load(server, path).created.total() == 0
    assert len(stub.of_type("Provenance")) == 1
    assert clean(server).deleted == {"Patient": 1, "Provenance": 1}


def test_identifiers_are_as_many_as_fhir_allows() -> None:
    assert [identifiers_in(kind) for kind in ("Patient", "QuestionnaireResponse", "Provenance")] == [
        "list",
        "one",
        "none",
    ]


def test_a_bad_entry_leaves_nothing_of_its_transaction_and_is_told_with_what_was_there_before(
    server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    write(tmp_path, "a.json", bundle(PATIENT))
    write(tmp_path, "b.json", bundle(PATIENT, lab("1", status="bad")))
    with pytest.raises(FhirRefused) as refused:
        load(server, tmp_path)
    said = str(refused.value)
    for told in ("b.json", "422", "'bad' is no status", "Nothing of this transaction (2 resources)", "1 resources of"):
        assert told in said
    assert [one["resourceType"] for one in stub.held.values()] == ["Patient"]
    assert clean(server).deleted == {"Patient": 1}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.json", '{"resourceType": "Bundle", "entry": [{"resource": {"id": "x"}}]}', "holds no FHIR resource"),
        ("a.json", '{"resourceType": "Bundle", "entry": 7}', "entry must be a list"),
        ("a.json", '{"resourceType": "Nonsense", "id": "x"}', "no resource 'Nonsense'"),
        ("a.json", '{"resourceType": "HumanName", "id": "x"}', "no resource 'HumanName'"),
        ("a.ndjson", '{"resourceType": "Patient"}\n{', "line 2: is not JSON"),
        ("a.ndjson", '[1]', "line 1: holds no FHIR resource"),
        ("a.json", '{"hook": "patient-view"}', "no FHIR resource in it"),
        ("a.txt", "", "no FHIR resource in it"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named_and_nothing_is_sent(
    name: str, content: str, told: str, server: FhirServer, stub: FhirStub, tmp_path: Path
) -> None:
    write(
        tmp_path, "ok.json" if name != "a.txt" and "no FHIR resource in it" not in told else "ok.txt", bundle(PATIENT)
    )
    (tmp_path / name).write_text(content)
    with pytest.raises(UnusableFile, match=told.replace("[", r"\[").replace("]", r"\]")):
        load(server, tmp_path)
    assert stub.transactions == []


@pytest.mark.parametrize("tag", ["", "a b", "a|b", "x" * 41, "-x"])
def test_a_tag_that_a_search_could_misread_is_refused(tag: str, server: FhirServer) -> None:
    with pytest.raises(UnusableFile, match="no tag"):
        Loader(server, [], tag, TODAY)
    with pytest.raises(UnusableFile, match="no tag"):
        Cleaner(server, tag)


def test_clean_takes_away_what_was_loaded_under_its_tag_and_nothing_else(server: FhirServer, stub: FhirStub) -> None:
    stub.add(resourceType="Patient", id="theirs")
    copied = stub.add(resourceType="Patient", id="copied", meta={"tag": [{"system": LOADED, "code": "t1"}]})
    load(server, STORY, tag="t2")
    others = set(stub.held)
    load(server, STORY)
    cleaner = clean(server)
    assert set(stub.held) == others
    assert cleaner.left == [copied]
    assert cleaner.refused == []


def test_what_others_still_point_to_stays_and_the_server_says_why(server: FhirServer, stub: FhirStub) -> None:
    loaded = load(server, STORIES)
    patient = f"Patient/{loaded.patients['folic-acid-masking']}"
    stub.add(**lab("theirs", patient))
    cleaner = clean(server)
    assert len(cleaner.refused) == 1
    assert "Observation/theirs" in cleaner.refused[0]
    assert patient in stub.held
    assert [one["id"] for one in stub.of_type("Patient")] == [patient.partition("/")[2]]


def test_clean_finds_what_stands_on_further_pages(server: FhirServer, stub: FhirStub, tmp_path: Path) -> None:
    load(server, write(tmp_path, "a.json", bundle(PATIENT, *(lab(str(n)) for n in range(450)))))
    assert clean(server).deleted == {"Patient": 1, "Observation": 450}
    assert stub.held == {}
