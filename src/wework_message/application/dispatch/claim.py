"""Claim due messages: decide on each message once, and commit the intents of the calls that start now.

One transaction, no network. All due messages come through here, by time alone: new, scheduled, held and retried ones,
calls whose process died (their lease ran out), uncertain messages past their horizon, and recalls.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from wework_message.application.callbacks.early_echoes import reopen
from wework_message.application.commit.scope import CommitScope, may_be_committed
from wework_message.application.dispatch.begin_call import BeginCall, StartedCall
from wework_message.application.dispatch.begin_recall import BeginRecall
from wework_message.application.dispatch.groups import stop_groups
from wework_message.application.dispatch.in_flight import Admission, InFlight
from wework_message.application.dispatch.routing import Router
from wework_message.application.policy import Policy
from wework_message.domain.budgets import is_bulk
from wework_message.domain.errors import UnavailableError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import AccountId, MessageId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.handling import count_handling_failure, recheck_later
from wework_message.domain.message.message import Message
from wework_message.domain.message.on_unknown import apply_policy
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.scheduling import LANE_RECHECK_MS
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.repositories import DueMessage, LaneBlock, UnitOfWork
from wework_message.domain.ports.system import Clock
from wework_message.domain.retry import Settle
from wework_message.domain.routing.shares import Turn

HANDLING_RETRY_MS = 1_000
"""How long a message waits after its handling raised."""

RECHECK_MS = 60_000
"""The same after a call was begun: only a change of settings or program can help then."""

_log: Final = logging.getLogger(__name__)

_LEASE_EXPIRED = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.LEASE_EXPIRED)


Disown: TypeAlias = Callable[[Sequence[StartedCall]], None]


def _nothing(_: Sequence[StartedCall], /) -> None:
    """For claims whose end nobody follows."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a process asks of a claim."""

    slots: int
    """Calls that may start now."""
    among: frozenset[MessageId] | None = None
    """Only these messages; None = everything that is due."""
    alone: bool = False
    """The first message, whatever it is."""
    disown: Disown = _nothing
    """Told of the sends that the claim may have stored, where it is not known whether it did: nobody makes them."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim did."""

    started_calls: tuple[StartedCall, ...] = ()
    looked_at: int = 0
    """Due messages that it looked at, with or without a call; 0 = none of the requested ones may go now."""
    admission: Admission | None = None
    """Which accounts it passed over; None = it looked at nothing."""
    last: AccountId | None = None
    """The account at which it ended: the next one goes on behind it."""


