"""Pages for people, as static files and JSON: nothing in them is put together from text as HTML."""

from cds_service.web.pages.operations import add_operations_page
from cds_service.web.pages.routes import add_pages

__all__ = ["add_operations_page", "add_pages"]
