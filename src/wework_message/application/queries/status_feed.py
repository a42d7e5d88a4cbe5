"""Waiting for a change of status: sync sends and long polls (D-24)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageReader, MessageView

POLL_INTERVAL_S: Final = 0.5
"""Longest interval between two polls of a waiter: another process may dispatch its message."""

POLL_BACKOFF_FACTOR: Final = 1.5
"""Each interval is so much longer than the one before, up to `POLL_INTERVAL_S`."""


@dataclass(slots=True)
class StatusFeed:
    """Wakes waiters in this process when their message has changed its status."""

    closed: bool = False
    """The process drains: no wait begins, and every waiter gets the message as it is."""
    _events: dict[MessageId, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def publish(self, message_id: MessageId) -> None:
        """Wake all waiters of this message."""
        for event in self._events.get(message_id, ()):
            event.set()

    def close(self) -> None:
        """Wake all waiters, for good."""
        self.closed = True
        for events in self._events.values():
            for event in events:
                event.set()

    def subscribe(self, message_id: MessageId) -> asyncio.Event:
        """An event that is set at each change of status from now on; end it with `unsubscribe`."""
        event = asyncio.Event()
        self._events[message_id].add(event)
        return event

    def unsubscribe(self, message_id: MessageId, event: asyncio.Event) -> None:
        """Stop waiting."""
        events = self._events.get(message_id, set())
        events.discard(event)
        if not events:
            self._events.pop(message_id, None)


@dataclass(frozen=True, slots=True)
class WaitForMessage:
    """Read a message, and wait until it is what the caller wants."""

    feed: StatusFeed
    reader: MessageReader
    first_poll_ms: int
    """When a waiter polls for the first time; short where only other processes dispatch."""

    async def __call__(
        self, tenant_id: TenantId, message_id: MessageId, *, enough: Callable[[MessageView], bool], wait_ms: int
    ) -> MessageView | None:
        """The message once `enough` accepts it, or as it is after `wait_ms`; None if there is none."""
        deadline = asyncio.get_running_loop().time() + wait_ms / 1000
        poll_s = self.first_poll_ms / 1000
        event = self.feed.subscribe(message_id)
        try:
            while True:
                event.clear()
                view = (await self.reader.messages(tenant_id, [message_id])).get(message_id)
                remaining_s = deadline - asyncio.get_running_loop().time()
                if view is None or enough(view) or remaining_s <= 0 or self.feed.closed:
                    return view
                await set_within(event, min(remaining_s, poll_s))
                poll_s = min(poll_s * POLL_BACKOFF_FACTOR, POLL_INTERVAL_S)
        finally:
            self.feed.unsubscribe(message_id, event)
