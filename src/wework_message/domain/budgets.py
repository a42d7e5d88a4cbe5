"""Which budgets a message needs a place in: its account's, the account's share for bulk, its provider's (ADR 0049)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from wework_message.domain.ids import AccountId, ProviderCode
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.quota import AccountLimits, Budget, Period


class Owner(StrEnum):
    """Whose messages share a budget."""

    ACCOUNT = "ACCOUNT"
    BULK = "BULK"
    """The messages of bulk priority of one account."""
    PROVIDER = "PROVIDER"


class SharedBudget(NamedTuple):
    """A budget, and who shares it."""

    name: str
    """Of its bucket; unique among all budgets, and the same in all processes."""
    owner: Owner
    budget: Budget

    @property
    def label(self) -> str:
        """For people: the period and the owner, such as `HOUR ACCOUNT`."""
        return f"{self.budget.per} {self.owner}"


def is_bulk(message: Message) -> bool:
    """Whether its account's share for bulk counts for it."""
    return Urgency.of(message.options.priority) is Urgency.BULK


@dataclass(frozen=True, slots=True, eq=False)
class Budgets:
    """All budgets of one message. It takes its place in all of them at once."""

    key: str
    """Equal for equal budgets with equal limits, and for no others."""
    parts: tuple[SharedBudget, ...]
    """At least one, with names of their own; those of the account come first."""

    @classmethod
    def of(cls, parts: Iterable[SharedBudget]) -> "Budgets":
        """With the key that follows from them."""
        parts = tuple(parts)
        return cls(" ".join(f"{part.name}={part.budget.limit}" for part in parts), parts)


@lru_cache(16_384)
def budgets_of(
    account_id: AccountId,
    limits: AccountLimits,
    per_minute: int,
    provider_code: ProviderCode,
    provider_budgets: tuple[Budget, ...] = (),
    *,
    bulk: bool = False,
) -> Budgets:
    """The budgets of a message of this account at this provider.

    `per_minute` is the configured limit, for an account that has none per minute. `bulk`: it has bulk priority.
    """
    own = limits.budgets
    if all(budget.per is not Period.MINUTE for budget in own):
        own = (Budget(Period.MINUTE, per_minute), *own)
    parts = [SharedBudget(f"{account_id}:{budget.per}", Owner.ACCOUNT, budget) for budget in own]
    if bulk and limits.bulk_share is not None:
        parts += [
            SharedBudget(f"{account_id}:{budget.per}:bulk", Owner.BULK, budget.bulk(limits.bulk_share))
            for budget in own
        ]
    return Budgets.of([*parts, *parts_of_provider(provider_code, provider_budgets)])


@lru_cache(256)
def provider_budgets_of(provider_code: ProviderCode, budgets: tuple[Budget, ...]) -> Budgets:
    """The budgets of a provider alone."""
    return Budgets.of(parts_of_provider(provider_code, budgets))


def parts_of_provider(provider_code: ProviderCode, budgets: tuple[Budget, ...]) -> list[SharedBudget]:
    """As parts of the budgets of a message."""
    return [SharedBudget(f"provider {provider_code}:{budget.per}", Owner.PROVIDER, budget) for budget in budgets]
