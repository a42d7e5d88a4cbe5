"""A process follows the configurations of Nacos: changes, faults, outages."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.support.polling import until_true

from wework_message.adapters.memory.shared_configuration import MemoryConfigurationServer, MemorySharedConfiguration
from wework_message.bootstrap.nacos import follow
from wework_message.bootstrap.nacos.follow import FollowConfiguration
from wework_message.bootstrap.settings import Loaded, load
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.layers import Layers
from wework_message.bootstrap.settings.loading import loaded_of
from wework_message.bootstrap.settings.nacos import NacosSettings, document_names
from wework_message.bootstrap.settings.shared_start import SharedRead
from wework_message.domain.ports.shared_configuration import Document

OWN = "message-service.yaml"


class Followed:
    """A process that follows a server in memory."""

    def __init__(self, folder: Path, server: MemoryConfigurationServer) -> None:
        def start(settings: NacosSettings, profiles: Sequence[str]) -> SharedRead:
            names = document_names(settings, profiles)
            texts = [(name, server.texts.get((name.data_id, name.group))) for name in names]
            return SharedRead([Document(name, text) for name, text in texts if text], None, self.kept.append)

        shared = "shared-configs: [{data-id: fixed.yaml}, {data-id: common.yaml, refresh: true}]"
        (folder / "application.yml").write_text(
            f"nacos: {{server-addr: n, config: {{file-extension: yaml, {shared}}}}}"
        )
        self.kept: list[Sequence[Document]] = []
        self.applied: list[int] = []
        self.refuses = False
        loaded = load({}, config_dir=folder, nacos=start)
        names = document_names(loaded.settings.nacos, ())
        self.loop = FollowConfiguration(loaded, MemorySharedConfiguration(server, names), self._apply, self.kept.append)

    def _apply(self, loaded: Loaded) -> None:
        if self.refuses:
            raise InvalidSettingError("x", "is refused")
        self.applied.append(loaded.settings.app.message.limits.rate_limit_per_minute)

    @property
    def rate(self) -> int:
        return self.loop.loaded.settings.app.message.limits.rate_limit_per_minute


def rate(number: object) -> str:
    return f"app.message.limits.rate-limit-per-minute: {number}"


@pytest.fixture
def server() -> MemoryConfigurationServer:
    return MemoryConfigurationServer()


@pytest.fixture
def start(tmp_path: Path, server: MemoryConfigurationServer) -> Callable[[], Followed]:
    return lambda: Followed(tmp_path, server)


async def test_a_change_counts_and_is_kept(
    start: Callable[[], Followed], server: MemoryConfigurationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.publish(OWN, rate(5))
    followed = start()
    await followed.loop.round()
    assert (followed.rate, followed.applied, caplog.records) == (5, [], [])
    server.publish(OWN, rate(6))
    await followed.loop.round()
    await followed.loop.round()
    assert (followed.rate, followed.applied) == (6, [6])
    assert [document.text for document in followed.kept[-1]] == [rate(6)]
    assert [record.getMessage() for record in caplog.records] == [
        "settings changed: app.message.limits.rate-limit-per-minute"
    ]


async def test_what_needs_a_restart_is_named_once_and_never_shown(
    start: Callable[[], Followed], server: MemoryConfigurationServer, caplog: pytest.LogCaptureFixture
) -> None:
    followed = start()
    server.publish(OWN, "datasource.password: hunter2")
    await followed.loop.round()
    server.publish(OWN, f"datasource.password: hunter2\n{rate(7)}")
    await followed.loop.round()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "settings of Nacos that need a restart: datasource.password"
    ]
    assert (followed.rate, "hunter2" in caplog.text) == (7, False)
    server.publish(OWN, "app: {}")
    await followed.loop.round()
    server.publish(OWN, "datasource.password: hunter3")
    await followed.loop.round()
    assert caplog.text.count("need a restart") == 2


@pytest.mark.parametrize("text", ["app: [", rate("many"), "app.message.nonsense: hunter2"])
async def test_what_is_wrong_is_refused_as_a_whole_with_one_warning(
    start: Callable[[], Followed], server: MemoryConfigurationServer, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    server.publish(OWN, rate(5))
    followed = start()
    kept = len(followed.kept)
    server.publish("common.yaml", rate(9))
    server.publish(OWN, text)
    for _ in range(3):
        await followed.loop.round()
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("the configuration of Nacos is refused, the settings stay as they are: ")
    assert (followed.rate, followed.applied, len(followed.kept), "hunter2" in warning) == (5, [], kept, False)
    server.publish(OWN, rate(6))
    await followed.loop.round()
    assert followed.rate == 6


async def test_what_the_process_cannot_take_changes_nothing(
    start: Callable[[], Followed], server: MemoryConfigurationServer, caplog: pytest.LogCaptureFixture
) -> None:
    followed = start()
    followed.refuses = True
    server.publish(OWN, rate(6))
    await followed.loop.round()
    assert (followed.rate, "is refused" in caplog.text) == (1000, True)


async def test_only_what_is_refreshed_changes(start: Callable[[], Followed], server: MemoryConfigurationServer) -> None:
    server.publish("fixed.yaml", rate(1))
    followed = start()
    server.publish("fixed.yaml", rate(2))
    await followed.loop.round()
    assert followed.rate == 1
    server.publish("common.yaml", rate(3))
    await followed.loop.round()
    assert followed.rate == 3
    assert [document.text for document in followed.kept[-1]] == [rate(1), rate(3)]


async def test_an_outage_changes_nothing_and_is_one_warning(
    start: Callable[[], Followed], server: MemoryConfigurationServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.publish(OWN, rate(5))
    followed = start()
    server.is_away = True
    for _ in range(3):
        await followed.loop.round()
        assert followed.loop.condition().healthy is False
    assert (followed.rate, [record.levelname for record in caplog.records]) == (5, ["WARNING"])
    server.texts["message-service.yaml", "DEFAULT_GROUP"] = rate(6)
    server.is_away = False
    await followed.loop.round()
    assert followed.loop.condition().healthy
    assert (followed.rate, [record.levelname for record in caplog.records]) == (6, ["WARNING", "INFO", "INFO"])


async def test_it_runs_until_it_is_stopped_and_a_defect_does_not_end_it(
    start: Callable[[], Followed],
    server: MemoryConfigurationServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    followed = start()
    defects = [RuntimeError("a defect")]
    taken = followed.loop._take

    async def take(documents: Sequence[Document]) -> None:
        if defects:
            raise defects.pop()
        await taken(documents)

    monkeypatch.setattr(followed.loop, "_take", take)
    running = asyncio.create_task(followed.loop.run())
    await until_true(lambda: not defects)
    server.publish(OWN, rate(6))
    await until_true(lambda: followed.applied == [6])
    await followed.loop.stop()
    await running
    assert "could not be taken over" in caplog.text


async def test_changes_without_an_end_are_one_look_in_half_a_second(
    start: Callable[[], Followed], server: MemoryConfigurationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = start()
    looks: list[float] = []
    pauses: list[float] = []
    read = followed.loop._configuration.read

    async def look() -> Sequence[Document]:
        looks.append(len(looks))
        documents = await read()
        server.publish(OWN, rate(10 + len(looks)))  # the next change is there before this one is taken over
        return documents

    async def pause(event: asyncio.Event, seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 5:
            await followed.loop.stop()
        return event.is_set()

    monkeypatch.setattr(followed.loop._configuration, "read", look)
    monkeypatch.setattr(follow, "set_within", pause)
    await followed.loop.run()
    assert (len(looks), pauses) == (5, [follow.PAUSE_S] * 5)


async def test_requests_do_not_wait_while_a_configuration_is_read(
    start: Callable[[], Followed], server: MemoryConfigurationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = start()
    threads: list[int] = []

    def noted(layers: Layers, documents: Sequence[Document]) -> Loaded:
        threads.append(threading.get_ident())
        return loaded_of(layers, documents)

    monkeypatch.setattr(follow, "loaded_of", noted)
    server.publish(OWN, rate(6))
    await followed.loop.round()
    assert (followed.rate, threading.get_ident() in threads) == (6, False)


async def test_two_processes_follow_the_same(
    tmp_path: Path, server: MemoryConfigurationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "READ_S", 3600.0)
    processes = [Followed(tmp_path, server) for _ in range(2)]
    tasks = [asyncio.create_task(process.loop.run()) for process in processes]
    server.publish(OWN, rate(6))
    await until_true(lambda: all(process.rate == 6 for process in processes))
    for process in processes:
        await process.loop.stop()
    await asyncio.gather(*tasks)


async def test_a_start_from_the_copy_goes_on_with_what_nacos_says(
    start: Callable[[], Followed], server: MemoryConfigurationServer
) -> None:
    followed = start()
    followed.loop.loaded = loaded_of(followed.loop.loaded.layers, [])
    server.publish(OWN, rate(8))
    await followed.loop.round()
    assert followed.rate == 8
