"""Claim what is due: look at each message once, decide, and commit the intents of the calls that start now.

One transaction, no network. Whatever is due comes through here, by time alone: new, scheduled, held and retried messages,
calls whose process died (their lease ran out), uncertain messages past their horizon, and recalls.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.early_echoes import reopen
from wework_message.application.group_commit import Flush
from wework_message.application.groups import stop_groups
from wework_message.application.policy import DAY_MS, Policy
from wework_message.application.routing import Router
from wework_message.domain.attempt import Attempt, AttemptOutcome
from wework_message.domain.errors import UnavailableError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import MessageId, ProviderCode
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.matching import echo_key
from wework_message.domain.message import Message
from wework_message.domain.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.persistence import DueMessage, LaneBlock
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.throttling import RateLimiter
from wework_message.domain.recall import RecallState
from wework_message.domain.retry import Settle
from wework_message.domain.selection import Choice

HANDLING_RETRY_MS = 1_000
"""How long a message whose handling raised waits for its next chance."""

LOOK_AGAIN_MS = 60_000
"""The same after a call was begun: only whoever changes the settings or the program can help then."""

_log: Final = logging.getLogger(__name__)

_LEASE_EXPIRED = AttemptOutcome(OutcomeClass.UNCERTAIN, reason="LEASE_EXPIRED")


@dataclass(frozen=True, slots=True)
class Departure:
    """A call whose intent is now durable: a send, or a recall of an earlier attempt."""

    message: Message
    attempt: Attempt
    recalling: bool
    boot_ms: float
    """`Clock.boot` when the intent was written; the first byte must follow within W."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a process asks a claim for."""

    slots: int
    """Calls that may start now."""
    among: frozenset[MessageId] | None = None
    """Of these only; None = of everything that is due."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim did."""

    departures: tuple[Departure, ...] = ()
    looked_at: int = 0
    """Due messages it decided on, departing or not; 0 = nothing of what was asked for is due any more."""


