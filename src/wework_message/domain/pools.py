"""Pools of accounts: which one begins a conversation, and that it keeps it (M-5)."""

from collections.abc import Sequence
from typing import NamedTuple

from wework_message.domain.ids import AccountId, TenantId
from wework_message.domain.routing.selector import draw


class PoolChoice(NamedTuple):
    """The account that a pool's conversation is to keep."""

    tenant_id: TenantId
    pool: str
    conversation_id: str
    account_id: AccountId
    instead_of: AccountId | None = None
    """The account that has it in the store and can keep it no more; None = nobody has it."""

    @property
    def key(self) -> tuple[TenantId, str, str]:
        """What can be chosen once."""
        return (self.tenant_id, self.pool, self.conversation_id)


class PoolMember(NamedTuple):
    """An account of a pool that is switched on."""

    account_id: AccountId
    ready: bool
    """One of its bindings can send now, as far as is known."""
    weight: int
    """Its share, at least 1."""
    room: float
    """What is left of its budgets, 0-1."""


def first_of_pool(members: Sequence[PoolMember], first: float, second: float) -> AccountId:
    """The account that begins a conversation: of two that are drawn by weight, the one with more room.

    Those that are not ready come in question only where nobody is. `first` and `second` are in [0, 1); `members` are not empty.
    """
    able = [member for member in members if member.ready] or list(members)
    weights = [member.weight for member in able]
    drawn, second_drawn = able[draw(weights, first)], able[draw(weights, second)]
    return (second_drawn if second_drawn.room > drawn.room else drawn).account_id
