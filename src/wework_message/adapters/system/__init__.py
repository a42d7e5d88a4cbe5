"""The system's clock, ids and random source."""

import random
import secrets
import time

import uuid_utils

from wework_message.domain.ids import (
    AccountId,
    AuditId,
    BatchId,
    ErasureId,
    EventId,
    HolderToken,
    MediaId,
    MessageId,
    PlacementId,
    ReplayId,
    WebhookId,
)
from wework_message.domain.signatures import SigningSecret

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Wall clock and boot clock of this machine."""

    def now(self) -> int:
        """Epoch ms, UTC."""
        return time.time_ns() // 1_000_000

    def boot(self) -> float:
        """Milliseconds since boot, counting suspended time where the system reports it."""
        return time.clock_gettime_ns(_BOOT_CLOCK) / 1_000_000


class UuidGenerator:
    """UUIDv7 (RFC 9562): ordered by time, and within a millisecond by a counter."""

    def message_id(self) -> MessageId:
        return MessageId(str(uuid_utils.uuid7()))

    def batch_id(self) -> BatchId:
        return BatchId(str(uuid_utils.uuid7()))

    def account_id(self) -> AccountId:
        return AccountId(str(uuid_utils.uuid7()))

    def replay_id(self) -> ReplayId:
        return ReplayId(str(uuid_utils.uuid7()))

    def erasure_id(self) -> ErasureId:
        return ErasureId(str(uuid_utils.uuid7()))

    def placement_id(self) -> PlacementId:
        return PlacementId(str(uuid_utils.uuid7()))

    def webhook_id(self) -> WebhookId:
        return WebhookId(str(uuid_utils.uuid7()))

    def event_id(self) -> EventId:
        return EventId(str(uuid_utils.uuid7()))

    def media_id(self) -> MediaId:
        return MediaId(str(uuid_utils.uuid7()))

    def audit_id(self) -> AuditId:
        return AuditId(str(uuid_utils.uuid7()))


_SECRET_BYTES = 32


def new_secret() -> SigningSecret:
    """A secret for signatures that nobody can guess, by the system's generator."""
    return SigningSecret(secrets.token_bytes(_SECRET_BYTES))


def new_address_key() -> bytes:
    """A key for short-lived addresses that nobody can guess, by the system's generator."""
    return secrets.token_bytes(_SECRET_BYTES)


_TOKEN_BYTES = 8


def new_holder_token() -> HolderToken:
    """16 hexadecimal digits that no other claim has, whichever process makes it: not even one that was forked."""
    return HolderToken(secrets.token_hex(_TOKEN_BYTES))


def new_confirm_token() -> str:
    """32 characters that nobody can guess, and that need no quoting anywhere."""
    return secrets.token_urlsafe(24)


class SystemRandom:
    """Random numbers for jitter and draws, one generator per process."""

    def __init__(self) -> None:
        """Seeded by the system."""
        self._random = random.Random()  # noqa: S311 -- jitter is no secret, and the system's generator costs a call

    def fraction(self) -> float:
        """Uniform in [0, 1)."""
        return self._random.random()
