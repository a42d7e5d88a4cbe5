"""The calls that a process has open, and which accounts therefore get nothing in the next claim (ADR 31)."""

from dataclasses import dataclass, field
from typing import Final

from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.policy import Policy
from wework_message.domain.ids import AccountId, MessageId, ProviderCode
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.shares import OpenCalls, Turn, room

MAX_OTHERS: Final = 50
"""Messages that need no turn, in one claim."""

BUDGET_AHEAD_MS: Final = 3_000
"""So far ahead messages over budget get their place in time; then their account is left alone."""

BUDGET_LOOK_MS: Final = 2_000
"""So long before its last place comes the account is looked at again: a poll is not later than that."""

PAUSED_LOOK_MS: Final = 5_000
"""How long an account is left alone whose message a pause stopped, unless pauses change: it may get another binding."""

MAX_BY_AGE: Final = 3
"""Claims that go by age alone, in a row; then one goes in turn, so that no account waits for long behind others' backlog."""

TURNS_AFTER_UNEVEN: Final = 8
"""Claims in turn after one by age that was not fair: whoever has a backlog has it for a while."""


@dataclass(slots=True)
class Admission:
    """What one claim may start. Nothing of it counts before the claim is committed."""

    sends: OpenCalls
    recalls: OpenCalls
    turned_away: dict[AccountId, ProviderCode] = field(default_factory=dict)
    """Accounts that get no call in this claim, by the provider at which they had no room."""
    paced_ms: dict[AccountId, int] = field(default_factory=dict)
    """Accounts whose budget is used up, by how long they are left alone."""
    placed: list[MessageId] = field(default_factory=list)
    """Messages that got a place in the budget of their account."""
    paused: set[AccountId] = field(default_factory=set)
    """Accounts whose messages a pause stops."""
    unplaced: list[MessageId] = field(default_factory=list)
    """Messages that a pause stops and that lose their place in the budget: they wait for the turn of their account."""

    def passes_over(self, account_id: AccountId) -> bool:
        """Whether this claim leaves the other messages of the account as they are."""
        return account_id in self.turned_away or account_id in self.paced_ms or account_id in self.paused

    def has_room(self, account_id: AccountId, provider_code: ProviderCode) -> bool:
        """Whether a send of this account may start; if not, the claim passes over the account."""
        if self.sends.room(account_id, provider_code) > 0:
            return True
        self.turned_away[account_id] = provider_code
        return False

    def pace(self, message: Message, wait_ms: int) -> None:
        """A message has to wait so long for its place in the budget; a long wait says that the budget is used up."""
        self.placed.append(message.id)
        if wait_ms > BUDGET_AHEAD_MS:
            self.paced_ms[message.account_id] = wait_ms - BUDGET_LOOK_MS

    def stop(self, message: Message, *, paced: bool) -> None:
        """A pause stops the message, and others of its account: they stay as they are, and due. Nothing is written."""
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


class InFlight:
    """The open calls of one process, and whose turn it is."""

    def __init__(self, policy: Policy, clock: Clock, pauses: PauseBoard) -> None:
        """`clock` tells when an account whose budget was used up is looked at again, `pauses` which accounts are stopped."""
        several = len(policy.providers) > 1
        self._clock = clock
        self._pauses = pauses
        self._seen = pauses.now
        self._sends = OpenCalls(policy.calls_in_flight, several)
        self._recalls = OpenCalls(policy.recalls_in_flight, several)
        self._last: AccountId | None = None
        self._turned_away: dict[AccountId, ProviderCode] = {}
        self._paced_until: dict[AccountId, float] = {}
        self._paused_until: dict[AccountId, float] = {}
        self._by_age = MAX_BY_AGE
        self.someone_waits = False
        """The last claim passed over an account for lack of room, which has some once a call has ended."""

    @property
    def free(self) -> int:
        """Sends that may start now, of anybody."""
        return self._sends.free

    def admission(self) -> Admission:
        """For a claim that begins now."""
        return Admission(self._sends, self._recalls)

    def turn(self, *, alone: bool = False) -> Turn:
        """For a claim that begins now; `alone`: whatever it is, it is one message."""
        now = self._clock.boot()
        self._paced_until = {account_id: until for account_id, until in self._paced_until.items() if until > now}
        self._look_at_pauses(now)
        self._turned_away = {
            account_id: provider_code
            for account_id, provider_code in self._turned_away.items()
            if self._sends.room(account_id, provider_code) == 0
        }
        self.someone_waits = bool(self._full or self._turned_away)
        return Turn(
            after=self._last, without=self.left_out, open_calls=self._sends, others=None if alone else MAX_OTHERS
        )

    def _look_at_pauses(self, now: float) -> None:
        """Whatever was stopped before a pause changed is looked at again."""
        pauses = self._pauses.now
        if pauses is not self._seen:
            self._seen, self._paused_until = pauses, {}
        self._paused_until = {account_id: until for account_id, until in self._paused_until.items() if until > now}

    @property
    def left_out(self) -> frozenset[AccountId]:
        """Accounts that get no call. One that was passed over stays among them until a claim looks at it: its messages wait."""
        paused = self._pauses.now.accounts | self._paused_until.keys()
        return frozenset(self._full | self._turned_away.keys() | self._paced_until.keys() | paused)

    @property
    def _full(self) -> set[AccountId]:
        return {account_id for account_id, own in self._sends.by_account.items() if room(self.free, own) == 0}

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
        self._paced_until |= {account_id: now + wait_ms for account_id, wait_ms in admission.paced_ms.items()}
        self._paused_until |= dict.fromkeys(admission.paused, now + PAUSED_LOOK_MS)

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
