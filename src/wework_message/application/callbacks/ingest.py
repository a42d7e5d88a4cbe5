"""Take callbacks in: they are stored raw and durably before the answer, and applied afterwards (M-4.3)."""

import asyncio
import contextlib
import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.big_work import computed
from wework_message.application.callbacks.admission import Admission
from wework_message.application.callbacks.kept import discard_oldest_kept
from wework_message.application.commit.group_commit import CommitScope, GroupCommit
from wework_message.application.errors import NotFoundError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import InboxLimits
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem, CallbackReader
from wework_message.domain.ports.system import Clock

NOTICE_WINDOW_MS: Final = 60_000
"""Equal notices within this time are one: the callback was repeated, not the event."""

LONG: Final = 50
"""A callback with more records than this is a long one."""

LONG_AT_ONCE: Final = 4
"""Long callbacks in one transaction: what others commit must not wait for half a million rows."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The items of one callback from one provider."""

    provider_code: ProviderCode
    items: tuple[CallbackItem, ...]


class StoreCallbacks:
    """The transaction's part: it writes the inbox rows before the answer."""

    def __init__(self, clock: Clock, limits: InboxLimits) -> None:
        """`clock` stamps the arrival; `limits` say how many may wait and be kept."""
        self._clock = clock
        self._limits = limits

    async def __call__(self, scope: CommitScope, items: Sequence[Arrival], /) -> Sequence[Exception | None]:
        """None where the items are durable, `UnavailableError` where there is no room. Known items are counted and dropped."""
        now = self._clock.now()
        admission = Admission(scope.unit.inbox, self._limits)
        results = [await admission.refusal(arrival.items) for arrival in items]
        kinds: dict[tuple[ProviderCode, int], list[CallbackItem]] = defaultdict(list)
        for arrival, refused in zip(items, results, strict=True):
            for item in arrival.items:
                if refused is None:
                    kinds[arrival.provider_code, item.notify_type].append(_timed(item, now))
                else:
                    scope.callbacks[item.notify_type, "refused"] += 1
        for (provider_code, notify_type), arrived in kinds.items():
            readable = [item for item in arrived if item.defect is None]
            defective = [item for item in arrived if item.defect is not None]
            new = await scope.unit.inbox.store(provider_code, readable, now)
            quarantined = await scope.unit.inbox.store(provider_code, defective, now)
            scope.inbox |= new > 0
            scope.callbacks[notify_type, "new"] += new + quarantined
            scope.callbacks[notify_type, "duplicate"] += len(arrived) - new - quarantined
            scope.callbacks[notify_type, "quarantined"] += quarantined
            if quarantined:
                await discard_oldest_kept(scope.unit, {item.guid for item in defective}, self._limits)
        return results


def _timed(item: CallbackItem, now: int) -> CallbackItem:
    """Notices have neither id nor time: a second logout looks like the first, so the minute distinguishes them."""
    if item.stream_record is not None or item.defect is not None:
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
    max_records: int = MAX_CALLBACK_RECORDS
    _long: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LONG_AT_ONCE))

    async def __call__(self, body: bytes, provider_code: ProviderCode | None = None) -> None:
        """Durable when this returns.

        Raises `NotFoundError` where there is no such provider or it has no callbacks, `InvalidValueError` where the body is
        no callback, `UnavailableError` also where the inbox has no room for it.
        """
        code = provider_code or self.default or next(iter(self.readers), None)
        reader = self.readers.get(code) if code is not None else None
        if code is None or reader is None:
            raise NotFoundError("provider with callbacks")
        if items := await computed(len(body), reader.read, body, max_records=self.max_records):
            async with self._long if len(items) > LONG else contextlib.nullcontext():
                await self.commits.submit(self.operation, Arrival(code, items))
