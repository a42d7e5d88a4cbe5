"""Project stored callbacks into message status: each record belongs to at most one attempt, by id or by match (M-4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.big_work import computed
from wework_message.application.callbacks.evidence import ApplyEvidence, Fact, Owner, names_of
from wework_message.application.callbacks.kept import discard_oldest_kept
from wework_message.application.callbacks.mass_echoes import accepted_recipients
from wework_message.application.callbacks.notices import InstanceNotices
from wework_message.application.callbacks.open_calls import OpenCalls
from wework_message.application.callbacks.own_user_ids import OwnUserIds
from wework_message.application.callbacks.reported import report
from wework_message.application.commit.scope import CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderKey
from wework_message.domain.inbox import KEPT_FOR_PEOPLE, QuarantineReason
from wework_message.domain.message.fitting import SKEW_MS, Misfit
from wework_message.domain.message.matching import OpenAttempt, is_own, match
from wework_message.domain.message.projection import StreamRecord
from wework_message.domain.message.unmatched import is_received, unmatched_state, waits_for
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader
from wework_message.domain.ports.repositories import InboxEntry, InboxState, InboxVerdict
from wework_message.domain.ports.system import Clock
from wework_message.domain.webhooks.event import message_received

MAX_TRIES: Final = 5
"""An entry whose projection raises this often is FAILED, and kept for replay."""


@dataclass(slots=True)
class _Read:
    """One entry, read."""

    entry: InboxEntry
    item: CallbackItem
    binding: Binding | None = None


@dataclass(slots=True)
class _ProjectionBatch:
    """What one batch works on."""

    open_calls: OpenCalls
    reads: list[_Read] = field(default_factory=list)
    owners: dict[ProviderKey, Owner] = field(default_factory=dict)
    named: list[ProviderKey] = field(default_factory=list)
    """Ids that this batch has learnt from matches by content."""
    matched: set[Owner] = field(default_factory=set)
    """Attempts that this batch has matched."""
    open: dict[tuple[ProviderCode, Guid], list[OpenAttempt]] = field(default_factory=dict)
    offered: dict[tuple[ProviderCode, Guid], frozenset[Owner]] = field(default_factory=dict)
    """Attempts that were open when this batch read them."""
    waiting: list[ProviderKey] = field(default_factory=list)
    """Ids that unmatched records wait for, as far as they may be our own."""
    verdicts: list[InboxVerdict] = field(default_factory=list)
    quarantined: list[tuple[QuarantineReason, Guid]] = field(default_factory=list)

    def quarantine(self, entry: InboxEntry, reason: QuarantineReason) -> None:
        """Keep it for people."""
        self.verdicts.append(InboxVerdict(entry.id, InboxState.QUARANTINED))
        self.quarantined.append((reason, entry.guid))


class ProjectCallbacks:
    """The transaction's part of projecting."""

    def __init__(
        self,
        readers: Mapping[ProviderCode, CallbackReader],
        notices: InstanceNotices,
        policy: Policy,
        clock: Clock,
    ) -> None:
        """`notices` applies those that are about an instance."""
        self._readers = readers
        self._notices = notices
        self._policy = policy
        self._clock = clock
        self._evidence = ApplyEvidence(policy, clock)

    async def __call__(self, scope: CommitScope, items: Sequence[int], /) -> Sequence[int]:
        """`items` are batch sizes; the answer is how many entries were handled."""
        entries = await scope.unit.inbox.pending(max(items))
        if entries:
            await self._project(scope, entries)
        return [len(entries), *[0] * (len(items) - 1)]

    async def _project(self, scope: CommitScope, entries: Sequence[InboxEntry]) -> None:
        batch = _ProjectionBatch(OpenCalls(self._policy.horizon_ms))
        await computed(sum(len(entry.raw) for entry in entries), self._read_all, batch, entries)
        batch.owners = dict(await scope.unit.messages.sent_as(_names(batch.reads)))
        own = OwnUserIds(scope.unit.accounts, self._policy.wecom_user_ids)
        await self._bind(scope, batch)
        facts = {
            read.entry.id: fact
            for read in batch.reads
            if (fact := await self._fact(scope, batch, read, own)) is not None
        }
        results = await self._evidence(scope, list(facts.values()), own)
        batch.verdicts += [_verdict(id_, result) for id_, result in zip(facts, results, strict=True)]
        await scope.unit.inbox.decide(batch.verdicts)
        kept = {verdict.id for verdict in batch.verdicts if verdict.state in KEPT_FOR_PEOPLE}
        if guids := {entry.guid for entry in entries if entry.id in kept}:
            await discard_oldest_kept(scope.unit, guids, self._policy.inbox)
        await self._recheck_parked(scope, batch)
        report(scope, entries, batch.verdicts, dict(zip(facts, results, strict=True)), batch.quarantined)
        if batch.named:  # earlier records may wait for these ids
            scope.inbox |= await scope.unit.inbox.reopen(batch.named, [], since=self._clock.now()) > 0

    async def _recheck_parked(self, scope: CommitScope, batch: _ProjectionBatch) -> None:
        """Reopen unmatched records whose attempt another process is writing at this moment.

        That process writes, and then looks for unmatched records (`early_echoes.reopen`). This one has stored unmatched
        records, and now looks for what the other wrote. So at least one of them sees the other, whichever commits first.
        """
        if not batch.waiting and all(verdict.state is not InboxState.PARKED for verdict in batch.verdicts):
            return
        messages = scope.unit.messages
        written = await messages.sent_as(batch.waiting, latest=True)
        late = [
            (instance, attempt)
            for instance, offered in batch.offered.items()
            for attempt in await messages.uncertain(instance[0], [instance[1]], latest=True)
            if (attempt.message_id, attempt.number) not in offered
        ]
        late += batch.open_calls.ended
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
                batch.quarantine(entry, QuarantineReason.UNREADABLE)

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
            if read.binding is not None:
                await self._notices(scope, read.item, read.binding, read.entry.received_at)

    async def _fact(self, scope: CommitScope, batch: _ProjectionBatch, read: _Read, own: OwnUserIds) -> Fact | None:
        """The attempts that this record may be about; None where its verdict is decided already."""
        entry, stream_record = read.entry, read.item.stream_record
        if read.binding is None:
            batch.quarantine(entry, QuarantineReason.UNKNOWN_GUID)
            return None
        if stream_record is None:
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN))
            return None
        owners = tuple(
            batch.owners[named] for named in names_of(entry.provider_code, stream_record) if named in batch.owners
        )
        if not owners:
            own_user_id = await own.of(read.binding.account_id, entry.guid)
            if read.binding.epoch and await self._sent_before(scope, batch, entry, stream_record):
                own_user_id = stream_record.sender
            owner = await self._match(scope, batch, read, own, stream_record, own_user_id)
            owners = () if owner is None else (owner,)
        return Fact(stream_record, owners, entry.received_at, entry.source) if owners else None

    async def _match(
        self,
        scope: CommitScope,
        batch: _ProjectionBatch,
        read: _Read,
        own: OwnUserIds,
        stream_record: StreamRecord,
        own_user_id: str | None,
    ) -> Owner | None:
        """The attempt that this record settles by its content, for a record that names none; it waits where there is none."""
        entry, named = read.entry, waits_for(stream_record)
        instance = (entry.provider_code, entry.guid)
        if named is not None:
            batch.waiting.append((*instance, named))
        if unmatched_state(stream_record, own_user_id) is InboxState.ORPHAN:
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN, provider_message_id=named))
            if is_received(stream_record) and entry.waits_for is None and read.binding is not None:  # told once
                tenant_id = await own.tenant_of(read.binding.account_id)
                event = message_received(tenant_id, entry.provider_code, stream_record, entry.received_at)
                scope.events.append(event)
            return None
        accepted = await accepted_recipients(
            scope.unit, stream_record, instance, read.binding, own_user_id, batch.matched
        )
        attempt = match(
            stream_record,
            [*await self._open_at(scope, batch, instance), *accepted],
            horizon_ms=self._policy.horizon_ms,
            received_at=entry.received_at,
        )
        if (
            attempt is None
            or stream_record.refers_to is not None
            or await batch.open_calls.may_have_caused(scope, instance, stream_record)
        ):
            batch.verdicts.append(InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=named))
            return None
        owner = (attempt.message_id, attempt.number)
        batch.matched.add(owner)
        batch.open[instance] = [other for other in batch.open[instance] if other is not attempt]
        if stream_record.provider_message_id is not None:
            key = (*instance, stream_record.provider_message_id)
            batch.owners[key] = owner  # the next record may belong to the same message
            batch.named.append(key)
        return owner

    async def _sent_before(
        self, scope: CommitScope, batch: _ProjectionBatch, entry: InboxEntry, stream_record: StreamRecord
    ) -> bool:
        """Whether an open attempt of this instance is of an account whose own user id this is: its binding may have moved since."""
        attempts = await self._open_at(scope, batch, (entry.provider_code, entry.guid))
        return any(
            attempt.own_user_id is not None and is_own(stream_record, attempt.own_user_id) for attempt in attempts
        )

    async def _open_at(
        self, scope: CommitScope, batch: _ProjectionBatch, instance: tuple[ProviderCode, Guid]
    ) -> list[OpenAttempt]:
        """The open attempts of an instance, read once for a batch."""
        if instance not in batch.open:
            open_attempts = list(await scope.unit.messages.uncertain(instance[0], [instance[1]]))
            batch.open[instance] = open_attempts
            batch.offered[instance] = frozenset((attempt.message_id, attempt.number) for attempt in open_attempts)
        return batch.open[instance]


def _verdict(entry_id: int, result: MessageId | Misfit) -> InboxVerdict:
    if isinstance(result, Misfit):
        return InboxVerdict(entry_id, InboxState.QUARANTINED)
    return InboxVerdict(entry_id, InboxState.APPLIED, message_id=result)


def _at(bindings: Sequence[Binding], provider_code: ProviderCode) -> Binding | None:
    return next((binding for binding in bindings if binding.provider_code == provider_code), None)


def _names(reads: Sequence[_Read]) -> list[ProviderKey]:
    return [
        named
        for read in reads
        if read.item.stream_record is not None
        for named in names_of(read.entry.provider_code, read.item.stream_record)
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
