from collections.abc import AsyncIterator

import pytest
from tests.contracts.transport_contract import SendBatch, TransportContract, received
from tests.support.polling import until
from tests.support.queues.native_client import ConsumeStatus, Library, SendStatus

from wework_message.adapters.rocketmq.transport import native as native_transport
from wework_message.adapters.rocketmq.transport.client import ClientMissingError
from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.connection_state import ConnectionState
from wework_message.adapters.rocketmq.transport.native import NativeSubscription, NativeTransport, load_native
from wework_message.adapters.rocketmq.transport.port import PublishError

TARGET = Target("h:9876", "ak", "sk", request_timeout_s=2, tries=2)


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
async def transport(library: Library, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NativeTransport]:
    monkeypatch.setattr(native_transport, "WAIT_S", 0.05)
    transport = NativeTransport(TARGET, "producers", lambda: library)
    yield transport
    await transport.close()


@pytest.fixture
def topic() -> str:
    return "t"


@pytest.fixture
def group() -> str:
    return "g"


@pytest.fixture
def send_batch(library: Library) -> SendBatch:
    return library.store_batch


class TestNativeTransport(TransportContract):
    SHORT_LEASE_S = 0.5


async def test_it_sets_its_names_and_credentials(transport: NativeTransport, library: Library) -> None:
    await transport.publish("t", b"x")
    await transport.subscribe("t", "g", lease_s=1)
    await transport.subscribe("u", "g", lease_s=1)

    async def both_configured() -> bool:
        return len([name for name, _ in library.options if name == "threads"]) == 2

    await until(both_configured)
    settings = dict(library.options)
    assert settings["name server"] == ("h:9876",)
    assert settings["credentials"] == ("ak", "sk", "")
    assert settings["timeout"] == (2_000,)
    instances = [what for name, what in library.options if name == "instance"]
    assert len(set(instances)) == 2


async def test_a_send_that_failed_or_is_not_durable_is_no_publish(transport: NativeTransport, library: Library) -> None:
    library.away = True
    with pytest.raises(PublishError):
        await transport.publish("t", b"x")
    assert transport.publishing.healthy is False
    library.away, library.status = False, SendStatus.FLUSH_DISK_TIMEOUT
    with pytest.raises(PublishError, match="FLUSH_DISK_TIMEOUT"):
        await transport.publish("t", b"x")
    library.status = SendStatus.OK
    await transport.publish("t", b"x")
    assert transport.publishing.healthy is True


class Broken:
    """A message of the library whose attributes raise."""

    reconsume_times = 0

    @property
    def keys(self) -> bytes:
        raise SystemError("freed")


async def test_a_callback_returns_a_status_and_never_raises() -> None:
    subscription = NativeSubscription(ConsumeStatus, ConnectionState("receiving"), 1)
    assert subscription.take(Broken()) == ConsumeStatus.RECONSUME_LATER


async def test_closing_gives_back_what_is_held_and_shuts_everything(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_transport, "WAIT_S", 0.05)
    transport = NativeTransport(TARGET, "producers", lambda: library)
    subscription = await transport.subscribe("t", "g", lease_s=3_600)
    await transport.publish("t", b"held")
    await received(subscription, 1)
    await transport.close()
    assert library.shut_down == ["PushConsumer", "Producer"]

    async def given_back() -> bool:
        return [delivery.body for delivery in library.undelivered] == [b"held"]

    await until(given_back)
    assert library.escaped == []


def test_without_the_library_it_says_what_to_install() -> None:
    with pytest.raises(ClientMissingError, match="rocketmq-native"):
        load_native()
