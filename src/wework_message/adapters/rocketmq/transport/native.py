"""Publishing and receiving without a proxy, with the C++ client behind ``rocketmq-client-python`` 2.0.0.

That package does not contain the C++ library: librocketmq 2.2.0 or newer must be installed. The tests only use a
substitute of its module `rocketmq.client`. Bodies are C strings there: our bodies contain no zero byte.
"""

import asyncio
import contextlib
import importlib
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, Final

from wework_message.adapters.rocketmq.transport.client import ClientMissingError, Renewed, describe
from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.adapters.rocketmq.transport.part_ids import native_part_id
from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport
from wework_message.adapters.threads import Threads
from wework_message.application.waiting import set_within
from wework_message.domain.trace import TRACEPARENT, TRACESTATE, TraceContext, carried, context_in

WAIT_S: Final = 5.0
"""How long one receive waits for a message."""

CLOSE_S: Final = 5.0

_THREADS: Final = 8
"""Threads of one consumer; each holds one message until it is acknowledged."""

_ORIGIN: Final = "ORIGIN_MESSAGE_ID"
"""MessageConst.PROPERTY_ORIGIN_MESSAGE_ID of a redelivery: address of the broker, and first offset in its log, in hex."""
_OFFSET_DIGITS: Final = 16

_MS: Final = 1000


def load_native() -> Any:
    """The module `rocketmq.client`. Raises `ClientMissingError`."""
    try:
        return importlib.import_module("rocketmq.client")
    except ImportError as error:
        raise ClientMissingError(
            "transport native needs the extra rocketmq-native in an environment of its own, and librocketmq 2.2.0 or newer"
        ) from error


class NativeTransport:
    """A connection to the brokers that the name servers of `target.endpoints` know."""

    def __init__(self, target: Target, group: str, load: Callable[[], Any] = load_native) -> None:
        """`group` is the group of the producer. Raises `ClientMissingError`."""
        self._library = load()
        self._target = target
        self._group = group
        self._workers = Threads("rocketmq-send", 4)
        self._producer = Renewed(self._new_producer)
        self._subscriptions: list[NativeSubscription] = []
        self._numbers = itertools.count(1)
        self._closed = False
        self.publishing = ConnectionState("publishing")
        self.receiving = ConnectionState("receiving")

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        """As the port's. The publish continues after a cancellation of the caller."""
        if self._closed:
            raise PublishError("closed")
        await asyncio.shield(self._workers.start(self._send, topic, body, " ".join(keys), trace))

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> "NativeSubscription":
        """Return at once: the consumer connects in the background."""
        subscription = NativeSubscription(self._library.ConsumeStatus, self.receiving, lease_s)
        self._subscriptions.append(subscription)
        subscription.open(lambda: self._new_consumer(topic, group, subscription.take))
        return subscription

    async def close(self) -> None:
        """Close the subscriptions, then the producer, a few seconds each. Twice is allowed."""
        self._closed = True
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        if not self._workers.closed:
            await asyncio.wait({self._workers.start(self._producer.close)}, timeout=CLOSE_S)
            self._workers.close()

    def _send(self, topic: str, body: bytes, keys: str, trace: TraceContext | None) -> None:
        reason = ""
        for _ in range(max(1, self._target.tries)):
            producer = None
            try:
                producer = self._producer.get()
                message = self._library.Message(topic)
                message.set_body(body)
                if keys:
                    message.set_keys(keys)
                for name, value in carried(trace):
                    message.set_property(name, value)
                status = producer.send_sync(message).status
            except Exception as error:  # noqa: BLE001 -- the library has many error types
                reason = describe(error)
            else:
                if status == self._library.SendStatus.OK:
                    self._producer.answered()
                    self.publishing.answered()
                    return
                reason = getattr(status, "name", "not durable")
            self._producer.failed(producer)
        self.publishing.failed(reason)
        raise PublishError(reason)

    def _new_producer(self) -> Any:
        producer = self._library.Producer(self._group, timeout=self._target.request_timeout_s * _MS)
        self._configure(producer)
        producer.start()
        return producer

    def _new_consumer(self, topic: str, group: str, take: Callable[[Any], Any]) -> Any:
        consumer = self._library.PushConsumer(group)
        self._configure(consumer)
        # Clients of one process with the same name share a connection, and the first one to end closes it.
        consumer.set_instance_name(f"wework-message-{next(self._numbers)}")
        consumer.set_thread_count(_THREADS)
        consumer.subscribe(topic, take)
        consumer.start()
        return consumer

    def _configure(self, client: Any) -> None:
        client.set_name_server_address(self._target.endpoints)
        if self._target.access_key:
            client.set_session_credentials(self._target.access_key, self._target.secret_key, "")


