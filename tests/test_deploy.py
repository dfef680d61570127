"""What a site deploys from: each file is what its own tools accept, and starts the service that we test."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bench.audit import FOUND, NOT_ASKED, read
from cds_service.config import Settings
from cds_service.service import CdsService
from cds_service.web.trust.client_file import read_clients

ROOT = Path(__file__).resolve().parent.parent
KUBERNETES = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
OBJECTS: list[dict[str, Any]] = [each for file in KUBERNETES for each in yaml.safe_load_all(file.read_text())]


def named(kind: str) -> dict[str, Any]:
    (found,) = [each for each in OBJECTS if each["kind"] == kind]
    return found


def pods() -> Iterator[dict[str, Any]]:
    """The pod of each object that starts some."""
    yield named("Deployment")["spec"]["template"]
    yield named("CronJob")["spec"]["jobTemplate"]["spec"]["template"]


def selects(selector: dict[str, str], pod: dict[str, Any]) -> bool:
    return selector.items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("each", OBJECTS, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
@pytest.mark.parametrize("version", ["1.29.0", kubernetes_validate.latest_version()])
def test_every_object_is_one_of_kubernetes_without_unknown_fields(each: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(each, version, strict=True)


def test_a_misspelt_object_would_be_noticed() -> None:
    wrong = json.loads(json.dumps(named("Deployment")).replace("readOnlyRootFilesystem", "readonlyRootFilesystem"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_no_container_is_root_or_may_become_it_or_writes_where_it_should_not() -> None:
    for pod in pods():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_the_example_holds_no_secret_and_takes_the_database_from_one() -> None:
    assert "Secret" not in {each["kind"] for each in OBJECTS}
    for pod in pods():
        (database,) = [env for env in pod["spec"]["containers"][0]["env"] if env["name"] == "B12_DATABASE_URL"]
        assert set(database) == {"name", "valueFrom"}
        assert "secretKeyRef" in database["valueFrom"]


def test_requests_go_to_the_service_alone_and_the_network_policy_holds_for_the_job_too() -> None:
    serving, purging = pods()
    for kind in ("Service", "PodDisruptionBudget", "Deployment"):
        selector = named(kind)["spec"]["selector"]
        labels = selector.get("matchLabels", selector)
        assert (selects(labels, serving), selects(labels, purging)) == (True, False), kind
    policy = named("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert selects(policy, serving)
    assert selects(policy, purging)


def test_what_the_pod_mounts_is_there_and_what_it_asks_of_the_config_map_too() -> None:
    serving, _ = pods()
    container = serving["spec"]["containers"][0]
    given = named("ConfigMap")["data"]
    for env in container["env"]:
        asked = env["valueFrom"].get("configMapKeyRef")
        assert asked is None or asked["key"] in given
    assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in serving["spec"]["volumes"]}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(Path(given["B12_CLIENTS"]).parent) in mounts
    assert set(re.findall(r"(?m)^VOLUME (\S+)$", (ROOT / "Dockerfile").read_text())) <= mounts


def test_the_settings_and_clients_of_the_example_start_the_service(
    tmp_path: Path, offered: tuple[CdsService, ...]
) -> None:
    data = dict(named("ConfigMap")["data"])
    clients = tmp_path / "clients.yaml"
    clients.write_text(data.pop("clients.yaml"))
    settings = Settings.from_environment({**data, "B12_CLIENTS": str(clients), "HOST": "0.0.0.0"})

    assert settings.trust == "required"
    read_clients(settings, offered)
    assert named("Ingress")["spec"]["rules"][0]["host"] == settings.external_url.removeprefix("https://")


def test_probes_ask_for_addresses_that_the_service_has() -> None:
    container = named("Deployment")["spec"]["template"]["spec"]["containers"][0]
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}


def test_the_units_are_what_systemd_accepts(tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("there is no systemd-analyze on this machine")
    for unit in UNITS:
        installed = unit.read_text().replace("/opt/b12-cds/bin/b12-cds", sys.executable)
        (tmp_path / unit.name).write_text(installed)
    done = subprocess.run(
        [analyse, "verify", *(str(tmp_path / unit.name) for unit in UNITS)], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stop_is_told_to_the_first_process_which_has_the_time_to_end_its_workers() -> None:
    unit = (ROOT / "deploy" / "systemd" / "b12-cds.service").read_text().splitlines()
    settings = Settings()

    assert "KillMode=mixed" in unit
    (seconds,) = [line.partition("=")[2] for line in unit if line.startswith("TimeoutStopSec=")]
    assert int(seconds) > settings.body_seconds + settings.deadline_seconds + 5


def test_the_example_of_an_environment_file_starts_the_service(tmp_path: Path) -> None:
    lines = (ROOT / "deploy" / "environment.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    (tmp_path / "clients.yaml").touch()
    settings = Settings.from_environment(given | {"B12_CLIENTS": str(tmp_path / "clients.yaml")})

    assert settings.trust == "required"
    unit = (ROOT / "deploy" / "systemd" / "b12-cds.service").read_text()
    (state,) = re.findall(r"(?m)^WorkingDirectory=(.+)$", unit)
    assert settings.database_url.startswith(f"sqlite:///{state}/")


def test_the_bill_of_materials_holds_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    lock = ROOT / "requirements-postgres.lock"
    written = tmp_path / "bill.json"
    command = ["-m", "cyclonedx_py", "requirements", str(lock), "--pyproject", str(ROOT / "pyproject.toml")]
    command += ["--output-reproducible", "--validate", "--output-format", "JSON", "--output-file", str(written)]
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    bill = json.loads(written.read_text())

    locked = set(re.findall(r"(?m)^([a-z0-9.-]+)==(\S+)", lock.read_text()))
    assert {(part["name"], part["version"]) for part in bill["components"]} == locked
    assert all(part["externalReferences"][0]["hashes"] for part in bill["components"])
    assert bill["metadata"]["component"]["name"] == "b12-cds"


def test_a_package_that_could_not_be_looked_up_is_never_called_safe() -> None:
    known = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}
    package = {"name": "a", "version": "1", "vulns": []}
    skipped = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited"}

    def audited(*packages: dict[str, Any]) -> str:
        return json.dumps({"dependencies": packages, "fixes": []})

    assert read(audited(package), "").status == 0
    assert read(audited(package, skipped), "").status == NOT_ASKED
    assert "NOT AUDITED: 1 packages" in read(audited(package, skipped), "").as_text("lock")
    found = read(audited({**package, "vulns": [known]}, skipped), "")
    assert found.status == FOUND
    assert "KNOWN: a 1: PYSEC-1, mended in 2" in found.as_text("lock")
    away = read("", "Traceback\nConnectionError: no route")
    assert (away.status, "out of reach (ConnectionError: no route)" in away.as_text("lock")) == (NOT_ASKED, True)
