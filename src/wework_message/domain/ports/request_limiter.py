"""Requests that callers may make, counted for all processes."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.access.rates import Over, RequestBudget


class RequestLimiter(Protocol):
    """Token buckets of requests (ADR 71): what is over a budget is refused, never paced. It never raises: what it cannot ask, it decides alone."""

    async def take(self, budgets: Sequence[RequestBudget]) -> Over | None:
        """Take a token of each budget, or of none where one has none; that is the answer, with the longest wait."""
        ...

    async def charge(self, budgets: Sequence[RequestBudget], tokens: int) -> None:
        """Take so many more of each in any case: what a budget does not have it owes, and later requests wait for it."""
        ...


class SoloRequestLimiter(RequestLimiter, Protocol):
    """One that shares nothing: it has its part of each budget."""

    def granted(self, budgets: Sequence[RequestBudget], tokens: int) -> None:
        """So many were granted by the one that shares; this one goes on from there if it must."""
        ...
