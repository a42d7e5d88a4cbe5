"""The inbox of callbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Self


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


class QuarantineReason(StrEnum):
    """Why a callback is QUARANTINED that contradicts no message of ours (for those that do: `Misfit`)."""

    UNREADABLE = "UNREADABLE"
    """It is none, or a record of it lacks what it must have."""
    UNKNOWN_GUID = "UNKNOWN_GUID"
    """Nothing of ours is sent through the instance that it names."""


class CallbackSource(StrEnum):
    """How an entry of the inbox came; the word is that of timelines."""

    CALLBACK = "callback"
    PULL = "pull"
    """The provider was asked for the message stream."""


ERASED_RAW: Final = ""
"""The stored form of a text that was erased before its callback: nothing that arrives is empty."""


def stored_as(*, is_defective: bool, is_known: bool) -> InboxState:
    """The state of a new item; `is_known`: its message knows it already."""
    if is_defective:
        return InboxState.QUARANTINED
    return InboxState.APPLIED if is_known else InboxState.PENDING


REPEATABLE: Final[Mapping[InboxState, InboxState]] = {
    InboxState.QUARANTINED: InboxState.PENDING,
    InboxState.PARKED: InboxState.PARKED,
    InboxState.ORPHAN: InboxState.ORPHAN,
}
"""What an entry becomes when the same item arrives again: the time of arrival is a part of what a record proves (ADR 24)."""

REPLAYABLE: Final = (InboxState.PARKED, InboxState.ORPHAN, InboxState.QUARANTINED, InboxState.FAILED)
"""States from which an operator may make an entry PENDING again; ORPHAN only where it names an id: notices are not repeated."""

KEPT_FOR_PEOPLE: Final = (InboxState.QUARANTINED, InboxState.FAILED)
"""States that no message of ours waits for: an operator looks at them, and then they can go."""

MAX_PARKED: Final = 100_000
"""Own records that wait for their message; the oldest beyond it are given up before their day is over."""

NOTICE_NEWS_MS: Final = 300_000
"""A notice that arrived longer ago is no news: its instance may have gone on since, so the provider is asked instead."""


def is_news(received_at: int, now: int) -> bool:
    """Whether a notice that arrived at `received_at` may be believed at `now` (epoch ms)."""
    return now - received_at <= NOTICE_NEWS_MS


LOOK_AHEAD: Final = 50
"""Steps without an old entry after which a walk ends."""


class Walk(NamedTuple):
    """How far a walk through the entries of a state has come, in the order of their ids, in steps.

    Ids are in the order of first arrivals. What came again is younger than its neighbours, so one that is young is not the end.
    """

    after: int = 0
    """The last id that was looked at."""
    idle: int = 0
    """Steps since the last old entry."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """What `str` has made of one; a new one for an empty text."""
        return cls(*map(int, text.split(":"))) if text else cls()

    def __str__(self) -> str:
        return f"{self.after}:{self.idle}"

    def following(self, ids: Sequence[int], limit: int, *, old: bool) -> Self | None:
        """Behind a step that looked at these ids, of at most `limit`, and found `old` ones or not; None at the end."""
        idle = 0 if old else self.idle + 1
        return self.__class__(ids[-1], idle) if len(ids) == limit and idle <= LOOK_AHEAD else None


@dataclass(frozen=True, slots=True)
class InboxLimits:
    """How many callbacks wait and are kept, at most."""

    max_pending: int = 100_000
    """Callbacks that wait to be applied; what comes beyond it is refused, and the provider may send it again."""
    max_pending_per_guid: int = 20_000
    max_kept: int = 10_000
    """Callbacks that are kept for people, in each state; beyond it an unreadable one is refused, or the oldest go."""
    max_kept_per_guid: int = 1_000
    max_finished: int = 10_000_000
    """Finished callbacks; beyond it the oldest go."""

    @property
    def replay_room(self) -> int:
        """Callbacks that may wait while old ones are replayed: half of what one guid may have, so that new ones find room."""
        return max(1, min(self.max_pending, self.max_pending_per_guid) // 2)
