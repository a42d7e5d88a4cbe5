"""Leases, the correction of due times and pruning in memory."""

import dataclasses

from wework_message.adapters.memory import mass_sends
from wework_message.adapters.memory.database import DueRow, MemoryDatabase
from wework_message.adapters.memory.pruned_media import drop_uses, prune_media
from wework_message.domain.ids import AccountId, MessageId
from wework_message.domain.inbox import ERASED_RAW, InboxState, Walk
from wework_message.domain.lifecycle import LIMITS, RESTING, MessageStatus
from wework_message.domain.message.erasing import erase_content
from wework_message.domain.message.message import Message
from wework_message.domain.message.snapshot import snapshot
from wework_message.domain.ports.maintenance import START, DueTimes, Overdue, Pruned, Pruning
from wework_message.domain.ports.system import Clock
from wework_message.domain.waits import bounded
from wework_message.domain.webhooks.delivery import DeliveryState


class MemoryDueTimes:
    """Due times, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def now(self) -> int:
        return self._clock.now()

    async def overdue(self, after: int, limit: int) -> Overdue:
        rows = sorted((row for row in self._db.due.rows() if row.seq > after), key=lambda row: row.seq)[:limit]
        overdue = [row.message_id for row in rows if self._is_overdue(row)]
        return Overdue(overdue, rows[-1].seq if len(rows) == limit else None)

    async def newest(self) -> int:
        return max((row.seq for row in self._db.due.rows()), default=0)

    def _is_overdue(self, row: DueRow) -> bool:
        message = self._db.messages.get(row.message_id)
        return message is not None and message.is_waiting() and message.expires_at <= self._clock.now()

    async def shorten(self, limit: int) -> int:
        now = self._clock.now()
        waits = [
            (row, bounded(row.due_at, length_ms=row.in_ms, now=now)) for row in self._db.due.rows() if not row.scheduled
        ]
        late = [(row, due_at) for row, due_at in waits if due_at < row.due_at][:limit]
        for row, due_at in late:
            self._db.due.put(row.message_id, dataclasses.replace(row, due_at=due_at))
        return len(late) + mass_sends.shorten_chunks(self._db, now)

    async def recheck_limited(self, account_id: AccountId, limit: int) -> int:
        now = self._clock.now()
        waiting = [row for row in self._db.due.rows() if row.due_at > now and self._is_limited(row, account_id)][:limit]
        for row in waiting:
            self._db.due.put(row.message_id, dataclasses.replace(row, due_at=now, in_ms=0, paced=False))
        return max(len(waiting), mass_sends.recheck_chunks(self._db, account_id, now))

    def _is_limited(self, row: DueRow, account_id: AccountId) -> bool:
        message = self._db.messages.get(row.message_id)
        held = message is not None and message.status is MessageStatus.HELD and message.reason in LIMITS
        return held and row.lane[0] == account_id


class MemoryPruning:
    """Pruning, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def keys(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        rows = [
            (row.created_at, key, row)
            for key, row in self._db.keys.items()
            if int(after or 0) < row.created_at < before
        ]
        old = sorted(rows, key=lambda row: row[:2])[:limit]
        deleted = [key for _, key, row in old if self._rests(row.target)]
        for key in deleted:
            self._db.keys.drop(key)
        if len(old) < limit:
            return Pruned(len(deleted), None)
        first, last = old[0][0], old[-1][0]
        return Pruned(len(deleted), str(last if first == last and not deleted else last - 1))

    async def callbacks(
        self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """Oldest first."""
        before, walk = self._clock.now() - older_than_ms, Walk.parse(after)
        rows = [row for row in self._db.callbacks.rows() if row.state is state and row.id > walk.after]
        oldest = sorted(rows, key=lambda row: row.id)[:limit]
        newest_to_go = self._newest_callback() - beyond if beyond is not None else 0
        old = {row.id for row in oldest if row.received_at < before or row.id <= newest_to_go}
        self._db.drop_callbacks(frozenset(old))
        following = walk.following([row.id for row in oldest], limit, old=bool(old))
        return Pruned(len(old), str(following) if following is not None else None)

    async def texts(self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before, walk = self._clock.now() - older_than_ms, Walk.parse(after)
        rows = [row for row in self._db.callbacks.rows() if row.state is state and row.id > walk.after]
        oldest = sorted(rows, key=lambda row: row.id)[:limit]
        old = [row for row in oldest if row.received_at < before]
        full = [row for row in old if row.raw != ERASED_RAW]
        for row in full:
            self._db.callbacks.put(row.id, dataclasses.replace(row, raw=ERASED_RAW, waits_for=None))
        following = walk.following([row.id for row in oldest], limit, old=bool(old))
        return Pruned(len(full), str(following) if following is not None else None)

    def _newest_callback(self) -> int:
        return max((row.id for row in self._db.callbacks.rows()), default=0)

    async def messages(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        deleted, following = self._old(status, older_than_ms, limit, after)
        for message in deleted:
            self._drop(message)
        return Pruned(len(deleted), following)

    async def contents(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        old, following = self._old(status, older_than_ms, limit, after)
        full = [snapshot(message) for message in old if not message.is_erased]
        for message in full:
            erase_content(message)
            self._db.messages.put(message.id, message)
            self._db.bare_notes(message.id)
        return Pruned(len(full), following)

    def _old(
        self, status: MessageStatus, older_than_ms: int, limit: int, after: str
    ) -> tuple[list[Message], MessageId | None]:
        """Of the next ones in `status` those that are old enough; and the last one, where more may be old."""
        before = self._clock.now() - older_than_ms
        rows = [row for row in self._db.messages.rows() if row.status is status and row.id > after]
        oldest = sorted(rows, key=lambda message: message.id)[:limit]
        old = [message for message in oldest if message.accepted_at < before]
        ready = [message for message in old if message.lifecycle.updated_at < before and self._owners_rest(message)]
        return ready, oldest[-1].id if len(old) == len(oldest) == limit else None

    async def mass_days(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:  # noqa: ARG002 -- what is old goes
        """Oldest first, and confirmations that are over."""
        return mass_sends.prune_mass_sends(self._db, older_than_ms, limit, self._clock.now())

    async def choices(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:  # noqa: ARG002 -- what it has seen is not old any more
        """Oldest first."""
        now = self._clock.now()
        rows = [(row, key) for key, row in self._db.pool_choices.items() if row.chosen_at < now - older_than_ms]
        oldest = sorted(rows, key=lambda item: item[0].chosen_at)[:limit]
        used = {(message.conversation_id, message.account_id) for message in self._db.messages.rows()}
        deleted = [key for row, key in oldest if (key[2], row.account_id) not in used]
        for row, key in oldest:
            self._db.pool_choices.put(key, row._replace(chosen_at=now))
        for key in deleted:
            self._db.pool_choices.drop(key)
        return Pruned(len(deleted), str(now) if len(oldest) == limit else None)

    async def replays(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        old = [
            replay.id
            for replay in self._db.replays.rows()
            if replay.finished_at is not None and replay.finished_at < before and replay.id > after
        ]
        if not old:
            return Pruned(0, None)
        first = min(old)
        items = [key for key, _ in self._db.replay_items.items() if key[0] == first][:limit]
        for key in items:
            self._db.replay_items.drop(key)
        if len(items) < limit:
            self._db.replays.drop(first)
            return Pruned(len(items) + 1, first)
        return Pruned(len(items), after)

    async def erasures(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        old = sorted(
            erasure.id
            for erasure in self._db.erasures.rows()
            if erasure.finished_at is not None and erasure.finished_at < before and erasure.id > after
        )[:limit]
        for erasure_id in old:
            self._db.erasures.drop(erasure_id)
        return Pruned(len(old), old[-1] if len(old) == limit else None)

    async def deliveries(
        self, *, older_than_ms: int, limit: int, after: str = START, beyond: int | None = None
    ) -> Pruned:
        """Endpoint by endpoint."""
        before = self._clock.now() - older_than_ms
        endpoints = sorted({key[0] for key, _ in self._db.webhook_deliveries.items() if key[0] > after})
        if not endpoints:
            return Pruned(0, None)
        own = [(key, delivery) for key, delivery in self._db.webhook_deliveries.items() if key[0] == endpoints[0]]
        failed = sorted(delivery.created_at for _, delivery in own if delivery.state is DeliveryState.FAILED)
        failed_before = before if beyond is None or len(failed) < beyond else max(before, failed[-beyond])
        endpoint = self._db.webhooks.get(endpoints[0])
        kept = {DeliveryState.WAITING} if endpoint is not None and endpoint.enabled else set[DeliveryState]()
        old = [
            key
            for key, delivery in own
            if delivery.state not in kept
            and delivery.created_at < (failed_before if delivery.state is DeliveryState.FAILED else before)
        ][:limit]
        for key in old:
            self._db.webhook_deliveries.drop(key)
        return Pruned(len(old), after if len(old) == limit else endpoints[0])

    async def audit(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first, up to the first one that is younger."""
        before = self._clock.now() - older_than_ms
        oldest = sorted(seq for seq, _ in self._db.audit.items() if seq > int(after or 0))[:limit]
        old = [seq for seq in oldest if (entry := self._db.audit.get(seq)) is not None and entry.at < before]
        for seq in old:
            self._db.audit.drop(seq)
        return Pruned(len(old), str(old[-1]) if len(old) == len(oldest) == limit else None)

    async def media(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        return prune_media(self._db, older_than_ms, limit, after, self._clock.now())

    def _drop(self, message: Message) -> None:
        self._db.messages.drop(message.id)
        drop_uses(self._db, [message.id])
        self._db.notes.drop(message.id)
        for owner in (message.batch_id, message.group_id):
            if owner is not None:
                others = tuple(member for member in self._db.members.get(owner) or () if member != message.id)
                self._db.members.put(owner, others)
                if not others:
                    self._db.batches.drop(owner)
                    mass_sends.drop_chunks(self._db, owner)
        for provider_key, (message_id, _) in list(self._db.provider_keys.items()):
            if message_id == message.id:
                self._db.provider_keys.drop(provider_key)

    def _owners_rest(self, message: Message) -> bool:
        owners = (message.batch_id, message.group_id)
        return all(self._rests(owner) for owner in owners if owner is not None)

    def _rests(self, target: str) -> bool:
        """Whether all messages of a message, batch or group rest."""
        return all(
            row.status in RESTING for row in self._db.messages.rows() if target in (row.id, row.batch_id, row.group_id)
        )


def _conforms(due_times: MemoryDueTimes, pruning: MemoryPruning) -> tuple[DueTimes, Pruning]:
    return due_times, pruning