class ClaimDue:
    """The transaction's part of dispatching."""

    def __init__(self, policy: Policy, router: Router, limiter: RateLimiter, clock: Clock) -> None:
        """`router` picks bindings, `limiter` paces accounts."""
        self._policy = policy
        self._router = router
        self._limiter = limiter
        self._clock = clock

    async def __call__(self, flush: Flush, rooms: Sequence[Room], /) -> Sequence[Claimed]:
        """All departures go to the first asker (a process has one)."""
        due = await flush.unit.messages.due(sum(room.slots for room in rooms), among=_wanted(rooms))
        if not due:
            return [Claimed()] * len(rooms)
        await self._router.prepare(flush.unit, [item.message for item in due])
        now = self._clock.now()  # one instant for all: rows that differ less cost less to write
        departures = [departure for item in due if (departure := await self._guarded(flush, item, now)) is not None]
        touched = [item.message for item in due if item.message.due is not None]
        lost = await flush.save(touched)
        await reopen(
            flush, unproven=[one for item in due for one in item.message.attempts if one.outcome is _LEASE_EXPIRED]
        )
        await stop_groups(flush, touched, now=self._clock.now())
        going = tuple(departure for departure in departures if departure.message.id not in lost)
        return [Claimed(going, len(due)), *[Claimed()] * (len(rooms) - 1)]

    async def _guarded(self, flush: Flush, item: DueMessage, now: int) -> Departure | None:
        try:
            return await self._handle(flush, item, now)
        except UnavailableError:
            raise  # an outage is no fault of the message (decision 55)
        except Exception:  # noqa: BLE001 -- handling that raises is counted on the message: poison ends it, others go on
            _log.exception("sendMessage handling raised", extra={"message_id": item.message.id})
            if item.message.is_waiting():
                item.message.count_handling_failure(wait_ms=HANDLING_RETRY_MS, now=now)
            else:
                item.message.look_again(wait_ms=LOOK_AGAIN_MS)
            return None

    async def _handle(self, flush: Flush, item: DueMessage, now: int) -> Departure | None:
        message = item.message
        if message.is_waiting():
            return await self._consider(flush, item, now)
        if message.status is MessageStatus.SENDING and (attempt := message.attempts.open) is not None:
            message.settle(attempt.number, _LEASE_EXPIRED, Settle(), horizon_ms=self._policy.horizon_ms, now=now)
        elif message.status is MessageStatus.UNKNOWN:
            self._overdue(message, now)
        elif message.status is MessageStatus.RECALLING:
            return self._recall(message, now)
        return None

    async def _consider(self, flush: Flush, item: DueMessage, now: int) -> Departure | None:
        message = item.message
        if now >= message.expires_at:
            message.expire(now=now)
        elif item.blocked is LaneBlock.BEHIND:
            message.wait_in_lane(now=now)
        elif item.blocked is LaneBlock.BEHIND_UNKNOWN:
            message.hold(HoldReason.LANE_BLOCKED, lane_block_ms(self._policy.horizon_ms), now=now)
        else:
            return await self._route(flush, item, now)
        return None

    async def _route(self, flush: Flush, item: DueMessage, now: int) -> Departure | None:
        message = item.message
        route = self._router.route(message, now=now)
        if not isinstance(route, Choice):
            self._router.refuse(message, route, now=now)
            return None
        if not item.paced and (
            wait_ms := await self._limiter.reserve(message.account_id, self._policy.rate_per_minute)
        ):
            await flush.unit.messages.pace([message.id])
            message.hold(HoldReason.BUDGET, wait_ms, now=now)
            return None
        binding = route.binding
        attempt = Attempt(
            number=len(message.attempts) + 1,
            round=message.round,
            account_id=message.account_id,
            binding_id=binding.binding_id,
            provider_code=binding.provider_code,
            guid=binding.guid,
            epoch=binding.epoch,
            started_at=now,
            decision=route.decision,
            content_key=echo_key(message.content),
        )
        message.begin_attempt(attempt, lease_ms=self._policy.lease_ms(binding.provider_code), now=now)
        return Departure(message, attempt, recalling=False, boot_ms=self._clock.boot())

    def _overdue(self, message: Message, now: int) -> None:
        """UNKNOWN past 2H, or past the hours of its policy (decisions 16, 17 and 40)."""
        age = now - message.lifecycle.updated_at
        if _may_resend(message):
            message.replay(force=True, by="onUnknown RESEND", now=now)
        elif message.on_unknown is OnUnknown.FAIL and age >= self._policy.fail_unknown_after_ms:
            message.give_up_unknown(now=now)
        else:
            rest = self._policy.fail_unknown_after_ms - age if message.on_unknown is OnUnknown.FAIL else DAY_MS
            message.open_lane(next_ms=max(rest, 1), now=now)

    def _recall(self, message: Message, now: int) -> Departure | None:
        attempt = message.attempts.named
        if message.recall.state is RecallState.ASKED and attempt is not None:
            message.call_recall(lease_ms=self._policy.lease_ms(ProviderCode(attempt.provider_code)))
            return Departure(message, attempt, recalling=True, boot_ms=self._clock.boot())
        if message.recall.state is RecallState.CALLING:
            lost = AttemptOutcome(OutcomeClass.UNCERTAIN, reason="LEASE_EXPIRED")
            message.settle_recall(lost, retry_ms=0, horizon_ms=self._policy.horizon_ms, now=now)
        else:
            message.time_out_recall(horizon_ms=self._policy.horizon_ms, now=now)
        return None


def _wanted(rooms: Sequence[Room]) -> frozenset[MessageId] | None:
    sets = [room.among for room in rooms if room.among is not None]
    return frozenset().union(*sets) if len(sets) == len(rooms) else None


def _may_resend(message: Message) -> bool:
    """Once: whoever asked for one more attempt did not ask for one every 2H. And not what is to be recalled."""
    wanted = message.on_unknown is OnUnknown.RESEND and message.options.duplicate_safe
    return wanted and not message.possible_duplicate and message.recall.state is not RecallState.WAITING


class PutOff:
    """The transaction that makes the first due message wait, because claiming it broke a guard of the store.

    Something holds its lane that no rule of ours knows. It waits without a penalty, and the others go on (reliability B.6).
    """

    def __init__(self, clock: Clock) -> None:
        """`clock` stamps the wait."""
        self._clock = clock

    async def __call__(self, flush: Flush, items: Sequence[int], /) -> Sequence[int]:
        """`items` say how many; the answer is how many were put off."""
        due = await flush.unit.messages.due(sum(items))
        for item in due:
            if item.message.is_waiting():
                item.message.hold(HoldReason.LANE_BLOCKED, LOOK_AGAIN_MS, now=self._clock.now())
            else:
                item.message.look_again(wait_ms=LOOK_AGAIN_MS)
        await flush.save([item.message for item in due])
        return [len(due), *[0] * (len(items) - 1)]
