"""The reverse proxy configuration that we give away, in Debian's nginx before a real service."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conformance.conftest import hook_request
from tests.conformance.server import ROOT, free_port, running
from tests.signing import BASE, Signer

HOST = BASE.removeprefix("https://")
PATH = "/cds-services/b12-patient-view"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
EHR = Signer.of("ES384")
ISSUER = "https://ehr.example.org/fhir"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the host of the configuration, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    made = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    paths = folder / "cds.pem", folder / "cds.key"
    paths[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(pem, pkcs8, plain))
    return paths


@contextmanager
def nginx(folder: Path, service_url: str) -> Iterator[int]:
    """nginx with our configuration, its addresses and folders changed to those of this test; its port."""
    pem, key = certificate(folder)
    port = free_port()
    changes = {
        "/etc/nginx/tls/cds.example.org.pem": str(pem),
        "/etc/nginx/tls/cds.example.org.key": str(key),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx/": f"{folder}/",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server 127.0.0.1:8000": f"server {service_url.removeprefix('http://')}",
        "worker_processes auto": "daemon off;\nworker_processes 1",
        "client_max_body_size 10m": "client_max_body_size 100k",
    }
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(text)
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-c", str(path), "-p", str(folder), "-e", str(folder / "start.log")])
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nginx did not start with this configuration")


class Behind:
    """A client of the service that knows the proxy only."""

    def __init__(self, port: int, folder: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(folder / "cds.pem"))
        self._port = port
        self.access_log = folder / "access.log"

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """One request over TLS, to the host of the configuration."""
        connection = HTTPSConnection(HOST, self._port, timeout=20, context=self._context)
        connection._create_connection = lambda *_, **__: socket.create_connection(  # type: ignore[attr-defined]
            ("127.0.0.1", self._port), 20
        )  # the name leads nowhere here, and must still be the one of the certificate
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The service behind nginx, with one client that signs its calls."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("proxy")
    folder.chmod(0o755)
    clients = folder / "clients.yaml"
    entry = {"id": "ehr", "issuer": ISSUER, "keys": [EHR.jwk], "services": ["b12-patient-view"]}
    clients.write_text(json.dumps({"clients": [entry]}))  # JSON is YAML
    required = {"B12_TRUST": "required", "B12_CLIENTS": str(clients), "B12_EXTERNAL_URL": BASE}
    with running(folder, B12_WORKERS="1", **required) as service, nginx(folder, service.url) as port:
        yield Behind(port, folder)


def signed(address: str) -> dict[str, str]:
    return {"Authorization": EHR.bearer(iss=ISSUER, aud=address)}


def test_a_token_for_the_external_address_is_accepted_through_the_proxy(proxy: Behind) -> None:
    body = json.dumps(hook_request()).encode()

    status, answer = proxy.send("POST", PATH, body, signed(BASE + PATH))

    assert status == 200
    assert json.loads(answer)["cards"]


def test_a_token_for_another_address_or_none_is_refused(proxy: Behind) -> None:
    body = json.dumps(hook_request()).encode()

    assert proxy.send("POST", PATH, body, signed(f"http://127.0.0.1:8000{PATH}"))[0] == 401
    assert proxy.send("GET", "/cds-services")[0] == 401


def test_what_nginx_itself_refuses_is_an_operation_outcome_too(proxy: Behind) -> None:
    for status, answer in (proxy.send("POST", PATH, b"x" * 200_000), proxy.send("GET", "/playground/setup")):
        assert status in (413, 404)
        assert json.loads(answer)["resourceType"] == "OperationOutcome"


def test_its_log_holds_neither_query_nor_token(proxy: Behind) -> None:
    proxy.send("GET", "/health")
    proxy.send("GET", "/cds-services?patient=zqpatient", headers={"Authorization": "Bearer zqtoken"})

    log = proxy.access_log.read_text()
    assert "/cds-services" in log
    assert "zq" not in log
