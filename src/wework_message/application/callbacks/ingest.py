"""Take callbacks in: they are stored raw and durably before the answer, and applied afterwards (M-4.3)."""

import asyncio
import contextlib
import dataclasses
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from wework_message.application.big_work import computed
from wework_message.application.callbacks.admission import Admission
from wework_message.application.callbacks.at_once import MAX_AT_ONCE, ApplyAtOnce
from wework_message.application.callbacks.evidence import names_of
from wework_message.application.callbacks.foreign import Foreign, ForeignAtOnce, foreign_items, recheck
from wework_message.application.callbacks.gate import ANYBODY, Caller
from wework_message.application.callbacks.kept import discard_oldest_kept
from wework_message.application.callbacks.unreadable import unreadable_item
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import CallbackRefusedError, DrainingError, NotFoundError
from wework_message.domain.callback_tokens import are_of
from wework_message.domain.callers import CallbackRefusal
from wework_message.domain.errors import InvalidValueError, TryAgainError, UnavailableError
from wework_message.domain.ids import MessageId, ProviderCode, ProviderKey
from wework_message.domain.inbox import CallbackSource, InboxLimits, InboxState, QuarantineReason
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem, CallbackReader
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.trace import TraceContext

NOTICE_WINDOW_MS: Final = 60_000
"""Equal notices within this time are one: the callback was repeated, not the event."""

LONG: Final = 50
"""A callback with more records than this is a long one."""

LONG_AT_ONCE: Final = 4
"""Long callbacks in one transaction: what others commit must not wait for half a million rows."""


LOOKED_UP_AT_ONCE: Final = 1_000
"""Ids in one query."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """The items of one callback from one provider."""

    provider_code: ProviderCode
    items: tuple[CallbackItem, ...]
    trace: TraceContext | None = None
    """The span of the request, where it is recorded."""

    def named(self) -> frozenset[ProviderKey]:
        """The provider's message ids that its records name, as their own or as the ones that they change."""
        records = [item.stream_record for item in self.items if item.stream_record is not None]
        return frozenset(chain.from_iterable(names_of(self.provider_code, stream_record) for stream_record in records))


@dataclass(slots=True)
class _Kind:
    """What one provider sent of one notify type in one transaction."""

    applied: list[tuple[CallbackItem, MessageId]] = field(default_factory=list)
    foreign: list[tuple[CallbackItem, InboxState]] = field(default_factory=list)
    waiting: list[CallbackItem] = field(default_factory=list)
    defective: list[CallbackItem] = field(default_factory=list)

    def add(self, item: CallbackItem, message_id: MessageId | None, state: InboxState | None) -> None:
        """`message_id` is the message that knows it already, `state` that of a foreign record."""
        if message_id is not None:
            self.applied.append((item, message_id))
        elif state is not None:
            self.foreign.append((item, state))
        else:
            (self.waiting if item.defect is None else self.defective).append(item)


