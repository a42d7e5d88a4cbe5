"""The timeline of a message."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the timeline that is not part of an attempt: a hold, a recall, a retry by a person, a callback's fact."""

    kind: str
    at: int
    """Epoch ms."""
    attempt: int | None = None
    """Number of the attempt to which it belongs."""
    detail: str | None = None
    event_key: str | None = None
    source: str | None = None
