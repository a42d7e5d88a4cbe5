"""What a consumer group has acknowledged lately, read again from the brokers' store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.admin import Address, Admin
from wework_message.adapters.rocketmq.part_search import StoredPart, pull
from wework_message.adapters.rocketmq.transport.cluster_address import in_namespace
from wework_message.adapters.rocketmq.transport.part_ids import part_id

MAX_PARTS_PER_QUEUE: Final = 256


@dataclass(frozen=True, slots=True)
class ConsumedPart:
    """One part before the group's position in its queue."""

    part_id: str
    part: StoredPart


@dataclass(frozen=True, slots=True)
class Consumed:
    """The newest parts that a group has read, and how many of them wait to be delivered again."""

    parts: Sequence[ConsumedPart]
    """Oldest first in each queue."""
    waiting: int


async def consumed(admin: Admin, topic: str, group: str, namespace: str = "") -> Consumed:
    """At most `MAX_PARTS_PER_QUEUE` of each queue; nothing is changed. Raises `OSError`, `RefusedError`, `ValueError`."""
    stored_topic, stored_group = in_namespace(namespace, topic), in_namespace(namespace, group)
    parts: list[ConsumedPart] = []
    waiting = 0
    for broker, address in (await admin.brokers()).items():
        for (name, queue), (end, read) in (await admin.positions(address, stored_group, stored_topic)).items():
            if name != stored_topic:
                waiting += max(0, end - read)
                continue
            for part in await _before(admin, address, (stored_topic, stored_group), queue, read):
                place = part_id(topic, broker, queue, part.offset, part.message_id)
                parts.append(ConsumedPart(place, part))
    return Consumed(parts, waiting)


async def _before(
    admin: Admin, address: Address, topic_and_group: tuple[str, str], queue: int, end: int
) -> Sequence[StoredPart]:
    parts: list[StoredPart] = []
    offset = max(0, end - MAX_PARTS_PER_QUEUE)
    while offset < end:
        pulled = await pull(admin, address, topic_and_group, queue, offset)
        parts += [part for part in pulled if part.offset < end]
        offset = pulled[-1].offset + 1 if pulled else end
    return parts
