"""Refuses requests that are over a limit, or more than the process can take on (ADR 71)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Receive

from wework_message.application.errors import OverloadedError, RateLimitedError
from wework_message.domain.access.log_ins import FailedLogIns
from wework_message.domain.access.principal import Principal, PrincipalKind
from wework_message.domain.access.rates import Limited, Over, RequestBudget, RequestRate
from wework_message.domain.callers import caller_address
from wework_message.domain.ids import TenantId
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import Priority
from wework_message.domain.load.refusals import RefusalPace
from wework_message.domain.networks import Network, counted_as
from wework_message.domain.ports.request_limiter import RequestLimiter
from wework_message.entrypoints.rest.callers import forwarded_of, peer_of
from wework_message.entrypoints.rest.load.in_flight import STATE, InFlight

PRIORITY: Final = "priority"
"""The key of a route's priority in its `opt`."""

REMEMBERED: Final = 4_096
"""Callers and addresses that are not worked out anew for each request."""

SHORT: Final = 256
"""Characters of the chains of addresses that are remembered: a stranger's may be as long as a head."""

_LIMITED_KINDS: Final = frozenset({PrincipalKind.KEY, PrincipalKind.TOKEN})


@dataclass(frozen=True, slots=True)
class RequestRates:
    """How many requests callers may make; None = as many as they like."""

    key: RequestRate | None = None
    tenant: RequestRate | None = None


pause: Final = asyncio.sleep
"""How a refusal waits."""


def ignored(_of: Priority | Limited) -> None:
    """Nobody counts refusals."""


class RequestLimits:
    """Of one process: limits of keys, tenants and failed log-ins, and the gate of what it has in flight."""

    def __init__(
        self,
        limiter: RequestLimiter,
        rates: RequestRates = RequestRates(),
        *,
        gate: LoadGate | None = None,
        log_ins: FailedLogIns | None = None,
        proxies: Sequence[Network] = (),
        refused: Callable[[Priority | Limited], None] = ignored,
    ) -> None:
        """Without `gate` nothing is refused for load, without `log_ins` nobody for failed log-ins.

        `proxies` are ours: what they write into `X-Forwarded-For` is believed. `refused` is called once per refusal.
        """
        self._limiter = limiter
        self._rates = rates
        self._gate = gate
        self._log_ins = log_ins
        self._pace = RefusalPace()
        self._proxies = tuple(proxies)
        self._refused = refused
        self._budgets_of = lru_cache(REMEMBERED)(self._budgets)
        self._origin_of = lru_cache(REMEMBERED)(partial(_origin_of, proxies=self._proxies))

    def take_rates(self, rates: RequestRates) -> None:
        """The rates have changed; what callers have used counts against the new ones."""
        if rates != self._rates:
            self._rates = rates
            self._budgets_of.cache_clear()

    def watch(self) -> Callable[[Receive, float], InFlight] | None:
        """What makes the count of a request that the gate may take in; None where nothing is refused for load, which then costs nothing."""
        return None if self._gate is None else InFlight

    def admission(self, *, open_mode: bool) -> Callable[[HTTPScope, HTTPRouteHandler], Awaitable[None]] | None:
        """`admit`; None where it never has anything to say, which is in `open_mode` without shedding."""
        return None if open_mode and self._gate is None else self.admit

    async def admit(self, scope: HTTPScope, handler: HTTPRouteHandler) -> None:
        """Once the caller is known. Raises `RateLimitedError`, `OverloadedError`."""
        state = scope["state"]
        principal: Principal = state["principal"]
        if principal.kind in _LIMITED_KINDS and (
            budgets := self._budgets_of(principal.tenant_id, principal.kind, principal.id)
        ):
            over = await self._limiter.take(budgets)
            if over is not None:
                raise await self._rate_limited(over)
        kind: Priority | None = handler.opt.get(PRIORITY)
        in_flight: InFlight | None = state.get(STATE)
        if kind is None or self._gate is None or in_flight is None:
            return
        if not in_flight.enter(self._gate, kind, principal.tenant_id):
            self._refused(kind)
            await self._wait_for_answer()
            raise OverloadedError

    async def charge(self, principal: Principal, tokens: int) -> None:
        """The request of this caller, which was admitted for a token, is so many more."""
        if (
            tokens > 0
            and principal.kind in _LIMITED_KINDS
            and (budgets := self._budgets_of(principal.tenant_id, principal.kind, principal.id))
        ):
            await self._limiter.charge(budgets, tokens)

    async def check_log_in(self, scope: HTTPScope) -> None:
        """Before a key or token is looked at. Raises `RateLimitedError` where this address has failed too often."""
        if self._log_ins:
            wait_ms = self._log_ins.wait_ms(self._origin(scope), time.monotonic() * 1_000)
            if wait_ms > 0:
                raise await self._rate_limited(Over(Limited.ADDRESS, wait_ms))

    def failed_log_in(self, scope: HTTPScope) -> None:
        """A key or token was not valid."""
        if self._log_ins is not None:
            self._log_ins.failed(self._origin(scope), time.monotonic() * 1_000)

    async def _rate_limited(self, over: Over) -> RateLimitedError:
        self._refused(over.limited)
        await self._wait_for_answer()
        return RateLimitedError(over.limited, over.wait_ms)

    async def _wait_for_answer(self) -> None:
        wait_ms = self._pace.wait_ms(time.monotonic() * 1_000)
        if wait_ms > 0:
            await pause(wait_ms / 1_000)

    def _origin(self, scope: HTTPScope) -> str:
        values = forwarded_of(scope) if self._proxies else ()
        origin_of = self._origin_of if sum(map(len, values)) <= SHORT else self._origin_of.__wrapped__
        return origin_of(peer_of(scope), tuple(values))

    def _budgets(self, tenant_id: TenantId, kind: PrincipalKind, name: str) -> tuple[RequestBudget, ...]:
        """The widest comes last."""
        rates, budgets = self._rates, []
        if rates.key is not None:
            budgets.append(RequestBudget(f"{kind} {tenant_id} {name}", Limited.KEY, rates.key))
        if rates.tenant is not None:
            budgets.append(RequestBudget(f"tenant {tenant_id}", Limited.TENANT, rates.tenant))
        return tuple(budgets)


def _origin_of(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """All whose address is not known are counted together."""
    address = caller_address(peer, forwarded, proxies)
    return "" if address is None else counted_as(address)
