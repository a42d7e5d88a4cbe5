"""The calls that a process has open, whose budgets are used up, and who therefore gets nothing in the next claim (ADR 31, ADR 49)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.policy import Policy
from wework_message.domain.budgets import Owner, is_bulk
from wework_message.domain.ids import AccountId, MessageId, ProviderCode
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.ports.rate_limiter import Place
from wework_message.domain.ports.system import Clock
from wework_message.domain.quota import Budget
from wework_message.domain.routing.shares import OpenCalls, Turn, room

MAX_OTHERS: Final = 50
"""Messages that need no turn, in one claim."""

BUDGET_AHEAD_MS: Final = 3_000
"""So far ahead messages over budget get their place in time; then their account is left alone."""

BUDGET_LOOK_MS: Final = 2_000
"""So long before its last place comes the account is looked at again: a poll is not later than that."""

PAUSED_LOOK_MS: Final = 5_000
"""How long an account is left alone that is switched off, or whose message a pause stopped, unless pauses change: it may
get another binding."""

PROVIDER_LOOK_MS: Final = 60_000
"""How long an account is left alone whose only provider is over its budget, at most: it may get another binding."""

MAX_BY_AGE: Final = 3
"""Claims that go by age alone, in a row; then one goes in turn, so that no account waits for long behind others' backlog."""

TURNS_AFTER_UNEVEN: Final = 8
"""Claims in turn after one by age that was not fair: whoever has a backlog has it for a while."""


UsedUp: TypeAlias = dict[tuple[Owner, str], float]
"""Budgets that are used up: whose they are, and how long or until when nothing is asked of them."""


@dataclass(slots=True)
class Admission:
    """What one claim may start. Nothing of it counts before the claim is committed."""

    sends: OpenCalls
    recalls: OpenCalls
    used_up: Mapping[tuple[Owner, str], float] = field(default_factory=dict)
    """Budgets that were used up before, by how long nothing is asked of them."""
    expected: Counter[AccountId] = field(default_factory=Counter)
    """How many messages each account has in this claim."""
    turned_away: dict[AccountId, ProviderCode] = field(default_factory=dict)
    """Accounts that get no call in this claim, by the provider at which they had no room."""
    left_alone: dict[AccountId, ProviderCode] = field(default_factory=dict)
    """Accounts that get no call in this claim, by the provider whose budget is used up."""
    used_up_ms: UsedUp = field(default_factory=dict)
    """Budgets that this claim found used up, by how long nothing is asked of them."""
    placed: dict[MessageId, ProviderCode] = field(default_factory=dict)
    """Messages that got a place in their budgets, by the provider whose budgets are among them."""
    paused: set[AccountId] = field(default_factory=set)
    """Accounts whose messages a pause stops, or that are switched off."""
    unplaced: list[MessageId] = field(default_factory=list)
    """Messages that a pause stops and that lose their place in the budget: they wait for the turn of their account."""

    def passes_over(self, message: Message) -> bool:
        """Whether this claim leaves the message as it is: its account gets nothing more, or nothing of its priority."""
        account_id = message.account_id
        return (
            account_id in self.turned_away
            or account_id in self.left_alone
            or account_id in self.paused
            or (Owner.ACCOUNT, account_id) in self.used_up_ms
            or (is_bulk(message) and self._is_used_up(Owner.BULK, account_id))
        )

    def _is_used_up(self, owner: Owner, name: str) -> bool:
        return (owner, name) in self.used_up_ms or (owner, name) in self.used_up

    def has_room(self, account_id: AccountId, provider_code: ProviderCode) -> bool:
        """Whether a send of this account may start; if not, the claim passes over the account."""
        if self.sends.room(account_id, provider_code) > 0:
            return True
        self.turned_away[account_id] = provider_code
        return False

    def used_up_for(self, provider_code: ProviderCode) -> float:
        """How long nothing is asked of the provider's budget, in ms; 0 = it may be asked."""
        budget = (Owner.PROVIDER, provider_code)
        return self.used_up_ms.get(budget) or self.used_up.get(budget, 0.0)

    def pace(self, message: Message, place: Place, provider_code: ProviderCode) -> None:
        """A message has to wait for its place in a budget; a long wait says that the budget is used up."""
        self.placed[message.id] = provider_code
        if place.wait_ms > BUDGET_AHEAD_MS:
            owner = place.budget.owner
            name = provider_code if owner is Owner.PROVIDER else message.account_id
            self.used_up_ms[owner, name] = place.wait_ms - BUDGET_LOOK_MS

    def stop(self, message: Message, *, paced: bool) -> None:
        """Nothing of its account may go: others stay as they are, and due, and so does the message where a pause stops it."""
        self.paused.add(message.account_id)
        if paced:  # it would need no turn, and be looked at again and again
            self.unplaced.append(message.id)

    def send(self, attempt: Attempt) -> None:
        """Count a send that starts."""
        self.sends = self.sends.started(attempt.account_id, attempt.provider_code)

    def recall(self, attempt: Attempt) -> bool:
        """Count a recall that starts; False where there is no room for it."""
        if self.recalls.room(attempt.account_id, attempt.provider_code) == 0:
            return False
        self.recalls = self.recalls.started(attempt.account_id, attempt.provider_code)
        return True


