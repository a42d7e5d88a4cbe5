"""Budgets that processes share."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from wework_message.domain.budgets import Budgets, SharedBudget


class Place(NamedTuple):
    """A place in time."""

    wait_ms: int
    """How long to wait for it; 0 = now."""
    budget: SharedBudget
    """Whose wait it is, where there is one."""


class RateLimiter(Protocol):
    """Paces accounts and providers (D-22): a message over budget is given its place in time, not refused."""

    async def reserve(self, budgets: Budgets, expected: int = 1) -> Place:
        """Take one token of each budget; the longest wait counts. A waiting message takes no second one.

        `expected`: so many messages with these budgets, this one included, are about to ask. A budget whose limit has changed
        is as full as it was, in proportion.
        """
        ...

    def room(self, budgets: Budgets) -> float:
        """The least part of the budgets that is left, 0-1, as far as this process knows; 0 = a message would wait."""
        ...


class SoloRateLimiter(RateLimiter, Protocol):
    """One that shares nothing: it has its part of each budget, and can begin where a shared one ended."""

    def begin(self, levels: Mapping[SharedBudget, float]) -> None:
        """Set what is left of these budgets: 1 = all, 0 = nothing, negative = so much was taken in advance."""
        ...
