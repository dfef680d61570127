"""Commands run as a person runs them, against a FHIR server in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.fhir_server import FhirStub

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def stub(httpserver: HTTPServer) -> FhirStub:
    """The FHIR server."""
    return FhirStub(httpserver)


@pytest.fixture
def run() -> Run:
    """Runs `b12-cds` on the day of the stories, with more of the environment by keyword."""

    def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cds_service.cli", *words],
            cwd=ROOT,
            env=os.environ | {"B12_TODAY": "2025-10-01", "COLUMNS": "120"} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return command
