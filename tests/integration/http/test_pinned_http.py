import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from tests.support.certificates import NEEDS_OPENSSL, certificate_for, server_context
from tests.support.providers.outbound_receiver import ScriptedResolver, outbound_receiver
from tests.support.providers.scripted_provider import Provider

from wework_message.adapters.outbound import pinned_http
from wework_message.adapters.outbound.pinned_http import PinnedHttp
from wework_message.adapters.outbound.resolver import Resolver, SystemResolver
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy, networks_of
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome

LONG_MS: Final = 60_000
DELIVERED: Final = OutboundAnswer(OutboundOutcome.DELIVERED, 200)
NAME: Final = "hooks.example.com"
Make = Callable[..., PinnedHttp]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[PinnedHttp] = []

    def make_http(
        answers: Mapping[str, Sequence[str]] | None = None,
        *,
        resolver: Resolver | None = None,
        ca_file: Path | None = None,
    ) -> PinnedHttp:
        policy = AddressPolicy(networks_of(("127.0.0.0/8",)))
        made.append(PinnedHttp(policy, resolver or ScriptedResolver(answers or {}), ca_file=ca_file))
        return made[-1]

    yield make_http
    for http in made:
        await http.aclose()


async def post(http: PinnedHttp, url: str, deadline_ms: int = LONG_MS) -> OutboundAnswer:
    return await http.post(url, headers=(), body=b"{}", deadline_ms=deadline_ms)


# --- addresses


async def test_a_request_uses_the_one_resolution_that_was_checked(make: Make) -> None:
    resolver = ScriptedResolver({NAME: ["127.0.0.1", "10.0.0.9", "127.0.0.1"]})
    async with outbound_receiver(NAME) as receiver:
        http = make(resolver=resolver)
        assert await post(http, receiver.url) == DELIVERED
        assert resolver.hosts == [NAME]
        # The name moves: the connection that is still open to the old address is not used.
        assert (await post(http, receiver.url)).outcome is OutboundOutcome.BLOCKED
        assert await post(http, receiver.url) == DELIVERED
        assert (len(receiver.received), receiver.connections) == (2, 1)


async def test_the_location_of_a_redirect_sees_nothing(make: Make) -> None:
    async with outbound_receiver() as inner, outbound_receiver() as receiver:
        receiver.answer(307)
        receiver.headers = {"location": inner.url}
        assert await post(make(), receiver.url) == OutboundAnswer(OutboundOutcome.REDIRECT, 307)
        assert not inner.received


@pytest.mark.parametrize(("value", "expected"), [("120", 120_000), ("soon", None)])
async def test_retry_after_of_a_busy_receiver_is_told(make: Make, value: str, expected: int | None) -> None:
    async with outbound_receiver() as receiver:
        receiver.answer(429)
        receiver.headers = {"retry-after": value}
        assert await post(make(), receiver.url) == OutboundAnswer(OutboundOutcome.REFUSED, 429, expected)


async def test_addresses_are_tried_in_turn_until_one_takes_the_connection(make: Make) -> None:
    async with outbound_receiver(NAME) as receiver:
        http = make({NAME: ["127.0.0.2 127.0.0.3 127.0.0.1", "127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.1"]})
        assert await post(http, receiver.url) == DELIVERED
        assert (await post(http, receiver.url)).outcome is OutboundOutcome.CONNECT  # a fourth one is not tried


async def test_an_address_that_never_answers_leaves_time_for_the_next(make: Make) -> None:
    async with outbound_receiver(NAME) as receiver:
        port = int(receiver.url.rpartition(":")[2].partition("/")[0])
        with socket.create_server(("127.0.0.2", port), backlog=0), contextlib.ExitStack() as fillers:
            for _ in range(4):
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.2", port))
            assert await post(make({NAME: ["127.0.0.2 127.0.0.1"]}), receiver.url, 2_000) == DELIVERED
            assert (await post(make({NAME: ["127.0.0.2"]}), receiver.url, 50)).outcome is OutboundOutcome.CONNECT


@pytest.mark.parametrize("status", [200, 500])
async def test_what_reached_one_address_is_not_sent_to_the_next(make: Make, status: int) -> None:
    async with outbound_receiver(NAME) as receiver:
        receiver.answer(status)
        answer = await post(make({NAME: ["127.0.0.1 127.0.0.1 127.0.0.2"]}), receiver.url)
        assert (answer.status, len(receiver.received)) == (status, 1)


