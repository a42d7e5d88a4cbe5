"""Outbound requests over the HTTP client of our own, each to an address that was checked (ADR 55)."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from wework_message import __version__
from wework_message.adapters.http import (
    HttpClient,
    LostError,
    NotWrittenError,
    Timing,
    retry_after_ms,
    verifying_context,
)
from wework_message.adapters.outbound.resolver import Resolver
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy, Target
from wework_message.domain.outcomes import Reason
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome

ANSWER_CAP: Final = 4 * 1024
"""Bytes of an answer's body that are read before the connection is dropped."""

MAX_ADDRESSES: Final = 3
"""Addresses of one host that are tried, each for its share of the time that is left."""

MAX_CONNECTIONS: Final = 32
"""Connections to one address and port; further requests wait in their order."""

KEPT_CLIENTS: Final = 256
"""With so many receivers, those without an open connection are forgotten before one is added."""

_USER_AGENT: Final = ("user-agent", f"wework-message/{__version__}")


class PinnedHttp:
    """Makes outbound requests; belongs to one event loop.

    A connection is used again only for the same host, port and address, and after this address was checked again.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver, *, ca_file: Path | None = None) -> None:
        """`ca_file`: PEM certificates that are trusted instead of those of the system."""
        self._policy = policy
        self._resolver = resolver
        self._ca_file = ca_file
        self._clients: dict[tuple[str, Address], HttpClient] = {}

    async def post(
        self, url: str, *, headers: Sequence[tuple[str, str]], body: bytes, deadline_ms: int
    ) -> OutboundAnswer:
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_ms / 1000
        try:
            target = self._policy.target(url)
        except InvalidValueError:
            return OutboundAnswer(OutboundOutcome.BLOCKED)
        try:
            async with asyncio.timeout_at(until):
                addresses = await self._addresses(target)
        except Exception:  # noqa: BLE001 -- no address, no answer in time, or closed: nothing was sent
            return OutboundAnswer(OutboundOutcome.DNS)
        if not addresses:
            return OutboundAnswer(OutboundOutcome.DNS)
        if not self._policy.allows(target, addresses):
            return OutboundAnswer(OutboundOutcome.BLOCKED)
        answer = OutboundAnswer(OutboundOutcome.CONNECT)
        tried = addresses[:MAX_ADDRESSES]
        for place, address in enumerate(tried):
            left_ms = int((until - loop.time()) * 1000)
            if left_ms <= 0:
                break
            timing = Timing(total_ms=left_ms, connect_ms=max(1, left_ms // (len(tried) - place)))
            answer = await self._exchange(target, address, (_USER_AGENT, *headers), body, timing)
            if answer.outcome is not OutboundOutcome.CONNECT:
                break
        return answer

    async def aclose(self) -> None:
        """Drop every connection; requests in flight end as LOST."""
        clients, self._clients = self._clients, {}
        await asyncio.gather(*(client.aclose() for client in clients.values()))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return verifying_context(self._ca_file)

    async def _addresses(self, target: Target) -> Sequence[Address]:
        return (target.address,) if target.address is not None else await self._resolver.addresses(target.host)

    async def _exchange(
        self, target: Target, address: Address, headers: Sequence[tuple[str, str]], body: bytes, timing: Timing
    ) -> OutboundAnswer:
        try:
            answer = await self._client(target, address).post(target.path, body, timing=timing, headers=headers)
        except NotWrittenError as error:
            return OutboundAnswer(OutboundOutcome.TLS if error.reason is Reason.TLS else OutboundOutcome.CONNECT)
        except LostError as error:
            if error.status is not None:
                return OutboundAnswer.of_status(error.status)
            return OutboundAnswer(OutboundOutcome.TIMEOUT if error.reason is Reason.DEADLINE else OutboundOutcome.LOST)
        except Exception:  # noqa: BLE001 -- a defect of ours: whether a byte left is unknown
            return OutboundAnswer(OutboundOutcome.LOST)
        return replace(OutboundAnswer.of_status(answer.status), retry_after_ms=retry_after_ms(answer.headers))

    def _client(self, target: Target, address: Address) -> HttpClient:
        key = (target.origin, address)
        if key not in self._clients:
            if len(self._clients) >= KEPT_CLIENTS:
                self._clients = {
                    key: client for key, client in self._clients.items() if client.open_connections or client.in_flight
                }
            self._clients[key] = HttpClient(
                target.origin, max_connections=MAX_CONNECTIONS, response_cap=ANSWER_CAP, address=str(address),
                tls=self._tls if target.secure else None,
            )  # fmt: skip
        return self._clients[key]


def _conforms(http: PinnedHttp) -> OutboundHttp:
    return http
