"""The CDS Hooks sandbox as a client, for demonstrations on one machine (B12_TRUST=demo-sandbox).

Its private key is public, in its source: whoever wants to can sign with it, so this proves that tokens are read, and
nothing about who calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cds_service.service import CdsService

_KEY = {
    "kty": "EC",
    "crv": "P-384",
    "kid": "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f",
    "x": "dw_JGR8nB2I6XveNxUOl2qk699ZPLM2nYI5STSdiEl9avAkrm3CkfYMbrrjr8laB",  # pragma: allowlist secret - a public key
    "y": "Sm3mLE-n1zYNla_aiE3cb3nZsL51RbC7ysw3q8aJLxGm-hx79RPMYpITDjp7kgzy",  # pragma: allowlist secret - a public key
}


def demo_document(services: Sequence[CdsService]) -> dict[str, Any]:
    """A client file with the sandbox in it; its tokens name a `jku`, which is compared and never called."""
    sandbox = {
        "id": "cds-hooks-sandbox",
        "issuer": "https://sandbox.cds-hooks.org",
        "jku": "https://sandbox.cds-hooks.org/.well-known/jwks.json",
        "keys": [_KEY],
        "algorithms": ["ES384"],
        "services": [service.id for service in services],
    }
    return {"clients": [sandbox]}
