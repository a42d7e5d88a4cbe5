"""Idempotency keys and their owners."""

from dataclasses import dataclass
from typing import Final

from wework_message.domain.ids import TenantId

ERASED_FINGERPRINT: Final = b""
"""The stored form of a fingerprint that was erased (ADR 63): a hash of a short text can be guessed."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key, bound to its request (D-45)."""

    tenant_id: TenantId
    key: str
    """1-255 printable ASCII characters."""
    fingerprint: bytes
    """SHA-256 of the parsed request."""
    target: str
    """Id of the message, batch or group to which the key would belong."""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """The owner of a key."""

    target: str
    fingerprint: bytes
    fresh: bool
    """True: this call took the key. False: `target` had it before."""

    def repeats(self, key: IdempotencyKey) -> bool:
        """Whether `key` asks for what the owner asked for. Nobody knows once that was erased: then it is the same request."""
        return self.fingerprint in (key.fingerprint, ERASED_FINGERPRINT)
