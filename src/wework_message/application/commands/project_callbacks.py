"""Project stored callbacks into message status: each record names, or is matched to, at most one attempt (domain D4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.group_commit import Flush
from wework_message.application.policy import Policy
from wework_message.domain.account import Binding
from wework_message.domain.callbacks import FactKind, Sighting
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderMessageId
from wework_message.domain.matching import SKEW_MS, OpenAttempt, is_own, match
from wework_message.domain.message import Message
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader, ClientState, NoticeKind
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.persistence import InboxEntry, InboxState, InboxVerdict
from wework_message.domain.ports.system import Clock
from wework_message.domain.timeline import Note

MAX_TRIES: Final = 5
"""Projecting that raises this often ends the entry: FAILED, kept for replay."""

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
class _Desk:
    """What one batch works on."""

    reads: list[_Read] = field(default_factory=list)
    owners: dict[Named, Owner] = field(default_factory=dict)
    named: list[Named] = field(default_factory=list)
    """Ids that this batch has learnt by content."""
    open: dict[tuple[ProviderCode, Guid], list[OpenAttempt]] = field(default_factory=dict)
    offered: dict[tuple[ProviderCode, Guid], frozenset[Owner]] = field(default_factory=dict)
    """What was open when this batch looked."""
    waiting: list[Named] = field(default_factory=list)
    """Ids that parked records wait for."""
    verdicts: list[InboxVerdict] = field(default_factory=list)


class ProjectCallbacks:
    """The transaction's part of projecting."""

    def __init__(
        self, readers: Mapping[ProviderCode, CallbackReader], board: HealthBoard, policy: Policy, clock: Clock
    ) -> None:
        """`board` hears of instances that come and go."""
        self._readers = readers
        self._board = board
        self._policy = policy
        self._clock = clock

    async def __call__(self, flush: Flush, items: Sequence[int], /) -> Sequence[int]:
        """`items` are batch sizes; the answer is how many entries were looked at."""
        entries = await flush.unit.inbox.pending(max(items))
        if entries:
            await self._project(flush, entries)
        return [len(entries), *[0] * (len(items) - 1)]

    async def _project(self, flush: Flush, entries: Sequence[InboxEntry]) -> None:
        desk = _Desk()
        for entry in entries:
            self._read(desk, entry)
        desk.owners = dict(await flush.unit.messages.sent_as(_names(desk.reads)))
        await self._bind(flush, desk)
        facts = [(read, owner) for read in desk.reads if (owner := await self._owner(flush, desk, read)) is not None]
        await self._teach(flush, desk, facts)
        await flush.unit.inbox.decide(desk.verdicts)
        await self._look_again(flush, desk)
        types = {entry.id: entry.notify_type for entry in entries}
        flush.callbacks.update((types[one.id], one.state.lower()) for one in desk.verdicts if one.state in _ENDS)
        if desk.named:  # records that came before the one that told the id wait for it
            flush.inbox |= await flush.unit.inbox.reopen(desk.named, [], since=self._clock.now()) > 0

    async def _look_again(self, flush: Flush, desk: _Desk) -> None:
        """Another process may be writing, at this moment, just what a record was parked to wait for.

        It writes, and then looks for parked records (`early_echoes.reopen`); we have parked, and now look for what it wrote.
        So at least one of the two sees the other, whoever commits first.
        """
        if not any(one.state is InboxState.PARKED for one in desk.verdicts):
            return
        messages = flush.unit.messages
        found = await messages.sent_as(desk.waiting, latest=True)
        late = [
            (place, one)
            for place, offered in desk.offered.items()
            for one in await messages.uncertain(place[0], [place[1]], latest=True)
            if (one.message_id, one.number) not in offered
        ]
        if found or late:
            since = min((one.started_at for _, one in late), default=0) - SKEW_MS
            places = sorted({place for place, _ in late})
            flush.inbox |= await flush.unit.inbox.reopen(list(found), places, since=since) > 0

    def _read(self, desk: _Desk, entry: InboxEntry) -> None:
        """One entry that cannot be read must not stop the others: it is counted, and ends as FAILED (reliability K6)."""
        try:
            item = self._readers[entry.provider_code].reread(entry.notify_type, entry.raw)
        except Exception:  # noqa: BLE001 -- whatever a callback holds, the rest of the inbox goes on
            desk.verdicts.append(InboxVerdict(entry.id, _after_failure(entry)))
        else:
            if item.defect is None:
                desk.reads.append(_Read(entry, item))
            else:
                desk.verdicts.append(InboxVerdict(entry.id, InboxState.QUARANTINED))

    async def _bind(self, flush: Flush, desk: _Desk) -> None:
        """The instance each record came from; notices about it are applied at once."""
        cache: dict[Guid, Sequence[Binding]] = {}
        for read in desk.reads:
            guid = read.entry.guid
            if guid not in cache:
                cache[guid] = await flush.unit.accounts.binding_of(guid)
            if cache[guid] and _at(cache[guid], read.entry.provider_code) is None:
                # What was read may be a moment old, and a callback without a binding is quarantined for good.
                cache[guid] = await flush.unit.accounts.binding_of(guid)
            read.binding = _at(cache[guid], read.entry.provider_code)
            if read.binding is not None and (read.item.notice is not NoticeKind.OTHER or read.item.vid):
                await self._notice(flush, read, read.binding)

    async def _notice(self, flush: Flush, read: _Read, binding: Binding) -> None:
        online = {NoticeKind.ONLINE: True, NoticeKind.OFFLINE: False}.get(read.item.notice)
        await flush.unit.accounts.learn(binding.binding_id, vid=read.item.vid, online=online)
        if online is not None:
            state = ClientState.ONLINE if online else ClientState.OFFLINE
            self._board.binding_state(binding.binding_id, state, self._clock.now())

    async def _owner(self, flush: Flush, desk: _Desk, read: _Read) -> Owner | None:
        """The attempt that this record is about, or None with a verdict given."""
        entry, sighting = read.entry, read.item.sighting
        if read.binding is None:
            desk.verdicts.append(InboxVerdict(entry.id, InboxState.QUARANTINED))
            return None
        if sighting is None:
            desk.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN))
            return None
        for named in _named(entry, sighting):
            if named in desk.owners:
                return desk.owners[named]
        return await self._match(flush, desk, read, sighting)

    async def _match(self, flush: Flush, desk: _Desk, read: _Read, sighting: Sighting) -> Owner | None:
        entry = read.entry
        vid = self._policy.vids.get(entry.guid) or await self._vid(flush, read)
        if not is_own(sighting, vid):
            desk.verdicts.append(InboxVerdict(entry.id, InboxState.ORPHAN))
            return None
        place = (entry.provider_code, entry.guid)
        if place not in desk.open:
            desk.open[place] = list(await flush.unit.messages.uncertain(entry.provider_code, [entry.guid]))
            desk.offered[place] = frozenset((one.message_id, one.number) for one in desk.open[place])
        found = match(sighting, desk.open[place], horizon_ms=self._policy.horizon_ms)
        if found is None or sighting.refers_to is not None:
            waits_for = sighting.refers_to or sighting.provider_message_id
            desk.verdicts.append(InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=waits_for))
            if waits_for is not None:
                desk.waiting.append((*place, waits_for))
            return None
        desk.open[place].remove(found)
        owner = (found.message_id, found.number)
        if sighting.provider_message_id is not None:
            named = (*place, sighting.provider_message_id)
            desk.owners[named] = owner  # the next record may be about the same message
            desk.named.append(named)
        return owner

    async def _vid(self, flush: Flush, read: _Read) -> str | None:
        if read.binding is None:
            return None
        books = await flush.unit.accounts.accounts([read.binding.account_id])
        account = books.get(read.binding.account_id)
        return account[0].vid if account is not None else None

    async def _teach(self, flush: Flush, desk: _Desk, facts: Sequence[tuple[_Read, Owner]]) -> None:
        messages = await flush.unit.messages.get(sorted({owner[0] for _, owner in facts}))
        changed: dict[MessageId, Message] = {}
        for read, (message_id, number) in facts:
            message = messages[message_id]
            if self._learn(message, number, read):
                changed[message_id] = message
            desk.verdicts.append(InboxVerdict(read.entry.id, InboxState.APPLIED, message_id=message_id))
        lost = await flush.save(list(changed.values()))
        if lost:
            raise UnavailableError("database", "a message that was locked has changed")

    def _learn(self, message: Message, number: int, read: _Read) -> bool:
        sighting = read.item.sighting
        if sighting is None:
            return False
        now = self._clock.now()
        own_record = sighting.refers_to is None
        news = [
            message.learn(
                number,
                kind,
                horizon_ms=self._policy.horizon_ms,
                now=now,
                note=Note(kind, now, attempt=number, event_key=sighting.event_key, source="callback"),
                provider_message_id=sighting.provider_message_id if own_record else None,
                app_info_key=sighting.app_info_key if own_record else None,
            )
            for kind in sorted(sighting.kinds or {FactKind.ECHO})
        ]
        return any(news)


