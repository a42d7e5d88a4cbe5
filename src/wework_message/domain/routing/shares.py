"""Fair shares of a process's calls: how many an account or provider may have open, and which account is next (ADR 31).

An account that takes calls leaves as many free as it has itself. So a flood, or calls that hang, take half of a process at
most, the next one half of the rest, and something is always left for an account that has nothing open. A provider has half of a
process at most whatever hangs elsewhere, and leaves each other provider a small part. Accounts are claimed
in turn: in the order of their ids, beginning behind the account that was claimed last.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from wework_message.domain.ids import AccountId, ProviderCode

Key = TypeVar("Key", AccountId, ProviderCode)
Row = TypeVar("Row")

MAX_ACCOUNTS: Final = 64
"""Accounts in one claim; the next claim goes on behind them."""

UNEVEN: Final = 2
"""Equal parts of a claim that an account may have before it counts as uneven."""


def room(free: int, own: int) -> int:
    """How many more calls may start where `free` are free and `own` are open: half of what both leave, rounded up.

    At least 1 where nothing of its own is open and anything is free; never more than `free`, never negative.
    """
    return max(0, (free - own + 1) // 2)


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """The calls of one kind that a process has open, by account and by provider."""

    slots: int
    """How many may be open."""
    providers: int = 1
    """How many there are, at least 1; with one, no other provider needs room, and it may have all."""
    by_account: Mapping[AccountId, int] = field(default_factory=dict)
    by_provider: Mapping[ProviderCode, int] = field(default_factory=dict)

    @property
    def free(self) -> int:
        """Calls that may still start, of anybody."""
        return max(0, self.slots - sum(self.by_account.values()))

    def room(self, account_id: AccountId, provider_code: ProviderCode) -> int:
        """How many more calls of this account may start at this provider.

        An account has a share of its provider's share: calls of one account that hang leave room for others at the same provider.
        """
        return room(self.room_at(provider_code), self.by_account.get(account_id, 0))

    def room_at(self, provider_code: ProviderCode) -> int:
        """How many more calls may start at this provider.

        Of several ones each has half of the slots at most, so that two need not wait for each other, and leaves each other one a
        part. At least 1 where nothing of its own is open and anything is free.
        """
        if self.providers == 1:
            return self.free
        own = self.by_provider.get(provider_code, 0)
        most = min((self.slots + 1) // 2 - own, self.free - self._kept_from(provider_code))
        return max(most, 0 if own else min(self.free, 1))

    def _kept_from(self, provider_code: ProviderCode) -> int:
        """Free calls that other providers may still need: together they keep half of the slots at most."""
        kept = self.slots // (2 * self.providers)
        others = [open_calls for code, open_calls in self.by_provider.items() if code != provider_code]
        idle = max(0, self.providers - 1 - len(others))
        return idle * kept + sum(max(0, kept - open_calls) for open_calls in others)

    def started(self, account_id: AccountId, provider_code: ProviderCode) -> "OpenCalls":
        """With one more."""
        return self._changed(account_id, provider_code, 1)

    def ended(self, account_id: AccountId, provider_code: ProviderCode) -> "OpenCalls":
        """With one less."""
        return self._changed(account_id, provider_code, -1)

    def _changed(self, account_id: AccountId, provider_code: ProviderCode, change: int) -> "OpenCalls":
        return OpenCalls(
            self.slots,
            self.providers,
            _counted(self.by_account, account_id, change),
            _counted(self.by_provider, provider_code, change),
        )


def _counted(counts: Mapping[Key, int], key: Key, change: int) -> Mapping[Key, int]:
    """The counts after a change of one of them; what has none is left out."""
    changed = {**counts, key: counts.get(key, 0) + change}
    if changed[key] <= 0:
        del changed[key]
    return changed


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is in a claim.

    Messages to be sent wait for the turn of their account. Those that have their place in a budget need none, nor do recalls,
    calls whose lease ended and uncertain messages: they are the first of a claim's limit, or come beside it (`others`).
    """

    after: AccountId | None = None
    """The account that was claimed last; None = begin with the first one."""
    without: frozenset[AccountId] = frozenset()
    """Accounts that get nothing now: their calls or their budget are used up."""
    no_bulk: frozenset[AccountId] = frozenset()
    """Accounts that get nothing for messages of bulk priority: their share for these is used up."""
    open_calls: OpenCalls | None = None
    """The sends that are open; None = no account has a cap."""
    others: int | None = None
    """Messages that need no turn (their account's budget has paced them, or they are no sends); None = within the limit."""

    def in_turn(self, accounts: Collection[AccountId]) -> list[AccountId]:
        """Those of `accounts` that get something now, in their order, `MAX_ACCOUNTS` at most."""
        waiting = sorted(set(accounts) - self.without)
        behind = [account_id for account_id in waiting if self.after is None or account_id > self.after]
        return [*behind, *waiting[: len(waiting) - len(behind)]][:MAX_ACCOUNTS]

    def split(self, accounts: Collection[AccountId], limit: int) -> dict[AccountId, int]:
        """How many of `limit` messages each account may have, in turn: equal parts, and no part above its cap.

        What an account does not use is left to the next claim.
        """
        capped = {account_id: self._cap(account_id, limit) for account_id in self.in_turn(accounts)}
        able = {account_id: cap for account_id, cap in capped.items() if cap > 0}
        shares: dict[AccountId, int] = {}
        for place, (account_id, cap) in enumerate(able.items()):
            left = limit - sum(shares.values())
            part = -(-left // (len(able) - place))
            if part > 0:
                shares[account_id] = min(cap, part)
        return shares

    def beside(self, limit: int, others: int) -> tuple[int, int]:
        """How many of `others`, which need no turn, a claim takes, and what is left of its limit for those that do."""
        if self.others is not None:
            return min(others, self.others), limit
        return min(others, limit), limit - min(others, limit)

    def share_out(self, ordered: Iterable[Row], limit: int, account_of: Callable[[Row], AccountId | None]) -> list[Row]:
        """Which of due messages are claimed, in their order; `account_of` is None for one that needs no turn."""
        due = [(row, account_of(row)) for row in ordered]
        waiting = {account_id for _, account_id in due if account_id is not None}
        others, limit = self.beside(limit, sum(account_id is None for _, account_id in due))
        shares = self.split(waiting, limit)
        taken = []
        for row, account_id in due:
            if account_id is None and others > 0:
                others -= 1
            elif account_id is not None and shares.get(account_id, 0) > 0:
                shares[account_id] -= 1
            else:
                continue
            taken.append(row)
        return taken

    def is_even(self, accounts: Sequence[AccountId], limit: int) -> bool:
        """Whether a claim of `limit` messages that went by age alone is fair; `accounts` has an entry for each message.

        No account has more than `UNEVEN` equal parts or its cap, and none is there that gets nothing now.
        """
        counts = Counter(accounts)
        part = UNEVEN * -(-limit // max(1, len(counts)))
        return self.without.isdisjoint(counts) and all(
            count <= min(part, self._cap(account_id, limit)) for account_id, count in counts.items()
        )

    def _cap(self, account_id: AccountId, limit: int) -> int:
        if self.open_calls is None:
            return limit
        return room(self.open_calls.free, self.open_calls.by_account.get(account_id, 0))

    def last_of(self, accounts: Iterable[AccountId]) -> AccountId | None:
        """The last of the accounts that were claimed, in their order; `after` where none was."""
        ordered = self.in_turn(list(accounts))
        return ordered[-1] if ordered else self.after


NOBODY_FIRST: Final = Turn()
"""No account was claimed before, and none has a cap."""