class _LeftAlone(NamedTuple):
    """An account has no other provider than one over its budget."""

    provider_code: ProviderCode
    until: float
    """By the boot clock."""


class InFlight:
    """The open calls of one process, and whose turn it is."""

    def __init__(self, policy: Policy, clock: Clock, pauses: PauseBoard) -> None:
        """`clock` tells when an account whose budget was used up is looked at again, `pauses` which accounts are stopped."""
        providers = max(1, len(policy.providers))
        self._clock = clock
        self._pauses = pauses
        self._seen = pauses.now
        self._sends = OpenCalls(policy.calls_in_flight, providers)
        self._recalls = OpenCalls(policy.recalls_in_flight, providers)
        self._last: AccountId | None = None
        self._turned_away: dict[AccountId, ProviderCode] = {}
        self._left_alone: dict[AccountId, _LeftAlone] = {}
        """In the order in which they came to wait."""
        self._policy = policy
        self._used_up_until: UsedUp = {}
        self._paused_until: dict[AccountId, float] = {}
        self._by_age = MAX_BY_AGE
        self._passed_over: frozenset[AccountId] = frozenset()
        """Accounts that were full when the last claim began, whichever provider they would take."""

    @property
    def free(self) -> int:
        """Sends that may start now, of anybody."""
        return self._sends.free

    def admission(self) -> Admission:
        """For a claim that begins now."""
        now = self._clock.boot()
        used_up = {budget: until - now for budget, until in self._used_up_until.items() if until > now}
        return Admission(self._sends, self._recalls, used_up)

    def turn(self, *, alone: bool = False) -> Turn:
        """For a claim that begins now; `alone`: whatever it is, it is one message."""
        now = self._clock.boot()
        self._used_up_until = {budget: until for budget, until in self._used_up_until.items() if until > now}
        self._look_at_pauses(now)
        self._turned_away = self._still_turned_away()
        self._passed_over = self._full - self._turned_away.keys()
        self._look_at_providers(now)
        return Turn(
            after=self._last,
            without=self.left_out,
            no_bulk=self._over_budget(Owner.BULK),
            open_calls=self._sends,
            others=None if alone else MAX_OTHERS,
        )

    def _look_at_pauses(self, now: float) -> None:
        """Whatever was stopped before a pause changed is looked at again."""
        pauses = self._pauses.now
        if pauses is not self._seen:
            self._seen, self._paused_until = pauses, {}
        self._paused_until = {account_id: until for account_id, until in self._paused_until.items() if until > now}

    def _look_at_providers(self, now: float) -> None:
        """Of those that wait for a provider only as many are looked at as it has tokens for: most would be left alone again."""
        places = {
            code: 0
            if (Owner.PROVIDER, code) in self._used_up_until
            else _tokens_ahead(self._policy.providers[code].budgets)
            for code in {left.provider_code for left in self._left_alone.values()}
        }
        for account_id, left in list(self._left_alone.items()):
            if left.until <= now:
                del self._left_alone[account_id]
            elif places[left.provider_code] > 0:
                places[left.provider_code] -= 1
                del self._left_alone[account_id]

    def _over_budget(self, owner: Owner) -> frozenset[AccountId]:
        return frozenset(AccountId(name) for kind, name in self._used_up_until if kind is owner)

    @property
    def left_out(self) -> frozenset[AccountId]:
        """Accounts that get no call. One that was passed over stays among them until a claim looks at it: its messages wait."""
        paused = self._pauses.now.accounts | self._paused_until.keys()
        waiting = self._turned_away.keys() | self._left_alone.keys() | self._full
        return self._over_budget(Owner.ACCOUNT) | waiting | paused

    @property
    def _full(self) -> frozenset[AccountId]:
        free = self.free
        return frozenset(account_id for account_id, own in self._sends.by_account.items() if room(free, own) == 0)

    def _still_turned_away(self) -> dict[AccountId, ProviderCode]:
        own = self._sends.by_account
        places = {code: self._sends.room_at(code) for code in set(self._turned_away.values())}
        return {key: code for key, code in self._turned_away.items() if room(places[code], own.get(key, 0)) == 0}

    @property
    def someone_waits(self) -> bool:
        """Whether an account that was passed over for lack of room has some now: then the table has to be looked at.

        Not whenever a call has ended: else a provider that hangs would cost a claim for each call of another one.
        """
        free, own = self.free, self._sends.by_account
        if any(room(free, own.get(account_id, 0)) > 0 for account_id in self._passed_over):
            return True
        places = {code: left for code in set(self._turned_away.values()) if (left := self._sends.room_at(code)) > 0}
        return bool(places) and any(
            code in places and room(places[code], own.get(account_id, 0)) > 0
            for account_id, code in self._turned_away.items()
        )

    @property
    def goes_by_age(self) -> bool:
        """Whether the next claim need not go in turn, as far as it is fair."""
        return self._by_age > 0

    def went_by_age(self, *, even: bool) -> None:
        """A claim went by age, or would have, but was not `even`."""
        self._by_age = self._by_age - 1 if even else -TURNS_AFTER_UNEVEN

    def went_in_turn(self) -> None:
        """A claim of the table went in turn."""
        self._by_age = MAX_BY_AGE if self._by_age >= 0 else self._by_age + 1

    def claimed(self, admission: Admission, last: AccountId | None) -> None:
        """A claim is committed; `last` is the account at which it ended."""
        self._last = last
        self.admitted(admission)

    def admitted(self, admission: Admission) -> None:
        """What began calls is committed: a claim, or messages that were accepted."""
        now = self._clock.boot()
        self._turned_away |= admission.turned_away
        until = now + PROVIDER_LOOK_MS
        self._left_alone |= {key: _LeftAlone(code, until) for key, code in admission.left_alone.items()}
        self._used_up_until |= {budget: now + wait_ms for budget, wait_ms in admission.used_up_ms.items()}
        self._paused_until |= dict.fromkeys(admission.paused, now + PAUSED_LOOK_MS)

    @property
    def accounts_over_budget(self) -> frozenset[AccountId]:
        """Accounts whose budgets are used up, as far as is known."""
        return self._over_budget(Owner.ACCOUNT) | self._over_budget(Owner.BULK)

    def recheck(self, account_ids: Collection[AccountId]) -> None:
        """They have changed: ask their budgets again, and look where they may send."""
        for account_id in account_ids:
            self._left_alone.pop(account_id, None)
            self._paused_until.pop(account_id, None)
        self._used_up_until = {
            budget: until for budget, until in self._used_up_until.items() if budget[1] not in account_ids
        }

    def started(self, attempt: Attempt, *, recalling: bool) -> None:
        """A call is open."""
        if recalling:
            self._recalls = self._recalls.started(attempt.account_id, attempt.provider_code)
        else:
            self._sends = self._sends.started(attempt.account_id, attempt.provider_code)

    def ended(self, attempt: Attempt, *, recalling: bool) -> None:
        """It is open no more."""
        if recalling:
            self._recalls = self._recalls.ended(attempt.account_id, attempt.provider_code)
        else:
            self._sends = self._sends.ended(attempt.account_id, attempt.provider_code)


def _tokens_ahead(budgets: Sequence[Budget]) -> int:
    """Tokens that a provider with these budgets gains in the time for which they are taken in advance."""
    return max(1, min((budget.limit * BUDGET_AHEAD_MS // budget.per.ms for budget in budgets), default=1))
