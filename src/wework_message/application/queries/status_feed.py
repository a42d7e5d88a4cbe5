"""Waiting for a change of status: sync sends and long polls (D-24)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from wework_message.application.errors import TooManyWaitersError
from wework_message.application.queries.status_watch import StatusWatch
from wework_message.application.waiting import set_within
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageReader, MessageView


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """One request that waits for its message."""

    message_id: MessageId
    changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class StatusFeed:
    """Wakes waiters in this process when their message has changed its status."""

    closed: bool = False
    """The process drains: no wait begins, and every waiter gets the message as it is."""
    _waiters: dict[MessageId, set[Waiter]] = field(default_factory=lambda: defaultdict(set))

    def publish(self, message_id: MessageId) -> None:
        """Wake all waiters of this message."""
        for waiter in self._waiters.get(message_id, ()):
            waiter.changed.set()

    def close(self) -> None:
        """Wake all waiters, for good."""
        self.closed = True
        for message_id in self._waiters:
            self.publish(message_id)

    def subscribe(self, message_id: MessageId) -> Waiter:
        """A waiter whose event is set at each change of status from now on; end it with `unsubscribe`."""
        waiter = Waiter(message_id)
        self._waiters[message_id].add(waiter)
        return waiter

    def unsubscribe(self, waiter: Waiter) -> None:
        """Stop waiting."""
        waiters = self._waiters.get(waiter.message_id, set())
        waiters.discard(waiter)
        if not waiters:
            self._waiters.pop(waiter.message_id, None)


class WaitForMessage:
    """Read a message, and wait until it is what the caller wants."""

    def __init__(self, feed: StatusFeed, reader: MessageReader, first_poll_ms: int, max_waiters: int) -> None:
        """`first_poll_ms` is the first interval of `StatusWatch`; `max_waiters` requests may wait at once."""
        self.first_poll_ms = first_poll_ms
        self._feed = feed
        self._reader = reader
        self._watch = StatusWatch(reader, feed.publish, first_poll_ms)
        self.max_waiters = max_waiters
        self._waiting = 0

    async def __call__(
        self,
        tenant_id: TenantId,
        message_id: MessageId,
        *,
        enough: Callable[[MessageView], bool],
        wait_ms: int,
        refuse_if_full: bool = False,
    ) -> MessageView | None:
        """The message once `enough` accepts it, or as it is after `wait_ms`; None if there is none.

        Where as many requests wait as may, it raises `TooManyWaitersError` with `refuse_if_full`, else it answers at once.
        """
        deadline = asyncio.get_running_loop().time() + wait_ms / 1000
        waiter = self._feed.subscribe(message_id)  # before the read: a change after it is not missed
        try:
            view = await self._read(tenant_id, message_id)
            if view is None or enough(view) or wait_ms <= 0 or self._feed.closed:
                return view
            if self._waiting >= self.max_waiters:
                if refuse_if_full:
                    raise TooManyWaitersError
                return view
            return await self._wait(tenant_id, waiter, view, enough, deadline)
        finally:
            self._feed.unsubscribe(waiter)

    async def _wait(
        self,
        tenant_id: TenantId,
        waiter: Waiter,
        view: MessageView | None,
        enough: Callable[[MessageView], bool],
        deadline: float,
    ) -> MessageView | None:
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            while view is not None and not enough(view) and not self._feed.closed:
                remaining_s = deadline - loop.time()
                if remaining_s <= 0:
                    break
                with self._watch.watching(waiter.message_id, view.message.version):
                    await set_within(waiter.changed, remaining_s)
                waiter.changed.clear()
                view = await self._read(tenant_id, waiter.message_id)
            return view
        finally:
            self._waiting -= 1

    async def _read(self, tenant_id: TenantId, message_id: MessageId) -> MessageView | None:
        return (await self._reader.messages(tenant_id, [message_id])).get(message_id)
