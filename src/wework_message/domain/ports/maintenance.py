"""What is done once per cluster, and what is thrown away: the housekeeping of the store, inside a unit of work."""

from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus


class LeaseStore(Protocol):
    """Named leases. There is no leader: each duty is whoever's took it first, until it is given back or runs out."""

    async def take(self, lease_name: str, holder: str, lease_ms: int) -> int | None:
        """Take the duty, or renew it, for `lease_ms` from now by the database's clock; its epoch, or None.

        None: another holder has it. The epoch goes up with every new tenure, whoever's it is, and stays the same while a
        tenure is renewed in time. Once committed the tenure holds; until then what this unit of work writes besides is
        written by the one holder only: a second one that takes the duty at the same time waits, or is refused.
        `duty` and `holder` have at most 64 characters.
        """
        ...

    async def release(self, lease_name: str, holder: str) -> None:
        """Give it back: the next asker gets it. Nothing happens where `holder` does not have it."""
        ...


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step of pruning did."""

    deleted: int
    after: str | None
    """Where the next step begins; None = nothing older is left."""


START = ""
"""Where the first step of pruning begins."""


class Pruning(Protocol):
    """Deletes what nobody needs any more, oldest first, in steps that look at `limit` rows at most.

    Ages are told by the database's clock.
    """

    async def keys(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Idempotency keys that are older, and whose message, batch or group rests or does not exist (D-45)."""
        ...

    async def callbacks(self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Callbacks in `state` that were received longer ago."""
        ...

    async def messages(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Messages in `status`, with attempts, notes and batches, that were accepted and last changed longer ago.

        Those whose batch or group has a message that does not rest stay. `status` is a resting one.
        """
        ...
