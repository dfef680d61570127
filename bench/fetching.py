"""How much longer a request takes than its slowest query, where the service has to ask a FHIR server for everything."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from bench.contenders import NOTED, serving
from bench.payloads import bundles_of

SLOWEST_SECONDS = 0.3
_QUICK_SECONDS = 0.1
_KEYS = {
    "MedicationStatement": "medicationStatements",
    "MedicationRequest": "medicationRequests",
    "MedicationDispense": "medicationDispenses",
    "MedicationAdministration": "medicationAdministrations",
    "Condition": "conditions",
    "Procedure": "procedures",
    "AllergyIntolerance": "allergies",
    "ServiceRequest": "serviceRequests",
}


class _Fhir(BaseHTTPRequestHandler):
    """Answers after a while; the laboratory results are the slowest."""

    protocol_version = "HTTP/1.1"
    bundles: dict[str, bytes]

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        kind = asked.path.split("/")[2]
        codes = parse_qs(asked.query).get("code", [""])[0]
        key = _KEYS.get(kind) or ("patient" if kind == "Patient" else "labs" if "2132-9" in codes else "socialHistory")
        time.sleep(SLOWEST_SECONDS if key == "labs" else _QUICK_SECONDS)
        body = self.bundles[key]
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def _fhir_server(bundles: dict[str, bytes]) -> Iterator[str]:
    handler = type("Fhir", (_Fhir,), {"bundles": bundles})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/fhir"
    finally:
        server.shutdown()
        thread.join()


def rows(folder: Path, times: int, resources: int = 200) -> Iterator[str]:
    """The row of the page: median and slowest of so many requests that fetch everything."""
    bundles = bundles_of(resources, 0)
    patient = json.loads(bundles["patient"])["id"]
    with _fhir_server(bundles) as fhir:
        environment = {"B12_FHIR_ORIGINS": fhir.rpartition("/")[0], "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true"}
        contender = type(NOTED)(NOTED.name, NOTED.command, NOTED.notes, environment=environment)
        with serving(contender, folder) as server:
            connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
            took: list[float] = []
            for _ in range(times + 1):
                request = {
                    "hook": "patient-view",
                    "hookInstance": str(uuid4()),
                    "fhirServer": fhir,
                    "context": {"userId": "Practitioner/bench", "patientId": patient},
                }
                began = time.perf_counter()
                path, headers = server.path("b12-patient-view"), server.headers("b12-patient-view")
                connection.request("POST", path, json.dumps(request), headers)
                answer = connection.getresponse()
                said = answer.read()
                took.append(time.perf_counter() - began)
                if answer.status != 200 or b"could not be checked" in said:
                    raise SystemExit(f"fetching everything ended in {answer.status}: {said[:500]!r}")
    kept = [1000 * seconds for seconds in took[1:]]  # the first one opens the connections
    yield f"| {resources} | {1000 * SLOWEST_SECONDS:.0f} | {statistics.median(kept):.0f} | {max(kept):.0f} |"
