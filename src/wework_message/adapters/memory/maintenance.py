"""Duties and pruning in memory."""

from collections.abc import Iterator

from wework_message.adapters.memory.database import LeaseRow, MemoryDatabase
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.ports.maintenance import START, LeaseStore, Pruned, Pruning
from wework_message.domain.ports.system import Clock


class MemoryLeaseStore:
    """Duties, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def take(self, lease_name: str, holder: str, lease_ms: int) -> int | None:
        """The epoch, or None while another holder has it."""
        now = self._clock.now()
        seen = self._db.leases.get(lease_name) or LeaseRow("", 0, 0)
        if seen.holder != holder and seen.held_until > now:
            return None
        renewed = seen.holder == holder and seen.held_until > now
        epoch = seen.epoch if renewed else seen.epoch + 1
        self._db.leases.put(lease_name, LeaseRow(holder, epoch, now + lease_ms))
        return epoch

    async def release(self, lease_name: str, holder: str) -> None:
        """The tenure ends in the past."""
        seen = self._db.leases.get(lease_name)
        if seen is not None and seen.holder == holder:
            self._db.leases.put(lease_name, LeaseRow(holder, seen.epoch, 0))


class MemoryPruning:
    """Pruning, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def keys(self, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        old = [
            (row.created_at, place, row)
            for place, row in self._db.keys.items()
            if int(after or 0) < row.created_at < before
        ]
        old.sort(key=lambda one: one[:2])
        found = old[:limit]
        gone = [place for _, place, row in found if all(one.status in RESTING for one in self._of(row.target))]
        for place in gone:
            self._db.keys.drop(place)
        if len(found) < limit:
            return Pruned(len(gone), None)
        first, last = found[0][0], found[-1][0]
        return Pruned(len(gone), str(last if first == last and not gone else last - 1))

    async def callbacks(self, state: InboxState, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        rows = [row for row in self._db.callbacks.rows() if row.state is state and row.id > int(after or 0)]
        found = sorted(rows, key=lambda row: row.id)[:limit]
        old = {row.id for row in found if row.received_at < before}
        for one in old:
            self._db.callbacks.drop(one)
        for key, owner in list(self._db.callback_keys.items()):
            if owner in old:
                self._db.callback_keys.drop(key)
        whole = len(old) == len(found) == limit
        return Pruned(len(old), str(found[-1].id) if whole else None)

    async def messages(self, status: MessageStatus, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """Oldest first."""
        before = self._clock.now() - older_than_ms
        rows = [row for row in self._db.messages.rows() if row.status is status and row.id > after]
        found = sorted(rows, key=lambda one: one.id)[:limit]
        old = [one for one in found if one.accepted_at < before]
        gone = [one for one in old if one.lifecycle.updated_at < before and self._owners_rest(one)]
        for one in gone:
            self._drop(one)
        whole = len(old) == len(found) == limit
        return Pruned(len(gone), found[-1].id if whole else None)

    def _drop(self, message: Message) -> None:
        self._db.messages.drop(message.id)
        self._db.notes.drop(message.id)
        for owner in (message.batch_id, message.group_id):
            if owner is not None:
                rest = tuple(one for one in self._db.members.get(owner) or () if one != message.id)
                self._db.members.put(owner, rest)
                if not rest:
                    self._db.batches.drop(owner)
        for name, key in list(self._db.names.items()):
            if key[0] == message.id:
                self._db.names.drop(name)

    def _owners_rest(self, message: Message) -> bool:
        owners = (message.batch_id, message.group_id)
        return all(one.status in RESTING for owner in owners if owner is not None for one in self._of(owner))

    def _of(self, target: str) -> Iterator[Message]:
        return (row for row in self._db.messages.rows() if target in (row.id, row.batch_id, row.group_id))


def _conforms(leases: MemoryLeaseStore, pruning: MemoryPruning) -> tuple[LeaseStore, Pruning]:
    return leases, pruning
