"""Leases of tasks that run once per cluster, and the deletion of old rows, inside a unit of work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from wework_message.domain.ids import AccountId, MessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step of pruning did."""

    deleted: int
    after: str | None
    """Where the next step begins; None = there are no more old rows."""


START = ""
"""Where the first step of pruning begins."""


class LeaseStore(Protocol):
    """Named leases. There is no leader: a lease belongs to the first process that takes it, until it is released or runs out."""

    async def take(self, lease_name: str, holder: str, lease_ms: int) -> int | None:
        """Take the lease, or renew it, for `lease_ms` from now by the database's clock; returns its epoch, or None.

        None: another holder has it. One whose lease reaches further into the future than it is long has lost it. The epoch goes up with every new tenure, of any holder, and stays the same while a
        tenure is renewed in time. The tenure holds from the commit on. Until then only one holder writes in such a unit
        of work: a second one that takes the lease at the same time waits, or is refused. `lease_name` and `holder` have at most 64 characters.
        """
        ...

    async def held(self, lease_names: Collection[str]) -> frozenset[str]:
        """Those of the leases that somebody has now."""
        ...

    async def release(self, lease_name: str, holder: str) -> None:
        """Give it back: the next process that asks gets it. Nothing happens where `holder` does not have it."""
        ...

    async def prune(self, prefix: str, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Delete leases that were given back, or ran out longer ago, of those whose names begin with `prefix`, in the order of their names.

        Their epochs begin anew. The step examines at most `limit` rows; whoever takes such a lease at the same time keeps it, or is refused.
        """
        ...


class Overdue(NamedTuple):
    """A part of the due rows."""

    message_ids: Sequence[MessageId]
    """Those that wait, and whose `expiresAt` has come."""
    following: int | None
    """Where the next part begins; None = that was the last one."""


class DueTimes(Protocol):
    """Corrects due times: after the database's clock was set back (ADR 27), and when limits have changed (ADR 49)."""

    async def overdue(self, after: int, limit: int) -> Overdue:
        """Look at `limit` due rows behind `after`, in the order of their insertion, without locks. 0 is the beginning."""
        ...

    async def newest(self) -> int:
        """The place of the due row that was inserted last, in the order of `overdue`; 0 where there is none."""
        ...

    async def now(self) -> int:
        """Epoch ms by the database's clock."""
        ...

    async def shorten(self, limit: int) -> int:
        """Let at most `limit` messages that would wait for longer than they were told wait for that long from now on.

        Returns how many. A message that is scheduled keeps its time.
        """
        ...

    async def recheck_limited(self, account_id: AccountId, limit: int) -> int:
        """Let at most `limit` messages that the account's limits keep waiting be decided on anew now; returns how many.

        They are HELD for a reason of `LIMITS`, and give up the places in budgets that they have. For the transaction that
        changes the limits.
        """
        ...


class Pruning(Protocol):
    """Deletes rows that are not needed any more, oldest first, in steps that examine at most `limit` rows.

    Ages are measured by the database's clock.
    """

    async def keys(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Idempotency keys that are older, and whose message, batch or group rests or does not exist (D-45)."""
        ...

    async def callbacks(
        self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """Callbacks in `state` that were received longer ago, or after which `beyond` others were received.

        One that came again is received anew. It keeps its place, so the walk goes on behind it (`Walk`).
        """
        ...

    async def messages(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Messages in `status`, with attempts, notes and batches, that were accepted and last changed longer ago.

        Messages stay while another message of their batch or group does not rest. `status` is a resting one.
        """
        ...

    async def contents(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Erase the contents (`erase_content`) of those that `messages` would delete at this age; the rows stay.

        `deleted` counts the messages that had a content. Those that have none are examined too.
        """
        ...

    async def texts(self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Erase the texts (`ERASED_RAW`) of callbacks in `state`, APPLIED or ORPHAN, that were received longer ago; the rows stay.

        They wait for no id any more. `deleted` counts those that had a text; those that have none are examined too.
        """
        ...

    async def mass_days(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Days of recipients of mass sends that ended so long ago, and confirmations that are over."""
        ...

    async def choices(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Accounts that conversations of pools keep, and that were chosen, or found in use here, longer ago.

        One is in use where a message of its conversation and account is stored; then it stays, and is looked at again once it is as old.
        """
        ...

    async def replays(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Replays that were done longer ago, with what they have come to; at most `limit` rows of these in a step."""
        ...

    async def erasures(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Erasures that were done longer ago."""
        ...

    async def media(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Media assets that were stored longer ago, and that no message needs: none that is open, none that changed since.

        A preview goes with its video. Their bytes go later: `MediaRepository.unowned`.
        """
        ...

    async def audit(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Entries of the audit trail that were added longer ago, of all tenants."""
        ...

    async def deliveries(
        self, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """Deliveries to clients' webhooks that were recorded longer ago, endpoint by endpoint.

        Those that wait for an enabled endpoint stay: they have their attempts first, however long the service was down. Of
        those that failed also the oldest beyond `beyond` (above 0) of an endpoint.
        """
        ...
