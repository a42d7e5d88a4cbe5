"""The second step of a mass send to very many: the same request again, with a token."""

import hashlib
from dataclasses import dataclass
from typing import Final

CONFIRM_WITHIN_MS: Final = 10 * 60_000
"""How long a token is good for."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """That a mass send was announced; its token is nowhere but with the client."""

    digest: bytes
    """SHA-256 of the token."""
    fingerprint: bytes
    """Of the request: the token is good for no other one."""
    expires_at: int
    """Epoch ms."""


def digest_of(token: str) -> bytes:
    """As which a token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