class StoreCallbacks:
    """The transaction's part: it writes the inbox rows before the answer."""

    def __init__(
        self,
        clock: Clock,
        limits: InboxLimits,
        max_foreign_ids: int,
        apply_at_once: ApplyAtOnce | None = None,
        foreign_at_once: ForeignAtOnce | None = None,
        source: CallbackSource = CallbackSource.CALLBACK,
    ) -> None:
        """`clock` stamps the arrival; `limits` say how many may wait and be kept.

        A callback that names more foreign ids than `max_foreign_ids` is reported. Without `apply_at_once` and
        `foreign_at_once` all is left to the projector.
        """
        self._source = source
        self._clock = clock
        self._limits = limits
        self._max_foreign_ids = max_foreign_ids
        self._apply_at_once = apply_at_once
        self._foreign_at_once = foreign_at_once

    async def __call__(self, scope: CommitScope, items: Sequence[Arrival], /) -> Sequence[Exception | None]:
        """None where the items are durable, `UnavailableError` where there is no room. Known items are counted and dropped.

        What is applied at once, or foreign, waits for nobody and needs no room: it is stored whatever becomes of its neighbours.
        """
        now = self._clock.now()
        arrived = [(arrival.provider_code, item) for arrival in items for item in arrival.items]
        applied = await self._applied(scope, arrived, now, _requests(items))
        foreign = await self._foreign(scope, arrived, applied, now)
        judged = iter([(message_id, foreign.states.get(place)) for place, message_id in enumerate(applied)])
        admission = Admission(scope.unit.inbox, self._limits)
        results: list[Exception | None] = []
        kinds: dict[tuple[ProviderCode, int], _Kind] = defaultdict(_Kind)
        for arrival in items:
            scope.foreign_ids += await self._foreign_ids(scope, arrival)
            known = list(islice(judged, len(arrival.items)))
            refused = await admission.refusal(arrival.items) if (None, None) in known else None
            results.append(refused)
            for item, (message_id, state) in zip(arrival.items, known, strict=True):
                if refused is not None and message_id is None and state is None:
                    scope.callbacks[item.notify_type, "refused"] += 1
                    scope.guids[item.notify_type, "refused"] = item.guid
                else:
                    kinds[arrival.provider_code, item.notify_type].add(_timed(item, now), message_id, state)
        for (provider_code, notify_type), kind in kinds.items():
            await self._store(scope, provider_code, notify_type, kind, now)
        await recheck(scope, foreign)
        return results

    async def _applied(
        self,
        scope: CommitScope,
        arrived: Sequence[tuple[ProviderCode, CallbackItem]],
        now: int,
        requests: Mapping[int, TraceContext],
    ) -> Sequence[MessageId | None]:
        if self._apply_at_once is None:
            return [None] * len(arrived)
        return await self._apply_at_once(scope, arrived, now, requests)

    async def _foreign(
        self,
        scope: CommitScope,
        arrived: Sequence[tuple[ProviderCode, CallbackItem]],
        applied: Sequence[MessageId | None],
        now: int,
    ) -> Foreign:
        if self._foreign_at_once is None:
            return Foreign()
        return await self._foreign_at_once(scope, foreign_items(arrived, applied, MAX_AT_ONCE), now)

    async def _store(
        self, scope: CommitScope, provider_code: ProviderCode, notify_type: int, kind: _Kind, now: int
    ) -> None:
        inbox, applied = scope.unit.inbox, [item for item, _ in kind.applied]
        known_to = [message_id for _, message_id in kind.applied]
        new_applied = await inbox.store(provider_code, applied, now, known_to, source=self._source)
        foreign, states = [item for item, _ in kind.foreign], [state for _, state in kind.foreign]
        new_foreign = await inbox.store(provider_code, foreign, now, states=states, source=self._source)
        new_waiting = await inbox.store(provider_code, kind.waiting, now, source=self._source)
        quarantined = await inbox.store(provider_code, kind.defective, now, source=self._source)
        scope.inbox |= new_waiting > 0
        readable, new = applied + foreign + kind.waiting, new_applied + new_foreign + new_waiting
        if new < len(readable):
            scope.inbox |= await inbox.repeat(provider_code, readable, now) > 0
        scope.callbacks[notify_type, "new"] += new + quarantined
        scope.callbacks[notify_type, "duplicate"] += len(readable) + len(kind.defective) - new - quarantined
        scope.callbacks[notify_type, "quarantined"] += quarantined
        scope.callbacks[notify_type, "applied"] += new_applied
        for state in states:
            scope.callbacks[notify_type, state.lower()] += 1
        arrived = readable or kind.defective
        of_kinds = (("new", arrived), ("duplicate", arrived), ("applied", applied), ("quarantined", kind.defective))
        for result, items in (*of_kinds, *((state.lower(), foreign) for state in set(states))):
            if items:
                scope.guids[notify_type, result] = items[-1].guid
        if quarantined:
            scope.quarantined[QuarantineReason.UNREADABLE] += quarantined
            scope.guids[QuarantineReason.UNREADABLE] = kind.defective[-1].guid
            await discard_oldest_kept(scope.unit, {item.guid for item in kind.defective}, self._limits)

    async def _foreign_ids(self, scope: CommitScope, arrival: Arrival) -> int:
        """How many message ids the callback names that are none of ours; 0 where it names few."""
        if len(arrival.items) * 2 <= self._max_foreign_ids:  # a record names two ids at most
            return 0
        named = sorted(arrival.named())
        if len(named) <= self._max_foreign_ids:
            return 0
        foreign = len(named)
        for start in range(0, len(named), LOOKED_UP_AT_ONCE):
            foreign -= len(await scope.unit.messages.sent_as(named[start : start + LOOKED_UP_AT_ONCE]))
        return foreign if foreign > self._max_foreign_ids else 0


