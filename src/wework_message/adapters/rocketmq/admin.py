"""The few calls of RocketMQ's remoting protocol that gRPC clients lack: topics and groups, backlog, stored messages.

Frame: length | header length, its first byte 0 for JSON | header | body; lengths of 4 bytes, big-endian
(RemotingCommand.encode). Tested with brokers 5.3.3; a call takes a few ms.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from wework_message.adapters.tls import ClientTls

CALL_TIMEOUT_S: Final = 5.0
"""Deadline of one call, including the connection."""

_PULL: Final = 11
_QUERY: Final = 12
_PUT_TOPIC: Final = 17
_ROUTE: Final = 105
_CLUSTER: Final = 106
_PUT_GROUP: Final = 200
_CONSUMED: Final = 208
_GROUPS: Final = 201
_NO_TOPIC: Final = 17
"""ResponseCode.TOPIC_NOT_EXIST, of a name server."""
_MASTER: Final = "0"
_MAX_FRAME_SIZE: Final = 16 * 1024 * 1024
_NUMBER_KEY: Final = re.compile(r"([{,]\s*)(-?\d+)\s*:")
_FLAG_SUBSCRIPTION: Final = 1 << 2
"""PullSysFlag: the call itself says what it subscribes to."""
_FOREVER_MS: Final = 1 << 52
_POSITIONS: Final = re.compile(
    rb'"queueId":(\d+),"topic":"([^"]+)"\}:\{"brokerOffset":(-?\d+),"consumerOffset":(-?\d+)'
)
_OFFSETS: Final = re.compile(rb'"brokerOffset":(-?\d+),"consumerOffset":(-?\d+)')

Address = tuple[str, int]


class RefusedError(Exception):
    """The server answered with an error code."""

    def __init__(self, code: int) -> None:
        """`code` is RocketMQ's; its text contains addresses and is dropped."""
        super().__init__(f"code {code}")
        self.code = code


