"""Replaces the module `rocketmq.client` of rocketmq-client-python 2.0.0: the same names, with a broker in memory.

As in the library, callbacks run in threads of the consumer, any answer but CONSUME_SUCCESS causes a redelivery,
and an exception in a callback ends the process.
"""

import itertools
import threading
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from types import MappingProxyType
from typing import Any

SendResult = namedtuple("SendResult", ["status", "msg_id", "offset"])  # noqa: PYI024 -- the name is the library's

RETRY_DELAY_S = 0.02
"""Before a message is redelivered."""

LOG_STEP = 284
"""Bytes of the log between two messages."""


class SendStatus(IntEnum):
    OK = 0
    FLUSH_DISK_TIMEOUT = 1


class ConsumeStatus(IntEnum):
    CONSUME_SUCCESS = 0
    RECONSUME_LATER = 1


class Library:
    """One broker, and the classes of a module that is connected to it."""

    SendStatus = SendStatus
    ConsumeStatus = ConsumeStatus

    def __init__(self) -> None:
        self.away = False
        self.status = SendStatus.OK
        self.escaped: list[BaseException] = []
        """Exceptions that left a callback: undefined behaviour in C++."""
        self.shut_down: list[str] = []
        self.options: list[tuple[str, tuple[Any, ...]]] = []
        self._numbers = itertools.count(1)
        self._consumers: list[PushConsumer] = []
        self.undelivered: list[ReceivedMessage] = []
        # Classes of the module.
        self.Message = Message
        self.Producer = partial(Producer, self)
        self.PushConsumer = partial(PushConsumer, self)

    def store(self, message: "Message") -> SendResult:
        if self.away:
            raise RuntimeError("No route info of this topic")
        return SendResult(
            self.status, self.store_batch(message.topic, [message.body], message.keys, message.properties), 0
        )

    def store_batch(
        self,
        topic: str,
        bodies: Sequence[bytes],
        keys: bytes = b"",
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Store a Java producer's batch; return the message id, which all its parts share."""
        message_id = f"{next(self._numbers):032X}"
        self.undelivered += [
            ReceivedMessage(topic, body, keys, message_id, 0, next(self._numbers) * LOG_STEP, properties=properties)
            for body in bodies
        ]
        self.deliver()
        return message_id

    def online(self, consumer: "PushConsumer") -> None:
        self._consumers.append(consumer)
        self.deliver()

    def offline(self, consumer: "PushConsumer") -> None:
        self._consumers = [other for other in self._consumers if other is not consumer]

    def deliver(self) -> None:
        waiting, self.undelivered = self.undelivered, []
        for message in waiting:
            consumer = next((consumer for consumer in self._consumers if consumer.topic == message.topic), None)
            if consumer is None:
                self.undelivered.append(message)
            else:
                threading.Thread(target=self._push, args=(consumer, message), daemon=True).start()

    def _push(self, consumer: "PushConsumer", message: "ReceivedMessage") -> None:
        status: object = None
        try:
            assert consumer.callback is not None
            status = consumer.callback(message)
        except BaseException as error:  # noqa: BLE001 -- it would reach C++
            self.escaped.append(error)
        if status != ConsumeStatus.CONSUME_SUCCESS:
            threading.Event().wait(RETRY_DELAY_S)
            self.undelivered.append(message.redelivered(next(self._numbers) * LOG_STEP))
            self.deliver()


class Message:
    def __init__(self, topic: str) -> None:
        self.topic, self.body, self.keys = topic, b"", b""
        self.properties: dict[str, str] = {}

    def set_body(self, body: bytes) -> None:
        self.body = body.partition(b"\0")[0]

    def set_keys(self, keys: str) -> None:
        self.keys = keys.encode()

    def set_property(self, key: str, value: str) -> None:
        self.properties[key] = value


class ReceivedMessage:
    """A redelivery is a copy at another offset of the log, with the place of the first as a property."""

    def __init__(
        self, topic: str, body: bytes, keys: bytes, message_id: str, reconsume_times: int, commit_log_offset: int,
        origin: bytes | None = None, properties: Mapping[str, str] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.topic, self.body, self.keys, self.id = topic, body, keys or None, message_id
        self.reconsume_times, self.commit_log_offset, self._origin = reconsume_times, commit_log_offset, origin
        self._properties = properties

    def get_property(self, prop: str) -> bytes | None:
        if prop == "ORIGIN_MESSAGE_ID":
            return self._origin
        value = self._properties.get(prop)
        return None if value is None else value.encode()

    def redelivered(self, commit_log_offset: int) -> "ReceivedMessage":
        origin = self._origin or f"7F000001000050B6{self.commit_log_offset:016X}".encode()
        return ReceivedMessage(
            self.topic,
            self.body,
            self.keys or b"",
            self.id,
            self.reconsume_times + 1,
            commit_log_offset,
            origin,
            self._properties,
        )


class _Client:
    def __init__(self, library: Library, group_id: str) -> None:
        self.library = library
        self.group_id = group_id

    def set_name_server_address(self, addr: str) -> None:
        self.library.options.append(("name server", (addr,)))

    def set_session_credentials(self, access_key: str, access_secret: str, channel: str) -> None:
        self.library.options.append(("credentials", (access_key, access_secret, channel)))

    def start(self) -> None:
        """Never fails, whatever the address."""

    def shutdown(self) -> None:
        self.library.shut_down.append(type(self).__name__)


class Producer(_Client):
    def __init__(self, library: Library, group_id: str, timeout: int | None = None) -> None:
        super().__init__(library, group_id)
        library.options.append(("timeout", (timeout,)))

    def send_sync(self, msg: Message) -> SendResult:
        return self.library.store(msg)


class PushConsumer(_Client):
    topic: str | None = None
    callback: Callable[[ReceivedMessage], Any] | None = None

    def set_instance_name(self, name: str) -> None:
        self.library.options.append(("instance", (name,)))

    def set_thread_count(self, thread_count: int) -> None:
        self.library.options.append(("threads", (thread_count,)))

    def subscribe(self, topic: str, callback: Callable[[ReceivedMessage], Any], expression: str = "*") -> None:
        self.topic, self.callback = topic, callback

    def start(self) -> None:
        self.library.online(self)

    def shutdown(self) -> None:
        self.library.offline(self)
        super().shutdown()
