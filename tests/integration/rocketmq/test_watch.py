import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.polling import until
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.admin import Admin
from wework_message.adapters.rocketmq.cluster_watch import ClusterWatch
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.transport.cluster_address import Target, addresses
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.application.queries.service import Condition


class Backlogs:
    def __init__(self) -> None:
        self.latest: dict[str, int | None] = {}

    def __call__(self, group: str, backlog: int | None) -> None:
        self.latest[group] = backlog


@pytest.fixture
def backlogs() -> Backlogs:
    return Backlogs()


@pytest.fixture
def name(rocketmq: RocketMq) -> str:
    return rocketmq.fresh_name("watched")


@pytest.fixture
def uses() -> tuple[ConnectionState, ConnectionState]:
    return ConnectionState("publishing"), ConnectionState("receiving")


@pytest.fixture
def watch(
    rocketmq: RocketMq,
    name: str,
    backlogs: Backlogs,
    uses: tuple[ConnectionState, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> ClusterWatch:
    monkeypatch.setattr("wework_message.adapters.rocketmq.cluster_watch.BACKLOG_INTERVAL_S", 0.0)
    return ClusterWatch(
        Admin(addresses(rocketmq.name_server.address)), addresses(rocketmq.endpoints), uses, [(name, name)],
        QueueMetrics(backlog=backlogs), creates=True, tried=lambda: None,
    )  # fmt: skip


@pytest.fixture
async def transport(rocketmq: RocketMq) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target(rocketmq.endpoints))
    yield transport
    await transport.close()


async def test_it_creates_missing_topics_and_reports_the_backlog(
    watch: ClusterWatch, backlogs: Backlogs, name: str, transport: GrpcTransport
) -> None:
    assert watch.condition() == Condition()
    await watch.poll()
    assert watch.condition() == Condition(healthy=True)
    assert backlogs.latest == {name: 0}
    await transport.publish(name, b"x")
    await watch.poll()
    assert backlogs.latest == {name: 1}


async def test_failures_of_clients_are_reported_at_once(
    watch: ClusterWatch, uses: tuple[ConnectionState, ConnectionState]
) -> None:
    await watch.poll()
    uses[0].failed("Away")
    assert watch.condition() == Condition(healthy=False, reason="publishing fails: Away")
    uses[0].answered()
    assert watch.condition() == Condition(healthy=True)


async def test_a_disabled_proxy_and_a_stopped_broker_have_different_reasons(
    watch: ClusterWatch, rocketmq: RocketMq, backlogs: Backlogs, name: str
) -> None:
    rocketmq.kill9()
    await asyncio.to_thread(lambda: rocketmq.start(proxy=False))
    await watch.poll()
    port = rocketmq.endpoints.rpartition(":")[2]
    assert watch.condition() == Condition(healthy=False, reason=f"proxy not enabled on {port}, or use transport native")
    assert backlogs.latest == {name: 0}

    rocketmq.kill9()
    rocketmq.name_server.kill9()
    await watch.poll()
    assert watch.condition() == Condition(healthy=False, reason="broker down: no name server answers")
    assert backlogs.latest == {name: None}


async def test_a_cluster_that_was_away_at_the_start_gets_its_topics_when_it_comes(
    watch: ClusterWatch, rocketmq: RocketMq, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("wework_message.adapters.rocketmq.cluster_watch.POLL_INTERVAL_S", 0.1)
    rocketmq.kill9()
    rocketmq.name_server.kill9()
    running = asyncio.create_task(watch.run())

    async def is_away() -> bool:
        return watch.condition().healthy is False

    await until(is_away)
    await asyncio.to_thread(rocketmq.restore)

    async def is_healthy() -> bool:
        return watch.condition().healthy is True

    await until(is_healthy, 60)
    await watch.stop(0)
    await running
    warnings = [record.getMessage() for record in caplog.records if "not created yet" in record.getMessage()]
    assert 1 <= len(warnings) <= 3  # once for each reason
