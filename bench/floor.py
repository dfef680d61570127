"""The floor: a Flask view that reads and parses the body and does nothing with it."""

from __future__ import annotations

import orjson
from flask import Flask, Response, request

app = Flask(__name__)


@app.post("/cds-services/<service>")
def call(service: str) -> Response:
    """Parse the body into Python objects, as any service must that reads them as such."""
    del service
    orjson.loads(request.get_data(cache=False))
    return Response(b'{"cards":[]}', mimetype="application/json")