async def test_no_time_left_after_the_lookup_is_no_connection(make: Make) -> None:
    class Slow:
        async def addresses(self, _: str) -> Sequence[Address]:
            until = asyncio.get_running_loop().time() + 0.002
            while asyncio.get_running_loop().time() < until:
                pass
            return [ip_address("127.0.0.1")]

    assert (await post(make(resolver=Slow()), f"https://{NAME}/", 1)).outcome is OutboundOutcome.CONNECT


async def test_a_name_server_that_hangs_ends_with_the_deadline(make: Make) -> None:
    class Hanging:
        async def addresses(self, _: str) -> Sequence[Address]:
            await asyncio.get_running_loop().create_future()
            return ()

    assert (await post(make(resolver=Hanging()), f"https://{NAME}/", 20)).outcome is OutboundOutcome.DNS


async def test_a_name_without_addresses_is_unknown(make: Make) -> None:
    assert (await post(make({NAME: [""]}), f"https://{NAME}/")).outcome is OutboundOutcome.DNS


# --- connections


async def test_connections_are_kept_by_name(make: Make) -> None:
    async with outbound_receiver(NAME) as receiver:
        http = make({NAME: ["127.0.0.1"], "other.example.com": ["127.0.0.1"]})
        for url in (receiver.url, receiver.url, receiver.url.replace(NAME, "other.example.com")):
            assert await post(http, url) == DELIVERED
        assert receiver.connections == 2
        assert [received.url.split("/")[2].split(":")[0] for received in receiver.received] == [
            NAME,
            NAME,
            "other.example.com",
        ]


async def test_receivers_without_a_connection_are_forgotten(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_http, "KEPT_CLIENTS", 2)
    names = [f"h{number}.example.com" for number in range(6)]
    http = make({name: ["127.0.0.1"] for name in names})
    async with outbound_receiver(NAME) as receiver:
        receiver.headers = {"connection": "close"}
        for name in names:
            assert await post(http, receiver.url.replace(NAME, name)) == DELIVERED
    assert len(http._clients) <= 2


async def test_a_receiver_with_an_open_connection_is_not_forgotten(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned_http, "KEPT_CLIENTS", 1)
    names = ["a.example.com", "b.example.com", "a.example.com"]
    http = make({name: ["127.0.0.1"] for name in names})
    async with outbound_receiver(NAME) as receiver:
        for name in names:
            assert await post(http, receiver.url.replace(NAME, name)) == DELIVERED
        assert receiver.connections == 2


async def test_a_silent_receiver_takes_no_connection_of_another(make: Make) -> None:
    http = make()
    async with outbound_receiver() as silent, outbound_receiver() as receiver:
        silent.answer(OutboundOutcome.TIMEOUT)
        waiting = [asyncio.create_task(post(http, silent.url)) for _ in range(pinned_http.MAX_CONNECTIONS + 5)]
        assert await post(http, receiver.url) == DELIVERED
        for task in waiting:
            task.cancel()
        assert all(
            isinstance(ended, asyncio.CancelledError)
            for ended in await asyncio.gather(*waiting, return_exceptions=True)
        )


async def test_proxies_of_the_environment_are_not_used(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    async with outbound_receiver() as receiver:
        assert await post(make(), receiver.url) == DELIVERED


async def test_a_header_that_frames_a_message_sends_nothing_and_does_not_raise(make: Make) -> None:
    async with outbound_receiver() as receiver:
        answer = await make().post(receiver.url, headers=[("Host", "x")], body=b"{}", deadline_ms=LONG_MS)
        assert answer.outcome is OutboundOutcome.LOST
        assert not receiver.received


async def test_a_request_in_flight_ends_when_the_client_is_closed(make: Make, provider: Provider) -> None:
    http = make()
    task = asyncio.create_task(post(http, f"http://127.0.0.1:{provider.port}/"))
    await (await provider.peer()).request()
    await http.aclose()
    assert (await task).outcome is OutboundOutcome.LOST


# --- answers, byte by byte


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", DELIVERED),
        (
            b"HTTP/1.1 410 Gone\r\ntransfer-encoding: chunked\r\n\r\nff\r\n",
            OutboundAnswer(OutboundOutcome.REFUSED, 410),
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nlonger than that", DELIVERED),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", DELIVERED),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", DELIVERED),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", OutboundAnswer(OutboundOutcome.LOST)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\n", OutboundAnswer(OutboundOutcome.LOST)),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 20_000, OutboundAnswer(OutboundOutcome.LOST)),
        (b"SSH-2.0-OpenSSH\r\n", OutboundAnswer(OutboundOutcome.LOST)),
        (b"HTTP/1.1 200", OutboundAnswer(OutboundOutcome.LOST)),
    ],
)
async def test_the_status_decides_whatever_becomes_of_the_body(
    make: Make, provider: Provider, answer: bytes, outcome: OutboundAnswer
) -> None:
    task = asyncio.create_task(post(make(), f"http://127.0.0.1:{provider.port}/"))
    peer = await provider.peer()
    await peer.request()
    await peer.send(answer)
    peer.close()
    assert await task == outcome


