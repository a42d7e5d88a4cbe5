"""The inbox of callbacks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class InboxState(StrEnum):
    """The state of a stored callback."""

    PENDING = "PENDING"
    APPLIED = "APPLIED"
    PARKED = "PARKED"
    """A record of the account's own that matches nothing yet."""
    ORPHAN = "ORPHAN"
    """Belongs to no message of ours: received messages, other notices, and own records that matched nothing for a day."""
    QUARANTINED = "QUARANTINED"
    """Unreadable, for an unknown guid, or naming a message of ours that it does not fit."""
    FAILED = "FAILED"
    """Its projection raised five times."""


REPEATABLE: Final[Mapping[InboxState, InboxState]] = {
    InboxState.QUARANTINED: InboxState.PENDING,
    InboxState.PARKED: InboxState.PARKED,
    InboxState.ORPHAN: InboxState.ORPHAN,
}
"""What an entry becomes when the same item arrives again: the time of arrival is a part of what a record proves (ADR 24)."""
