"""A whole process as bootstrap opens it, here inside the test, without its HTTP server."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.apps.doubles import RecordingObserver
from tests.support.builders.messages import a_draft
from tests.support.polling import until
from tests.support.servers.ports import free_port
from tests.support.servers.redis import Redis

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.maintenance.recover import Recover
from wework_message.application.maintenance.store_metrics import StoreSnapshot
from wework_message.application.role import Role
from wework_message.bootstrap.database_commands import recover
from wework_message.bootstrap.doctor import examine
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import Loaded, load
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.ports.checks import Verdict


def _loaded(folder: Path, **environ: str) -> Loaded:
    return load({"DATASOURCE_URL": f"sqlite:///{folder}/one.db", **environ}, config_dir=folder)


def _process_metrics(shown: list[StoreSnapshot | None]) -> ProcessMetrics:
    return ProcessMetrics(shown.append, QueueMetrics(), lambda op, result, seconds: None)


@pytest.fixture(params=["alone", "with Redis", "with a cluster that is away"])
def environ(request: pytest.FixtureRequest) -> Mapping[str, str]:
    if request.param == "with Redis":
        server: Redis = request.getfixturevalue("redis_server")
        server.restore()  # the plugin does this for tests that name the fixture
        server.flush()
        return {"REDIS_URL": server.url, "REDIS_CACHE_STATUS": "true"}
    if request.param == "with a cluster that is away":
        return {"ROCKETMQ_NAME_SERVER": f"127.0.0.1:{free_port()}", "ROCKETMQ_TOPICS_CALLBACKS": "callbacks"}
    return {}


async def test_what_a_process_accepts_it_sends_on_any_backend(tmp_path: Path, environ: Mapping[str, str]) -> None:
    shown: list[StoreSnapshot | None] = []
    async with running(_loaded(tmp_path, **environ), RecordingObserver(), _process_metrics(shown)) as process:
        accepted = await process.application.accept(AcceptMessage(DEFAULT_TENANT, (a_draft(),)))
        message_id = MessageId(accepted.target)

        async def sent() -> bool:
            views = await process.application.read.messages(DEFAULT_TENANT, [message_id])
            return views[message_id].message.status is MessageStatus.SENT

        await until(sent)
        assert (await process.application.poll.statuses(DEFAULT_TENANT, [message_id]))[message_id].status == "SENT"
        assert await process.application.service.ready()
        process.begin_drain()
        assert not await process.application.service.ready()
    assert shown[0] is not None
    assert shown[-1] is None


async def test_one_that_only_accepts_sends_nothing(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL="http://127.0.0.1:9")
    async with running(loaded, RecordingObserver(), _process_metrics([]), role=Role.ACCEPTING) as process:
        accepted = await process.application.accept(AcceptMessage(DEFAULT_TENANT, (a_draft(),)))
    async with running(loaded, RecordingObserver(), _process_metrics([]), role=Role.ACCEPTING) as process:
        message_id = MessageId(accepted.target)
        views = await process.application.read.messages(DEFAULT_TENANT, [message_id])
        assert (views[message_id].message.status, views[message_id].message.attempts) == (MessageStatus.QUEUED, [])


async def test_the_doctor_finds_nothing_wrong_where_nothing_is_and_names_what_is_away(tmp_path: Path) -> None:
    async with running(_loaded(tmp_path), RecordingObserver(), _process_metrics([])):
        pass
    well = await examine(_loaded(tmp_path), deadline_s=10)
    assert {examined.finding.verdict for examined in well.examined} <= {Verdict.OK, Verdict.WARNING, Verdict.SKIPPED}
    away = {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
        "ROCKETMQ_NAME_SERVER": f"127.0.0.1:{free_port()}",
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    ill = await examine(_loaded(tmp_path, **away), deadline_s=10)
    failed = {
        examined.name.partition(".")[0] for examined in ill.examined if examined.finding.verdict is Verdict.FAILED
    }
    assert {"provider", "redis", "rocketmq"} <= failed


async def test_what_a_restored_file_would_send_again_is_unknown(tmp_path: Path) -> None:
    loaded = _loaded(tmp_path, APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL="http://127.0.0.1:9")
    async with running(loaded, RecordingObserver(), _process_metrics([]), role=Role.ACCEPTING) as process:
        accepted = await process.application.accept(AcceptMessage(DEFAULT_TENANT, (a_draft(),)))
    await recover(loaded, Recover(restored_from=0))
    async with running(loaded, RecordingObserver(), _process_metrics([]), role=Role.ACCEPTING) as process:
        views = await process.application.read.messages(DEFAULT_TENANT, [MessageId(accepted.target)])
        assert [view.message.status for view in views.values()] == [MessageStatus.UNKNOWN]
