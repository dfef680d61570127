"""Headers of every answer, whoever makes it: what a browser that gets it must not do with it."""

from __future__ import annotations

from typing import Final

SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""What holds unless an answer says otherwise: a page names what it may load, and what may be kept."""
