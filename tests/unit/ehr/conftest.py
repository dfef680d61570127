"""A FHIR server in memory for what plays the EHR."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from cds_service.ehr.fhir_server import FhirServer
from cds_service.outbound.typed_address import TypedAddress
from tests.fhir_server import FhirStub


@pytest.fixture
def stub(httpserver: HTTPServer) -> FhirStub:
    """The server, and what it holds."""
    return FhirStub(httpserver)


@pytest.fixture
def server(stub: FhirStub) -> FhirServer:
    """The same, as our commands see it."""
    return FhirServer(TypedAddress(stub.base, wait=lambda _seconds: None))
