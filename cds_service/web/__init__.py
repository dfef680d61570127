"""The HTTP edge: bytes in, bytes out, and the only place that knows a status code or the time of day."""

from cds_service.web.app import create_app, create_front

__all__ = ["create_app", "create_front"]
