"""What a client's receiver and the service see of an outbound request, in any adapter."""

from collections.abc import Sequence
from typing import Protocol

import pytest

from wework_message.adapters.memory.outbound import Received
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome

LONG_MS = 60_000
HEADERS = (("Content-Type", "application/json"), ("webhook-id", "evt_1"))


class Receiver(Protocol):
    """A client's server, at an address that the policy under test allows."""

    @property
    def url(self) -> str: ...

    @property
    def received(self) -> Sequence[Received]: ...

    def answer(self, answer: int | OutboundOutcome) -> None:
        """With this status from now on, or in a way that has this outcome: TIMEOUT, LOST, CONNECT."""


class OutboundContract:
    """Subclasses have the fixtures `outbound`, `receiver`, `blocked_url` and `unknown_url`.

    The host of `blocked_url` has an address that is allowed and one that is not; that of `unknown_url` has none.
    """

    async def post(self, outbound: OutboundHttp, url: str, deadline_ms: int = LONG_MS) -> OutboundAnswer:
        return await outbound.post(url, headers=HEADERS, body=b'{"a":1}', deadline_ms=deadline_ms)

    @pytest.mark.parametrize("status", [200, 204, 299])
    async def test_a_request_arrives_once_as_it_is(
        self, outbound: OutboundHttp, receiver: Receiver, status: int
    ) -> None:
        receiver.answer(status)
        assert await self.post(outbound, receiver.url) == OutboundAnswer(OutboundOutcome.DELIVERED, status)
        (received,) = receiver.received
        assert (received.url, received.body) == (receiver.url, b'{"a":1}')
        assert {"content-type": "application/json", "webhook-id": "evt_1"}.items() <= received.headers.items()

    @pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
    async def test_another_status_is_refused(self, outbound: OutboundHttp, receiver: Receiver, status: int) -> None:
        receiver.answer(status)
        assert await self.post(outbound, receiver.url) == OutboundAnswer(OutboundOutcome.REFUSED, status)
        assert len(receiver.received) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
    async def test_a_redirect_is_not_followed(self, outbound: OutboundHttp, receiver: Receiver, status: int) -> None:
        receiver.answer(status)
        assert await self.post(outbound, receiver.url) == OutboundAnswer(OutboundOutcome.REDIRECT, status)
        assert len(receiver.received) == 1

    async def test_silence_ends_with_the_deadline(self, outbound: OutboundHttp, receiver: Receiver) -> None:
        receiver.answer(OutboundOutcome.TIMEOUT)
        assert await self.post(outbound, receiver.url, 100) == OutboundAnswer(OutboundOutcome.TIMEOUT)
        assert len(receiver.received) == 1

    async def test_a_broken_connection_is_lost(self, outbound: OutboundHttp, receiver: Receiver) -> None:
        receiver.answer(OutboundOutcome.LOST)
        assert await self.post(outbound, receiver.url) == OutboundAnswer(OutboundOutcome.LOST)
        assert len(receiver.received) == 1

    async def test_a_refused_connection_sends_nothing(self, outbound: OutboundHttp, receiver: Receiver) -> None:
        receiver.answer(OutboundOutcome.CONNECT)
        assert await self.post(outbound, receiver.url) == OutboundAnswer(OutboundOutcome.CONNECT)
        assert not receiver.received

    async def test_an_unknown_name_sends_nothing(self, outbound: OutboundHttp, unknown_url: str) -> None:
        assert await self.post(outbound, unknown_url) == OutboundAnswer(OutboundOutcome.DNS)

    async def test_a_name_with_one_forbidden_address_is_blocked(
        self, outbound: OutboundHttp, receiver: Receiver, blocked_url: str
    ) -> None:
        assert await self.post(outbound, blocked_url) == OutboundAnswer(OutboundOutcome.BLOCKED)
        assert not receiver.received

    @pytest.mark.parametrize(
        "url",
        ["", "ftp://hooks.example.com/", "https://127.1/", "https://192.168.1.1/", "https://a@hooks.example.com/"],
    )
    async def test_a_url_that_is_not_allowed_is_blocked(self, outbound: OutboundHttp, url: str) -> None:
        assert await self.post(outbound, url) == OutboundAnswer(OutboundOutcome.BLOCKED)