class ClaimDue:
    """The transaction's part of dispatching."""

    def __init__(
        self,
        policy: Policy,
        router: Router,
        begin_call: BeginCall,
        begin_recall: BeginRecall,
        in_flight: InFlight,
        clock: Clock,
    ) -> None:
        """`router` knows the accounts, `begin_call` decides on a message that may go, `begin_recall` on a recall.

        `in_flight` says whose turn it is.
        """
        self._policy = policy
        self._router = router
        self._begin_call = begin_call
        self._begin_recall = begin_recall
        self._in_flight = in_flight
        self._clock = clock

    async def __call__(self, scope: CommitScope, claim_requests: Sequence[ClaimRequest], /) -> Sequence[Claimed]:
        """All started calls go to the first request (a process makes one at a time)."""
        due, last = await self._claim(scope, claim_requests)
        if not due:
            return [Claimed()] * len(claim_requests)
        await self._begin_call.prepare(scope.unit, [item.message for item in due])
        admission = self._in_flight.admission()
        admission.expected.update(item.message.account_id for item in due)
        now = self._clock.now()  # one instant for all: rows that differ less cost less to write
        started_calls: list[StartedCall] = []
        scope.when_ended.append(partial(_ended, claim_requests[0].disown, started_calls))
        started_calls += [
            started_call
            for item in due
            if (started_call := await self._guarded(scope.unit, admission, item, now)) is not None
        ]
        await self._begin_call.request_media(scope)
        if admission.placed:
            await scope.unit.messages.pace(admission.placed)
        if admission.unplaced:
            await scope.unit.messages.unpace(admission.unplaced)
        touched = [item.message for item in due if item.message.due is not None]
        lost = await scope.save_unchanged(touched)
        await reopen(
            scope,
            ended=[attempt for item in due for attempt in item.message.attempts if attempt.outcome is _LEASE_EXPIRED],
        )
        await stop_groups(scope, touched, now=self._clock.now())
        started = tuple(started_call for started_call in started_calls if started_call.message.id not in lost)
        return [Claimed(started, len(due), admission, last), *[Claimed()] * (len(claim_requests) - 1)]

    async def _claim(
        self, scope: CommitScope, claim_requests: Sequence[ClaimRequest]
    ) -> tuple[Sequence[DueMessage], AccountId | None]:
        """Due messages, and the account at which a claim in turn ended."""
        alone, among = any(claim_request.alone for claim_request in claim_requests), _among(claim_requests)
        slots = sum(claim_request.slots for claim_request in claim_requests)
        await self._forget_old_limits(scope.unit)
        turn = self._in_flight.turn(alone=alone)
        if slots > 0 and among is None and not alone:
            if not self._in_flight.goes_by_age:
                self._in_flight.went_in_turn()
            elif (by_age := await self._by_age(scope, slots, turn)) is not None:
                return by_age, turn.after
        due = await scope.unit.messages.due(slots, among=among, turn=turn)
        return due, turn.last_of({item.message.account_id for item in due if item.message.is_waiting()})

    async def _forget_old_limits(self, unit: UnitOfWork) -> None:
        """Accounts whose budgets were used up are asked again once their limits have changed."""
        if changed := await self._router.changed_limits(unit, self._in_flight.accounts_over_budget):
            self._in_flight.recheck(changed)

    async def _by_age(self, scope: CommitScope, slots: int, turn: Turn) -> Sequence[DueMessage] | None:
        """The most urgent and oldest messages, which is cheaper than in turn; None where that would not be fair."""
        due = await scope.unit.messages.due(slots, turn=None)
        waiting = [item.message for item in due if item.message.is_waiting() and not item.paced]
        wasted = any(message.account_id in turn.no_bulk and is_bulk(message) for message in waiting)
        even = not wasted and turn.is_even([message.account_id for message in waiting], slots)
        self._in_flight.went_by_age(even=even)
        return due if even else None

    async def _guarded(self, unit: UnitOfWork, admission: Admission, item: DueMessage, now: int) -> StartedCall | None:
        try:
            return await self._handle(unit, admission, item, now)
        except UnavailableError:
            raise  # an outage is no fault of the message (D-55)
        except Exception:  # noqa: BLE001 -- handling that raises is counted on the message: poison ends it, others go on
            _log.exception("sendMessage handling raised", extra={"message_id": item.message.id})
            if item.message.is_waiting():
                count_handling_failure(item.message, wait_ms=HANDLING_RETRY_MS, now=now)
            else:
                recheck_later(item.message, wait_ms=RECHECK_MS)
            return None

    async def _handle(self, unit: UnitOfWork, admission: Admission, item: DueMessage, now: int) -> StartedCall | None:
        message = item.message
        if message.is_waiting():
            if admission.passes_over(message) and not item.paced:
                return None  # it stays as it is, and due
            return await self._consider(admission, item, now)
        if message.status is MessageStatus.SENDING and (attempt := message.attempts.open) is not None:
            message.settle(attempt.number, _LEASE_EXPIRED, Settle(), horizon_ms=self._policy.horizon_ms, now=now)
        elif message.status is MessageStatus.UNKNOWN:
            fail_after_ms = self._policy.fail_unknown_after_ms
            apply_policy(message, horizon_ms=self._policy.horizon_ms, fail_after_ms=fail_after_ms, now=now)
        elif message.status is MessageStatus.RECALLING:
            return await self._recall(unit, admission, message, now)
        return None

    async def _consider(self, admission: Admission, item: DueMessage, now: int) -> StartedCall | None:
        message = item.message
        if now >= message.expires_at:
            message.expire(now=now)
        elif item.blocked is not None and self._waits_apart(admission, item, now):
            pass
        elif item.blocked is LaneBlock.BEHIND:
            message.wait_in_lane(now=now)
        elif item.blocked is LaneBlock.BEHIND_UNKNOWN:
            message.hold(HoldReason.LANE_BLOCKED, lane_block_ms(self._policy.horizon_ms), now=now)
        else:
            return await self._begin_call(admission, message, paced=item.paced, paced_for=item.paced_for, now=now)
        return None

    def _waits_apart(self, admission: Admission, item: DueMessage, now: int) -> bool:
        """Whether a pause stops it, or the clock: its lane need not be looked at until then.

        A short interval is left to the lane: the next message is woken with it, and the others need not be looked at each time.
        """
        if self._begin_call.is_stopped(admission, item.message, paced=item.paced, now=now):
            return True
        return self._begin_call.waits_by_the_clock(item.message, now=now, beyond_ms=LANE_RECHECK_MS)

    async def _recall(self, unit: UnitOfWork, admission: Admission, message: Message, now: int) -> StartedCall | None:
        attempt = message.attempts.named
        if message.recall.state is RecallState.ASKED and attempt is not None:
            return await self._begin_recall(unit, admission, message, attempt, now=now)
        if message.recall.state is RecallState.CALLING:
            message.settle_recall(_LEASE_EXPIRED, retry_ms=0, horizon_ms=self._policy.horizon_ms, now=now)
        else:
            message.time_out_recall(horizon_ms=self._policy.horizon_ms, now=now)
        return None


def _ended(disown: Disown, started_calls: Sequence[StartedCall], error: BaseException | None) -> None:
    """A recall is not disowned: the end of its lease repeats nothing, and the stream says whether it was recalled."""
    if may_be_committed(error):
        disown([started_call for started_call in started_calls if not started_call.recalling])


def _among(claim_requests: Sequence[ClaimRequest]) -> frozenset[MessageId] | None:
    sets = [claim_request.among for claim_request in claim_requests if claim_request.among is not None]
    return frozenset().union(*sets) if len(sets) == len(claim_requests) else None
