"""Pages for people, as static files and JSON: nothing in them is put together from text as HTML."""

from cds_service.web.pages.routes import add_pages

__all__ = ["add_pages"]
