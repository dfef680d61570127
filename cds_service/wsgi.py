"""The application for any WSGI server that receives bodies itself. `b12-cds serve` puts a front before it: server.py.

Settings, knowledge and services are read and checked once, here, and a fault in any of them stops the start.
"""

from __future__ import annotations

from cds_service.application import Start, make_app

start = Start.from_environment()
app = make_app(start)
