import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.support.checks import examined, verdicts
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.checks import Cluster, rocketmq_checks


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def cluster_of(server: RocketMq, topic: str, group: str) -> Cluster:
    return Cluster(Admin([address(server.name_server.address)]), address(server.endpoints), [topic], [group])


async def test_a_cluster_with_our_topics_and_groups_is_ok(rocketmq: RocketMq) -> None:
    cluster = cluster_of(rocketmq, rocketmq.fresh_topic(), rocketmq.fresh_group())
    examinations = await examined(rocketmq_checks(cluster))
    assert verdicts(examinations) == dict.fromkeys(
        ["rocketmq.name-server.dns", "rocketmq.name-server.tcp", "rocketmq.name-server.tls", "rocketmq.name-server.call", "rocketmq.topics",
         "rocketmq.groups", "rocketmq.proxy.dns", "rocketmq.proxy.tcp", "rocketmq.proxy.tls", "rocketmq.proxy.call"], "ok",
    )  # fmt: skip


async def test_a_missing_topic_is_a_warning_where_the_start_creates_it_and_fails_where_not(rocketmq: RocketMq) -> None:
    cluster = cluster_of(rocketmq, "no-such-topic", "no-such-group")
    examinations = await examined(rocketmq_checks(cluster))
    assert verdicts(examinations)["rocketmq.topics"] == "warning"
    assert verdicts(examinations)["rocketmq.proxy.call"] == "warning"
    strict = await examined(rocketmq_checks(replace(cluster, creates=False)))
    assert verdicts(strict)["rocketmq.topics"] == "failed"
    assert "no topic no-such-topic" in strict["rocketmq.topics"].finding.text


async def test_a_missing_group_is_reported_and_not_created_by_the_check(rocketmq: RocketMq) -> None:
    cluster = replace(cluster_of(rocketmq, rocketmq.fresh_topic(), "group-nobody-made"), creates=False)
    for _ in range(2):
        examinations = await examined(rocketmq_checks(cluster))
        assert verdicts(examinations)["rocketmq.groups"] == "failed"
        assert "no group group-nobody-made" in examinations["rocketmq.groups"].finding.text


async def test_without_its_proxy_the_name_server_is_fine_and_the_proxy_fails(rocketmq: RocketMq) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    cluster = replace(cluster_of(rocketmq, topic, group), proxy=("127.0.0.1", free_port()))
    examinations = await examined(rocketmq_checks(cluster))
    assert verdicts(examinations)["rocketmq.topics"] == "ok"
    assert verdicts(examinations)["rocketmq.proxy.tcp"] == "failed"
    assert verdicts(examinations)["rocketmq.proxy.call"] == "skipped"


async def test_another_service_on_the_port_of_the_proxy_is_no_proxy(rocketmq: RocketMq) -> None:
    cluster = cluster_of(rocketmq, rocketmq.fresh_topic(), rocketmq.fresh_group())
    examinations = await examined(rocketmq_checks(replace(cluster, proxy=cluster.admin.name_servers[0])), deadline_s=5)
    assert verdicts(examinations)["rocketmq.proxy.call"] == "failed"


async def test_one_of_two_name_servers_away_fails_alone(rocketmq: RocketMq) -> None:
    cluster = cluster_of(rocketmq, rocketmq.fresh_topic(), rocketmq.fresh_group())
    examinations = await examined(
        rocketmq_checks(replace(cluster, admin=Admin([("127.0.0.1", free_port()), *cluster.admin.name_servers])))
    )
    assert verdicts(examinations)["rocketmq.name-server.1.tcp"] == "failed"
    assert verdicts(examinations)["rocketmq.name-server.2.call"] == "ok"
    assert verdicts(examinations)["rocketmq.topics"] == "ok"


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, int]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[:2]


async def test_what_is_no_name_server_fails_whatever_it_answers() -> None:
    answers = (
        b"",
        b"HTTP/1.1 400 Bad\r\n\r\n",
        struct.pack(">ii", 2**31 - 1, 5),
        struct.pack(">ii", 10, 6) + b"[not{}",
    )
    for answer in answers:
        async with answering(answer) as server:
            examinations = await examined(rocketmq_checks(Cluster(Admin([server]), server, ["t"], ["g"])), deadline_s=5)
        assert verdicts(examinations)["rocketmq.name-server.call"] == "failed", answer
        assert verdicts(examinations)["rocketmq.topics"] == "skipped"