class NoBrokerError(ConnectionError):
    """The name server answers, and no broker has registered there."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Calls the first name server that answers, and the master brokers that it knows."""

    NOTHING_FOUND: ClassVar[int] = 22
    """ResponseCode.QUERY_NOT_FOUND."""
    NO_MESSAGES_THERE: ClassVar[Collection[int]] = frozenset({19, 20, 21})
    """ResponseCodes of a pull behind the end, or before the begin, of a queue."""
    PULLED_AT_ONCE: ClassVar[int] = 32
    """A broker gives no more."""

    name_servers: Sequence[Address]
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    tls: ClientTls | None = field(default=None, compare=False)
    """TLS to name servers and brokers; None = clear text."""

    async def failure(self) -> OSError | ValueError | RefusedError | None:
        """Why no name server answers; None = one does."""
        try:
            await self.has_route("wm-any")
        except (OSError, ValueError, RefusedError) as error:
            return error
        return None

    async def has_route(self, topic: str) -> bool:
        """Whether the name servers know the topic. Raises `OSError`, `RefusedError`."""
        try:
            await self._ask(_ROUTE, {"topic": topic})
        except RefusedError as refused:
            if refused.code != _NO_TOPIC:
                raise
            return False
        return True

    async def masters(self) -> Sequence[Address]:
        """Every broker that accepts writes. Raises `OSError` where no broker is known."""
        return list((await self.brokers()).values())

    async def brokers(self) -> Mapping[str, Address]:
        """The masters by the names of their brokers. Raises `OSError` where no broker is known."""
        table = _loads(await self._ask(_CLUSTER, {})).get("brokerAddrTable") or {}
        masters = {
            name: _address(broker["brokerAddrs"][_MASTER])
            for name, broker in sorted(table.items())
            if _MASTER in broker["brokerAddrs"]
        }
        if not masters:
            raise NoBrokerError("the name server knows no broker")
        return masters

    async def by_unique_key(self, broker: Address, topic: str, message_id: str) -> bytes:
        """Stored messages with this id, the first few dozen of them. Raises `OSError`, `RefusedError`."""
        fields = {
            "topic": topic, "key": message_id, "maxNum": self.PULLED_AT_ONCE, "beginTimestamp": 0,
            "endTimestamp": _FOREVER_MS, "_UNIQUE_KEY_QUERY": "true",
        }  # fmt: skip
        return await self._call(broker, _QUERY, fields)

    async def pull(self, broker: Address, topic: str, group: str, queue: int, offset: int) -> bytes:
        """Stored messages of a queue from `offset` on; the group's position stays. Raises `OSError`, `RefusedError`."""
        fields = {
            "consumerGroup": group, "topic": topic, "queueId": queue, "queueOffset": offset,
            "maxMsgNums": self.PULLED_AT_ONCE, "sysFlag": _FLAG_SUBSCRIPTION, "commitOffset": 0,
            "suspendTimeoutMillis": 0, "subscription": "*", "subVersion": 0, "expressionType": "TAG",
        }  # fmt: skip
        return await self._call(broker, _PULL, fields)

    async def put_topic(self, broker: Address, topic: str, *, queues: int) -> None:
        """Create a topic, or change it: of messages of every type, of normal ones where the broker does not allow that.

        A proxy refuses the delayed, ordered and transactional messages of gRPC producers to a topic of normal ones. Raises
        `OSError`, `RefusedError`.
        """
        try:
            await self._put_topic(broker, topic, queues, "MIXED")
        except (
            RefusedError
        ):  # `enableMixedMessageType` is false, as it is unless somebody sets it, or the broker is older than 5.2
            await self._put_topic(broker, topic, queues, "NORMAL")

    async def _put_topic(self, broker: Address, topic: str, queues: int, kind: str) -> None:
        fields = {
            "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": 6,
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false", "attributes": f"+message.type={kind}",
        }  # fmt: skip
        await self._call(broker, _PUT_TOPIC, fields)

    async def groups(self, broker: Address) -> frozenset[str]:
        """All consumer groups of the broker. Raises `OSError`, `RefusedError`.

        A call for a single group would create it, where a broker creates groups by itself.
        """
        return frozenset(_loads(await self._call(broker, _GROUPS, {}))["subscriptionGroupTable"])

    async def put_group(self, broker: Address, group: str, *, retries: int) -> None:
        """Create a consumer group that drops a message after `retries` redeliveries. Raises `OSError`, `RefusedError`."""
        body = {
            "groupName": group, "consumeEnable": True, "consumeFromMinEnable": True, "consumeBroadcastEnable": False,
            "consumeMessageOrderly": False, "retryQueueNums": 1, "retryMaxTimes": retries, "brokerId": 0,
            "whichBrokerWhenConsumeSlowly": 1, "notifyConsumerIdsChangedEnable": True,
        }  # fmt: skip
        await self._call(broker, _PUT_GROUP, {}, json.dumps(body).encode())

    async def backlog(self, group: str, topic: str) -> int:
        """Messages that the group has not acknowledged, on all brokers; it works without a consumer online.

        The call names the retry topic, because a broker omits it otherwise while a consumer is online. Raises `OSError`, `RefusedError`.
        """
        total = 0
        for broker in await self.masters():
            offsets = _OFFSETS.findall(await self._consumed(broker, group, topic))
            total += sum(max(0, int(end) - int(read)) for end, read in offsets)
        return total

    async def positions(self, broker: Address, group: str, topic: str) -> Mapping[tuple[str, int], tuple[int, int]]:
        """By topic (its retry topic too) and queue: the end of the queue, and where the group is. Raises as `backlog`."""
        rows = _POSITIONS.findall(await self._consumed(broker, group, topic))
        return {(name.decode(), int(queue)): (int(end), int(read)) for queue, name, end, read in rows}

    async def _consumed(self, broker: Address, group: str, topic: str) -> bytes:
        """The map in the answer has objects as keys, which is not JSON."""
        fields = {"consumerGroup": group, "topic": "", "topicList": f"{topic};%RETRY%{group}_{topic}"}
        return await self._call(broker, _CONSUMED, fields)

    async def _ask(self, code: int, fields: Mapping[str, Any]) -> bytes:
        error: OSError = ConnectionError("no name server")
        for address in self.name_servers:
            try:
                return await self._call(address, code, fields)
            except OSError as call_error:
                error = call_error
        raise error

    async def _call(self, address: Address, code: int, fields: Mapping[str, Any], body: bytes = b"") -> bytes:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                context = None if self.tls is None else self.tls.context()
                reader, writer = await asyncio.open_connection(*address, ssl=context)
                try:
                    writer.write(self._frame(code, fields, body))
                    return await _answer(reader)
                finally:
                    writer.close()
        except asyncio.IncompleteReadError:
            raise ConnectionError("closed in the middle of an answer") from None

    def _frame(self, code: int, fields: Mapping[str, Any], body: bytes) -> bytes:
        texts = {key: str(value) for key, value in fields.items()}
        if self.access_key:
            texts["AccessKey"] = self.access_key
            # AclClientRPCHook: the values in the order of their names, then the body.
            signed = "".join(texts[key] for key in sorted(texts)).encode() + body
            digest = hmac.new(self.secret_key.encode(), signed, hashlib.sha1).digest()
            texts["Signature"] = base64.b64encode(digest).decode()
        header = json.dumps({
            "code": code, "language": "PYTHON", "version": 475, "opaque": next(_opaque), "flag": 0, "extFields": texts,
        }).encode()  # fmt: skip
        return struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    total, kind_and_length = struct.unpack(">ii", await reader.readexactly(8))
    length = kind_and_length & 0xFFFFFF
    if kind_and_length >> 24 or not length <= total - 4 <= _MAX_FRAME_SIZE:
        raise ConnectionError("no answer of RocketMQ")
    frame = await reader.readexactly(total - 4)
    code = json.loads(frame[:length])["code"]
    if code:
        raise RefusedError(code)
    return frame[length:]


def _loads(raw: bytes) -> Any:
    """JSON as Fastjson writes it: numbers as keys have no quotes."""
    return json.loads(_NUMBER_KEY.sub(r'\1"\2":', raw.decode()))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host, int(port)


_opaque: Final = itertools.count(1)
