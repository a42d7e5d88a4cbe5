"""Finds in the brokers' store the parts that a redelivered copy may be of.

A broker stores a message that was not acknowledged again, in a retry topic, without a word about where it was. So the
original is looked for: by the message id, which all parts of a batch share, and then by the body.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin, RefusedError
from wework_message.adapters.rocketmq.transport.cluster_address import in_namespace
from wework_message.adapters.rocketmq.transport.part_ids import part_id

_MAX_PULLS: Final = 1_000
"""A batch has at most 4 MiB: scanning its queue ends long before."""
_UNIQUE_KEY: Final = "UNIQ_KEY"
_KEYS: Final = "KEYS"
_COMPRESSED: Final = 1
_BORN_HOST_V6: Final = 1 << 4
_STORE_HOST_V6: Final = 1 << 5
_MAGIC_V2: Final = -626_843_477
"""MessageVersion.MESSAGE_VERSION_V2: topic names have a length of two bytes."""


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One message of a queue, as a broker has it in its log."""

    queue: int
    offset: int
    message_id: str
    stored_at: int
    """Epoch ms, by the broker's clock."""
    body: bytes
    compressed: bool
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartSearch:
    """Reads what brokers have stored."""

    admin: Admin
    namespace: str = ""

    async def find(self, topic: str, group: str, message_id: str, body: bytes) -> Sequence[str]:
        """Ids of all parts of `topic` with this message id and body. Raises `OSError`, `RefusedError`, `ValueError`.

        A producer compresses no batch, so what is compressed was sent alone, and its id is enough.
        """
        stored_topic, stored_group = in_namespace(self.namespace, topic), in_namespace(self.namespace, group)
        part_ids = []
        for broker, address in (await self.admin.brokers()).items():
            reader = _Reader(self.admin, address, stored_topic, stored_group, message_id)
            parts = await reader.parts()
            part_ids += [
                part_id(topic, broker, part.queue, part.offset, message_id)
                for part in parts
                if part.compressed or part.body == body
            ]
        return part_ids


@dataclass(frozen=True, slots=True)
class _Reader:
    """The parts with one message id at one broker."""

    admin: Admin
    address: Address
    topic: str
    group: str
    message_id: str

    async def parts(self) -> Sequence[StoredPart]:
        """All of them, in the order of their offsets. The broker's index gives some, and a batch lies together in one queue."""
        indexed = {(part.queue, part.offset): part for part in await self._indexed()}
        known = dict(indexed)
        for queue, offset in sorted(indexed):
            await self._extend(known, queue, offset, step=1)
            await self._extend(known, queue, offset, step=-1)
        return [known[place] for place in sorted(known)]

    async def _indexed(self) -> Sequence[StoredPart]:
        try:
            return self._ours(decoded(await self.admin.by_unique_key(self.address, self.topic, self.message_id)))
        except RefusedError as refused:
            if refused.code != Admin.NOTHING_FOUND:
                raise
            return ()

    async def _extend(self, known: dict[tuple[int, int], StoredPart], queue: int, offset: int, *, step: int) -> None:
        """Follow the queue to the end of the batch, forwards or backwards."""
        for _ in range(_MAX_PULLS):
            while (queue, offset) in known:
                offset += step
            if offset < 0:
                return
            begin = offset if step > 0 else max(0, offset - Admin.PULLED_AT_ONCE + 1)
            pulled = await pull(self.admin, self.address, (self.topic, self.group), queue, begin)
            ours = {part.offset: part for part in self._ours(pulled)}
            if offset not in ours:
                return
            while (part := ours.get(offset)) is not None:
                known[queue, offset] = part
                offset += step

    def _ours(self, parts: Sequence[StoredPart] | Iterator[StoredPart]) -> Sequence[StoredPart]:
        return [part for part in parts if part.message_id == self.message_id]


async def pull(
    admin: Admin, address: Address, topic_and_group: tuple[str, str], queue: int, offset: int
) -> Sequence[StoredPart]:
    """Some messages of a queue from `offset` on; none where it has none there. Raises `OSError`, `RefusedError`, `ValueError`."""
    try:
        return tuple(decoded(await admin.pull(address, *topic_and_group, queue, offset)))
    except RefusedError as refused:
        if refused.code not in Admin.NO_MESSAGES_THERE:
            raise
        return ()


def decoded(data: bytes) -> Iterator[StoredPart]:
    """The messages of an answer (MessageDecoder.decode). Raises `ValueError`."""
    begin = 0
    try:
        while begin < len(data):
            (size,) = struct.unpack_from(">i", data, begin)
            if size <= 0:
                raise ValueError("no message of RocketMQ")
            yield _part(data[begin : begin + size])
            begin += size
    except (struct.error, IndexError):
        raise ValueError("no message of RocketMQ") from None


def _part(data: bytes) -> StoredPart:
    magic, _, queue, _, offset, _, flags = struct.unpack_from(">iiiiqqi", data, 4)
    # Born time and host, store time and host, deliveries, transaction.
    at = 40 + 8 + (20 if flags & _BORN_HOST_V6 else 8)
    (stored_at,) = struct.unpack_from(">q", data, at)
    at += 8 + (20 if flags & _STORE_HOST_V6 else 8) + 4 + 8
    (body_length,) = struct.unpack_from(">i", data, at)
    body = data[at + 4 : at + 4 + body_length]
    at += 4 + body_length
    topic_format = ">h" if magic == _MAGIC_V2 else ">b"
    (topic_length,) = struct.unpack_from(topic_format, data, at)
    at += struct.calcsize(topic_format) + topic_length
    (properties_length,) = struct.unpack_from(">h", data, at)
    properties = _properties(data[at + 2 : at + 2 + properties_length].decode())
    keys = tuple(properties.get(_KEYS, "").split())
    message_id = properties.get(_UNIQUE_KEY, "")
    return StoredPart(queue, offset, message_id, stored_at, body, bool(flags & _COMPRESSED), keys)


def _properties(text: str) -> dict[str, str]:
    """Of a name that is there twice the last value counts: that of a batch follows that of its part."""
    return dict(pair.split("\x01", 1) for pair in text.split("\x02") if "\x01" in pair)
