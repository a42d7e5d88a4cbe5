"""Time, ids and random numbers."""

from typing import Protocol

from wework_message.domain.ids import (
    AccountId,
    AuditId,
    BatchId,
    ErasureId,
    EventId,
    MediaId,
    MessageId,
    PlacementId,
    ReplayId,
    WebhookId,
)


class Clock(Protocol):
    """Instants that stamp facts and answers, and a clock that does not jump for deadlines (D-61)."""

    def now(self) -> int:
        """Epoch ms, UTC."""
        ...

    def boot(self) -> float:
        """Milliseconds since boot, counting suspended time: CLOCK_BOOTTIME where there is one."""
        ...


class IdGenerator(Protocol):
    """Makes the ids that clients see: UUIDv7, increasing within a process."""

    def message_id(self) -> MessageId:
        """A new message id."""
        ...

    def batch_id(self) -> BatchId:
        """A new id of a batch or of a MIXED group."""
        ...

    def account_id(self) -> AccountId:
        """A new id of an account that has no guid to be named after."""
        ...

    def replay_id(self) -> ReplayId:
        """A new id of a replay."""
        ...

    def erasure_id(self) -> ErasureId:
        """A new id of an erasure."""
        ...

    def placement_id(self) -> PlacementId:
        """A new id of a placement."""
        ...

    def webhook_id(self) -> WebhookId:
        """A new id of an endpoint of a client."""
        ...

    def event_id(self) -> EventId:
        """A new id of an event for clients."""
        ...

    def media_id(self) -> MediaId:
        """A new id of a media asset."""
        ...

    def audit_id(self) -> AuditId:
        """A new id of what the audit trail tells."""
        ...


class RandomSource(Protocol):
    """Random numbers for jitter."""

    def fraction(self) -> float:
        """Uniform in [0, 1)."""
        ...
