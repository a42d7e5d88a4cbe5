"""Publishes wake-ups of one class of urgency: ids that become due during a publish go with the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from wework_message.adapters.rocketmq.transport.port import PublishError, Transport
from wework_message.adapters.rocketmq.wakeup.codec import IDS_PER_WAKEUP, encoded
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.trace import TraceContext

MAX_PENDING: Final = 10_000
"""Ids that may wait for a publish; the table has them all."""

MAX_TRACES: Final = 100
"""Of the messages of one wake-up, so many spans are linked at most."""

SLOW_S: Final = 0.2
"""While a publish takes longer, this process polls the table."""

RETRY_DELAY_S: Final = 1.0
"""Between a failed publish and the next one; meanwhile this process polls the table."""

Published = Callable[[str, float], None]
"""Called after each publish: `ok` or `failed`, and its seconds."""

_log: Final = logging.getLogger(__name__)


class WakeupPublisher:
    """Publishes to one topic. `add` never blocks and never raises."""

    def __init__(
        self,
        transport: Transport,
        topic: str,
        poll_table: Callable[[], None],
        published: Published,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """`poll_table` makes the dispatcher of this process poll the table."""
        self._transport = transport
        self._topic = topic
        self._poll_table = poll_table
        self._published = published
        self._tracer = tracer
        self._pending: deque[MessageId] = deque()
        self._traces: deque[TraceContext] = deque(maxlen=MAX_TRACES)
        """Of what is pending, and with it of other ids in the same publish."""
        self._wake = asyncio.Event()
        self._closing = False
        self._publishing_since: float | None = None
        self._not_before = 0.0

    def add(self, message_ids: Iterable[MessageId], traces: Iterable[TraceContext] = ()) -> None:
        """Publish these ids soon, in this order; or poll the table where that fails or is slow."""
        now = _now()
        if now < self._not_before or len(self._pending) >= MAX_PENDING:
            self._poll_table()
            return
        self._pending.extend(message_ids)
        self._traces.extend(traces)
        self._wake.set()
        if self._publishing_since is not None and now - self._publishing_since > SLOW_S:
            self._poll_table()

    def close(self) -> None:
        """`run` returns once all pending ids are published."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Publish until `close`."""
        while not (self._closing and not self._pending):
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                count = min(IDS_PER_WAKEUP, len(self._pending))
                await self._publish([self._pending.popleft() for _ in range(count)])

    async def _publish(self, message_ids: list[MessageId]) -> None:
        self._publishing_since = began = _now()
        span = self._tracer.publishing(self._topic, [*self._traces], len(message_ids))
        self._traces.clear()
        try:
            await self._transport.publish(self._topic, encoded(message_ids), trace=span.context)
        except PublishError:  # the transport logs once that the broker is away
            self._failed(began)
            span.end("failed", failed=True)
        except Exception:  # noqa: BLE001 -- one defect must not stop all later wake-ups
            _log.exception("a ring could not be published")
            self._failed(began)
            span.end("failed", failed=True)
        else:
            self._published("ok", _now() - began)
            span.end("ok")
        finally:
            self._publishing_since = None

    def _failed(self, began: float) -> None:
        self._published("failed", _now() - began)
        self._not_before = _now() + RETRY_DELAY_S
        self._pending.clear()
        self._poll_table()


def _now() -> float:
    return asyncio.get_running_loop().time()
