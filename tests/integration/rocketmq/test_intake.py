"""Sends of other systems through a real broker, down to the ledger of what the provider executed."""

import asyncio
import dataclasses
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.mysql import EmptyDatabase
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings, on_mariadb
from tests.support.processes.doctor import doctor
from tests.support.processes.programs import ServiceProgram
from tests.support.processes.running_service import LONG_S, Api, Json, RunningService, client_of, running_service
from tests.support.servers.mariadb import MariaDb
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.bootstrap.queues import INTAKE_LEASE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

AFTER_A_CRASH_S: Final = INTAKE_LEASE_S + 60.0
"""A lease has ended, or a proxy has forgotten that the topic did not exist (20 s, for each client)."""

JAVA: Final[Json] = dict.fromkeys(
    (
        "content", "fileId", "fileSize", "fileName", "aesKey", "md5", "imageWidth", "imageHeight", "isHd",
        "videoDuration", "linkTitle", "linkDescription", "linkUrl", "linkImageUrl", "miniProgramUsername",
        "miniProgramAppId", "miniProgramAppName", "miniProgramAppIcon", "miniProgramTitle", "miniProgramPagePath",
        "atList", "quoteMessageId", "quoteContent", "longitude", "latitude", "locationTitle", "locationAddress",
        "extra", "providerCode",
    )
) | {"async": False, "priority": 5, "retryCount": 3}  # fmt: skip
"""Every field of the Java service's `SendMessageRequest`, as its mapper wrote them: null or a default."""


def a_send(**changes: Any) -> Json:
    return {"guid": "guid-a", "conversationId": "S:1001", "messageType": "TEXT", "content": "hello"} | changes


