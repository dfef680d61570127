"""The floor behind the front that we ship: what reading and parsing a body costs on the very same server as ours."""

from __future__ import annotations

import gc

from bench.floor import app as floor
from cds_service.web.front import Front, Limits
from cds_service.web.wsgi_call import Headers, Scope


def _refuse(status: int, scope: Scope) -> tuple[Headers, bytes]:
    del status, scope
    return [], b""


app = Front(floor.wsgi_app, Limits(max_body_bytes=10 * 1024 * 1024), _refuse)
# The front comes with the rest of the service, which the floor alone does not load: the collector must not walk that.
gc.collect()
gc.freeze()
