"""Which callbacks find room in the inbox: what waits and what is quarantined has limits, of one guid and of all (ADR 25)."""

from collections import Counter
from collections.abc import Sequence

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid
from wework_message.domain.inbox import InboxLimits, InboxState
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import CallbackInbox


class Admission:
    """Decides for the callbacks of one transaction, one after the other."""

    def __init__(self, inbox: CallbackInbox, limits: InboxLimits) -> None:
        """Counts what is stored once, and adds what it has admitted."""
        self._inbox = inbox
        self._limits = limits
        self._stored: dict[tuple[InboxState, Guid | None], int] = {}
        self._admitted: Counter[tuple[InboxState, Guid | None]] = Counter()

    async def refusal(self, items: Sequence[CallbackItem]) -> UnavailableError | None:
        """Why the items of one callback find no room; None where they do, and are counted.

        A callback with a readable record needs room among those that wait only: it is not refused because of its
        neighbours, for which the oldest of the quarantine go. One without is refused while the quarantine is full.
        """
        guid = items[0].guid
        readable = sum(item.defect is None for item in items)
        if readable and await self._waiting_is_full(guid):
            return UnavailableError("inbox", "too many callbacks wait to be applied")
        if not readable and await self._quarantine_is_full(guid):
            return UnavailableError("inbox", "the quarantine is full")
        for state, count in ((InboxState.PENDING, readable), (InboxState.QUARANTINED, len(items) - readable)):
            self._admitted[state, guid] += count
            self._admitted[state, None] += count
        return None

    async def _waiting_is_full(self, guid: Guid) -> bool:
        """A guid is counted only where all together are as many as one may have."""
        limits = self._limits
        waiting = await self._count(InboxState.PENDING, limits.max_pending)
        if waiting < min(limits.max_pending, limits.max_pending_per_guid):
            return False
        of_guid = await self._count(InboxState.PENDING, limits.max_pending_per_guid, guid)
        return waiting >= limits.max_pending or of_guid >= limits.max_pending_per_guid

    async def _quarantine_is_full(self, guid: Guid) -> bool:
        limits = self._limits
        of_guid = await self._count(InboxState.QUARANTINED, limits.max_kept_per_guid, guid)
        kept = await self._count(InboxState.QUARANTINED, limits.max_kept)
        return kept >= limits.max_kept or of_guid >= limits.max_kept_per_guid

    async def _count(self, state: InboxState, limit: int, guid: Guid | None = None) -> int:
        if (state, guid) not in self._stored:
            self._stored[state, guid] = await self._inbox.count(state, limit=limit, guid=guid)
        return self._stored[state, guid] + self._admitted[state, guid]
