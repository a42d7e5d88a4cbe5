"""Take callbacks in: they are stored raw and durably before the answer, and applied afterwards (M-4.3)."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.group_commit import CommitScope, GroupCommit
from wework_message.application.errors import NotFoundError
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.gateway import CallbackItem, CallbackReader
from wework_message.domain.ports.system import Clock

NOTICE_WINDOW_MS: Final = 60_000
"""Equal notices within this time are one: the callback was repeated, not the event."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The items of one callback from one provider."""

    provider_code: ProviderCode
    items: tuple[CallbackItem, ...]


class StoreCallbacks:
    """The transaction's part: it writes the inbox rows before the answer."""

    def __init__(self, clock: Clock) -> None:
        """`clock` stamps the arrival."""
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[Arrival], /) -> Sequence[None]:
        """The only answer is that the items are durable. Known items are counted and dropped."""
        now = self._clock.now()
        kinds: dict[tuple[ProviderCode, int], list[CallbackItem]] = defaultdict(list)
        for arrival in items:
            for item in arrival.items:
                kinds[arrival.provider_code, item.notify_type].append(_timed(item, now))
        for (provider_code, notify_type), arrived in kinds.items():
            new = await scope.unit.inbox.store(provider_code, arrived, now)
            scope.inbox |= new > 0
            scope.callbacks[notify_type, "new"] += new
            scope.callbacks[notify_type, "duplicate"] += len(arrived) - new
        return [None] * len(items)


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
