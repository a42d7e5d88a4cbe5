"""Publishing and receiving through the proxy, with blocking calls of the official client in our own threads.

The client's asynchronous calls and its push consumer are not used: they lose messages, send them twice, or hang when a
proxy goes away.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from threading import Event
from typing import Any, Final

from wework_message.adapters.rocketmq.transport.client import Renewed, describe, load_client
from wework_message.adapters.rocketmq.transport.client_faults import UNREADABLE
from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.adapters.rocketmq.transport.part_ids import by_handle
from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport
from wework_message.adapters.threads import Threads
from wework_message.domain.trace import TraceContext, carried, context_in

LONG_POLL_S: Final = 5
"""How long one receive waits for a message: the least that a proxy accepts."""

CLOSE_S: Final = 5.0
"""How long closing a client may take."""

_SEND_THREADS: Final = 8
_RETRY_DELAY_S: Final = 0.1
"""Between two tries of a publish."""
_PAUSE_S: Final = 1.0
"""After a failed receive."""
_MESSAGE_ERRORS: Final = frozenset(
    {"IllegalArgumentException", "BadRequestException", "PayloadTooLargeException", "PayloadEmptyException"}
)
"""Errors that are caused by the message, not by the broker."""

FindParts = Callable[[str, str, str, bytes], Awaitable[Sequence[str]]]
"""From topic, group, message id and body to the ids of the parts that were stored so (`PartSearch.find`)."""

_log: Final = logging.getLogger(__name__)


class GrpcTransport:
    """A connection to the proxies of a cluster. Nothing is connected before the first use."""

    def __init__(self, target: Target, find_parts: FindParts | None = None) -> None:
        """Without `find_parts` nobody knows of which part a copy is. Raises `ClientMissingError`."""
        self._client = load_client()
        self._target = target
        self._tls = target.tls if target.tls is not None else False  # `client_faults` reads the files for each channel
        self._find_parts = find_parts
        self._workers = Threads("rocketmq-send", _SEND_THREADS)
        self._producer = Renewed(self._new_producer)
        self._subscriptions: list[GrpcSubscription] = []
        self._closing = Event()
        self._sending: set[asyncio.Future[None]] = set()
        self.publishing = ConnectionState("publishing")
        self.receiving = ConnectionState("receiving")

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        """As the port's. The publish continues after a cancellation of the caller."""
        if self._closing.is_set():
            raise PublishError("closed")
        sending = self._workers.start(self._send, topic, body, tuple(keys), trace)
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        await asyncio.shield(sending)

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> "GrpcSubscription":
        """Return at once: the consumer connects with its first receive."""
        consumer = Renewed(lambda: self._new_consumer(topic, group))
        subscription = GrpcSubscription(consumer, self.receiving, lease_s, group, self._find_parts)
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        """Close the subscriptions, then end publishes under way, then close the producer, a few seconds each. Twice is allowed."""
        self._closing.set()
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=CLOSE_S)
        if not self._workers.closed:
            await asyncio.wait({self._workers.start(self._producer.close)}, timeout=CLOSE_S)
            self._workers.close()

    def _send(self, topic: str, body: bytes, keys: tuple[str, ...], trace: TraceContext | None) -> None:
        reason = ""
        for number in range(max(1, self._target.tries)):
            if number and self._closing.wait(_RETRY_DELAY_S):
                break
            producer = None
            try:
                producer = self._producer.get()
                producer.send(self._message(topic, body, keys, trace))
            except Exception as error:  # the client has many error types, and a missing topic is a bare Exception
                reason = describe(error)
                if type(error).__name__ in _MESSAGE_ERRORS:
                    raise PublishError(reason) from error
                self._producer.failed(producer)
            else:
                self._producer.answered()
                self.publishing.answered()
                return
        self.publishing.failed(reason)
        raise PublishError(reason)

    def _message(self, topic: str, body: bytes, keys: tuple[str, ...], trace: TraceContext | None) -> Any:
        message = self._client.Message()
        message.topic, message.body = topic, body
        for key in keys:
            message.keys = key  # the property appends
        for name, value in carried(trace):
            message.add_property(name, value)
        return message

    def _new_producer(self) -> Any:
        producer = self._client.Producer(self._configuration(), tls_enable=self._tls)
        producer.startup()
        return producer

    def _new_consumer(self, topic: str, group: str) -> Any:
        consumer = self._client.SimpleConsumer(
            self._configuration(), group, {topic: self._client.FilterExpression("*")}, await_duration=LONG_POLL_S,
            tls_enable=self._tls,
        )  # fmt: skip
        consumer.startup()
        if consumer.route_manager.get_all_endpoints():
            # The proxy refuses a consumer until it has its settings, and the library does not wait for the proxy's answer.
            consumer._init_settings_event.wait(self._target.request_timeout_s)  # noqa: SLF001 -- there is no public way
        return consumer

    def _configuration(self) -> Any:
        target = self._target
        credentials = self._client.Credentials(target.access_key, target.secret_key)
        return self._client.ClientConfiguration(
            target.endpoints, credentials, namespace=target.namespace, request_timeout=target.request_timeout_s
        )


