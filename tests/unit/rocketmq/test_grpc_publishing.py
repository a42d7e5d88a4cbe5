"""How often the gRPC transport tries to publish, with a client whose producer fails as the test says."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.polling import until

from wework_message.adapters.rocketmq.transport import grpc
from wework_message.adapters.rocketmq.transport.cluster_address import Target
from wework_message.adapters.rocketmq.transport.grpc import GrpcTransport
from wework_message.adapters.rocketmq.transport.port import PublishError


class BadRequestException(Exception):  # noqa: N818 -- the client's name: by it the transport knows whose fault it is
    pass


class Client:
    """The parts of the module `rocketmq` that publishing uses."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.sent: list[bytes] = []
        self.tries = 0
        self.Message = SimpleNamespace
        self.Credentials = self.ClientConfiguration = self._configured

    def _configured(self, *_: object, **__: object) -> None:
        pass

    def Producer(self, *_: object, **__: object) -> "Client":  # noqa: N802 -- the library's name
        return self

    def startup(self) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def send(self, message: Any) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message.body)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    client = Client()
    monkeypatch.setattr(grpc, "load_client", lambda: client)
    return client


@pytest.fixture
async def transport(client: Client) -> AsyncIterator[GrpcTransport]:
    transport = GrpcTransport(Target("h:8081", tries=3))
    yield transport
    await transport.close()


def lost(count: int) -> Iterable[Exception]:
    return [ConnectionError("gone") for _ in range(count)]


async def test_a_publish_that_fails_is_tried_again_as_often_as_the_settings_say(
    client: Client, transport: GrpcTransport
) -> None:
    client.failures += lost(2)
    await transport.publish("t", b"x")
    assert (client.sent, client.tries, transport.publishing.healthy) == ([b"x"], 3, True)
    client.failures += lost(3)
    with pytest.raises(PublishError, match="ConnectionError"):
        await transport.publish("t", b"y")
    assert (client.sent, client.tries, transport.publishing.healthy) == ([b"x"], 6, False)


async def test_a_message_that_the_broker_refuses_is_tried_once_and_says_nothing_of_the_broker(
    client: Client, transport: GrpcTransport
) -> None:
    client.failures.append(BadRequestException())
    with pytest.raises(PublishError, match="BadRequestException"):
        await transport.publish("t", b"x")
    assert (client.tries, transport.publishing.healthy) == (1, None)


async def test_a_pause_comes_before_a_second_try_and_never_before_the_first(
    client: Client, transport: GrpcTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc, "_RETRY_DELAY_S", 3_600.0)
    await transport.publish("t", b"at once")
    client.failures += lost(1)
    publishing = asyncio.create_task(transport.publish("t", b"pauses"))

    async def failed_once() -> bool:
        return client.tries == 2

    await until(failed_once)
    await transport.close()  # ends the pause
    with pytest.raises(PublishError):
        await publishing
    assert client.tries == 2
