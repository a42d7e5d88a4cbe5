"""The steps of docs/migration.md: the topic of async sends goes from the Java service's consumer to ours and back, and each message is sent once."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, RunningService, running_service
from tests.support.servers import maven
from tests.support.servers.rocketmq import NAME, RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

OLD_CONSUMER: Final = Path(__file__).parents[2] / "java" / "old-consumer" / "OldConsumer.java"
GROUP: Final = "message-service-async-consumer"
"""The Java service's own."""


class OldConsumer:
    """The Java service's consumer, and the numbers of the sends that it took."""

    def __init__(self, program: subprocess.Popen[bytes], output: Path) -> None:
        self._program = program
        self._output = output

    @property
    def taken(self) -> list[int]:
        lines = self._output.read_text("utf-8").splitlines()
        return sorted(int(json.loads(line)["clientMessageId"]) for line in lines if line.startswith("{"))

    async def has_taken(self, count: int) -> bool:
        assert self._program.poll() is None, self._output.read_text("utf-8")
        return len(self.taken) >= count


@contextmanager
def old_consumer(rocketmq: RocketMq, topic: str, group: str, folder: Path, name: str) -> Iterator[OldConsumer]:
    """It runs until the block ends, and says then how far it has come."""
    output = folder / name
    command = [
        "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", f"-Duser.home={folder}", "-cp",
        maven.classpath(NAME).read_text(), str(OLD_CONSUMER), rocketmq.name_server.address, topic, group,
    ]  # fmt: skip
    with output.open("wb") as file:
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=file)
        try:
            yield OldConsumer(program, output)
        finally:
            program.communicate(timeout=60)  # it ends with its input


async def stored(running: RunningService) -> list[int]:
    return sorted(int(row["clientMessageId"]) for row in await running.api.rows())


async def has_stored(running: RunningService, count: int) -> bool:
    return len(await stored(running)) >= count


async def is_acknowledged(rocketmq: RocketMq, topic: str, group: str) -> bool:
    return await Admin(addresses(rocketmq.name_server.address)).backlog(group, topic) == 0


async def test_the_group_of_the_old_consumer_takes_every_send_once_there_and_back(
    rocketmq: RocketMq, tmp_path: Path
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_name(GROUP)
    settings = {
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_INTAKE": topic, "ROCKETMQ_INTAKE_GROUP": group, "ROCKETMQ_GROUP": rocketmq.fresh_group(),
    }  # fmt: skip
    producers = GrpcTransport(Target(rocketmq.endpoints))

    async def send(first: int, last: int) -> None:
        for number in range(first, last):
            body = {"guid": "g", "conversationId": f"S:{1000 + number}", "messageType": "TEXT", "content": "hello"}
            await producers.publish(topic, json.dumps(body | {"clientMessageId": str(number)}).encode())

    try:
        with old_consumer(rocketmq, topic, group, tmp_path, "before") as old:
            await send(0, 20)
            await until(lambda: old.has_taken(20), LONG_S, every_s=0.1)
        assert old.taken == list(range(20))
        await send(20, 40)  # nobody reads: producers need not stop
        async with running_service(tmp_path, **settings) as running:
            await until(lambda: has_stored(running, 20), LONG_S, every_s=0.1)
            await send(40, 60)
            await until(lambda: has_stored(running, 40), LONG_S, every_s=0.1)
            await until(lambda: is_acknowledged(rocketmq, topic, group), LONG_S, every_s=0.1)
            assert await asyncio.to_thread(running.service.stop) == 0
            await send(60, 80)
            with old_consumer(rocketmq, topic, group, tmp_path, "after") as back:
                await until(lambda: back.has_taken(20), LONG_S, every_s=0.1)
                await send(80, 90)
                await until(lambda: back.has_taken(30), LONG_S, every_s=0.1)
            assert back.taken == list(range(60, 90))
            await asyncio.to_thread(running.service.start)
            await send(90, 100)
            await until(lambda: has_stored(running, 50), LONG_S, every_s=0.1)
            assert await stored(running) == [*range(20, 60), *range(90, 100)]
    finally:
        await producers.close()
