"""The condition of the cluster for operators: whether it answers, its backlog, and missing topics and groups."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin, RefusedError
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.topics import LayoutError, ensure
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.adapters.tls import ClientTls, refusal
from wework_message.application.queries.service import Backend, Condition
from wework_message.application.waiting import set_within

POLL_INTERVAL_S: Final = 5.0
"""Between two polls."""

BACKLOG_INTERVAL_S: Final = 20.0
"""Between two reads of the backlog."""

CONNECT_TIMEOUT_S: Final = 2.0

_BROKER_DOWN: Final = "broker down: no name server answers"

_log: Final = logging.getLogger(__name__)


class ClusterWatch:
    """Polls the cluster every few seconds, in the background; nothing waits for it."""

    kind = "rocketmq"
    server = True

    def __init__(
        self, admin: Admin, proxies: Sequence[Address], uses: Sequence[ConnectionState], required: Sequence[tuple[str, str]],
        queue_metrics: QueueMetrics, *, creates: bool, tried: Callable[[], None], tls: ClientTls | None = None,
    ) -> None:  # fmt: skip
        """`proxies` is empty where the transport needs none, `tls` is that to them. `required` are pairs (topic, group), created if `creates`.

        `tried` is called once they all exist, and after a failed attempt to create them.
        """
        self._admin = admin
        self._proxies = proxies
        self._tls = tls
        self._refused: str | None = None
        self._uses = uses
        self._required = required
        self._queue_metrics = queue_metrics
        self._missing = creates
        self._tried = tried
        self._create_error: str | None = None
        self._condition = Condition()
        self._backlog_read_at: float | None = None
        self._polling: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    def condition(self) -> Condition:
        """The result of the last poll; a later failure of a client takes precedence."""
        if self._condition.healthy and (failing := self._failing()) is not None:
            return Condition(healthy=False, reason=failing)
        return self._condition

    async def run(self) -> None:
        """Poll until `stop`."""
        while not self._stopped.is_set():
            self._polling = asyncio.create_task(self.poll())
            await asyncio.wait({self._polling})
            if not self._polling.cancelled() and (error := self._polling.exception()) is not None:
                _log.error("looking at RocketMQ failed", exc_info=error)
            await set_within(self._stopped, POLL_INTERVAL_S)

    async def stop(self, drain_s: float) -> None:  # noqa: ARG002 -- a poll takes seconds at most
        """End the poll under way: with servers that do not answer it would take longer than the drain."""
        self._stopped.set()
        if self._polling is not None:
            self._polling.cancel()

    async def poll(self) -> None:
        """Create missing topics and groups, update the condition, and read the backlog when it is due."""
        if self._missing:
            await self._create()
        self._tried()
        self._condition = await self._current_condition()
        now = asyncio.get_running_loop().time()
        if self._backlog_read_at is None or now - self._backlog_read_at >= BACKLOG_INTERVAL_S:
            self._backlog_read_at = now
            await self._read_backlog()

    async def _create(self) -> None:
        try:
            created = await ensure(self._admin, self._required)
        except LayoutError as error:
            if self._create_error != str(error):
                self._create_error = str(error)
                _log.warning("RocketMQ topics are not created yet: %s; messages go on without", error)
            return
        self._missing, self._create_error = False, None
        if created.topics or created.groups:
            _log.info("RocketMQ: created topics %s and groups %s", list(created.topics), list(created.groups))

    async def _current_condition(self) -> Condition:
        if (error := await self._admin.failure()) is not None:
            return Condition(healthy=False, reason=self._refusal("name server", error) or _BROKER_DOWN)
        errors = [await _connection_error(address, self._tls) for address in self._proxies]
        if errors and None not in errors:
            reason = f"proxy not enabled on {self._proxies[0][1]}, or use transport native"
            return Condition(healthy=False, reason=self._refusal("proxy", errors[0]) or reason)
        self._refused = None
        if self._missing:
            return Condition(healthy=False, reason=f"topics are missing: {self._create_error}")
        if (failing := self._failing()) is not None:
            return Condition(healthy=False, reason=failing)
        return Condition(healthy=True)

    def _refusal(self, server: str, error: OSError | ValueError | RefusedError | None) -> str | None:
        """The reason where TLS is the reason; logged once, because the clients' own errors do not say it."""
        if (reason := refusal(error)) is None:
            return None
        text = f"{server}: TLS: {reason}"
        if self._refused != text:
            self._refused = text
            _log.warning("RocketMQ is refused: %s; messages go on without", text)
        return text

    def _failing(self) -> str | None:
        return next((f"{use.what} fails: {use.reason}" for use in self._uses if use.healthy is False), None)

    async def _read_backlog(self) -> None:
        for topic, group in self._required:
            backlog: int | None = None
            try:
                backlog = await self._admin.backlog(group, topic)
            except (OSError, ValueError, LookupError, RefusedError):
                _log.debug("backlog unknown")
            self._queue_metrics.backlog(group, backlog)


async def _connection_error(address: Address, tls: ClientTls | None) -> OSError | None:
    """None where it takes connections."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(*address, ssl=None if tls is None else tls.context())
    except OSError as error:
        return error
    writer.transport.abort()
    return None


def _conforms(watch: ClusterWatch) -> Backend:
    return watch
