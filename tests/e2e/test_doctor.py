"""The doctor next to a running service, and against a server that is no provider."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.processes.doctor import doctor
from tests.support.processes.programs import service_processes
from tests.support.processes.running_service import Api, client_of, text
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.topics import ensure
from wework_message.adapters.rocketmq.transport.cluster_address import addresses
from wework_message.adapters.rocketmq.wakeup.notifier import lanes

pytestmark = pytest.mark.e2e


async def test_every_check_passes_while_the_service_sends(tmp_path: Path) -> None:
    with service_processes(tmp_path) as programs:
        async with client_of(programs.service.url) as client:
            api = Api(client)
            ids = [await api.accept(text(f"{number}", conversationId=f"S:{number}")) for number in range(10)]
            await asyncio.gather(*(api.reaches(message_id, "DELIVERED") for message_id in ids))
        code, checks, output = await doctor(
            tmp_path,
            DATASOURCE_URL=f"sqlite:///{tmp_path}/wework-message.db",
            APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL=programs.simulator.origin,
        )
    del checks["process.user"]  # a warning where the tests run as root
    assert (code, {check["verdict"] for check in checks.values()}) == (0, {"ok", "skipped"}), output
    assert checks["provider.guangzhou-guxing.call"]["verdict"] == "ok"
    assert {check["verdict"] for name, check in checks.items() if name.startswith("invariant.")} == {"ok"}


async def test_a_server_that_is_no_provider_fails_the_check_of_the_call(tmp_path: Path) -> None:
    with service_processes(tmp_path) as programs:
        code, checks, _ = await doctor(
            tmp_path, APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL=f"{programs.simulator.origin}/no/such/path"
        )
    assert code == 69
    assert checks["provider.guangzhou-guxing.tcp"]["verdict"] == "ok"
    assert checks["provider.guangzhou-guxing.call"]["text"] == "no answer in the provider's form"


async def test_the_production_backends_by_the_java_service_s_variables(
    tmp_path: Path, migrated: EmptyDatabase, redis_url: str, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    topics_and_groups = [(lane.topic, lane.group) for lane in lanes(topic, group).values()]
    await ensure(Admin(addresses(rocketmq.name_server.address)), topics_and_groups)
    code, checks, output = await doctor(
        tmp_path,
        **settings_of(migrated.target),
        SPRING_DATA_REDIS_HOST="127.0.0.1",
        SPRING_DATA_REDIS_PORT=redis_url.rpartition(":")[2].partition("/")[0],
        ROCKETMQ_NAME_SERVER=rocketmq.name_server.address,
        ROCKETMQ_ENDPOINTS=rocketmq.endpoints,
        ROCKETMQ_TOPICS_DUE=topic,
        ROCKETMQ_GROUP=group,
    )
    of_servers = {
        name: check for name, check in checks.items() if name.startswith(("database.", "redis.", "rocketmq."))
    }
    assert {check["verdict"] for check in of_servers.values()} == {"ok"}, output
    counts = Counter(name.partition(".")[0] for name in of_servers)
    assert counts == {"database": 10, "redis": 6, "rocketmq": 10}
    assert code == 0
    assert migrated.target.password not in output


async def test_a_cluster_without_the_lanes_of_urgent_and_bulk_messages_is_reported(
    tmp_path: Path, rocketmq: RocketMq
) -> None:
    topic, group = rocketmq.fresh_topic(), rocketmq.fresh_group()
    _, checks, _ = await doctor(
        tmp_path,
        ROCKETMQ_NAME_SERVER=rocketmq.name_server.address,
        ROCKETMQ_ENDPOINTS=rocketmq.endpoints,
        ROCKETMQ_TOPICS_DUE=topic,
        ROCKETMQ_GROUP=group,
        ROCKETMQ_TOPICS_INTAKE=f"{topic}-intake",
    )
    assert checks["rocketmq.topics"]["text"] == f"no topic {topic}-urgent, {topic}-bulk, {topic}-intake"
    assert checks["rocketmq.groups"]["text"] == f"no group {group}-urgent, {group}-bulk, {group}-intake"
