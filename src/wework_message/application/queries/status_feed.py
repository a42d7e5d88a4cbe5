"""Waiting for a message to move: sync sends and long polls (D-24)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageReader, MessageView

POLL_INTERVAL_S: Final = 0.5
"""How often a waiter looks by itself at last: another process may be the one that dispatches."""

POLL_BACKOFF_FACTOR: Final = 1.5
"""Each look by itself comes so much later than the one before: a wait of t ms costs looks in the logarithm of t."""


@dataclass(slots=True)
class StatusFeed:
    """Tells waiters in this process that a message has moved."""

    closed: bool = False
    """The process drains: nobody waits any longer, each gets what is there."""
    _events: dict[MessageId, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    def publish(self, message_id: MessageId) -> None:
        """Wake whoever waits for this message."""
        for event in self._events.get(message_id, ()):
            event.set()

    def close(self) -> None:
        """Wake everybody, for good."""
        self.closed = True
        for events in self._events.values():
            for event in events:
                event.set()

    def subscribe(self, message_id: MessageId) -> asyncio.Event:
        """An event that is set at each move from now on; give it back with `unsubscribe`."""
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
    """Read a message, and wait while it is not what the caller wants to see."""

    feed: StatusFeed
    reader: MessageReader
    first_poll_ms: int
    """After so long a waiter looks by itself for the first time; short where only other processes dispatch."""

    async def __call__(
        self, tenant_id: TenantId, message_id: MessageId, *, enough: Callable[[MessageView], bool], wait_ms: int
    ) -> MessageView | None:
        """The message once `enough` says so, or as it is after `wait_ms`; None if there is none."""
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