def _requests(arrivals: Sequence[Arrival]) -> Mapping[int, TraceContext]:
    """The recorded spans of callbacks, by the places of their items."""
    if all(arrival.trace is None for arrival in arrivals):
        return {}
    traces = [arrival.trace for arrival in arrivals for _ in arrival.items]
    return {place: trace for place, trace in enumerate(traces) if trace is not None}


def _timed(item: CallbackItem, now: int) -> CallbackItem:
    """Notices have neither id nor time: a second logout looks like the first, so the minute distinguishes them."""
    if item.stream_record is not None or item.defect is not None:
        return item
    return dataclasses.replace(item, event_key=f"{item.event_key}:{now // NOTICE_WINDOW_MS}")


@dataclass(frozen=True, slots=True)
class IngestCallbackHandler:
    """Read and store one callback."""

    commits: Commits
    operation: StoreCallbacks
    store_only: StoreCallbacks
    """For what could not be applied at once: the projector counts its failures, and the provider has its answer."""
    readers: Mapping[ProviderCode, CallbackReader]
    default: ProviderCode | None
    """The provider of callbacks whose path names none."""
    max_records: int = MAX_CALLBACK_RECORDS
    tracer: Tracer = NO_TRACER
    _long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LONG_AT_ONCE))

    async def __call__(self, body: bytes, caller: Caller = ANYBODY) -> None:
        """Durable when this returns. What somebody proven brings and nobody can read is kept for people.

        Raises `NotFoundError` where there is no such provider or it has no callbacks, `InvalidValueError` where the body of
        somebody unproven is no callback, `CallbackRefusedError` where it is of another instance than the caller's,
        `UnavailableError` also where the inbox has no room for it.
        """
        code = caller.provider_code or self.default or next(iter(self.readers), None)
        reader = self.readers.get(code) if code is not None else None
        if code is None or reader is None:
            raise NotFoundError("provider with callbacks")
        if items := await self._items(reader, body, caller):
            async with self._long if len(items) > LONG else contextlib.nullcontext():
                await self._take(Arrival(code, items, self.tracer.current()))

    async def _items(self, reader: CallbackReader, body: bytes, caller: Caller) -> tuple[CallbackItem, ...]:
        try:
            items = await computed(len(body), reader.read, body, max_records=self.max_records)
        except InvalidValueError as error:
            if not caller.proven:
                raise
            return (await computed(len(body), unreadable_item, body, caller.guid, error.message),)
        if not are_of(caller.guid, (item.guid for item in items)):
            raise CallbackRefusedError(CallbackRefusal.OTHER_GUID)
        return items

    async def _take(self, arrival: Arrival) -> None:
        try:
            return await self.commits.submit(self.operation, arrival)
        except TryAgainError as error:
            if error.lost_connection:
                raise
        except (DrainingError, UnavailableError):
            raise
        except Exception:  # noqa: BLE001 -- whatever applying it raises, it can be stored
            _log.exception("callback could not be applied at once")
        return await self.commits.submit(self.store_only, arrival)
