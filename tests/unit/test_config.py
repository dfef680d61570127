"""Settings are checked at start, and a wrong one says which, what, and how to mend it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cds_service.config import Settings, Trust
from cds_service.errors import InvalidSettings


def test_an_empty_environment_gives_safe_defaults() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings(playground=True)  # this machine alone, so the page for trying it is on
    assert settings.host == "127.0.0.1"
    assert settings.fhir_origins == ()
    assert settings.today is None


def test_each_variable_reaches_its_field(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "PORT": "8080",
            "HOST": "::1",
            "B12_TODAY": "2025-10-01",
            "B12_DATABASE_URL": "sqlite:///elsewhere.sqlite3",
            "B12_KNOWLEDGE_DIR": str(tmp_path),
            "B12_CORS_ORIGINS": "https://ehr.example.org, http://localhost:3000",
            "B12_FHIR_ORIGINS": "https://fhir.example.org:8443",
            "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true",
            "B12_FHIR_PRIVATE_NETWORKS": "10.20.0.0/16",
            "B12_DEADLINE_SECONDS": "0.5",
            "B12_MAX_BODY_BYTES": "2048",
            "B12_NEVER_SENT": "procedures,socialHistory",
            "B12_ONE_ACTION": "yes",
            "B12_EXTERNAL_URL": "https://cds.example.org/b12",
            "B12_WORKERS": "4",
            "B12_LOG_LEVEL": "DEBUG",
            "B12_SNOMED_AFFILIATE": "false",
        }
    )

    assert settings == Settings(
        port=8080,
        host="::1",
        today=date(2025, 10, 1),
        database_url="sqlite:///elsewhere.sqlite3",
        knowledge_dir=tmp_path,
        cors_origins=("https://ehr.example.org", "http://localhost:3000"),
        fhir_origins=("https://fhir.example.org:8443",),
        fhir_allow_http_localhost=True,
        fhir_private_networks=("10.20.0.0/16",),
        deadline_seconds=0.5,
        max_body_bytes=2048,
        never_sent=("procedures", "socialHistory"),
        one_action=True,
        external_url="https://cds.example.org/b12",
        workers=4,
        log_level="DEBUG",
        snomed_affiliate=False,
        playground=True,
    )


@pytest.mark.parametrize(
    ("variable", "value", "mend"),
    [
        ("PORT", "eighty", "TCP port"),
        ("PORT", "70000", "TCP port"),
        ("B12_TODAY", "2025-13-01", "2025-10-01"),
        ("B12_DATABASE_URL", "var/db", "sqlite:///"),
        ("B12_KNOWLEDGE_DIR", "/no/such/folder", "Name the folder"),
        ("B12_TRUST", "closed", "open"),
        ("B12_CORS_ORIGINS", "*", "Write scheme, host"),
        ("B12_CORS_ORIGINS", "https://ehr.example.org/", "without a path"),
        ("B12_FHIR_ORIGINS", "https://user@fhir.example.org", "Write scheme, host"),
        ("B12_FHIR_ORIGINS", "fhir.example.org", "Write scheme, host"),
        ("B12_FHIR_PRIVATE_NETWORKS", "10.20.0.1/16", "10.20.0.0/16"),
        ("B12_DEADLINE_SECONDS", "nan", "such as 2.0"),
        ("B12_DEADLINE_SECONDS", "0", "such as 2.0"),
        ("B12_MAX_BODY_BYTES", "-1", "such as 10485760"),
        ("B12_ONE_ACTION", "maybe", "true or false"),
        ("B12_EXTERNAL_URL", "cds.example.org", "absolute address"),
        ("B12_WORKERS", "0", "1 to 64"),
        ("B12_LOG_LEVEL", "LOUD", "DEBUG"),
    ],
)
def test_a_wrong_value_names_the_variable_and_says_how_to_mend_it(variable: str, value: str, mend: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        Settings.from_environment({variable: value})

    assert str(error.value).startswith(f"{variable}: ")
    assert mend in str(error.value)


def test_every_wrong_variable_is_told_at_once() -> None:
    with pytest.raises(InvalidSettings) as error:
        Settings.from_environment({"PORT": "x", "B12_WORKERS": "none"})

    assert [line.partition(":")[0] for line in str(error.value).splitlines()] == ["PORT", "B12_WORKERS"]


def test_open_trust_refuses_an_address_that_other_machines_can_reach() -> None:
    with pytest.raises(InvalidSettings, match=r"(?s)HOST: '0\.0\.0\.0'.*open-insecure"):
        Settings.from_environment({"HOST": "0.0.0.0"})


def test_open_insecure_accepts_the_risk_in_so_many_words() -> None:
    settings = Settings.from_environment({"HOST": "0.0.0.0", "B12_TRUST": "open-insecure"})

    assert settings.trust is Trust.OPEN_INSECURE
    assert settings.cors_origins == ()


def test_required_trust_needs_the_file_of_clients_and_the_address_that_tokens_name(tmp_path: Path) -> None:
    clients = tmp_path / "clients.yaml"
    clients.write_text("clients: []\n")
    required = {"B12_TRUST": "required", "HOST": "0.0.0.0"}

    with pytest.raises(InvalidSettings, match="B12_CLIENTS: is not set"):
        Settings.from_environment({**required, "B12_EXTERNAL_URL": "https://cds.example.org"})
    with pytest.raises(InvalidSettings, match="B12_EXTERNAL_URL: is not set"):
        Settings.from_environment({**required, "B12_CLIENTS": str(clients)})
    with pytest.raises(InvalidSettings, match="B12_CLIENTS: is not a file"):
        Settings.from_environment({**required, "B12_CLIENTS": str(tmp_path)})

    complete = {**required, "B12_CLIENTS": str(clients), "B12_EXTERNAL_URL": "https://example.org/b12"}
    settings = Settings.from_environment(complete)
    assert (settings.trust, settings.clients) == (Trust.REQUIRED, clients)
    assert settings.cors_origins == ()


@pytest.mark.parametrize("trust", ["open", "open-insecure", "demo-sandbox"])
def test_a_file_of_clients_that_nobody_would_read_stops_the_start(trust: str, tmp_path: Path) -> None:
    clients = tmp_path / "clients.yaml"
    clients.write_text("clients: []\n")

    with pytest.raises(InvalidSettings, match=r"B12_CLIENTS.*does not ask for them"):
        Settings.from_environment({"B12_TRUST": trust, "B12_CLIENTS": str(clients)})


def test_the_demonstration_is_for_this_machine_only() -> None:
    assert Settings.from_environment({"B12_TRUST": "demo-sandbox"}).cors_origins == ("http://localhost:8080",)
    with pytest.raises(InvalidSettings, match="a key that anyone can have"):
        Settings.from_environment({"B12_TRUST": "demo-sandbox", "HOST": "0.0.0.0"})


@pytest.mark.parametrize(
    "address",
    ["https://x.org/cds-services", "https://x.org/b12/cds-services/", "https://x.org?a=1", "https://X.org", "x.org"],
)
def test_the_external_address_is_the_base_of_what_tokens_name(address: str) -> None:
    with pytest.raises(InvalidSettings, match=r"B12_EXTERNAL_URL: .*absolute address"):
        Settings.from_environment({"B12_EXTERNAL_URL": address})


def test_a_blank_variable_counts_as_unset() -> None:
    assert Settings.from_environment({"B12_TODAY": "", "PORT": " "}) == Settings(playground=True)


def test_blank_cors_origins_switch_the_sandbox_off() -> None:
    assert Settings.from_environment({"B12_CORS_ORIGINS": ""}).cors_origins == ()
