"""The inbox of callbacks."""

from enum import StrEnum


class InboxState(StrEnum):
    """Where a stored callback stands."""

    PENDING = "PENDING"
    APPLIED = "APPLIED"
    PARKED = "PARKED"
    """A record of the account's own that matches nothing yet."""
    ORPHAN = "ORPHAN"
    """Not ours: received messages, other notices, and own records that matched nothing for a day."""
    QUARANTINED = "QUARANTINED"
    """Unreadable, or for a guid that nobody knows."""
    FAILED = "FAILED"
    """Projecting it raised five times."""
