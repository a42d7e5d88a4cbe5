"""The calls of RocketMQ's remoting protocol and of its gRPC proxy that the fixtures need.

Frame: length | header length (first byte 0: JSON) | header | body, lengths of 4 bytes (RemotingCommand.encode).
"""

import itertools
import json
import socket
import struct
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc  # type: ignore[import-untyped]  # ships no types

_CALL_S: Final = 5.0
_PUT_TOPIC: Final = 17
_PUT_SETTINGS: Final = 25
_ROUTE: Final = 105
_PUT_GROUP: Final = 200
_DROP_TOPIC_AT_BROKER: Final = 215
_DROP_TOPIC_AT_NAME_SERVER: Final = 216
_SEND_BACK: Final = 36
_SEND_BATCH: Final = 320
_ROUTE_FOUND: Final = b"\x08\xa0\x9c\x01"
"""Field 1 of a Status: Code.OK, 20000."""


class RefusedError(Exception):
    """The server answered with a code that is no success."""


def set_property(broker: str, name: str, value: str) -> None:
    """Change a setting of a running broker."""
    _call(broker, _PUT_SETTINGS, {}, f"{name}={value}".encode())


def register(broker: str) -> None:
    """Make a broker register all its topics with its name server. It does so whenever this setting is put, even unchanged."""
    set_property(broker, "brokerPermission", "6")


def put_topic(broker: str, topic: str, kind: str, queues: int) -> None:
    """Create or change a topic; `kind` is NORMAL, FIFO, DELAY, TRANSACTION or MIXED."""
    fields = {
        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues, "perm": 6,
        "topicFilterType": "SINGLE_TAG", "topicSysFlag": 0, "order": "false", "attributes": f"+message.type={kind}",
    }  # fmt: skip
    _call(broker, _PUT_TOPIC, fields)


def drop_topic(name_server: str, broker: str, topic: str) -> None:
    """Delete a topic with everything in it."""
    _call(broker, _DROP_TOPIC_AT_BROKER, {"topic": topic})
    _call(name_server, _DROP_TOPIC_AT_NAME_SERVER, {"topic": topic})


def put_group(broker: str, group: str, retries: int) -> None:
    """Create or change a consumer group that drops a message after `retries` redeliveries."""
    body = {
        "groupName": group, "consumeEnable": True, "consumeFromMinEnable": True, "consumeBroadcastEnable": False,
        "consumeMessageOrderly": False, "retryQueueNums": 1, "retryMaxTimes": retries, "brokerId": 0,
        "whichBrokerWhenConsumeSlowly": 1, "notifyConsumerIdsChangedEnable": True,
    }  # fmt: skip
    _call(broker, _PUT_GROUP, {}, json.dumps(body).encode())


def send_batch(broker: str, topic: str, queue: int, bodies: Sequence[bytes], keys: Sequence[str] = ()) -> None:
    """Send a batch as a Java producer does: an id for each part, and one for the batch, which then hides the others."""
    parts = [_part(body, key) for body, key in itertools.zip_longest(bodies, keys, fillvalue="")]
    now = int(time.time() * 1000)
    fields = {
        "a": "java-producer", "b": topic, "c": "TBW102", "d": 4, "e": queue, "f": 0, "g": now, "h": 0,
        "i": _properties({"UNIQ_KEY": _unique_key(), "WAIT": "true"}), "j": 0, "k": "false", "m": "true",
    }  # fmt: skip
    _call(broker, _SEND_BATCH, fields, b"".join(parts))


def send_back(broker: str, topic: str, group: str, commit_log_offset: int) -> None:
    """Ask for a redelivery in a second, as a remoting consumer does that could not take a message."""
    fields = {
        "offset": commit_log_offset, "group": group, "delayLevel": 1, "originMsgId": "", "originTopic": topic,
        "unitMode": "false", "maxReconsumeTimes": 16,
    }  # fmt: skip
    _call(broker, _SEND_BACK, fields)


def _part(body: bytes | str, key: str) -> bytes:
    """MessageDecoder.encodeMessage: length, magic, CRC and flag (0), body, properties."""
    raw = body if isinstance(body, bytes) else body.encode()
    names = {"UNIQ_KEY": _unique_key(), "WAIT": "true"} | ({"KEYS": key} if key else {})
    properties = _properties(names).encode()
    size = 4 * 5 + len(raw) + 2 + len(properties)
    return struct.pack(">5i", size, 0, 0, 0, len(raw)) + raw + struct.pack(">h", len(properties)) + properties


def _properties(properties: Mapping[str, str]) -> str:
    return "".join(f"{name}\x01{value}\x02" for name, value in properties.items())


def _unique_key() -> str:
    """As long as those of Java producers."""
    return uuid.uuid4().hex.upper()


def knows_route(name_server: str, topic: str) -> bool:
    """Whether the name server has a route to a broker for the topic."""
    try:
        _call(name_server, _ROUTE, {"topic": topic})
    except RefusedError:
        return False
    return True


def reaches(name_server: str) -> bool:
    """Whether a name server answers at all."""
    try:
        knows_route(name_server, "any")
    except OSError:
        return False
    return True


def proxy_knows_route(proxy: str, topic: str) -> bool:
    """Whether the proxy answers QueryRoute with a route. Asked too early it remembers its "no" for 20 s."""
    name = topic.encode()
    resource = b"\x12" + bytes([len(name)]) + name
    request = b"\x0a" + bytes([len(resource)]) + resource
    with grpc.insecure_channel(proxy, options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask = channel.unary_unary("/apache.rocketmq.v2.MessagingService/QueryRoute")
        try:
            answer: bytes = ask(request, timeout=_CALL_S, metadata=[("x-mq-client-id", "wm-readiness")])
        except grpc.RpcError:
            return False
    return answer[2:6] == _ROUTE_FOUND


def _call(address: str, code: int, fields: Mapping[str, Any], body: bytes = b"") -> None:
    """RefusedError for an answer that says no, OSError where there is no answer."""
    header = json.dumps({
        "code": code, "language": "PYTHON", "version": 475, "opaque": 1, "flag": 0,
        "extFields": {key: str(value) for key, value in fields.items()},
    }).encode()  # fmt: skip
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), _CALL_S) as connection, connection.makefile("rb") as stream:
        connection.sendall(struct.pack(">ii", 4 + len(header) + len(body), len(header)) + header + body)
        lengths = stream.read(8)
        if len(lengths) < 8:
            raise ConnectionError(f"{address} closed the connection")
        total, head = struct.unpack(">ii", lengths)
        answer = json.loads(stream.read(total - 4)[:head])
    if answer["code"]:
        raise RefusedError(f"{address} refused call {code}: {answer['code']} {answer.get('remark')}")
