"""Outbound requests over the HTTP client of our own, each to an address that was checked (ADR 55)."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from wework_message.adapters.http import (
    HttpClient,
    LostError,
    NotWrittenError,
    Timing,
    retry_after_ms,
    verifying_context,
)
from wework_message.adapters.outbound.pinning import USER_AGENT, BlockedError, Pinning, UnknownHostError
from wework_message.adapters.outbound.resolver import Resolver
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy, Target
from wework_message.domain.outcomes import Reason
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundHttp, OutboundOutcome

ANSWER_CAP: Final = 4 * 1024
"""Bytes of an answer's body that are read before the connection is dropped."""

MAX_CONNECTIONS: Final = 800
"""Connections to one address and port, as many as all endpoints of a tenant together have slots: where several are at one
host, those that hang must leave connections to the others. Further requests wait in their order."""

KEPT_CLIENTS: Final = 256
"""With so many receivers, those without an open connection are forgotten before one is added."""


class PinnedHttp:
    """Makes outbound requests; belongs to one event loop.

    A connection is used again only for the same host, port and address, and after this address was checked again.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver, *, ca_file: Path | None = None) -> None:
        """`ca_file`: PEM certificates that are trusted instead of those of the system."""
        self._pinning = Pinning(policy, resolver)
        self._ca_file = ca_file
        self._clients: dict[tuple[str, Address], HttpClient] = {}

    async def post(
        self, url: str, *, headers: Sequence[tuple[str, str]], body: bytes, deadline_ms: int
    ) -> OutboundAnswer:
        until = asyncio.get_running_loop().time() + deadline_ms / 1000
        try:
            pinned = await self._pinning.pin(url, until)
        except BlockedError:
            return OutboundAnswer(OutboundOutcome.BLOCKED)
        except UnknownHostError:
            return OutboundAnswer(OutboundOutcome.DNS)
        answer = OutboundAnswer(OutboundOutcome.CONNECT)
        for address, left_ms, connect_ms in pinned.tries(until):
            timing = Timing(total_ms=left_ms, connect_ms=connect_ms)
            answer = await self._exchange(pinned.target, address, (USER_AGENT, *headers), body, timing)
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

    async def _exchange(
        self, target: Target, address: Address, headers: Sequence[tuple[str, str]], body: bytes, timing: Timing
    ) -> OutboundAnswer:
        try:
            answer = await self._client(target, address).post(target.path, body, timing=timing, headers=headers)
        except NotWrittenError as error:
            return OutboundAnswer(OutboundOutcome.TLS if error.reason is Reason.TLS else OutboundOutcome.CONNECT)
        except LostError as error:
            if error.status is not None:
                return _answered(error.status, error.headers)
            return OutboundAnswer(OutboundOutcome.TIMEOUT if error.reason is Reason.DEADLINE else OutboundOutcome.LOST)
        except Exception:  # noqa: BLE001 -- a defect of ours: whether a byte left is unknown
            return OutboundAnswer(OutboundOutcome.LOST)
        return _answered(answer.status, answer.headers)

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


def _answered(status: int, headers: Mapping[str, str]) -> OutboundAnswer:
    return replace(OutboundAnswer.of_status(status), retry_after_ms=retry_after_ms(headers))


def _conforms(http: PinnedHttp) -> OutboundHttp:
    return http
