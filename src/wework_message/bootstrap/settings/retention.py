"""Settings of how long finished rows are kept."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from wework_message.bootstrap.settings.section import Section

_Many: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]


class AuditSettings(Section, frozen=True):
    """The audit trail (ADR 70)."""

    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 730
    """Entries are deleted after so many days."""


class RetentionSettings(Section, frozen=True):
    """When finished rows are deleted."""

    message_days: Annotated[int, Meta(ge=7, le=36_500)] | None = None
    """Messages that rest are deleted so many days after they were accepted and last changed; null = never."""
    content_days: Annotated[int, Meta(ge=3, le=36_500)] | None = None
    """Contents of messages that rest are erased so many days after they were accepted and last changed; null = with the messages.

    No earlier than their idempotency keys go, whose fingerprints are hashes of contents."""
    callback_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    """Callbacks that were applied, or were not ours, are deleted after so many days."""
    raw_days: Annotated[int, Meta(ge=3, le=36_500)] | None = None
    """The texts of these are erased so many days after they arrived; null = with the callbacks.

    No earlier than nobody waits any more: own records are matched for a day, and a pull looks at those since an uncertain call."""
    max_callbacks: Annotated[int, Meta(ge=1_000, le=1_000_000_000)] = 10_000_000
    """Callbacks that were applied, or were not ours: the oldest beyond this number are deleted."""
    quarantine_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    """Callbacks that could not be read or applied are deleted after so many days."""
    max_quarantined: _Many = 10_000
    """Of those: beyond this number an unreadable callback is refused (503); for others the oldest are deleted."""
    max_quarantined_per_guid: _Many = 1_000
    """The same for one guid."""
