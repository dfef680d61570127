"""The application behind its front, for an ASGI server: `granian --interface asgi cds_service.asgi:app`."""

from __future__ import annotations

from cds_service.web import create_front
from cds_service.wsgi import app as application
from cds_service.wsgi import start

app = create_front(start.settings, application)
