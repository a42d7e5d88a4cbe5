"""Publishing rings of one class: what becomes due while a publish is under way gathers in the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from wework_message.adapters.rocketmq.transport.port import PublishError, Transport
from wework_message.adapters.rocketmq.wakeup.codec import IDS_PER_WAKEUP, encoded
from wework_message.domain.ids import MessageId

MAX_PENDING: Final = 10_000
"""Ids that may wait for a publish; the table has them all."""

SLOW_S: Final = 0.2
"""A publish that takes longer is not waited for: this process looks at the table by itself meanwhile."""

RETRY_DELAY_S: Final = 1.0
"""After a publish that failed, the next one is tried so much later; until then the table alone is looked at."""

Published = Callable[[str, float], None]
"""Hears of each publish: `ok` or `failed`, and its seconds."""

_log: Final = logging.getLogger(__name__)


class WakeupPublisher:
    """One topic. Nothing here blocks or fails whoever rings."""

    def __init__(self, transport: Transport, topic: str, look: Callable[[], None], published: Published) -> None:
        """`look` has this process's dispatcher look at the table."""
        self._transport = transport
        self._topic = topic
        self._look = look
        self._published = published
        self._pending: deque[MessageId] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._since: float | None = None
        self._not_before = 0.0

    def add(self, message_ids: Iterable[MessageId]) -> None:
        """They are published soon, in this order; or the table is looked at."""
        now = _now()
        if now < self._not_before or len(self._pending) >= MAX_PENDING:
            self._look()
            return
        self._pending.extend(message_ids)
        self._wake.set()
        if self._since is not None and now - self._since > SLOW_S:
            self._look()

    def close(self) -> None:
        """`run` returns once what is pending is published."""
        self._closing = True
        self._wake.set()

    async def run(self) -> None:
        """Publish until `close`."""
        while not (self._closing and not self._pending):
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                most = min(IDS_PER_WAKEUP, len(self._pending))
                await self._publish([self._pending.popleft() for _ in range(most)])

    async def _publish(self, message_ids: list[MessageId]) -> None:
        self._since = began = _now()
        try:
            await self._transport.publish(self._topic, encoded(message_ids))
        except PublishError:  # the transport tells that the broker is away, once
            self._failed(began)
        except Exception:  # noqa: BLE001 -- one defect must not silence all later rings
            _log.exception("a ring could not be published")
            self._failed(began)
        else:
            self._published("ok", _now() - began)
        finally:
            self._since = None

    def _failed(self, began: float) -> None:
        self._published("failed", _now() - began)
        self._not_before = _now() + RETRY_DELAY_S
        self._pending.clear()
        self._look()


def _now() -> float:
    return asyncio.get_running_loop().time()