class GrpcSubscription:
    """One consumer of a group, on one topic."""

    def __init__(
        self,
        consumer: Renewed,
        connection_state: ConnectionState,
        lease_s: int,
        group: str,
        find_parts: FindParts | None,
    ) -> None:
        """`connection_state` gets the result of each receive."""
        self._group = group
        self._find_parts = find_parts
        self._consumer = consumer
        self._connection_state = connection_state
        self._lease_s = lease_s
        self._receiver = Threads("rocketmq-receive", 1)
        self._ackers = Threads("rocketmq-ack", 2)
        self._under_way: asyncio.Future[Sequence[Delivery]] | None = None
        self._closed: asyncio.Task[None] | None = None

    @property
    def renewals(self) -> int:
        """The number of replacements of the consumer."""
        return self._consumer.renewals

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """As the port's. After a cancellation the next call returns the messages of the receive under way."""
        if self._closed is not None:
            return ()
        if self._under_way is None:
            self._under_way = self._receiver.start(self._receive, limit)
        try:
            deliveries = await asyncio.shield(self._under_way)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 -- the cluster is away, or the topic does not exist yet: the next call tries again
            self._under_way = None
            if self._closed is None:
                self._connection_state.failed(describe(error))
                await asyncio.sleep(_PAUSE_S)
            return ()
        self._under_way = None
        self._connection_state.answered()
        return deliveries

    def _receive(self, limit: int) -> Sequence[Delivery]:
        consumer = None
        try:
            consumer = self._consumer.get()
            messages = consumer.receive(limit, self._lease_s)
        except BaseException:  # also the CancelledError that the client raises
            self._consumer.failed(consumer)
            raise
        self._consumer.answered()
        return [_delivery(message) for message in messages]

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        """As the port's. The brokers are asked about copies only."""
        if not delivery.copied:
            return (delivery.part_id,)
        if self._find_parts is None:
            return ()
        try:
            return await self._find_parts(delivery.topic, self._group, delivery.message_id, delivery.body)
        except Exception as error:  # noqa: BLE001 -- brokers are away, or refuse: the caller leaves the message
            _log.warning("RocketMQ does not tell where a message was stored first: %s", describe(error))
            return ()

    async def ack(self, delivery: Delivery) -> None:
        with contextlib.suppress(Exception):
            await asyncio.shield(self._ackers.start(self._ack, delivery))

    def _ack(self, delivery: Delivery) -> None:
        self._consumer.get().ack(delivery.handle)

    async def close(self) -> None:
        """Wait for a receive under way, and give its messages back: otherwise no consumer would get them until the lease ends."""
        if self._closed is None:
            self._closed = asyncio.create_task(self._close())
        await asyncio.shield(self._closed)

    async def _close(self) -> None:
        if (under_way := self._under_way) is not None:
            await asyncio.wait({under_way}, timeout=LONG_POLL_S + CLOSE_S)
            if under_way.done() and not under_way.exception():
                await asyncio.wait({self._ackers.start(self._give_back, under_way.result())}, timeout=CLOSE_S)
        await asyncio.wait({self._ackers.start(self._consumer.close)}, timeout=CLOSE_S)
        self._receiver.close()
        self._ackers.close()

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            with contextlib.suppress(Exception):
                self._consumer.get().change_invisible_duration(delivery.handle, 1)


def _delivery(message: Any) -> Delivery:
    part_id, copied = by_handle(message.topic, message.receipt_handle or "", message.message_id)
    return Delivery(
        topic=message.topic,
        body=bytes(message.body or b""),
        keys=tuple(message.keys or ()),
        message_id=message.message_id,
        part_id=part_id,
        attempt=message.delivery_attempt or 1,
        handle=message,
        unreadable=getattr(message, UNREADABLE, None),
        copied=copied,
        trace=context_in(message.properties.items()),
    )


def _conforms(transport: GrpcTransport) -> Transport:
    return transport


def _subscribes(subscription: GrpcSubscription) -> Subscription:
    return subscription
