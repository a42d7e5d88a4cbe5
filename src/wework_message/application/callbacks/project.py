"""Project stored callbacks into message status: each record belongs to at most one attempt, by id or by match (M-4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.big_work import computed
from wework_message.application.callbacks.kept import discard_oldest_kept
from wework_message.application.commit.group_commit import CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderMessageId
from wework_message.domain.inbox import KEPT_FOR_PEOPLE
from wework_message.domain.message.matching import SKEW_MS, OpenAttempt, is_own, match
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind, StreamRecord
from wework_message.domain.message.timeline import Note
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader, ClientState, NoticeKind
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.repositories import InboxEntry, InboxState, InboxVerdict
from wework_message.domain.ports.system import Clock

MAX_TRIES: Final = 5
"""An entry whose projection raises this often is FAILED, and kept for replay."""

_ENDS: Final = frozenset(InboxState) - {InboxState.PENDING}

Named = tuple[ProviderCode, Guid, ProviderMessageId]
Owner = tuple[MessageId, int]


@dataclass(slots=True)
class _Read:
    """One entry, read."""

    entry: InboxEntry
    item: CallbackItem
    binding: Binding | None = None


@dataclass(slots=True)
class _ProjectionBatch:
    """What one batch works on."""

    reads: list[_Read] = field(default_factory=list)
    owners: dict[Named, Owner] = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)
    """Ids that this batch has learnt from matches by content."""
    open: dict[tuple[ProviderCode, Guid], list[OpenAttempt]] = field(default_factory=dict)
    offered: dict[tuple[ProviderCode, Guid], frozenset[Owner]] = field(default_factory=dict)
    """Attempts that were open when this batch read them."""
    waiting: list[Named] = field(default_factory=list)
    """Ids that unmatched records wait for."""
    verdicts: list[InboxVerdict] = field(default_factory=list)


class ProjectCallbacks:
    """The transaction's part of projecting."""

    def __init__(
        self, readers: Mapping[ProviderCode, CallbackReader], board: HealthBoard, policy: Policy, clock: Clock
    ) -> None:
        """`board` is notified of instances that go online and offline."""
        self._readers = readers
        self._board = board
        self._policy = policy
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[int], /) -> Sequence[int]:
        """`items` are batch sizes; the answer is how many entries were handled."""
        entries = await scope.unit.inbox.pending(max(items))
        if entries:
            await self._project(scope, entries)
        return [len(entries), *[0] * (len(items) - 1)]

    async def _project(self, scope: CommitScope, entries: Sequence[InboxEntry]) -> None:
        batch = _ProjectionBatch()
        await computed(sum(len(entry.raw) for entry in entries), self._read_all, batch, entries)
        batch.owners = dict(await scope.unit.messages.sent_as(_names(batch.reads)))
        await self._bind(scope, batch)
        facts = [(read, owner) for read in batch.reads if (owner := await self._owner(scope, batch, read)) is not None]
        await self._apply(scope, batch, facts)
        await scope.unit.inbox.decide(batch.verdicts)
        kept = {verdict.id for verdict in batch.verdicts if verdict.state in KEPT_FOR_PEOPLE}
        if guids := {entry.guid for entry in entries if entry.id in kept}:
            await discard_oldest_kept(scope.unit, guids, self._policy.inbox)
        await self._recheck_parked(scope, batch)
        types = {entry.id: entry.notify_type for entry in entries}
        scope.callbacks.update(
            (types[verdict.id], verdict.state.lower()) for verdict in batch.verdicts if verdict.state in _ENDS
        )
        if batch.named:  # earlier records may wait for these ids
            scope.inbox |= await scope.unit.inbox.reopen(batch.named, [], since=self._clock.now()) > 0

    async def _recheck_parked(self, scope: CommitScope, batch: _ProjectionBatch) -> None:
        """Reopen unmatched records whose attempt another process is writing at this moment.

        That process writes, and then looks for unmatched records (`early_echoes.reopen`). This one has stored unmatched
        records, and now looks for what the other wrote. So at least one of them sees the other, whichever commits first.
        """
        if not any(verdict.state is InboxState.PARKED for verdict in batch.verdicts):
            return
        messages = scope.unit.messages
        written = await messages.sent_as(batch.waiting, latest=True)
        late = [
            (instance, attempt)
            for instance, offered in batch.offered.items()
            for attempt in await messages.uncertain(instance[0], [instance[1]], latest=True)
            if (attempt.message_id, attempt.number) not in offered
        ]
        if written or late:
            since = min((attempt.started_at for _, attempt in late), default=0) - SKEW_MS
            instances = sorted({instance for instance, _ in late})
            scope.inbox |= await scope.unit.inbox.reopen(list(written), instances, since=since) > 0

    def _read_all(self, batch: _ProjectionBatch, entries: Sequence[InboxEntry]) -> None:
        for entry in entries:
            self._read(batch, entry)

    def _read(self, batch: _ProjectionBatch, entry: InboxEntry) -> None:
        """An unreadable entry must not stop the others: the failure is counted, and the entry ends as FAILED (R-K6)."""
        try:
            item = self._readers[entry.provider_code].reread(entry.notify_type, entry.raw)
        except Exception:  # noqa: BLE001 -- whatever a callback holds, the rest of the inbox goes on
            batch.verdicts.append(InboxVerdict(entry.id, _after_failure(entry)))
        else:
            if item.defect is None:
                batch.reads.append(_Read(entry, item))
            else:
                batch.verdicts.append(InboxVerdict(entry.id, InboxState.QUARANTINED))

    async def _bind(self, scope: CommitScope, batch: _ProjectionBatch) -> None:
        """Find the instance of each record; notices about it are applied at once."""
        cache: dict[Guid, Sequence[Binding]] = {}
        for read in batch.reads:
            guid = read.entry.guid
            if guid not in cache:
                cache[guid] = await scope.unit.accounts.binding_of(guid)
            if cache[guid] and _at(cache[guid], read.entry.provider_code) is None:
                # The first read may be a moment old, and a callback without a binding is quarantined for good.
                cache[guid] = await scope.unit.accounts.binding_of(guid)
            read.binding = _at(cache[guid], read.entry.provider_code)
            if read.binding is not None and (read.item.notice is not NoticeKind.OTHER or read.item.wecom_user_id):
                await self._notice(scope, read, read.binding)

    async def _notice(self, scope: CommitScope, read: _Read, binding: Binding) -> None:
        online = {NoticeKind.ONLINE: True, NoticeKind.OFFLINE: False}.get(read.item.notice)
        await scope.unit.accounts.learn(binding.binding_id, wecom_user_id=read.item.wecom_user_id, online=online)
        if online is not None:
            state = ClientState.ONLINE if online else ClientState.OFFLINE
            self._board.binding_state(binding.binding_id, state, self._clock.now())

    async def _owner(self, scope: CommitScope, batch: _ProjectionBatch, read: _Read) -> Owner | None:
        """The attempt of this record; None where its verdict is decided already."""
        entry, stream_record = read.entry, read.item.stream_record
        if read.binding is None:
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.QUARANTINED))
            return None
        if stream_record is None:
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN))
            return None
        for named in _named(entry, stream_record):
            if named in batch.owners:
                return batch.owners[named]
        return await self._match(scope, batch, read, stream_record)

    async def _match(
        self, scope: CommitScope, batch: _ProjectionBatch, read: _Read, stream_record: StreamRecord
    ) -> Owner | None:
        entry = read.entry
        wecom_user_id = self._policy.wecom_user_ids.get(entry.guid) or await self._wecom_user_id(scope, read)
        if not is_own(stream_record, wecom_user_id):
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN))
            return None
        instance = (entry.provider_code, entry.guid)
        if instance not in batch.open:
            open_attempts = list(await scope.unit.messages.uncertain(entry.provider_code, [entry.guid]))
            batch.open[instance] = open_attempts
            batch.offered[instance] = frozenset((attempt.message_id, attempt.number) for attempt in open_attempts)
        attempt = match(stream_record, batch.open[instance], horizon_ms=self._policy.horizon_ms)
        if attempt is None or stream_record.refers_to is not None:
            waits_for = stream_record.refers_to or stream_record.provider_message_id
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=waits_for))
            if waits_for is not None:
                batch.waiting.append((*instance, waits_for))
            return None
        batch.open[instance].remove(attempt)
        owner = (attempt.message_id, attempt.number)
        if stream_record.provider_message_id is not None:
            named = (*instance, stream_record.provider_message_id)
            batch.owners[named] = owner  # the next record may belong to the same message
            batch.named.append(named)
        return owner

    async def _wecom_user_id(self, scope: CommitScope, read: _Read) -> str | None:
        if read.binding is None:
            return None
        account_id = read.binding.account_id
        stored = (await scope.unit.accounts.accounts([account_id])).get(account_id)
        return stored[0].wecom_user_id if stored is not None else None

    async def _apply(self, scope: CommitScope, batch: _ProjectionBatch, facts: Sequence[tuple[_Read, Owner]]) -> None:
        messages = await scope.unit.messages.get(sorted({owner[0] for _, owner in facts}))
        changed: dict[MessageId, Message] = {}
        for read, (message_id, number) in facts:
            message = messages[message_id]
            if self._learn(message, number, read):
                changed[message_id] = message
            batch.verdicts.append(InboxVerdict(read.entry.id, InboxState.APPLIED, message_id=message_id))
        lost = await scope.save(list(changed.values()))
        if lost:
            raise UnavailableError("database", "a message that was locked has changed")

    def _learn(self, message: Message, number: int, read: _Read) -> bool:
        stream_record = read.item.stream_record
        if stream_record is None:
            return False
        now = self._clock.now()
        own_record = stream_record.refers_to is None
        learnt = [
            message.learn(
                number,
                kind,
                horizon_ms=self._policy.horizon_ms,
                now=now,
                note=Note(kind, now, attempt=number, event_key=stream_record.event_key, source="callback"),
                provider_message_id=stream_record.provider_message_id if own_record else None,
                app_info_key=stream_record.app_info_key if own_record else None,
            )
            for kind in sorted(stream_record.kinds or {FactKind.ECHO})
        ]
        return any(learnt)


