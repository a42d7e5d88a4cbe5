"""What brokers tell about the place of a part: by the search for copies, and to remoting clients."""

import asyncio
import re
import struct

import pytest
from tests.support.polling import until
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin, RefusedError
from wework_message.adapters.rocketmq.part_search import PartSearch, decoded
from wework_message.adapters.rocketmq.transport.cluster_address import addresses
from wework_message.adapters.rocketmq.transport.part_ids import part_id

LIMIT_S = 30


@pytest.fixture
def admin(rocketmq: RocketMq) -> Admin:
    return Admin(addresses(rocketmq.name_server.address))


async def pulled(admin: Admin, topic: str, group: str, offset: int = 0) -> bytes:
    (broker,) = await admin.masters()
    try:
        return await admin.pull(broker, topic, group, 0, offset)
    except RefusedError:
        return b""


async def test_equal_parts_of_a_long_batch_are_all_found_among_others(rocketmq: RocketMq, admin: Admin) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    rocketmq.send_batch(topic, [b"b1"] * 70)
    rocketmq.send_batch(topic, [b"b%d" % (number % 3) for number in range(100)])
    rocketmq.send_batch(topic, [b"b1"] * 70)
    (part, *_) = decoded(await pulled(admin, topic, group, 70))
    expected = [part_id(topic, "broker-a", 0, 70 + number, part.message_id) for number in range(1, 100, 3)]

    async def all_found() -> bool:
        return await PartSearch(admin).find(topic, group, part.message_id, b"b1") == expected

    await until(all_found, LIMIT_S, every_s=0.1)
    assert await PartSearch(admin).find(topic, group, part.message_id, b"b3") == []
    assert await PartSearch(admin).find(topic, group, "no-such-id", b"b1") == []


async def test_what_a_remoting_client_sends_back_has_its_first_place(rocketmq: RocketMq, admin: Admin) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    rocketmq.send_batch(topic, [b"same", b"same"])
    raw = await pulled(admin, topic, group)
    places = [struct.unpack_from(">q", raw, 28)[0]]
    places.append(struct.unpack_from(">q", raw, struct.unpack_from(">i", raw)[0] + 28)[0])
    for place in places:
        await asyncio.to_thread(rocketmq.send_back, topic, group, place)
    origins: list[int] = []

    async def sent_back() -> bool:
        again = await pulled(admin, f"%RETRY%{group}", group)
        origins[:] = [int(digits[-16:], 16) for digits in re.findall(rb"ORIGIN_MESSAGE_ID\x01([0-9A-F]+)", again)]
        return len(origins) == 2

    await until(sent_back, LIMIT_S, every_s=0.2)
    assert sorted(origins) == places