@pytest.mark.parametrize(("size", "connections"), [(4096, 1), (4097, 2)])
async def test_a_connection_is_kept_after_a_body_of_at_most_4_kib(make: Make, size: int, connections: int) -> None:
    async with outbound_receiver() as receiver:
        receiver.body = b"x" * size
        http = make()
        assert [await post(http, receiver.url) for _ in range(2)] == [DELIVERED] * 2
        assert receiver.connections == connections


async def test_an_endless_body_is_cut_off(make: Make, provider: Provider) -> None:
    task = asyncio.create_task(post(make(), f"http://127.0.0.1:{provider.port}/"))
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n")
    with pytest.raises(ConnectionError):
        await peer.pour(100_000_000)
    assert await task == DELIVERED


@pytest.mark.parametrize(
    ("head", "outcome"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", DELIVERED), (b"HTTP/1.1 200 OK\r\nx: ", OutboundAnswer(OutboundOutcome.TIMEOUT))],
)
async def test_a_slow_drip_ends_with_the_deadline(
    make: Make, provider: Provider, head: bytes, outcome: OutboundAnswer
) -> None:
    task = asyncio.create_task(post(make(), f"http://127.0.0.1:{provider.port}/", 1_000))
    peer = await provider.peer()
    await peer.request()
    await peer.send(head)
    with pytest.raises(ConnectionError):
        await peer.drip()
    assert await task == outcome


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(NAME, tmp_path_factory.mktemp("outbound"))


@NEEDS_OPENSSL
async def test_the_certificate_must_name_the_host_and_not_the_address(
    make: Make, certificate: tuple[Path, Path]
) -> None:
    http = make({NAME: ["127.0.0.1"], "other.example.com": ["127.0.0.1"]}, ca_file=certificate[0])
    async with outbound_receiver(NAME, server_context(*certificate)) as receiver:
        assert await post(http, receiver.url) == DELIVERED
        for host in ("other.example.com", "127.0.0.1"):
            assert (await post(http, receiver.url.replace(NAME, host))).outcome is OutboundOutcome.TLS
        assert await post(http, receiver.url) == DELIVERED
        assert len(receiver.received) == 2


@NEEDS_OPENSSL
async def test_a_certificate_that_nobody_trusts_is_refused(make: Make, certificate: tuple[Path, Path]) -> None:
    async with outbound_receiver(NAME, server_context(*certificate)) as receiver:
        assert (await post(make({NAME: ["127.0.0.1"]}), receiver.url)).outcome is OutboundOutcome.TLS
        assert not receiver.received


# --- the system's resolver


async def test_the_system_knows_localhost_and_no_invalid_name() -> None:
    resolver = SystemResolver()
    try:
        addresses = await resolver.addresses("localhost")
        assert addresses
        assert all(address.is_loopback for address in addresses)
        for host in ("no-such-host.invalid", "a" * 64 + ".invalid"):
            with pytest.raises(OSError, match=r"."):
                await resolver.addresses(host)
    finally:
        resolver.close()


async def test_a_closed_resolver_is_no_error_of_a_request(make: Make) -> None:
    resolver = SystemResolver()
    resolver.close()
    assert (await post(make(resolver=resolver), f"https://{NAME}/")).outcome is OutboundOutcome.DNS


async def test_requests_for_one_name_share_a_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts: list[str] = []
    gate = asyncio.get_running_loop().create_future()

    def run(_: object, host: str) -> "asyncio.Future[Sequence[Address]]":
        hosts.append(host)
        return gate

    resolver = SystemResolver()
    monkeypatch.setattr(resolver._threads, "start", run)
    impatient, patient = [asyncio.create_task(resolver.addresses(NAME)) for _ in range(2)]
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    gate.set_result(())
    assert (await patient, hosts, resolver._running) == ((), [NAME], {})
    resolver.close()