def _named(entry: InboxEntry, stream_record: StreamRecord) -> list[Named]:
    """Ids by which the record may be found: that of the message it changes, then its own."""
    ids = (stream_record.refers_to, stream_record.provider_message_id)
    return [(entry.provider_code, entry.guid, id_) for id_ in ids if id_ is not None]


def _at(bindings: Sequence[Binding], provider_code: ProviderCode) -> Binding | None:
    return next((binding for binding in bindings if binding.provider_code == provider_code), None)


def _names(reads: Sequence[_Read]) -> list[Named]:
    return [
        named
        for read in reads
        if read.item.stream_record is not None
        for named in _named(read.entry, read.item.stream_record)
    ]


class CountFailure:
    """The transaction after one that raised: it counts a failure of the first entry; the fifth ends it (R-J1)."""

    async def __call__(self, scope: CommitScope, items: Sequence[int], /) -> Sequence[int]:
        """`items` say how many; the answer is how many were counted."""
        entries = await scope.unit.inbox.pending(max(items))
        await scope.unit.inbox.decide([InboxVerdict(entry.id, _after_failure(entry)) for entry in entries])
        return [len(entries), *[0] * (len(items) - 1)]


def _after_failure(entry: InboxEntry) -> InboxState:
    return InboxState.FAILED if entry.tries + 1 >= MAX_TRIES else InboxState.PENDING
