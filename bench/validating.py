"""What a service does that validates before it looks: each prefetched Bundle as a whole, with fhir.resources."""

from __future__ import annotations

import orjson
from fhir.resources.R4B.bundle import Bundle
from flask import Flask, Response, request

app = Flask(__name__)


@app.post("/cds-services/<service>")
def call(service: str) -> Response:
    """Parse the body, and validate every Bundle in its prefetch."""
    del service
    prefetch = orjson.loads(request.get_data(cache=False))["prefetch"]
    for value in prefetch.values():
        if value["resourceType"] == "Bundle":
            Bundle.model_validate(value)
    return Response(b'{"cards":[]}', mimetype="application/json")
