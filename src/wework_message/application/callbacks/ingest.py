"""Take callbacks in: they are stored raw and durably before the answer, and applied afterwards (M-4.3)."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.group_commit import CommitScope, GroupCommit
from wework_message.application.errors import NotFoundError
from wework_message.domain.ids import Guid, ProviderCode, ProviderMessageId
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader
from wework_message.domain.ports.system import Clock

NOTICE_WINDOW_MS: Final = 60_000
"""Equal notices within this time are one: the callback was repeated, not the event."""


LOOKED_UP_AT_ONCE: Final = 1_000
"""Ids in one query."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The items of one callback from one provider."""

    provider_code: ProviderCode
    items: tuple[CallbackItem, ...]

    @property
    def named(self) -> frozenset[tuple[ProviderCode, Guid, ProviderMessageId]]:
        """The provider's message ids that its records name, as their own or as the ones that they change."""
        records = [item.stream_record for item in self.items if item.stream_record is not None]
        return frozenset(
            (self.provider_code, stream_record.guid, named_id)
            for stream_record in records
            for named_id in (stream_record.provider_message_id, stream_record.refers_to)
            if named_id is not None
        )


class StoreCallbacks:
    """The transaction's part: it writes the inbox rows before the answer."""

    def __init__(self, clock: Clock, max_foreign_ids: int) -> None:
        """`clock` stamps the arrival. A callback that names more foreign ids than `max_foreign_ids` is reported."""
        self._clock = clock
        self._max_foreign_ids = max_foreign_ids

    async def __call__(self, scope: CommitScope, items: Sequence[Arrival], /) -> Sequence[None]:
        """The only answer is that the items are durable. Known items are counted and dropped."""
        now = self._clock.now()
        kinds: dict[tuple[ProviderCode, int], list[CallbackItem]] = defaultdict(list)
        for arrival in items:
            scope.foreign_ids += await self._foreign_ids(scope, arrival)
            for item in arrival.items:
                kinds[arrival.provider_code, item.notify_type].append(_timed(item, now))
        for (provider_code, notify_type), arrived in kinds.items():
            new = await scope.unit.inbox.store(provider_code, arrived, now)
            scope.inbox |= new > 0
            if new < len(arrived):
                repeated = [item for item in arrived if item.defect is None]
                scope.inbox |= await scope.unit.inbox.repeat(provider_code, repeated, now) > 0
            scope.callbacks[notify_type, "new"] += new
            scope.callbacks[notify_type, "duplicate"] += len(arrived) - new
        return [None] * len(items)

    async def _foreign_ids(self, scope: CommitScope, arrival: Arrival) -> int:
        """How many message ids the callback names that are none of ours; 0 where it names few."""
        if len(arrival.items) * 2 <= self._max_foreign_ids or len(arrival.named) <= self._max_foreign_ids:
            return 0
        named = sorted(arrival.named)
        foreign = len(named)
        for start in range(0, len(named), LOOKED_UP_AT_ONCE):
            foreign -= len(await scope.unit.messages.sent_as(named[start : start + LOOKED_UP_AT_ONCE]))
        return foreign if foreign > self._max_foreign_ids else 0


def _timed(item: CallbackItem, now: int) -> CallbackItem:
    """Notices have neither id nor time: a second logout looks like the first, so the minute distinguishes them."""
    if item.stream_record is not None:
        return item
    return dataclasses.replace(item, event_key=f"{item.event_key}:{now // NOTICE_WINDOW_MS}")


@dataclass(frozen=True, slots=True)
class IngestCallbackHandler:
    """Read and store one callback."""

    commits: GroupCommit
    operation: StoreCallbacks
    readers: Mapping[ProviderCode, CallbackReader]
    default: ProviderCode | None
    """The provider of callbacks whose path names none."""

    async def __call__(self, body: bytes, provider_code: ProviderCode | None = None) -> None:
        """Durable when this returns.

        Raises `NotFoundError` where there is no such provider or it has no callbacks, `InvalidValueError` where the body is
        no callback, `UnavailableError`.
        """
        code = provider_code or self.default or next(iter(self.readers), None)
        reader = self.readers.get(code) if code is not None else None
        if code is None or reader is None:
            raise NotFoundError("provider with callbacks")
        if items := reader.read(body):
            await self.commits.submit(self.operation, Arrival(code, items))