def _named(entry: InboxEntry, sighting: Sighting) -> list[Named]:
    """What the record may name: the message that it changes, else itself."""
    ids = (sighting.refers_to, sighting.provider_message_id)
    return [(entry.provider_code, entry.guid, one) for one in ids if one is not None]


def _at(bindings: Sequence[Binding], provider_code: ProviderCode) -> Binding | None:
    return next((one for one in bindings if one.provider_code == provider_code), None)


def _names(reads: Sequence[_Read]) -> list[Named]:
    return [
        named for read in reads if read.item.sighting is not None for named in _named(read.entry, read.item.sighting)
    ]


class CountFailure:
    """The transaction after one that raised: the first entry has failed once more, and five times end it (reliability J1)."""

    async def __call__(self, flush: Flush, items: Sequence[int], /) -> Sequence[int]:
        """`items` say how many; the answer is how many were counted."""
        entries = await flush.unit.inbox.pending(max(items))
        await flush.unit.inbox.decide([InboxVerdict(entry.id, _after_failure(entry)) for entry in entries])
        return [len(entries), *[0] * (len(items) - 1)]


def _after_failure(entry: InboxEntry) -> InboxState:
    return InboxState.FAILED if entry.tries + 1 >= MAX_TRIES else InboxState.PENDING
