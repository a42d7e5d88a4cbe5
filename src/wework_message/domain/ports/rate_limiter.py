"""Budgets that processes share."""

from typing import Protocol

from wework_message.domain.ids import AccountId


class RateLimiter(Protocol):
    """Paces an account (D-22): a message over budget is given its place in time, not refused."""

    async def reserve(self, account_id: AccountId, per_minute: int) -> int:
        """Take one token; returns how long to wait for it, in ms (0 = now). A waiting message takes no second one."""
        ...