@dataclass(frozen=True, slots=True)
class Queue:
    """The topic of one test, and other systems that publish to it."""

    server: RocketMq
    transport: GrpcTransport
    topic: str
    group: str

    @property
    def settings(self) -> dict[str, str]:
        return {
            "ROCKETMQ_NAME_SERVER": self.server.name_server.address,
            "ROCKETMQ_ENDPOINTS": self.server.endpoints,
            "ROCKETMQ_TOPICS_INTAKE": self.topic,
            "ROCKETMQ_GROUP": self.group,
        }

    async def put(self, body: Json | bytes, *keys: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        await self.transport.publish(self.topic, raw, keys=keys)


@pytest.fixture
async def queue(rocketmq: RocketMq) -> AsyncIterator[Queue]:
    transport = GrpcTransport(Target(rocketmq.endpoints))
    yield Queue(rocketmq, transport, rocketmq.fresh_topic(), rocketmq.fresh_group())
    await transport.close()


@pytest.fixture
async def running(queue: Queue, tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path, **queue.settings) as running:
        yield running


async def stored(api: Api, count: int, limit_s: float = LONG_S) -> list[Json]:
    rows: list[Json] = []

    async def is_there() -> bool:
        rows[:] = await api.rows()
        return len(rows) >= count

    await until(is_there, limit_s, every_s=0.05)
    return rows


async def letters(api: Api, count: int) -> list[Json]:
    items: list[Json] = []

    async def is_there() -> bool:
        items[:] = (await api.client.get("/api/dead-letters/intake")).json()["data"]["items"]
        return len(items) >= count

    await until(is_there, LONG_S, every_s=0.05)
    return items


async def counted(api: Api, result: str) -> float:
    text = (await api.client.get("/actuator/prometheus")).text
    line = next(sample for sample in text.splitlines() if sample.startswith(f'wm_intake_total{{result="{result}"}}'))
    return float(line.split()[-1])


async def settled(api: Api, **counts: int) -> None:
    """Wait until this process has counted exactly this."""
    names = ("stored", "duplicate", "dead")
    latest: dict[str, float] = {}

    async def is_there() -> bool:
        latest.update({name: await counted(api, name) for name in names})
        return sum(latest.values()) >= sum(counts.values())

    await until(is_there, LONG_S, every_s=0.05)
    assert latest == dict.fromkeys(names, 0) | counts


async def test_a_send_as_the_java_service_queued_it_is_delivered_once(running: RunningService, queue: Queue) -> None:
    java = JAVA | a_send(content="测试消息🙂", extra={"taskId": "8a0d2c1e", "orderId": "42"})
    await queue.put(java)
    (row,) = await stored(running.api, 1)
    await running.api.reaches(row["messageId"], "DELIVERED")
    (call,) = await running.simulator.ledger()
    assert (call["marker"], call["executed"]) == (f"{row['messageId']}.1", True)
    message = await running.api.message(row["messageId"])
    assert (message["extra"], message["clientMessageId"]) == ({"taskId": "8a0d2c1e", "orderId": "42"}, None)
    await settled(running.api, stored=1)


async def test_fifty_publishes_under_one_key_are_one_message_where_keys_are_unique(
    queue: Queue, tmp_path: Path
) -> None:
    async with running_service(tmp_path, ROCKETMQ_INTAKE_UNIQUE_KEYS="true", **queue.settings) as running:
        await asyncio.gather(*(queue.put(a_send(), "order-42") for _ in range(50)))
        (row,) = await stored(running.api, 1)
        await running.api.reaches(row["messageId"], "DELIVERED")
        await settled(running.api, stored=1, duplicate=49)
        assert [row["messageId"] for row in await running.api.rows()] == [row["messageId"]]
        assert len(await running.simulator.ledger()) == 1
        assert await letters(running.api, 0) == []


async def test_every_part_of_a_java_batch_is_sent_once_and_every_invalid_one_is_a_dead_letter(
    queue: Queue, tmp_path: Path
) -> None:
    group = queue.server.fresh_name("intake")
    async with running_service(tmp_path, ROCKETMQ_INTAKE_GROUP=group, **queue.settings) as running:
        people = [f"S:{4000 + number}" for number in range(10)]
        different = [json.dumps(a_send(conversationId=person)).encode() for person in people]
        equal = [json.dumps(a_send(conversationId="S:5000")).encode()] * 10
        invalid = [json.dumps(a_send(content="")).encode()] * 3
        for batch, keys in ((different, ["order-42"] * 10), (equal, ()), (invalid, ())):
            await asyncio.to_thread(queue.server.send_batch, queue.topic, batch, keys)
        for row in await stored(running.api, 20):
            await running.api.reaches(row["messageId"], "DELIVERED")
        calls = await running.simulator.ledger()
        assert (len(calls), len({call["marker"] for call in calls})) == (20, 20)
        kept = await letters(running.api, 3)
        assert len({letter["partId"] for letter in kept}) == 3
        assert len({letter["brokerMessageId"] for letter in kept}) == 1
        await settled(running.api, stored=20, dead=3)
        settings = queue.settings | {
            "ROCKETMQ_INTAKE_GROUP": group, "DATASOURCE_URL": f"sqlite:///{tmp_path}/wework-message.db",
        }  # fmt: skip
        checked: Json = {}

        async def all_received() -> bool:
            checked.update((await doctor(tmp_path, **settings))[1]["invariant.intake"])
            return str(checked["text"]).startswith("23 received")

        await until(all_received, LONG_S, every_s=1)
        assert checked["text"] == "23 received = 20 accepted or repeated + 3 dead letters"
        with sqlite3.connect(tmp_path / "wework-message.db") as database:
            database.execute("DELETE FROM wm_dead_letter WHERE id = ?", [kept[0]["deadLetterId"]])
        broken = (await doctor(tmp_path, **settings))[1]["invariant.intake"]
        assert (broken["verdict"], broken["text"]) == (
            "failed", f"1 acknowledged and neither stored nor dead letters: {kept[0]['partId']}",
        )  # fmt: skip


async def test_the_clients_id_is_one_message_whether_it_comes_by_rest_or_by_queue(
    running: RunningService, queue: Queue
) -> None:
    message_id = await running.api.accept(a_send(clientMessageId="c-1"))
    await queue.put(a_send(clientMessageId="c-1"), "another-key")
    await settled(running.api, duplicate=1)
    assert [row["messageId"] for row in await running.api.rows()] == [message_id]


async def test_what_is_invalid_is_a_dead_letter_and_acknowledged_and_can_be_replayed(
    running: RunningService, queue: Queue
) -> None:
    await queue.put(b"\xff no JSON")
    await queue.put(a_send(content="", surprise="s3cret"), "order-7")
    await queue.put(a_send(), "order-8")
    letters_by_reason = {letter["reason"]: letter for letter in await letters(running.api, 2)}
    assert letters_by_reason.keys() == {"INVALID_JSON", "VALIDATION_FAILED"}
    invalid = letters_by_reason["VALIDATION_FAILED"]
    assert ({error["path"] for error in invalid["errors"]}, invalid["key"]) == ({"content", "surprise"}, "order-7")
    await settled(running.api, stored=1, dead=2)
    (row,) = await running.api.rows()
    await running.api.reaches(row["messageId"], "DELIVERED")
    shown = (await running.api.client.get(f"/api/dead-letters/intake/{invalid['deadLetterId']}")).json()["data"]
    assert json.loads(shown["body"])["surprise"] == "s3cret"
    replay = await running.api.client.post(f"/api/dead-letters/intake/{invalid['deadLetterId']}/replay")
    assert (replay.status_code, replay.json()["error"]) == (422, "VALIDATION_FAILED")
    assert "s3cret" not in running.service.tail()


async def test_kill_9_of_the_service_loses_and_repeats_nothing(running: RunningService, queue: Queue) -> None:
    client_ids = [f"c-{number:03d}" for number in range(240)]

    async def produce() -> None:
        for client_id in client_ids:
            await queue.put(a_send(clientMessageId=client_id, conversationId=f"S:{2000 + int(client_id[2:])}"))

    producing = asyncio.create_task(produce())
    for kill in range(4):
        await stored(running.api, 20 + 50 * kill)
        running.service.kill()
        await asyncio.to_thread(running.service.start)
    await producing
    rows = await stored(running.api, len(client_ids), AFTER_A_CRASH_S)
    assert sorted(row["clientMessageId"] for row in rows) == client_ids
    executed = [call["marker"] for call in await running.simulator.ledger()]
    assert len(executed) == len(set(executed))
    assert await letters(running.api, 0) == []


async def test_after_a_drain_the_next_process_continues(running: RunningService, queue: Queue) -> None:
    for number in range(60):
        await queue.put(a_send(clientMessageId=str(number), conversationId=f"S:{2000 + number}"))
        if number == 30:
            await stored(running.api, 1)
            assert await asyncio.to_thread(running.service.stop) == 0
    await asyncio.to_thread(running.service.start)
    await stored(running.api, 60)
    assert sorted(int(row["clientMessageId"]) for row in await running.api.rows()) == list(range(60))


async def test_while_the_database_is_away_nothing_is_lost_and_nothing_is_poison(
    request: pytest.FixtureRequest, migrated: EmptyDatabase, mariadb: MariaDb, queue: Queue, tmp_path: Path
) -> None:
    backend = BackendSettings("mariadb", tmp_path, on_mariadb(request) | queue.settings)
    async with backend.running_service() as running:
        await queue.put(a_send(clientMessageId="before"))
        (before,) = await stored(running.api, 1)
        await running.api.reaches(before["messageId"], "DELIVERED")
        await asyncio.to_thread(mariadb.kill9)
        for number in range(10):
            await queue.put(a_send(clientMessageId=f"away-{number}", conversationId=f"S:{2000 + number}"))

        async def tried() -> bool:
            return await counted(running.api, "unavailable") >= 3

        await until(tried, LONG_S)
        await asyncio.to_thread(mariadb.start)
        rows = await stored(running.api, 11, AFTER_A_CRASH_S)
        assert len({row["clientMessageId"] for row in rows}) == len(rows) == 11
        for row in rows:
            await running.api.reaches(row["messageId"], "DELIVERED")
        assert await letters(running.api, 0) == []


async def test_a_broker_that_comes_back_is_read_again(running: RunningService, queue: Queue) -> None:
    await queue.put(a_send(clientMessageId="before"))
    await stored(running.api, 1)
    await asyncio.to_thread(queue.server.kill9)
    (await running.api.client.get("/actuator/health/readiness")).raise_for_status()
    await asyncio.to_thread(queue.server.start)

    async def published() -> bool:
        return not isinstance(
            (await asyncio.gather(queue.put(a_send(clientMessageId="after")), return_exceptions=True))[0], Exception
        )

    await until(published, LONG_S)
    rows = await stored(running.api, 2)
    assert {row["clientMessageId"] for row in rows} == {"before", "after"}


async def test_callbacks_taken_by_one_process_are_projected_by_another(
    queue: Queue, rocketmq: RocketMq, tmp_path: Path
) -> None:
    settings = queue.settings | {"ROCKETMQ_TOPICS_CALLBACKS": rocketmq.fresh_topic()}
    async with running_service(tmp_path, **settings) as running:
        other = ServiceProgram(tmp_path, running.simulator_program.origin, name="other", port=None, **settings)
        try:
            await asyncio.to_thread(other.start)
            ids = [await running.api.accept(a_send(conversationId=f"S:{3000 + number}")) for number in range(10)]
            async with client_of(other.url) as client:
                for message_id in ids:
                    await Api(client).reaches(message_id, "DELIVERED")
        finally:
            other.close()


async def test_a_topic_that_does_not_exist_yet_is_created_and_read(queue: Queue, tmp_path: Path) -> None:
    absent = dataclasses.replace(queue, topic=f"{queue.topic}-absent")
    async with running_service(tmp_path, **absent.settings) as running:

        async def published() -> bool:
            (problem,) = await asyncio.gather(absent.put(a_send(), "k"), return_exceptions=True)
            return problem is None

        await until(published, AFTER_A_CRASH_S)
        (row,) = await stored(running.api, 1, AFTER_A_CRASH_S)
        await running.api.reaches(row["messageId"], "DELIVERED")