@dataclass(slots=True, eq=False)
class _Held:
    """A message whose callback waits for an acknowledgement."""

    ended: Event = field(default_factory=Event)
    acknowledged: bool = False


class NativeSubscription:
    """Holds pushed messages, one for each waiting thread of the library, until `receive` returns them."""

    def __init__(self, statuses: Any, connection_state: ConnectionState, lease_s: int) -> None:
        """`statuses` is the library's `ConsumeStatus`."""
        self._statuses = statuses
        self._connection_state = connection_state
        self._lease_s = lease_s
        self._loop = asyncio.get_running_loop()
        self._filled = asyncio.Event()
        self._ready: deque[Delivery] = deque()
        self._held: set[_Held] = set()
        self._lock = Lock()
        self._closing = False
        self._workers = Threads("rocketmq-receive", 1)
        self._consumer: asyncio.Future[Any] | None = None

    def open(self, build: Callable[[], Any]) -> None:
        """Start the consumer in a thread."""
        self._consumer = self._workers.start(build)
        self._consumer.add_done_callback(self._opened)

    def _opened(self, consumer: "asyncio.Future[Any]") -> None:
        if (error := consumer.exception()) is None:
            self._connection_state.answered()
        else:
            self._connection_state.failed(describe(error))

    def take(self, message: Any) -> Any:
        """The library's callback, in one of its threads. It always returns a status.

        An exception would reach the C++ side as an undefined status, which may mean success.
        """
        try:
            return self._take(message)
        except BaseException:  # noqa: BLE001 -- see above
            return self._statuses.RECONSUME_LATER

    def _take(self, message: Any) -> Any:
        held = _Held()
        keys = message.keys or b""
        delivery = Delivery(
            topic=message.topic, body=bytes(message.body),
            keys=tuple((keys.decode() if isinstance(keys, bytes) else keys).split()),
            message_id=message.id, part_id=_part_id(message), attempt=message.reconsume_times + 1, handle=held,
            trace=context_in(_properties(message, TRACEPARENT, TRACESTATE)),
        )  # fmt: skip
        with self._lock:
            if self._closing:
                return self._statuses.RECONSUME_LATER
            self._held.add(held)
        self._loop.call_soon_threadsafe(self._arrived, delivery)
        held.ended.wait(self._lease_s)
        with self._lock:
            self._held.discard(held)
            held.ended.set()
            return self._statuses.CONSUME_SUCCESS if held.acknowledged else self._statuses.RECONSUME_LATER

    def _arrived(self, delivery: Delivery) -> None:
        self._ready.append(delivery)
        self._filled.set()

    async def receive(self, limit: int) -> Sequence[Delivery]:
        if self._closing:
            return ()
        await set_within(self._filled, WAIT_S)
        deliveries: list[Delivery] = []
        while self._ready and len(deliveries) < limit:
            delivery = self._ready.popleft()
            if isinstance(delivery.handle, _Held) and not delivery.handle.ended.is_set():
                deliveries.append(delivery)
        if not self._ready and not self._closing:
            self._filled.clear()
        return deliveries

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        """The broker keeps the place of a message that it stores again."""
        return (delivery.part_id,)

    async def ack(self, delivery: Delivery) -> None:
        """The callback returns success, if its lease has not ended."""
        if isinstance(delivery.handle, _Held):
            with self._lock:
                if not delivery.handle.ended.is_set():
                    delivery.handle.acknowledged = True
                    delivery.handle.ended.set()

    async def close(self) -> None:
        """Unacknowledged messages are delivered again, to any consumer."""
        with self._lock:
            self._closing = True
            for held in self._held:
                held.ended.set()
        self._filled.set()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.wait({consumer}, timeout=CLOSE_S)
            if consumer.done() and consumer.exception() is None:
                await asyncio.wait({self._workers.start(_shut, consumer.result())}, timeout=CLOSE_S)
            self._workers.close()


def _properties(message: Any, *names: str) -> Iterator[tuple[str, str]]:
    for name in names:
        if value := message.get_property(name):
            yield name, value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _part_id(message: Any) -> str:
    origin = message.get_property(_ORIGIN)
    offset = int(origin[-_OFFSET_DIGITS:], 16) if origin else message.commit_log_offset
    return native_part_id(message.topic, offset, message.id)


def _shut(consumer: Any) -> None:
    with contextlib.suppress(Exception):
        consumer.shutdown()


def _conforms(transport: NativeTransport) -> Transport:
    return transport


def _subscribes(subscription: NativeSubscription) -> Subscription:
    return subscription
