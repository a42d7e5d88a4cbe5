"""What operators see of the cluster: how it is, what waits there, and whether everything is there that should be."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin, RefusedError
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.topics import LayoutError, ensure
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.application.queries.service import Backend, Condition
from wework_message.application.waiting import set_within

POLL_INTERVAL_S: Final = 5.0
"""Between two looks."""

BACKLOG_S: Final = 20.0
"""Between two readings of the backlog."""

CONNECT_S: Final = 2.0

_BROKER_DOWN: Final = "broker down: no name server answers"

_log: Final = logging.getLogger(__name__)


class ClusterWatch:
    """Looks every few seconds, in the background; nothing waits for it."""

    kind = "rocketmq"
    server = True

    def __init__(
        self, admin: Admin, proxies: Sequence[Address], uses: Sequence[ConnectionState], wanted: Sequence[tuple[str, str]],
        queue_metrics: QueueMetrics, *, creates: bool, tried: Callable[[], None],
    ) -> None:  # fmt: skip
        """`proxies` are empty where the transport needs none; `wanted` are (topic, group), created if `creates`.

        `tried` is called once everything is there, or could not be created at the first attempt.
        """
        self._admin = admin
        self._proxies = proxies
        self._uses = uses
        self._wanted = wanted
        self._queue_metrics = queue_metrics
        self._missing = creates
        self._tried = tried
        self._trouble: str | None = None
        self._condition = Condition()
        self._counted: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def condition(self) -> Condition:
        """What the last look found; what clients have met since goes first."""
        if self._condition.healthy and (failing := self._failing()) is not None:
            return Condition(healthy=False, reason=failing)
        return self._condition

    async def run(self) -> None:
        """Look until `stop`."""
        while not self._stopped.is_set():
            self._looking = asyncio.create_task(self.look())
            await asyncio.wait({self._looking})
            if not self._looking.cancelled() and (error := self._looking.exception()) is not None:
                _log.error("looking at RocketMQ failed", exc_info=error)
            await set_within(self._stopped, POLL_INTERVAL_S)

    async def stop(self, drain_s: float) -> None:  # noqa: ARG002 -- a look takes seconds at most
        """Look no more; a look at servers that do not answer would take longer than the drain."""
        self._stopped.set()
        if self._looking is not None:
            self._looking.cancel()

    async def look(self) -> None:
        """Once: create what is missing, judge, and count what waits when it is time to."""
        if self._missing:
            await self._create()
        self._tried()
        self._condition = await self._judged()
        now = asyncio.get_running_loop().time()
        if self._counted is None or now - self._counted >= BACKLOG_S:
            self._counted = now
            await self._count()

    async def _create(self) -> None:
        try:
            created = await ensure(self._admin, self._wanted)
        except LayoutError as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                _log.warning("RocketMQ topics are not created yet: %s; messages go on without", error)
            return
        self._missing, self._trouble = False, None
        if created.topics or created.groups:
            _log.info("RocketMQ: created topics %s and groups %s", list(created.topics), list(created.groups))

    async def _judged(self) -> Condition:
        if not await self._admin.answers():
            return Condition(healthy=False, reason=_BROKER_DOWN)
        refusing = [port for host, port in self._proxies if not await _connects((host, port))]
        if self._proxies and len(refusing) == len(self._proxies):
            return Condition(healthy=False, reason=f"proxy not enabled on {refusing[0]}, or use transport native")
        if self._missing:
            return Condition(healthy=False, reason=f"topics are missing: {self._trouble}")
        if (failing := self._failing()) is not None:
            return Condition(healthy=False, reason=failing)
        return Condition(healthy=True)

    def _failing(self) -> str | None:
        return next((f"{use.what} fails: {use.reason}" for use in self._uses if use.healthy is False), None)

    async def _count(self) -> None:
        for topic, group in self._wanted:
            waiting: int | None = None
            try:
                waiting = await self._admin.backlog(group, topic)
            except (OSError, ValueError, LookupError, RefusedError):
                _log.debug("backlog unknown")
            self._queue_metrics.backlog(group, waiting)


async def _connects(address: Address) -> bool:
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    writer.close()
    return True


def _conforms(watch: ClusterWatch) -> Backend:
    return watch
