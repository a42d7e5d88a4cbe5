"""The inbox of callbacks."""

from enum import StrEnum


class InboxState(StrEnum):
    """The state of a stored callback."""

    PENDING = "PENDING"
    APPLIED = "APPLIED"
    PARKED = "PARKED"
    """A record of the account's own that matches nothing yet."""
    ORPHAN = "ORPHAN"
    """Belongs to no message of ours: received messages, other notices, and own records that matched nothing for a day."""
    QUARANTINED = "QUARANTINED"
    """Unreadable, or for an unknown guid."""
    FAILED = "FAILED"
    """Its projection raised five times."""
